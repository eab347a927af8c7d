"""Log lines on their way out: collected, handed to a thread in batches, never in a request's way.

A write costs an append; a disk that is full or a pipe that nobody reads costs lines, which are
counted, and nothing else.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from magicgateway.observe.batch_writer import BatchWriter, Clean, LossNotice
from magicgateway.observe.escaping import ascii_json, printable
from magicgateway.observe.output import Output
from magicgateway.observe.timestamps import rfc3339
from magicgateway.wire.jsontext import encode

MAX_WAITING_BYTES = 4 * 1024 * 1024
BATCH_BYTES = 64 * 1024
BATCH_SECONDS = 0.05
MAX_FLUSH_SECONDS = 1.0


class LogSink:
    """Takes lines from any thread and writes them without blocking or raising.

    Until the reactor runs, lines wait for a full batch, ``flush`` or ``stop``. After a fork (twistd
    daemonizes after logging began) the child gets a thread of its own, and with it the lines
    that were not handed over yet.

    Args:
        target: A path, or the number of an open descriptor.
        reactor: For the pause between batches. The sink is made in the reactor's thread.
        clean: The last filter over what is written (``Redactor.clean``); runs in the thread.
        notice: Spells the line that tells of lost ones; JSON unless given.
        max_waiting_bytes: Lines beyond this are dropped and counted.
    """

    def __init__(
        self,
        target: str | int,
        reactor: IReactorTime,
        *,
        clean: Clean = bytes,
        notice: LossNotice | None = None,
        max_waiting_bytes: int = MAX_WAITING_BYTES,
    ) -> None:
        self._target = target
        self._reactor = reactor
        self._clean = clean
        self._notice = json_notice if notice is None else notice
        self._limit = max_waiting_bytes
        self._lines: list[bytes] = []
        self._size = 0
        self._timer: IDelayedCall | None = None
        self._stopped = False
        self._lost_before = 0
        self._thread = threading.get_ident()
        self._process = os.getpid()
        # Re-entrant, because Twisted logs inside signal handlers, which interrupt anything.
        self._lock = threading.RLock()
        self._output = Output(target)
        self._writer = BatchWriter(self._output, self._clean, self._notice)

    @property
    def dropped(self) -> int:
        """Lines that will never be written, since the start."""
        return self._lost_before + self._writer.lost

    @property
    def last_error(self) -> str:
        """Why lines could last not be written; empty if that never happened."""
        return self._writer.last_error

    def write(self, line: bytes) -> None:
        """Take one line, which ends in its only newline."""
        with self._lock:
            self._lines.append(line)
            self._size += len(line)
            if self._size >= BATCH_BYTES:
                self._hand_over()
            elif self._timer is None:
                self._schedule()

    def flush(self, timeout: float = MAX_FLUSH_SECONDS) -> bool:
        """Write what is waiting.

        Args:
            timeout: Seconds to wait for it, at most 1.

        Returns:
            Whether everything was settled (written or counted as dropped) in time.
        """
        with self._lock:
            self._notice_fork()
            self._hand_over()
            writer = self._writer
        try:
            return writer.flush(min(timeout, MAX_FLUSH_SECONDS))
        except RuntimeError:
            return False

    def reopen(self) -> None:
        """Write what was taken until now, then let go of a file that was renamed."""
        with self._lock:
            self._notice_fork()
            self._hand_over()
            with suppress(RuntimeError):  # without a thread the next batch looks at the path
                self._writer.reopen()

    def stop(self, timeout: float = MAX_FLUSH_SECONDS) -> bool:
        """Flush, and let the thread end. Lines written later still go out, each at once."""
        with self._lock:
            self._stopped = True
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        flushed = self.flush(timeout)
        with self._lock:
            self._writer.end()
            self._renew()
        return flushed

    def _schedule(self) -> None:
        # Only the reactor's thread may use its clock; others are rare and cost a batch each.
        if self._stopped or threading.get_ident() != self._thread:
            self._hand_over()
        else:
            self._timer = self._reactor.callLater(BATCH_SECONDS, self._tick)

    def _tick(self) -> None:
        with self._lock:
            self._timer = None
            self._hand_over()

    def _hand_over(self) -> None:
        lines, self._lines = self._lines, []
        size, self._size = self._size, 0
        if not lines:
            return
        self._notice_fork()
        writer = self._writer
        if writer.waiting + size > self._limit:
            writer.refuse(len(lines))
            return
        try:
            writer.put(b"".join(lines))
        except RuntimeError:
            writer.refuse(len(lines))

    def _notice_fork(self) -> None:
        """In a child the parent's thread does not exist: get one of our own."""
        if os.getpid() == self._process:
            return
        self._process = os.getpid()
        self._thread = threading.get_ident()
        self._output.close()
        self._renew()

    def _renew(self) -> None:
        self._lost_before += self._writer.lost
        self._output = Output(self._target)
        self._writer = BatchWriter(self._output, self._clean, self._notice)


def json_notice(lines: int, error: str) -> bytes:
    """The line that says how many lines are missing, in the form of the gateway's messages."""
    notice = {
        "time": rfc3339(time.time()),
        "level": "warn",
        "namespace": __name__,
        "message": _loss(lines, error),
        "lost": lines,
    }
    return ascii_json(encode(notice)) + b"\n"


def human_notice(lines: int, error: str) -> bytes:
    """As ``json_notice``, for a terminal."""
    return f"{rfc3339(time.time())} warn {__name__}: {_loss(lines, error)}\n".encode()


def _loss(lines: int, error: str) -> str:
    return f"{lines} log lines were lost: {printable(error) or 'the output was not read'}"
