"""``twistd magicgateway``: the command line, and the one place where the rooms are joined."""

from __future__ import annotations

import errno
import gc
import os
import secrets
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from twisted.application.service import IServiceCollection, MultiService
from twisted.logger import ILogObserver, Logger
from twisted.python import usage
from twisted.python.components import Componentized

from magicgateway import __version__
from magicgateway.config.listening import Flags
from magicgateway.config.load import load
from magicgateway.config.secret import Secret
from magicgateway.config.settings import Settings
from magicgateway.config.show import effective
from magicgateway.errors import ConfigError
from magicgateway.observe.escaping import printable
from magicgateway.providers import table
from magicgateway.providers.registry import Registry
from magicgateway.providers.rows import ROWS
from magicgateway.providers.rows.generic import GENERIC

if TYPE_CHECKING:
    from magicgateway.demo.server import DemoProvider
    from magicgateway.observe.facts import FinishedWatcher
    from magicgateway.observe.metrics import Metrics
    from magicgateway.serving.gateway import Gateway

INTERRUPTED = 130
"""The status of a process that Ctrl-C ended, as shells have it: 128 and the signal's number."""


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{text!r} is no number")
    return int(text)


class Options(usage.Options):
    """The command line after ``twistd magicgateway``."""

    synopsis = "[--port N | --listen ENDPOINT]... [--config FILE] [--demo] [--check-config]"
    longdesc = "One address in front of every LLM provider. Settings: etc/magicgateway.toml."
    optParameters = [  # noqa: RUF012 - the name and kind are Twisted's
        ["port", "p", None, "Listen on this TCP port of loopback (or of HOST).", _number],
        ["config", "c", None, "Read this TOML file."],
    ]
    optFlags = [  # noqa: RUF012 - as above
        ["demo", None, "Start the demo provider too: x-provider: demo."],
        ["check-config", None, "Check the settings, print those in effect, and exit."],
    ]

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # Twisted's
        self["listen"] = []

    def opt_listen(self, endpoint: str) -> None:
        """Listen on this Twisted endpoint, for example tcp:3000; may be given several times."""
        self["listen"].append(endpoint)

    opt_l = opt_listen

    def opt_version(self) -> NoReturn:
        """Print the version and exit."""
        print(f"MagicGateway {__version__}")  # noqa: T201 - that is what it is for
        sys.exit(0)

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """Read the arguments; a bad one ends the process with one sentence and status 1."""
        try:
            super().parseOptions(options)  # type: ignore[no-untyped-call] # Twisted's
        except usage.UsageError as error:
            fail(f"command line: {error}; magicgateway --help lists the options")

    def parseArgs(self, *rest: str) -> None:
        """Refuse what is no option.

        Raises:
            UsageError: There is such a thing.
        """
        if rest:
            raise usage.UsageError(f"{rest[0]!r} is no option")

    @property
    def flags(self) -> Flags:
        """What of it belongs to the settings."""
        return Flags(self["config"], self["port"], tuple(self["listen"]))


def fail(sentence: str) -> NoReturn:
    """End the process with status 1 and one sentence on standard error."""
    sys.stderr.flush()
    # twistd may have turned sys.stderr into a log by now.
    print(f"magicgateway: {printable(sentence)}", file=sys.__stderr__, flush=True)
    raise SystemExit(1)


def calm_collector(collector: Any = gc) -> None:
    """Spare running requests the pauses of Python's collector.

    What was loaded until now stays, so it is never looked at again; exchanges leave no cycles
    behind, so looking for some can wait longer than Python's default.

    Args:
        collector: The module ``gc``, or what stands for it.
    """
    collector.freeze()
    collector.set_threshold(10_000, 20, 20)


def read_text(path: str) -> str:
    """A file's text in UTF-8."""
    return Path(path).read_text("utf-8")


