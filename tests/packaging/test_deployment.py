"""The files that a gateway is deployed with: read as data and held to what they promise."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import shutil
import subprocess
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import attrs
import yaml
from attrs import frozen
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from magicgateway import __version__
from magicgateway.config.settings import ServerSettings, Settings
from tests.house import ROOT

DEFAULTS = ServerSettings()
KUBERNETES = ROOT / "etc" / "kubernetes"
IMAGE = f"magicgateway:{__version__}"
ALL_INTERFACES = ["--listen", "tcp:3000"]


@frozen
class Instruction:
    """One line of a Dockerfile, continuation lines joined; ``stage`` counts from 0."""

    stage: int
    name: str
    text: str

    def words(self) -> list[str]:
        """The exec form as a list."""
        return [str(word) for word in json.loads(self.text)]


def read_dockerfile(path: Path) -> list[Instruction]:
    """Every instruction in order."""
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    instructions: list[Instruction] = []
    stage = -1
    for line in filter(str.strip, joined.splitlines()):
        name, _, text = line.strip().partition(" ")
        stage += name == "FROM"
        instructions.append(Instruction(stage, name, " ".join(text.split())))
    return instructions


def read_kubernetes() -> dict[str, dict[str, Any]]:
    """Every manifest by its kind."""
    manifests = [
        manifest
        for path in sorted(KUBERNETES.glob("*.yaml"))
        for manifest in yaml.safe_load_all(path.read_text())
    ]
    return {manifest["kind"]: manifest for manifest in manifests}


def seconds(text: str) -> float:
    """``45s`` or ``45`` as a number."""
    return float(text.removesuffix("s"))


def strange_settings(text: str) -> list[str]:
    """Dotted names in a TOML file that no setting has."""
    known = {field.name: field.type for field in attrs.fields(Settings)}
    tables = attrs.asdict(Settings(), recurse=True)
    return [
        f"{table}.{key}"
        for table, keys in tomllib.loads(text).items()
        for key in keys
        if table not in known or key not in tables[table]
    ]


class DockerfileTests(SynchronousTestCase):
    """The image."""

    def setUp(self) -> None:
        self.all = read_dockerfile(ROOT / "Dockerfile")
        last = max(instruction.stage for instruction in self.all)
        self.final = [found for found in self.all if found.stage == last]

    def one(self, name: str) -> Instruction:
        """The only instruction of a name in the final stage."""
        found = [instruction for instruction in self.final if instruction.name == name]
        self.assertEqual(1, len(found), name)
        return found[0]

    def test_stages(self) -> None:
        """The tools of the build stay in a stage of their own."""
        bases = [found.text.split()[0] for found in self.all if found.name == "FROM"]
        self.assertEqual(["python:3.13-slim"] * 2, bases)
        copies = [found.text for found in self.final if found.name == "COPY"]
        self.assertEqual(["--from=build /opt/magicgateway /opt/magicgateway"], copies)

    def test_user(self) -> None:
        """The gateway runs as a number that is not root's, and nothing is made after it."""
        names = [instruction.name for instruction in self.final]
        self.assertEqual("10001:10001", self.one("USER").text)
        self.assertFalse({"RUN", "COPY", "ADD"} & set(names[names.index("USER") :]))

    def test_plugin_cache(self) -> None:
        """The plugin cache is written by root, in the image that runs, after its files came."""
        names = [instruction.name for instruction in self.final]
        self.assertIn("getPlugins(IPlugin)", self.one("RUN").text)
        self.assertLess(names.index("COPY"), names.index("RUN"))
        self.assertLess(names.index("RUN"), names.index("USER"))

    def test_plugin_cache_command(self) -> None:
        """The command that writes the plugin cache is valid Python and imports what there is."""
        program = shlex.split(self.one("RUN").text)[-1]
        compile(program, "Dockerfile", "exec")
        self.assertTrue(program.startswith("from twisted.plugin import IPlugin, getPlugins;"))

    def test_health_check(self) -> None:
        """The image checks its own health with Python alone and without asking a proxy."""
        options, _, command = self.one("HEALTHCHECK").text.partition(" CMD ")
        words = json.loads(command)
        self.assertEqual(["python", "-c"], words[:2])
        compile(words[2], "Dockerfile", "exec")
        self.assertIn("http.client", words[2])
        self.assertIn("'127.0.0.1', 3000", words[2])
        self.assertIn("/health/live", words[2])
        self.assertIn("--timeout=", options)

    def test_no_shell_downloads(self) -> None:
        """Neither curl nor wget is needed or installed, and nothing is fetched by ADD."""
        text = " ".join(f"{found.name} {found.text}" for found in self.all)
        self.assertEqual([], re.findall(r"\bcurl\b|\bwget\b|\bapt-get\b|\bADD\b", text))

    def test_listens_on_all_interfaces(self) -> None:
        """It listens on all interfaces, also when other arguments take the place of CMD."""
        self.assertEqual(["magicgateway", "run"], self.one("ENTRYPOINT").words())
        self.assertEqual(ALL_INTERFACES, self.one("CMD").words())
        environment = dict(word.split("=", 1) for word in shlex.split(self.one("ENV").text))
        self.assertEqual("0.0.0.0", environment["HOST"])  # noqa: S104 - the promise
        self.assertEqual("3000", environment["PORT"])
        self.assertEqual("3000", self.one("EXPOSE").text)

    def test_output_and_stop(self) -> None:
        """Log lines are not held back, and the stop signal is the one that drains."""
        self.assertIn("PYTHONUNBUFFERED=1", self.one("ENV").text)
        self.assertEqual("SIGTERM", self.one("STOPSIGNAL").text)

    def test_copied_files(self) -> None:
        """What is copied exists, and the ignore file lets all of it through."""
        copied = [
            word
            for found in self.all
            if found.name == "COPY" and "--from" not in found.text
            for word in found.text.split()[:-1]
        ]
        allowed = (ROOT / ".dockerignore").read_text().split()
        self.assertEqual([], [name for name in copied if not (ROOT / name).exists()])
        self.assertEqual([], [name for name in copied if f"!{name}" not in allowed])
        self.assertIn("*", allowed)


