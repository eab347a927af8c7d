"""The command line of ``twistd magicgateway``, and the joined service."""

from __future__ import annotations

import gc
import io
import os
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from twisted.application.service import Application
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import ILogObserver
from twisted.trial.unittest import SynchronousTestCase

from magicgateway import __version__
from magicgateway.config.listening import Flags
from magicgateway.errors import ConfigError
from magicgateway.tap import (
    GatewayService,
    Options,
    calm_collector,
    check_places,
    makeService,
    provider_table,
    secrets_of,
)
from tests.config.sources import loaded
from tests.observe.sample import finished

LISTEN = '[server]\nlisten = ["tcp:3000:interface=127.0.0.1"]\n'


class TapTestCase(SynchronousTestCase):
    """A folder, and standard output and error that can be read."""

    def setUp(self) -> None:
        keep = tempfile.TemporaryDirectory()
        self.addCleanup(keep.cleanup)
        self.folder = Path(keep.name)
        self.out, self.errors = io.StringIO(), io.StringIO()
        self.patch(sys, "stdout", self.out)
        self.patch(sys, "__stderr__", self.errors)

    def failed(self, call: Callable[..., Any], *args: Any) -> str:
        """What a call says that ends the process with status 1."""
        ended = self.assertRaises(SystemExit, call, *args)
        self.assertEqual(1, ended.code)
        return self.errors.getvalue()


class OptionsTests(TapTestCase):
    """What the command line takes."""

    def parsed(self, *arguments: str) -> Options:
        """The options of a command line."""
        options = Options()
        options.parseOptions(arguments)
        return options

    def test_nothing(self) -> None:
        """No option is needed."""
        options = self.parsed()
        self.assertEqual(Flags(None, None, ()), options.flags)
        self.assertEqual((0, 0), (options["demo"], options["check-config"]))

    def test_all(self) -> None:
        """Each option, long and short; ``--listen`` as often as one likes."""
        for arguments in (
            ("--config", "g.toml", "--port", "3000", "--listen", "tcp:1", "--listen", "unix:x"),
            ("-c", "g.toml", "-p", "3000", "-l", "tcp:1", "-l", "unix:x"),
        ):
            self.assertEqual(
                Flags("g.toml", 3000, ("tcp:1", "unix:x")), self.parsed(*arguments).flags
            )
        options = self.parsed("--demo", "--check-config")
        self.assertEqual((1, 1), (options["demo"], options["check-config"]))

    def test_mistakes(self) -> None:
        """A mistake ends the process with status 1 and one sentence that names it."""
        for arguments, named in (
            (("--bogus",), "option --bogus not recognized"),
            (("extra",), "'extra' is no option"),
            (("--port",), "option --port requires argument"),
            (("--port", "http"), "'http' is no number"),
            (("--port", "-1"), "'-1' is no number"),
        ):
            with self.subTest(arguments=arguments):
                self.errors.truncate(self.errors.seek(0))
                said = self.failed(self.parsed, *arguments)
                self.assertTrue(said.startswith("magicgateway: command line: "), said)
                self.assertIn(named, said)
                self.assertTrue(said.endswith("; magicgateway --help lists the options\n"), said)
                self.assertEqual(1, said.count("\n"))

    def test_version(self) -> None:
        """``--version`` prints ours and ends well."""
        ended = self.assertRaises(SystemExit, self.parsed, "--version")
        self.assertEqual((0, f"MagicGateway {__version__}\n"), (ended.code, self.out.getvalue()))


