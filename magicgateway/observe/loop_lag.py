"""How late the reactor is: a ticker that measures how long it was kept waiting."""

from __future__ import annotations

from twisted.internet.interfaces import IDelayedCall, IReactorTime

TICK_SECONDS = 0.1
STALL_SECONDS = 0.05
WINDOW_SECONDS = 60.0


class LoopLag:
    """Measures the reactor's lag every 100 ms, in seconds.

    Args:
        reactor: Measured, and the clock it is measured with.
    """

    def __init__(self, reactor: IReactorTime) -> None:
        self.last = 0.0
        """Of the latest tick."""
        self.stalls = 0
        """Ticks that came more than 50 ms late, since the start."""
        self._reactor = reactor
        self._call: IDelayedCall | None = None
        self._due = 0.0
        self._window_ends = 0.0
        self._worst_now = 0.0
        self._worst_before = 0.0

    @property
    def max(self) -> float:
        """The worst of the last one to two minutes, so that no scrape misses a stall."""
        return max(self._worst_now, self._worst_before)

    def start(self) -> None:
        """Begin to measure; harmless when it is running."""
        if self._call is None:
            now = self._reactor.seconds()
            self._window_ends = now + WINDOW_SECONDS
            self._wait(now)

    def stop(self) -> None:
        """Stop measuring; the figures stay. Harmless when it is stopped."""
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _wait(self, now: float) -> None:
        self._due = now + TICK_SECONDS
        self._call = self._reactor.callLater(TICK_SECONDS, self._tick)

    def _tick(self) -> None:
        now = self._reactor.seconds()
        # A wall clock that was set back must not show as a negative lag.
        lag = max(0.0, now - self._due)
        self.last = lag
        if lag > STALL_SECONDS:
            self.stalls += 1
        if now >= self._window_ends:
            self._window_ends = now + WINDOW_SECONDS
            self._worst_before, self._worst_now = self._worst_now, 0.0
        self._worst_now = max(self._worst_now, lag)
        self._wait(now)