def check_places(twistd: Mapping[str, Any], log: str | int) -> None:
    """Look at the folders and files that are used once it is too late to tell anybody.

    A log that fails later costs lines, never requests; at the start it is a mistake.

    Args:
        twistd: Its own options.
        log: A path, or a descriptor, which is there already.

    Raises:
        ConfigError: One of them cannot be used.
    """
    for option in ("chroot", "rundir"):
        folder = twistd.get(option)
        if folder and not Path(folder).is_dir():
            raise ConfigError(f"{folder} is no folder; name one (given by --{option})")
    if twistd.get("chroot"):
        return  # paths mean something else in there
    for what, options, file in (
        ("pid", "--pidfile", twistd.get("pidfile")),
        ("log", "--logfile, log.file", log),
    ):
        reason = _unwritable(Path(file)) if file and isinstance(file, str) else ""
        if reason:
            raise ConfigError(
                f"the {what} file {file} cannot be written ({reason}); name another ({options}),"
                " or make it writable for the gateway's user"
            )


def _unwritable(path: Path) -> str:
    """Why no file can be written there; empty if one can."""
    try:
        if path.is_dir():
            return os.strerror(errno.EISDIR)
        if not path.exists():
            path = path.parent
            path.stat()
            if not path.is_dir():
                return os.strerror(errno.ENOTDIR)
    except OSError as error:
        return error.strerror or str(error)
    return "" if os.access(path, os.W_OK) else os.strerror(errno.EACCES)


def makeService(options: Options) -> GatewayService:
    """The service that twistd runs; a fault in the settings ends the process here."""
    try:
        return _make_service(options)
    except KeyboardInterrupt:
        # Of a process that has not begun to serve nobody wants to read where it was.
        raise SystemExit(INTERRUPTED) from None


def _make_service(options: Options) -> GatewayService:
    from twisted.internet import reactor  # noqa: PLC0415 - twistd has chosen one by now

    try:
        settings = load(options.flags, os.environ, read_text)
        service = GatewayService(reactor, options, settings)
        if options["check-config"]:
            print(effective(settings), end="")  # noqa: T201 - that is what it is for
            raise SystemExit(0)
        check_places(options.parent or {}, service.logs.target)
        service.gateway.probe()
    except ConfigError as error:
        fail(str(error))
    return service


