"""The gateway's own messages, from ``twisted.logger`` to a line each.

``twistd --logger=magicgateway.observe.logs.json_observer`` names the factory at the end.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import time
from collections.abc import Callable, Mapping

import msgspec
from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent
from twisted.python.failure import Failure
from twisted.python.reflect import qual
from zope.interface import implementer

from magicgateway.config.log_level import LEVELS, level_from
from magicgateway.config.secret import Secret
from magicgateway.observe.escaping import ascii_json, encodable, printable
from magicgateway.observe.redaction import Redactor
from magicgateway.observe.sink import LogSink
from magicgateway.observe.timestamps import rfc3339
from magicgateway.wire.jsontext import encode

_RANKS = {
    LogLevel.debug: 10,
    LogLevel.info: 20,
    LogLevel.warn: 30,
    LogLevel.error: 40,
    LogLevel.critical: 50,
}
_SECRET_VARIABLES = (
    "_KEY", "_KEYS", "_KEY_ID", "_TOKEN", "_TOKEN_BEDROCK", "_SECRET", "_PASSWORD",
)  # fmt: skip
_READ_CHARACTERS = 64 * 1024
_MESSAGE_CHARACTERS = 4096
_TRACEBACK_LINES = 200


class Message(msgspec.Struct, omit_defaults=True):
    """One event as text, the keys of its JSON line in order."""

    time: str
    level: str
    namespace: str
    message: str
    request_id: str = ""
    error_type: str = ""
    error: str = ""
    traceback: str = ""


@implementer(ILogObserver)
class MessageObserver:
    """Turns events into lines. Never raises, because Twisted would cut it off.

    Args:
        write: Takes each line, with its newline (``LogSink.write``).
        spell: ``json_message`` or ``human_message``.
        redactor: Filters every text of a message.
        level: A key of ``LEVELS``: events below it are left out. It may be changed at any time.
    """

    def __init__(
        self,
        write: Callable[[bytes], None],
        *,
        spell: Callable[[Message], bytes],
        redactor: Redactor,
        level: str = "info",
    ) -> None:
        self.level = level
        self._write = write
        self._spell = spell
        self._redactor = redactor

    def __call__(self, event: LogEvent) -> None:
        """Write one event, if its level is high enough."""
        try:
            level = event.get("log_level")
            if level is None or level not in _RANKS:
                level = LogLevel.info
            if _RANKS[level] >= LEVELS[self.level]:
                self._write(self._line(event, level.name))
        except Exception as error:  # noqa: BLE001 - see the class
            self._write_apology(error)

    def _line(self, event: LogEvent, level: str) -> bytes:
        message = Message(
            rfc3339(event.get("log_time") or time.time()),
            level,
            encodable(str(event.get("log_namespace", ""))),
            self._text(formatEvent(event)),
            request_id=self._text(str(event.get("request_id", ""))),
        )
        failure = event.get("log_failure")
        if isinstance(failure, Failure):
            message.error_type = qual(failure.type) if failure.type is not None else ""
            message.error = self._text(failure.getErrorMessage())
            message.traceback = self._one_line(failure.getTraceback())
        return self._spell(message)

    def _text(self, text: str) -> str:
        # Filtered before it is cut, lest half a secret be left at the cut.
        return self._redactor.clean_text(text[:_READ_CHARACTERS])[:_MESSAGE_CHARACTERS]

    def _one_line(self, traceback: str) -> str:
        """A traceback without indentation and line ends; its last lines, which say most."""
        lines = [line.strip() for line in traceback.splitlines() if line.strip()]
        return " | ".join(self._text(line) for line in lines[-_TRACEBACK_LINES:])

    def _write_apology(self, error: Exception) -> None:
        text = f"a message could not be logged: {type(error).__name__}"
        # There is nobody left to tell of a failure here.
        with contextlib.suppress(Exception):
            self._write(self._spell(Message(rfc3339(time.time()), "error", __name__, text)))


def json_message(message: Message) -> bytes:
    """One JSON object and a newline, printable ASCII only."""
    return ascii_json(encode(message)) + b"\n"


def human_message(message: Message) -> bytes:
    """One line for a terminal, without control characters."""
    origin = printable(message.namespace)
    parts = [f"{message.time} {message.level} {origin}: {printable(message.message)}"]
    if message.error_type:
        parts.append(f"[{message.error_type}: {printable(message.error)}]")
    if message.traceback:
        parts.append(printable(message.traceback))
    return " ".join(parts).encode() + b"\n"


def secrets_from(environment: Mapping[str, str]) -> list[Secret]:
    """Every value in the environment whose name says that it is a credential, line by line."""
    return [
        Secret(line.strip(), f"env:{name}")
        for name, value in environment.items()
        if name.upper().endswith(_SECRET_VARIABLES)
        for line in value.splitlines()
    ]


def json_observer() -> MessageObserver:
    """JSON lines on standard output, for ``twistd --logger``.

    twistd calls it before the configuration is read, so level and secrets are the environment's.
    """
    # At call time: importing the reactor would install one before twistd chose it.
    from twisted.internet import reactor  # noqa: PLC0415

    redactor = Redactor(secrets_from(os.environ))
    sink = LogSink(sys.__stdout__.fileno() if sys.__stdout__ else 1, reactor, clean=redactor.clean)
    # twistd has no call for the end of an observer, and start-up may fail before the reactor runs.
    atexit.register(sink.flush)
    return MessageObserver(
        sink.write, spell=json_message, redactor=redactor, level=level_from(os.environ)
    )
