"""A bare epoll loop: the mock provider and the load generator run on it and cost little."""

from __future__ import annotations

import heapq
import itertools
import select
from collections.abc import Callable, Iterable
from time import monotonic

READ = select.EPOLLIN
WRITE = select.EPOLLOUT
_COARSE_SECONDS = 0.05


class Loop:
    """Calls back when a socket is ready or a time has come. Owns one epoll object.

    Timers are exact to some 50 microseconds: epoll counts whole milliseconds, which would bunch
    the events of hundreds of streams together, so short waits go through ``select``.
    """

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._ready: dict[int, Callable[[int], None]] = {}
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._serial = itertools.count()
        self._running = False

    def watch(self, fd: int, events: int, on_ready: Callable[[int], None]) -> None:
        """Call ``on_ready`` with the mask whenever one of ``events`` is there (level-triggered)."""
        self._ready[fd] = on_ready
        self._epoll.register(fd, events)

    def change(self, fd: int, events: int) -> None:
        """Wait for other events from now on."""
        self._epoll.modify(fd, events)

    def forget(self, fd: int) -> None:
        """Stop watching; call it before the descriptor is closed."""
        if self._ready.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def at(self, when: float, call: Callable[[], None]) -> None:
        """Call once at ``when``, in seconds of the monotonic clock."""
        heapq.heappush(self._timers, (when, next(self._serial), call))

    def after(self, seconds: float, call: Callable[[], None]) -> None:
        """Call once, ``seconds`` from now."""
        self.at(monotonic() + seconds, call)

    def stop(self) -> None:
        """Make ``run`` return after the present turn."""
        self._running = False

    def run(self) -> None:
        """Serve until ``stop`` is called."""
        self._running = True
        while self._running:
            for fd, mask in self._wait():
                on_ready = self._ready.get(fd)
                if on_ready is not None:
                    on_ready(mask)
            while self._timers and self._timers[0][0] <= monotonic():
                heapq.heappop(self._timers)[2]()

    def _wait(self) -> Iterable[tuple[int, int]]:
        if not self._timers:
            return self._epoll.poll()
        delay = self._timers[0][0] - monotonic()
        if delay > _COARSE_SECONDS:
            return self._epoll.poll(delay - _COARSE_SECONDS / 2)
        if delay > 0:
            select.select([self._epoll], [], [], delay)
        return self._epoll.poll(0)
