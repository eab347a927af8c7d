"""One timer for everything that has deadlines.

Starting and cancelling a delayed call costs more than a request can afford several times, so
things that wait are kept in a set and asked a few times a second whether their time has come.
"""

from __future__ import annotations

from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger


class Ticking(Protocol):
    """Something that has deadlines."""

    def tick(self, now: float) -> None:
        """Time has passed; ``now`` is the reactor's clock in seconds."""
        ...


class Sweeper:
    """Calls ``tick`` of everything in ``watched``, every ``interval`` seconds.

    A deadline is met up to one interval late. The timer runs only while something is watched.

    Args:
        reactor: The clock.
        interval: Seconds between two sweeps.
    """

    _log = Logger()

    def __init__(self, reactor: IReactorTime, interval: float) -> None:
        self._reactor = reactor
        self._interval = interval
        self._call: IDelayedCall | None = None
        self._watched: set[Ticking] = set()

    def watch(self, item: Ticking) -> None:
        """Begin to tick ``item``."""
        self._watched.add(item)
        if self._call is None:
            self._call = self._reactor.callLater(self._interval, self._sweep)

    def forget(self, item: Ticking) -> None:
        """Stop ticking ``item``, which need not be watched."""
        self._watched.discard(item)

    def stop(self) -> None:
        """Forget everything."""
        self._watched.clear()
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def __len__(self) -> int:
        return len(self._watched)

    def _sweep(self) -> None:
        self._call = None
        now = self._reactor.seconds()
        for item in tuple(self._watched):
            if item in self._watched:
                try:
                    item.tick(now)
                except Exception:  # noqa: BLE001 - one bad item must not stop everybody's clocks
                    self._watched.discard(item)
                    self._log.failure("a deadline could not be checked")
        if self._watched and self._call is None:
            self._call = self._reactor.callLater(self._interval, self._sweep)