class MakeServiceTests(TapTestCase):
    """The service that twistd asks for; it is never started here."""

    def setUp(self) -> None:
        super().setUp()
        from twisted.internet import reactor  # noqa: PLC0415 - importing must not install it

        # What the daemon changes of its own reactor must not stay with that of the tests.
        for name in ("seconds", "doIteration"):
            self.patch(reactor, name, getattr(reactor, name))

    def made(self, toml: str, *arguments: str) -> GatewayService:
        """The service for a configuration file."""
        path = self.folder / "gateway.toml"
        path.write_text(toml)
        options = Options()
        options.parseOptions(["--config", str(path), *arguments])
        return makeService(options)

    def test_made(self) -> None:
        """It binds nothing yet, and its clock does not follow the wall's."""
        service = self.made('[server]\nlisten = ["tcp:0:interface=127.0.0.1"]')
        self.assertEqual([], service.gateway.listeners.ports())
        self.assertIs(time.monotonic, service._reactor.seconds)

    def test_faults(self) -> None:
        """What cannot be used ends the process with one sentence: file, key and remedy."""
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            for toml, named in (
                ("[servr]\n", "did you mean server?"),
                ("[server\n", "it is not valid TOML at line 1"),
                ('[server]\nlisten = ["foo:1"]', "'foo:1' is no endpoint"),
                ('[metrics]\nlisten = "foo:1"', "metrics.listen: 'foo:1' is no endpoint"),
                (f'[server]\nlisten = ["tcp:{port}"]', "Address already in use"),
                (
                    '[upstream]\nca_file = "/nonexistent.pem"',
                    "upstream.ca_file: /nonexistent.pem cannot be read",
                ),
                ("[providers.mine]\n", "providers.mine"),
            ):
                with self.subTest(toml):
                    self.errors.truncate(self.errors.seek(0))
                    said = self.failed(self.made, toml)
                    self.assertIn(named, said)
                    self.assertTrue(said.startswith("magicgateway: "), said)
                    self.assertEqual(1, said.count("\n"))

    def test_check(self) -> None:
        """``--check-config`` prints the settings in effect without secrets, and ends well."""
        os.environ["TAP_TEST_KEY"] = "a-key-that-nobody-may-see"
        self.addCleanup(os.environ.pop, "TAP_TEST_KEY")
        ended = self.assertRaises(
            SystemExit, self.made, '[server]\nkeys = ["env:TAP_TEST_KEY"]', "--check-config"
        )
        self.assertEqual(0, ended.code)
        self.assertIn("[server]\n", self.out.getvalue())
        self.assertIn("TAP_TEST_KEY", self.out.getvalue())
        self.assertNotIn("a-key-that-nobody-may-see", self.out.getvalue())

    def test_check_builds_everything(self) -> None:
        """``--check-config`` finds what only shows when the parts are made, and binds nothing."""
        said = self.failed(self.made, '[server]\nlisten = ["foo:1"]', "--check-config")
        self.assertIn("'foo:1' is no endpoint", said)
        with socket.create_server(("127.0.0.1", 0)) as other:
            taken = f'[server]\nlisten = ["tcp:{other.getsockname()[1]}"]'
            ended = self.assertRaises(SystemExit, self.made, taken, "--check-config")
        self.assertEqual(0, ended.code)


class PlaceTests(TapTestCase):
    """Files and folders that a start needs."""

    def test_unfit(self) -> None:
        """One that cannot be used is named with the option that names another."""
        plain = self.folder / "plain"
        plain.write_text("")
        nowhere = str(self.folder / "none" / "x")
        for twistd, log, said in (
            ({"chroot": nowhere}, 1, f"{nowhere} is no folder; name one (given by --chroot)"),
            ({"rundir": str(plain)}, 1, "is no folder; name one (given by --rundir)"),
            ({"pidfile": nowhere}, 1, f"the pid file {nowhere} cannot be written (No such file"),
            ({}, nowhere, f"the log file {nowhere} cannot be written (No such file"),
            ({}, str(plain / "x"), "cannot be written (Not a directory); name another (--logfile"),
            ({}, str(self.folder), "cannot be written (Is a directory)"),
            ({}, "x" * 300, "cannot be written (File name too long)"),
        ):
            with self.subTest(said):
                error = self.assertRaises(ConfigError, check_places, twistd, log)
                self.assertIn(said, str(error))

    def test_unwritable(self) -> None:
        """One that may not be written is told by its kind, whoever runs the tests."""
        self.patch(os, "access", lambda *_: False)
        error = self.assertRaises(ConfigError, check_places, {}, str(self.folder / "x"))
        self.assertIn("cannot be written (Permission denied)", str(error))

    def test_fit(self) -> None:
        """Nothing is made or written, no file is needed, and a full disk is no reason."""
        here = str(self.folder)
        new = str(self.folder / "new")
        check_places({"chroot": here, "pidfile": "/none/x"}, "/none/y")
        check_places({"rundir": here, "pidfile": new}, new)
        check_places({"pidfile": ""}, "/dev/full")
        check_places({}, 1)
        self.assertEqual([], list(self.folder.iterdir()))


