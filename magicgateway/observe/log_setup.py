"""Which log lines go where, and in which form: one place for the settings and twistd's flags."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from attrs import frozen
from twisted.logger import Logger

from magicgateway.config.log_level import LEVELS
from magicgateway.config.secret import Secret
from magicgateway.config.settings import LogSettings
from magicgateway.observe.facts import FinishedWatcher
from magicgateway.observe.logs import MessageObserver, human_message, json_message
from magicgateway.observe.redaction import Redactor
from magicgateway.observe.request_log import JsonLines, human_line
from magicgateway.observe.sink import LogSink, human_notice, json_notice
from magicgateway.observe.watchers import request_log

DAEMON_FILE = "twistd.log"
"""Where a daemon logs when nothing else is said, as every twistd program does."""


@frozen
class Twistd:
    """What the command line of twistd says about logging.

    ``own``: it names an observer of its own, so messages go there. ``file``: ``--logfile``.
    """

    daemon: bool = False
    own: bool = False
    file: str = ""


@frozen
class Logs:
    """The parts of one process's logging."""

    sink: LogSink
    observer: MessageObserver
    redactor: Redactor
    human: bool
    level: str
    target: str | int
    """A path, or the number of an open descriptor."""

    _log = Logger()

    def reopen(self) -> None:
        """Go on in a new file when the old one was renamed; what SIGUSR1 asks for."""
        if isinstance(self.target, str):
            self.sink.reopen()
            self._log.info("SIGUSR1: the log file is opened anew")
        else:
            self._log.info("SIGUSR1 is not used: the log does not go to a file")

    def request_watcher(self, own_ids: str) -> FinishedWatcher | None:
        """Logs each exchange at level info; None when that level is not logged.

        Args:
            own_ids: How request ids of our own begin.
        """
        if LEVELS[self.level] > LEVELS["info"]:
            return None
        clean = self.redactor.clean
        if self.human:
            return request_log(self.sink.write, lambda fact: clean(human_line(fact)))
        return request_log(self.sink.write, JsonLines(clean, own_ids))

    def tell(self, lines: Iterable[str]) -> None:
        """Write lines for a person as they are."""
        for line in lines:
            self.sink.write(line.encode("utf-8", "backslashreplace") + b"\n")


def open_logs(
    settings: LogSettings, twistd: Twistd, reactor: Any, secrets: Iterable[Secret]
) -> Logs:
    """The logging that the settings and twistd's flags ask for. Nothing is written yet.

    Args:
        settings: ``[log]``.
        twistd: Its flags; ``--logfile`` beats ``log.file``.
        reactor: See ``LogSink``.
        secrets: What must never be written.
    """
    target = _target(settings, twistd)
    human = settings.format == "human" or (
        settings.format == "auto" and isinstance(target, int) and os.isatty(target)
    )
    redactor = Redactor(secrets)
    # Lines are filtered when they are spelled, so the writer need not look at them again.
    sink = LogSink(target, reactor, notice=human_notice if human else json_notice)
    observer = MessageObserver(
        sink.write,
        spell=human_message if human else json_message,
        redactor=redactor,
        level=settings.level,
    )
    return Logs(sink, observer, redactor, human, settings.level, target)


def _target(settings: LogSettings, twistd: Twistd) -> str | int:
    """A path, or the descriptor of standard output; paths survive a change of folder."""
    file = twistd.file or settings.file
    if file == "-" or (not file and not twistd.daemon):
        return sys.__stdout__.fileno() if sys.__stdout__ is not None else 1
    return str(Path(file or DAEMON_FILE).absolute())