class ComposeTests(SynchronousTestCase):
    """``docker compose up``."""

    def setUp(self) -> None:
        text = (ROOT / "docker-compose.yml").read_text()
        self.service: dict[str, Any] = yaml.safe_load(text)["services"]["gateway"]

    def test_confined(self) -> None:
        """The container can write nothing, has no capability and gains none."""
        self.assertIs(True, self.service["read_only"])
        self.assertEqual(["ALL"], self.service["cap_drop"])
        self.assertEqual(["no-new-privileges:true"], self.service["security_opt"])
        self.assertNotIn("privileged", self.service)

    def test_keys_from_the_environment(self) -> None:
        """Keys and credentials come from the environment; without keys it does not start."""
        environment = self.service["environment"]
        self.assertTrue(environment["MAGICGATEWAY_KEYS"].startswith("${MAGICGATEWAY_KEYS:?"))
        written = {name for name, value in environment.items() if value is not None}
        self.assertEqual({"MAGICGATEWAY_KEYS"}, written)

    def test_command(self) -> None:
        """It listens on all interfaces of the container, and the mounted settings exist."""
        command = self.service["command"]
        self.assertEqual(ALL_INTERFACES, command[-2:])
        source, target, mode = self.service["volumes"][0].split(":")
        self.assertEqual(command[command.index("--config") + 1], target)
        self.assertEqual("ro", mode)
        settings = tomllib.loads((ROOT / source).read_text())
        self.assertEqual(["env:MAGICGATEWAY_KEYS"], settings["server"]["keys"])
        self.assertEqual([], strange_settings((ROOT / source).read_text()))

    def test_image_and_stop(self) -> None:
        """The health check is the image's own, and stopping waits for the drain."""
        self.assertEqual(IMAGE, self.service["image"])
        self.assertNotIn("healthcheck", self.service)
        self.assertGreater(seconds(self.service["stop_grace_period"]), DEFAULTS.drain_seconds)


