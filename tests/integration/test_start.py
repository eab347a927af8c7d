"""Starting the daemon as operators do: twistd, the console script, mistakes, the banner."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from magicgateway import __version__
from tests.daemon import TWISTD, Daemon, clean_environment, free_port
from tests.integration.asking import accepts, chat

LATE = (
    "botocore", "dotenv", "magicgateway.demo", "prometheus_client", "requests", "treq",
)  # fmt: skip
"""What no start needs; each would cost it milliseconds."""
SHOW_LATE = f"""
import sys
from magicgateway import tap
options = tap.Options()
options.parseOptions(["--port", "0"])
tap.makeService(options)
print([name for name in {LATE} if name in sys.modules])
"""
HEEDING = (
    "import os, signal, sys; signal.signal(2, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
)
"""Runs a command that heeds SIGINT, which those of a shell's background do not."""
SECRET = "sk-nobody-may-see-this-0123456789"
SECONDS = 20.0


class StartTestCase(SynchronousTestCase):
    """Runs commands in a folder of their own."""

    def setUp(self) -> None:
        keep = tempfile.TemporaryDirectory()
        self.addCleanup(keep.cleanup)
        self.folder = Path(keep.name)

    def run_command(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            command,
            cwd=self.folder,
            env=clean_environment(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def module(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run ``python -m magicgateway`` to its end."""
        return self.run_command(sys.executable, "-m", "magicgateway", *arguments, **environment)

    def config(self, toml: str) -> str:
        """The path of a configuration file."""
        path = self.folder / "gateway.toml"
        path.write_text(toml)
        return str(path)


class DaemonizeTests(StartTestCase):
    """``twistd magicgateway`` without ``-n``."""

    def wait(self, what: str, process: subprocess.Popen[bytes]) -> None:
        """Wait for a file to go, by the pace of a process that does nothing."""
        end = time.monotonic() + SECONDS
        while (self.folder / what).exists() and time.monotonic() < end:
            try:
                process.wait(0.02)
            except subprocess.TimeoutExpired:
                continue

    def test_life(self) -> None:
        """It goes into the background with a pid and a log file; SIGTERM ends it."""
        port = free_port()
        started = self.run_command(*TWISTD, "magicgateway", "--port", str(port))
        self.assertEqual((0, "", ""), (started.returncode, started.stdout, started.stderr))
        pid = int((self.folder / "twistd.pid").read_text())
        try:
            self.assertTrue(accepts(port))
        finally:
            os.kill(pid, signal.SIGTERM)
        idle = subprocess.Popen(["sleep", "30"])
        try:
            self.wait("twistd.pid", idle)
        finally:
            idle.kill()
            idle.wait()
        self.assertFalse((self.folder / "twistd.pid").exists())
        self.assertFalse(accepts(port))
        log = (self.folder / "twistd.log").read_text()
        self.assertIn(f"listens on http://127.0.0.1:{port}", log)
        self.assertIn('"message":"stopped"', log)


class InterruptTests(StartTestCase):
    """Signals before the gateway runs."""

    def opened(self, fifo: Path, process: subprocess.Popen[bytes]) -> int:
        """A descriptor of a FIFO that a process has begun to read; it waits for more to come."""
        end = time.monotonic() + SECONDS
        while True:
            try:
                return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
            except OSError:
                self.assertLess(time.monotonic(), end)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.01)

    def check(
        self, fifo: Path, *command: str, path: str = "", numbers: tuple[int, ...] = (signal.SIGINT,)
    ) -> int:
        """The status of a command that gets signals while it reads a FIFO; it says nothing."""
        os.mkfifo(fifo)
        environment = {
            name: value
            for name, value in clean_environment().items()
            if not name.startswith("COVERAGE_")  # it has a handler of its own for SIGTERM
        }
        environment["PYTHONPATH"] += path
        with (self.folder / "said.txt").open("wb") as said:
            process = subprocess.Popen(
                [sys.executable, "-c", HEEDING, *command, "--port", "0"],
                cwd=self.folder,
                env=environment,
                stdout=said,
                stderr=said,
            )
        self.addCleanup(process.kill)
        descriptor = self.opened(fifo, process)
        for number in numbers:
            process.send_signal(number)
        status = process.wait(SECONDS)
        os.close(descriptor)
        self.assertEqual("", (self.folder / "said.txt").read_text())
        return status

    def test_quiet(self) -> None:
        """Ctrl-C ends it with status 130 and without a word."""
        for number, command in enumerate(
            ([sys.executable, "-m", "magicgateway"], [*TWISTD, "-n", "magicgateway"])
        ):
            fifo = self.folder / f"gateway-{number}.toml"
            self.assertEqual(130, self.check(fifo, *command, "--config", str(fifo)))

    def test_terminated(self) -> None:
        """SIGTERM ends it well, where a container's first process would not heed it; SIGHUP not."""
        fifo = self.folder / "gateway.toml"
        command = (sys.executable, "-m", "magicgateway", "--config", str(fifo))
        numbers = (signal.SIGHUP, signal.SIGTERM)
        self.assertEqual(0, self.check(fifo, *command, numbers=numbers))

    def test_plugins(self) -> None:
        """Ctrl-C does so while twistd looks for plugins, where Twisted passes over every error."""
        plugins = self.folder / "twisted" / "plugins"
        plugins.mkdir(parents=True)
        fifo = self.folder / "waiting"
        (plugins / "waiting.py").write_text(f"open({str(fifo)!r}).read()\n")
        command = (sys.executable, "-m", "magicgateway")
        self.assertEqual(130, self.check(fifo, *command, path=f":{self.folder}"))


class MistakeTests(StartTestCase):
    """What cannot work ends with status 1 and one sentence, in both modes."""

    def check(self, named: str, *arguments: str) -> None:
        """Start with arguments that cannot work."""
        for mode in ([], ["-n"]):
            ended = self.run_command(*TWISTD, *mode, "magicgateway", *arguments)
            self.assertEqual((1, ""), (ended.returncode, ended.stdout), (mode, arguments))
            self.assertEqual(1, ended.stderr.count("\n"), ended.stderr)
            self.assertTrue(ended.stderr.startswith("magicgateway: "), ended.stderr)
            self.assertIn(named, ended.stderr)
            left = {path.name for path in self.folder.iterdir()} - {"gateway.toml"}
            self.assertEqual(set(), left, (mode, arguments))

    def test_taken_port(self) -> None:
        """A taken port is named, with what to do."""
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = str(other.getsockname()[1])
            self.check(f"cannot listen on tcp:{port}:interface=127.0.0.1", "--port", port)

    def test_own_port(self) -> None:
        """So is one that another listener of the same gateway takes."""
        port = free_port()
        listen = f"tcp:{port}:interface=127.0.0.1"
        taken = f"listen: cannot listen on {listen}: Address already in use"
        self.check(taken, "--port", str(port), "--listen", listen)
        config = self.config(f'[metrics]\nlisten = "{listen}"\n')
        self.check(f"metrics.{taken}", "--port", str(port), "--config", config)

    def test_bad_socket(self) -> None:
        """So is a Unix socket that cannot be made."""
        self.check("No such file or directory", "--listen", "unix:none/gateway.sock")

    def test_bad_option(self) -> None:
        """So is an option that does not exist."""
        self.check("option --prot not recognized", "--prot", "3000")
        self.check(r"option --a\x0ab not recognized", "--a\nb")
        self.check(r"no\x0asuch.toml: the configuration file cannot", "-c", "no\nsuch.toml")

    def test_bad_places(self) -> None:
        """So is a file that cannot be written once it would be too late to say so."""
        self.check("the log file", "-c", self.config('[log]\nfile = "/nonexistent/x"\n'))
        for flag, named in (
            ("--logfile=none/x", "the log file"),
            ("--pidfile=none/x", "the pid file"),
            ("--rundir=none", "none is no folder"),
            ("--chroot=none", "none is no folder"),
        ):
            for mode in ([], ["-n"]):
                command = [*TWISTD, *mode, flag, "magicgateway", "--port", "0"]
                ended = self.run_command(*command)
                self.assertEqual((1, 1), (ended.returncode, ended.stderr.count("\n")), command)
                self.assertTrue(ended.stderr.startswith(f"magicgateway: {named}"), ended.stderr)

    def test_bad_file(self) -> None:
        """So is a place in a file that is not TOML, and an unknown key, with the nearest one."""
        self.check("not valid TOML at line 1", "--config", self.config("[server\n"))
        self.check("did you mean drain_seconds?", "-c", self.config("[server]\ndrain_second = 3\n"))


class CheckTests(StartTestCase):
    """``--check-config``."""

    def test_good(self) -> None:
        """It prints the settings in effect as TOML, secrets by reference only, and status 0."""
        path = self.config('[server]\nkeys = ["env:TEAM"]\n[providers.openai]\napi_key = "env:KEY"')
        for command in (
            (*TWISTD, "magicgateway", "--check-config", "--config", path),
            (sys.executable, "-m", "magicgateway", "check", "--config", path),
        ):
            ended = self.run_command(*command, TEAM=SECRET, KEY=SECRET, GROQ_API_KEY=SECRET)
            self.assertEqual((0, ""), (ended.returncode, ended.stderr))
            shown = tomllib.loads(ended.stdout)
            self.assertEqual(30, shown["server"]["drain_seconds"])
            self.assertNotIn(SECRET, ended.stdout)

    def test_bad(self) -> None:
        """Settings that cannot be used give status 1 and the sentence."""
        ended = self.module("check", "--config", self.config('[server]\nlisten = ["foo:1"]'))
        self.assertEqual((1, ""), (ended.returncode, ended.stdout))
        self.assertIn("'foo:1' is no endpoint", ended.stderr)


class CommandTests(StartTestCase):
    """The console script, which is ``python -m magicgateway``."""

    def test_script(self) -> None:
        """It is installed under its own name."""
        script = Path(sys.executable).with_name("magicgateway")
        ended = self.run_command(str(script), "--help")
        self.assertEqual(0, ended.returncode)
        self.assertTrue(ended.stdout.startswith("Usage: magicgateway [COMMAND]"), ended.stdout)

    def test_short_ones(self) -> None:
        """Help, version, the providers, and an unknown command."""
        for arguments, status, said in (
            (("run", "--version"), 0, f"MagicGateway {__version__}\n"),
            (("run", "--help"), 0, "--check-config"),
            (("providers",), 0, "https://api.groq.com/openai/v1"),
            (("serve",), 1, "there is no command 'serve'"),
            (("providers", "--prot"), 1, "option --prot not recognized"),
        ):
            ended = self.module(*arguments, OPENAI_API_KEY=SECRET)
            text = ended.stdout if status == 0 else ended.stderr
            self.assertEqual(status, ended.returncode, arguments)
            self.assertIn(said, text)
            self.assertNotIn(SECRET, ended.stdout + ended.stderr)
            self.assertNotIn("Traceback", ended.stderr)


class ForegroundTests(SynchronousTestCase):
    """Other ways to start it in the foreground."""

    def started(self, *command: str) -> Daemon:
        """A daemon that another command starts, until the test ends."""
        daemon = Daemon()
        daemon.command = [sys.executable, "-m", *command, "--port", str(daemon.port)]
        daemon.start()
        self.addCleanup(daemon.__exit__)
        return daemon

    def test_run(self) -> None:
        """``magicgateway run`` serves without pid or log file, and ends well."""
        daemon = self.started("magicgateway", "run")
        self.assertEqual(0, daemon.stop())
        self.assertEqual({"said.txt"}, {path.name for path in daemon.folder.iterdir()})

    def test_demo(self) -> None:
        """``magicgateway demo`` brings the demo provider."""
        daemon = self.started("magicgateway", "demo")
        self.assertEqual(200, chat(daemon.port).status)

    def test_twist(self) -> None:
        """``python -m twisted magicgateway`` serves too."""
        self.assertEqual(0, self.started("twisted", "magicgateway").stop())


class ImportTests(StartTestCase):
    """A quick start."""

    def test_late(self) -> None:
        """What is not needed before the first request is not imported before it."""
        ended = self.run_command(sys.executable, "-c", SHOW_LATE)
        self.assertEqual(("[]\n", ""), (ended.stdout, ended.stderr))


class BannerTests(SynchronousTestCase):
    """What a person at a terminal sees."""

    def test_terminal(self) -> None:
        """Addresses, names of keys but never keys, and a line for a shell that really works."""
        ours, theirs = os.openpty()
        daemon = Daemon("--demo", environment={"OPENAI_API_KEY": SECRET})
        process = subprocess.Popen(
            daemon.command,
            cwd=daemon.folder,
            env=clean_environment({"OPENAI_API_KEY": SECRET}),
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
        )
        daemon.process = process
        self.addCleanup(daemon.__exit__)
        os.close(theirs)
        self.addCleanup(os.close, ours)
        shown = b""
        while b"curl -N" not in shown or not shown.endswith(b"\n"):
            shown += os.read(ours, 65536)
        text = shown.decode().replace("\r\n", "\n")
        self.assertIn(f"listens on {daemon.address}\n", text)
        self.assertIn("keys found for: openai\n", text)
        self.assertNotIn(SECRET, text)
        self.assertNotIn("{", text.partition("curl")[0])
        line = next(line for line in text.splitlines() if "curl -N" in line)
        called = subprocess.run(
            ["sh", "-c", line], capture_output=True, text=True, timeout=SECONDS, check=False
        )
        self.assertEqual(0, called.returncode, called.stderr)
        self.assertTrue(called.stdout.rstrip().endswith("data: [DONE]"), called.stdout)