class ServiceTests(TapTestCase):
    """The service in a reactor of its own."""

    def service(self, toml: str = "", **twistd: Any) -> GatewayService:
        """A service that logs into ``self.log``; keywords are twistd's own options."""
        self.log = self.folder / "gateway.log"
        options: Any = Options()
        options.parent = twistd
        options.parseOptions([])
        self.reactor: Any = MemoryReactorClock()
        service = GatewayService(
            self.reactor,
            options,
            loaded(toml or LISTEN, {"MAGICGATEWAY__LOG__FILE": str(self.log)}),
        )
        self.addCleanup(service.logs.sink.stop)
        # A started service changes the collector of the process that runs the tests.
        self.addCleanup(gc.set_threshold, *gc.get_threshold())
        self.addCleanup(gc.unfreeze)
        return service

    def test_starts_and_stops(self) -> None:
        """It listens, says so, and when it stops its last words are on disk."""
        service = self.service()
        service.setServiceParent(Application("test"))
        service.privilegedStartService()
        self.assertEqual(3000, self.reactor.tcpServers[0][0])
        service.startService()
        self.assertEqual(1, len(self.reactor.whenRunningHooks))
        service.stopService()
        self.assertEqual([], self.reactor.getDelayedCalls())
        self.assertTrue(service.logs.sink.flush())

    def test_messages(self) -> None:
        """It takes over an application's messages, unless twistd has an observer of its own."""
        application = Application("test")
        service = self.service()
        service.setServiceParent(application)
        self.assertIs(service.logs.observer, ILogObserver(application))
        application = Application("test")
        self.service(logger="some.observer").setServiceParent(application)
        self.assertEqual(None, application.getComponent(ILogObserver))

    def test_figures(self) -> None:
        """Metrics show what the parts keep, and their own version."""
        service = self.service()
        text = service.metrics.render().decode()
        for name in ("in_flight", "loop_lag", "log_lines_dropped", "connections"):
            self.assertIn(name, text)
        self.assertIn(f'version="{__version__}"', text)

    def test_log_level(self) -> None:
        """At a level above info requests are counted, but not logged."""
        service = self.service(f'{LISTEN}[log]\nlevel = "warn"')
        service.gateway.plane.finished(finished())
        self.assertIn('provider="openai"', service.metrics.render().decode())
        service.logs.sink.flush()
        self.assertFalse(self.log.exists())

    def refused(self, twistd: Mapping[str, Any], start: str) -> Any:
        """What a start ends in whose second address is taken by the first."""
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            service = self.service(
                f'[server]\nlisten = ["tcp:{port}:interface=127.0.0.1"]', **twistd
            )
            from twisted.internet import reactor  # noqa: PLC0415 - importing must not install it

            for endpoint in service.gateway.listeners._endpoints:
                endpoint._reactor = reactor
            try:
                getattr(service, start)()
            except (SystemExit, ConfigError) as ended:
                return ended
        return None

    def test_cannot_bind(self) -> None:
        """An address that is lost after the check ends a foreground process with one sentence."""
        for start in ("privilegedStartService", "startService"):
            self.errors.truncate(self.errors.seek(0))
            pid_file = self.folder / "twistd.pid"
            pid_file.write_text("1")
            ended = self.refused({"nodaemon": 1, "pidfile": str(pid_file)}, start)
            self.assertEqual(1, ended.code)
            self.assertIn("Address already in use", self.errors.getvalue())
            self.assertFalse(pid_file.exists())

    def test_cannot_bind_without_pid_file(self) -> None:
        """Where there is no pid file, none is looked for."""
        self.assertEqual(1, self.refused({}, "privilegedStartService").code)

    def test_cannot_bind_as_daemon(self) -> None:
        """A daemon hands the fault to twistd, which tells the process that waits for it."""
        ended = self.refused({"statusPipe": 7, "pidfile": "x"}, "privilegedStartService")
        self.assertIsInstance(ended, ConfigError)
        self.assertEqual("", self.errors.getvalue())


class CollectorTests(SynchronousTestCase):
    """Python's collector."""

    def test_calm(self) -> None:
        """What was loaded is frozen, and new objects are looked at less often."""
        asked: list[Any] = []

        class Collector:
            def freeze(self) -> None:
                asked.append("freeze")

            def set_threshold(self, *thresholds: int) -> None:
                asked.append(thresholds)

        calm_collector(Collector())
        self.assertEqual(["freeze", (10_000, 20, 20)], asked)


class SecretTests(SynchronousTestCase):
    """What the redaction has to know."""

    def test_all(self) -> None:
        """Virtual keys, providers' keys and those of the environment are all found."""
        settings = loaded(
            '[server]\nkeys = ["env:TEAM"]\n[providers.groq]\napi_key = "env:MINE"'
            '\n[providers.bedrock]\naccess_key_id = "env:A"\nsecret_access_key = "env:B"'
            '\nsession_token = "env:C"',
            {
                "A": "AKIA0123456789",
                "B": "aws-secret-0123456",
                "C": "aws-token-0123456",
                "TEAM": "team-key-0123456",
                "MINE": "mine-0123456",
                "OPENAI_API_KEY": "sk-0123456",
            },
        )
        self.assertEqual(
            {
                "team-key-0123456",
                "mine-0123456",
                "sk-0123456",
                "AKIA0123456789",
                "aws-secret-0123456",
                "aws-token-0123456",
            },
            {secret.reveal() for secret in secrets_of(settings)} - {""},
        )


class ProviderTableTests(SynchronousTestCase):
    """``magicgateway providers``."""

    def test_table(self) -> None:
        """It lists every provider, says where a key was found, and shows none."""
        text = provider_table(Flags(), {"OPENAI_API_KEY": "sk-not-to-be-seen"})
        lines = {line.split()[0]: line for line in text.splitlines() if line.strip()}
        self.assertIn("https://api.openai.com/v1", lines["openai"])
        self.assertNotIn("sk-not-to-be-seen", text)

    def test_bad(self) -> None:
        """Settings that cannot be used are told."""
        self.assertRaises(ConfigError, provider_table, Flags(config="/nonexistent.toml"), {})
