"""Threads of our own for calls that block, so that a stuck one takes none of the reactor's."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

_Result = TypeVar("_Result")


class Threads:
    """A bounded number of threads, the first of which starts when there is something to do.

    Args:
        reactor: Where results are told.
        name: What the threads are called.
        most: How many there may be; further calls wait.
    """

    def __init__(self, reactor: Any, name: str, most: int) -> None:
        self._reactor = reactor
        self._name = name
        self._most = most
        self._pool: ThreadPool | None = None

    def run(self, call: Callable[..., _Result], *args: Any) -> Deferred[_Result]:
        """Make a call in a thread; its result, or what it raises, comes in the reactor."""
        if self._pool is None:
            self._pool = ThreadPool(0, self._most, self._name)
            self._pool.threadFactory = _DaemonThread
            self._pool.start()
        return deferToThreadPool(self._reactor, self._pool, call, *args)

    def stop(self) -> None:
        """Let the threads go; one that is stuck ends with the process."""
        if self._pool is not None:
            pool, self._pool = self._pool, None
            pool._team.quit()  # noqa: SLF001 - stop() would wait for a stuck call


class _DaemonThread(Thread):
    """A thread that does not keep the process from ending."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, daemon=True, **kwargs)
