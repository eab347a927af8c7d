"""Stopping without cutting anybody off: say so, take no more, let running requests finish.

The steps, each a state: *serving*; *unready* (``/health/ready`` is 503 and every answer ends its
connection, listeners stay open so that balancers notice); *closing* (listeners closed, idle
connections closed, running requests finish); *interrupting* (who is left gets an error event or a
503); *stopped*.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any, Protocol

from twisted.application.service import Service
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

SERVING, UNREADY, CLOSING, INTERRUPTING, STOPPED = (
    "serving",
    "unready",
    "closing",
    "interrupting",
    "stopped",
)
LOOK_SECONDS = 0.05
FLUSH_SECONDS = 1.0
"""For the last bytes of interrupted answers."""


class Drained(Protocol):
    """What is drained."""

    def announce(self) -> None:
        """Answers end their connections from now on."""
        ...

    def close_listeners(self) -> None:
        """No new connections, and none that is idle."""
        ...

    def busy(self) -> int:
        """Connections that are still there."""
        ...

    def interrupt(self) -> None:
        """Every running request is told the end."""
        ...

    def abort(self) -> None:
        """Whatever is left is dropped."""
        ...


class Drain(Service):
    """Runs the steps, started by a signal.

    Args:
        reactor: The clock; its ``stop`` ends the process.
        drained: What is drained.
        unready_seconds: How long listeners stay open first.
        drain_seconds: How long running requests may take after that.
        stop: Ends the process.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        drained: Drained,
        *,
        unready_seconds: float,
        drain_seconds: float,
        stop: Callable[[], None],
    ) -> None:
        self._reactor = reactor
        self._drained = drained
        self._unready_seconds = unready_seconds
        self._drain_seconds = drain_seconds
        self._stop = stop
        self._call: IDelayedCall | None = None
        self._until = 0.0
        self.state = SERVING

    def stopService(self) -> None:
        """The process ends, drained or not."""
        super().stopService()  # type: ignore[no-untyped-call] # Twisted's
        self.state = STOPPED
        call, self._call = self._call, None
        if call is not None:
            call.cancel()

    def watch_signals(self, reopen_logs: Callable[[], None]) -> None:
        """Let SIGTERM and SIGINT drain, and others do no harm; for a reactor that runs already.

        Twisted installs handlers of its own when it starts to run, which would cut every stream.

        Args:
            reopen_logs: What SIGUSR1 asks for.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._reactor.callFromThread(self.begin))
        signal.signal(signal.SIGHUP, lambda *_: self._reactor.callFromThread(self._hung_up))
        signal.signal(signal.SIGUSR1, lambda *_: self._reactor.callFromThread(reopen_logs))

    def _hung_up(self) -> None:
        self._log.info(
            "SIGHUP: nothing is read again while the gateway runs; restart it for new settings"
        )

    def begin(self) -> None:
        """Begin to drain; the second time, stop at once."""
        if self.state == STOPPED:
            return
        if self.state != SERVING:
            self._log.warn("stopping at once, {count} connections are cut", count=self._busy())
            self._finish()
            return
        self._log.info(
            "draining: {count} connections; a second signal stops at once", count=self._busy()
        )
        self.state = UNREADY
        self._drained.announce()
        if self._unready_seconds > 0:
            self._call = self._reactor.callLater(self._unready_seconds, self._close)
        else:
            self._close()

    def _busy(self) -> int:
        return self._drained.busy()

    def _close(self) -> None:
        self.state = CLOSING
        self._drained.close_listeners()
        self._until = self._reactor.seconds() + self._drain_seconds
        self._look()

    def _look(self) -> None:
        self._call = None
        now = self._reactor.seconds()
        if not self._busy():
            self._finish()
        elif now < self._until:
            self._call = self._reactor.callLater(LOOK_SECONDS, self._look)
        elif self.state == CLOSING:
            self._log.warn(
                "the time to drain is over (server.drain_seconds), {count} connections are ended",
                count=self._busy(),
            )
            self.state = INTERRUPTING
            self._until = now + FLUSH_SECONDS
            self._drained.interrupt()
            self._look()
        else:
            self._finish()

    def _finish(self) -> None:
        call, self._call = self._call, None
        if call is not None and call.active():
            call.cancel()
        self.state = STOPPED
        self._drained.abort()
        self._stop()