class GatewayService(MultiService):
    """The whole daemon: logging, metrics, the demo provider if wanted, and the gateway.

    Args:
        reactor: Where it lives.
        options: The command line; its parent is twistd's own.
        settings: All of them.

    Raises:
        ConfigError: A provider's table or an address cannot be used.
    """

    _log = Logger()

    def __init__(self, reactor: Any, options: Options, settings: Settings) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # Twisted's
        from magicgateway.observe.log_setup import open_logs  # noqa: PLC0415 - not for --help
        from magicgateway.serving import event_loop  # noqa: PLC0415 - as above

        # Timers must not fire because somebody set the clock.
        reactor.seconds = time.monotonic
        event_loop.install(reactor)
        self._reactor = reactor
        self._settings = settings
        self._demo = _demo_provider(reactor) if options["demo"] else None
        rows = ROWS
        if self._demo is not None:
            from magicgateway.providers.rows.demo import demo_row  # noqa: PLC0415 - rarely wanted

            rows = (*ROWS, demo_row(f"{self._demo.base_url}/v1"))
            self._demo.setServiceParent(self)  # type: ignore[no-untyped-call] # Twisted's
        self.registry = Registry(rows, GENERIC, settings)
        twistd = _twistd(options)
        self.logs = open_logs(settings.log, twistd, reactor, secrets_of(settings))
        self._observes = not twistd.own
        self._parent: Mapping[str, Any] = options.parent or {}
        self.metrics = _metrics(settings, self.registry)
        self.gateway = self._assemble()

    def _assemble(self) -> Gateway:
        from magicgateway.observe.loop_lag import LoopLag  # noqa: PLC0415 - not for --help
        from magicgateway.observe.watchers import Observers  # noqa: PLC0415 - as above
        from magicgateway.serving.gateway import Gateway  # noqa: PLC0415 - it imports Klein

        watchers: list[FinishedWatcher] = [self.metrics.finished]
        prefix = secrets.token_hex(4)
        log_request = self.logs.request_watcher(f"req_{prefix}")
        if log_request is not None:
            watchers.append(log_request)
        gateway = Gateway(
            self._reactor,
            self._settings,
            self.registry,
            finished=Observers(watchers).finished,
            render_metrics=self.metrics.render,
            request_prefix=prefix,
            wall_clock=time.time,
        )
        gateway.setServiceParent(self)  # type: ignore[no-untyped-call] # Twisted's
        self._lag = lag = LoopLag(self._reactor)
        for name, read in gateway.figures().items():
            self.metrics.watch(name, read)
        self.metrics.watch("loop_lag", lambda: lag.last)
        self.metrics.watch("loop_lag_max", lambda: lag.max)
        self.metrics.watch("loop_stalls", lambda: lag.stalls)
        self.metrics.watch("log_lines_dropped", lambda: self.logs.sink.dropped)
        return gateway

    def setServiceParent(self, parent: Any) -> None:
        """Join an application, and take over its messages unless twistd was told otherwise."""
        if self._observes and isinstance(parent, Componentized):
            parent.setComponent(ILogObserver, self.logs.observer)
        super().setServiceParent(IServiceCollection(parent, parent))  # type: ignore[no-untyped-call] # Twisted's

    def privilegedStartService(self) -> None:
        """Bind the addresses; one that cannot be had ends the process with one sentence."""
        try:
            super().privilegedStartService()  # type: ignore[no-untyped-call] # Twisted's
        except ConfigError as error:
            self._cannot_start(error)

    def startService(self) -> None:
        """Begin to serve, and say so."""
        try:
            super().startService()  # type: ignore[no-untyped-call] # Twisted's
        except ConfigError as error:
            self._cannot_start(error)
        self._lag.start()
        calm_collector()
        self._reactor.callWhenRunning(self.gateway.drain.watch_signals, self.logs.reopen)
        self._announce()

    def _cannot_start(self, error: ConfigError) -> NoReturn:
        self.logs.sink.stop()
        if self._parent.get("statusPipe") is not None:
            # A daemon by now: twistd tells the process that waits for it, or that waits for ever.
            raise error
        pid_file = self._parent.get("pidfile")
        if pid_file:
            Path(pid_file).unlink(missing_ok=True)
        fail(str(error))

    def _announce(self) -> None:
        from magicgateway.serving.banner import banner  # noqa: PLC0415 - not for --help

        for warning in self._settings.warnings:
            self._log.warn("{warning}", warning=warning)
        addresses = self.gateway.listeners.addresses()
        lines = banner(self._settings, self.registry, addresses, demo=self._demo is not None)
        if self.logs.human:
            self.logs.tell(lines)
        else:
            self._log.info("{text}", text="; ".join(line.strip() for line in lines[:3]))

    def stopService(self) -> Any:
        """Stop everything; the log's last lines are written before the process ends."""
        self._lag.stop()
        stopping = super().stopService()  # type: ignore[no-untyped-call] # Twisted's
        return stopping.addBoth(self._stopped)

    def _stopped(self, result: Any) -> Any:
        self._log.info("stopped")
        self.logs.sink.stop()
        return result


def _demo_provider(reactor: Any) -> DemoProvider:
    from magicgateway.demo.server import DemoProvider  # noqa: PLC0415 - rarely wanted

    return DemoProvider.reserved(reactor)


def _metrics(settings: Settings, registry: Registry) -> Metrics:
    from magicgateway.observe.metrics import Metrics  # noqa: PLC0415 - not for --help

    return Metrics(
        known_providers=registry.names(),
        known_models=tuple(settings.models),
        version=__version__,
        started_at=time.time(),
    )


def _twistd(options: Options) -> Any:
    from magicgateway.observe.log_setup import Twistd  # noqa: PLC0415 - not for --help

    parent: Mapping[str, Any] = options.parent or {}
    return Twistd(
        daemon=not parent.get("nodaemon", True) and not parent.get("debug", False),
        own=bool(parent.get("logger") or parent.get("syslog")),
        file=parent.get("logfile") or "",
    )


def secrets_of(settings: Settings) -> Iterator[Secret]:
    """Every secret that the settings hold."""
    yield from settings.server.keys
    yield from settings.environment.values()
    for provider in settings.providers.values():
        for name in ("api_key", "access_key_id", "secret_access_key", "session_token"):
            secret = getattr(provider, name)
            if secret is not None:
                yield secret


def provider_table(flags: Flags, environment: Mapping[str, str]) -> str:
    """The table that ``magicgateway providers`` prints.

    Raises:
        ConfigError: The settings cannot be used.
    """
    return table.provider_table(Registry(ROWS, GENERIC, load(flags, environment, read_text)))