class SystemdTests(SynchronousTestCase):
    """The systemd unit."""

    def setUp(self) -> None:
        self.path = ROOT / "etc" / "systemd" / "magicgateway.service"
        self.unit = configparser.ConfigParser(strict=False, interpolation=None)
        self.unit.optionxform = str  # type: ignore[assignment,method-assign] # as the docs say
        self.unit.read_string(self.path.read_text())
        self.service = self.unit["Service"]

    def test_command(self) -> None:
        """It stays in the foreground, writes no pid file and reads the installed settings."""
        self.assertEqual("simple", self.service["Type"])
        command = shlex.split(self.service["ExecStart"])
        self.assertEqual("twistd", Path(command[0]).name)
        self.assertTrue(Path(command[0]).is_absolute())
        self.assertEqual(["-n", "--pidfile=", "magicgateway"], command[1:4])
        self.assertEqual(["--config", "/etc/magicgateway/magicgateway.toml"], command[4:])

    def test_stop(self) -> None:
        """Stopping drains, and systemd waits longer than the drain takes."""
        self.assertEqual("SIGTERM", self.service["KillSignal"])
        drain = DEFAULTS.drain_seconds + DEFAULTS.unready_seconds
        self.assertGreater(seconds(self.service["TimeoutStopSec"]), drain)

    def test_restart(self) -> None:
        """A crash is followed by a start; a start that fails again and again is given up."""
        self.assertEqual("on-failure", self.service["Restart"])
        self.assertGreater(int(self.unit["Unit"]["StartLimitBurst"]), 0)

    def test_environment(self) -> None:
        """Credentials may stand in a file of their own, which may be absent."""
        self.assertEqual("-/etc/magicgateway/environment", self.service["EnvironmentFile"])

    def test_limits(self) -> None:
        """There are descriptors for both sides of as many exchanges as are let in."""
        self.assertGreater(int(self.service["LimitNOFILE"]), 2 * DEFAULTS.max_connections)

    def test_confined(self) -> None:
        """It runs as a user of its own, without capabilities, and can write nowhere."""
        wanted = {
            "DynamicUser": "yes",
            "NoNewPrivileges": "yes",
            "CapabilityBoundingSet": "",
            "ProtectSystem": "strict",
            "ProtectHome": "yes",
            "PrivateTmp": "yes",
            "PrivateDevices": "yes",
            "SystemCallFilter": "@system-service",
        }
        self.assertEqual(wanted, {name: self.service[name] for name in wanted})
        self.assertNotIn("User", self.service)

    def test_own_figures(self) -> None:
        """It can see what ``/metrics`` tells of the process, for which Linux has ``/proc/stat``."""
        self.assertEqual("invisible", self.service["ProtectProc"])
        self.assertEqual("all", self.service.get("ProcSubset", "all"))

    def test_systemd_agrees(self) -> None:
        """The unit holds nothing that systemd finds wrong."""
        program = shutil.which("systemd-analyze")
        if program is None:
            raise SkipTest("systemd is not installed")
        # The gateway is not installed where the unit expects it, so another program stands there.
        text = self.path.read_text().replace("/opt/magicgateway/bin/twistd", "/bin/true")
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / self.path.name
            copy.write_text(text)
            done = subprocess.run(
                [program, "verify", "--man=no", str(copy)],
                check=False,
                capture_output=True,
                text=True,
            )
        mentioned = [line for line in done.stderr.splitlines() if self.path.name in line]
        self.assertEqual([], mentioned)


class KubernetesTests(SynchronousTestCase):
    """The manifests."""

    def setUp(self) -> None:
        self.manifests = read_kubernetes()
        self.pod: dict[str, Any] = self.manifests["Deployment"]["spec"]["template"]["spec"]
        self.container: dict[str, Any] = self.pod["containers"][0]

    def environment(self, name: str) -> str:
        """A variable of the container."""
        return next(str(v["value"]) for v in self.container["env"] if v["name"] == name)

    def test_kinds(self) -> None:
        """Everything is there, and the kustomization lists every other file."""
        kinds = {"ConfigMap", "Deployment", "HorizontalPodAutoscaler", "Ingress", "Service"}
        self.assertEqual(kinds | {"Kustomization"}, set(self.manifests))
        files = {path.name for path in KUBERNETES.glob("*.yaml")} - {"kustomization.yaml"}
        self.assertEqual(files, set(self.manifests["Kustomization"]["resources"]))

    def test_probes(self) -> None:
        """Liveness and readiness are asked for at their own paths on the gateway's port."""
        for probe, path in (("livenessProbe", "/health/live"), ("readinessProbe", "/health/ready")):
            self.assertEqual({"path": path, "port": "http"}, self.container[probe]["httpGet"])
        ports = {port["name"]: port["containerPort"] for port in self.container["ports"]}
        self.assertEqual({"http": 3000, "metrics": 9464}, ports)

    def test_no_service_links(self) -> None:
        """Kubernetes adds no variables that look like settings of the gateway."""
        self.assertIs(False, self.pod["enableServiceLinks"])

    def test_confined(self) -> None:
        """The pod runs as a number that is not root's and can write nothing."""
        outer, inner = self.pod["securityContext"], self.container["securityContext"]
        self.assertIs(True, outer["runAsNonRoot"])
        self.assertEqual((10001, 10001), (outer["runAsUser"], outer["runAsGroup"]))
        self.assertEqual({"type": "RuntimeDefault"}, outer["seccompProfile"])
        self.assertIs(False, inner["allowPrivilegeEscalation"])
        self.assertIs(True, inner["readOnlyRootFilesystem"])
        self.assertEqual({"drop": ["ALL"]}, inner["capabilities"])
        self.assertIs(False, self.pod["automountServiceAccountToken"])

    def test_resources(self) -> None:
        """What a pod needs is asked for, its memory is bounded, its CPU is not throttled."""
        resources = self.container["resources"]
        self.assertEqual({"cpu", "memory"}, set(resources["requests"]))
        self.assertEqual({"memory"}, set(resources["limits"]))

    def test_stop(self) -> None:
        """A pod has time to be forgotten by the Service, then to drain."""
        unready = float(self.environment("MAGICGATEWAY__SERVER__UNREADY_SECONDS"))
        self.assertEqual(5.0, unready)
        grace = self.pod["terminationGracePeriodSeconds"]
        self.assertGreater(grace, unready + DEFAULTS.drain_seconds)
        probe = self.container["readinessProbe"]
        self.assertLess(probe["periodSeconds"] * probe["failureThreshold"], unready)

    def test_listens_on_all_interfaces(self) -> None:
        """The Service can reach the gateway, and the image is this version's."""
        self.assertEqual(ALL_INTERFACES, self.container["args"][-2:])
        self.assertEqual(IMAGE, self.container["image"])

    def test_settings(self) -> None:
        """The settings in the ConfigMap exist, are mounted where they are read, ask for keys."""
        text = self.manifests["ConfigMap"]["data"]["magicgateway.toml"]
        settings = tomllib.loads(text)
        mounts = {mount["name"]: mount["mountPath"] for mount in self.container["volumeMounts"]}
        self.assertEqual([], strange_settings(text))
        self.assertEqual([f"file:{mounts['keys']}/keys"], settings["server"]["keys"])
        self.assertEqual("tcp:9464", settings["metrics"]["listen"])
        self.assertIn(f"{mounts['settings']}/magicgateway.toml", self.container["args"])

    def test_ingress(self) -> None:
        """Nothing in front of the gateway buffers, and long answers are not cut."""
        prefix = "nginx.ingress.kubernetes.io/"
        found = {
            name.removeprefix(prefix): value
            for name, value in self.manifests["Ingress"]["metadata"]["annotations"].items()
        }
        self.assertEqual("off", found["proxy-buffering"])
        self.assertEqual("off", found["proxy-request-buffering"])
        for name in ("proxy-read-timeout", "proxy-send-timeout"):
            self.assertGreaterEqual(float(found[name]), Settings().timeouts.response_head)
        size = int(found["proxy-body-size"].removesuffix("m")) * 1024 * 1024
        self.assertGreaterEqual(size, DEFAULTS.max_upload_bytes)

    def test_names_fit(self) -> None:
        """Service, Ingress and autoscaler point at what is there."""
        labels = self.manifests["Deployment"]["spec"]["template"]["metadata"]["labels"]
        service = self.manifests["Service"]
        self.assertEqual({**labels, **service["spec"]["selector"]}, labels)
        self.assertEqual("http", service["spec"]["ports"][0]["targetPort"])
        path = self.manifests["Ingress"]["spec"]["rules"][0]["http"]["paths"][0]
        self.assertEqual(service["metadata"]["name"], path["backend"]["service"]["name"])
        scaled = self.manifests["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
        self.assertEqual(self.manifests["Deployment"]["metadata"]["name"], scaled["name"])
