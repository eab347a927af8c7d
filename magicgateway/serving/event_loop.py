"""Handing socket events to their transports without Twisted's log context around each.

Twisted's epoll reactor wraps every event in ``log.callWithLogger``, so that old-style log messages
made meanwhile get a prefix. Nothing here writes such messages, and the wrapping costs more than
reading a small head. ``install`` gives the reactor another ``doIteration``; what an event does, and
what follows an exception, stays Twisted's. Any other reactor is left alone.
"""

from __future__ import annotations

import errno
import select
import sys
from collections.abc import Callable
from typing import Any

from twisted.python import log

_READABLE: int = getattr(select, "EPOLLIN", 1)


def install(reactor: Any) -> bool:
    """Let ``reactor`` hand out events quickly; False where that is not possible.

    Args:
        reactor: The running process's own; it must not be shared with somebody who patches it too.
    """
    if not sys.platform.startswith("linux"):
        return False
    from twisted.internet.epollreactor import EPollReactor  # noqa: PLC0415 - Linux has it

    if type(reactor) is not EPollReactor:
        return False
    ours: Any = reactor
    ours.doIteration = quick_poll(reactor)
    return True


def quick_poll(reactor: Any) -> Callable[[float | None], None]:
    """What stands for the ``doPoll`` of an ``EPollReactor``."""
    selectables = reactor._selectables  # noqa: SLF001 - pinned by a guard test
    poller = reactor._poller  # noqa: SLF001 - as above
    dispatch = reactor._doReadOrWrite  # noqa: SLF001 - as above
    disconnect = reactor._disconnectSelectable  # noqa: SLF001 - as above

    def poll(timeout: float | None) -> None:
        """Wait for events, ``timeout`` seconds at most, and hand them out."""
        try:
            events = poller.poll(-1 if timeout is None else timeout, len(selectables))
        except OSError as error:
            if error.errno == errno.EINTR:
                return
            raise
        for descriptor, event in events:
            selectable = selectables.get(descriptor)
            if selectable is None:
                continue  # an earlier event of this turn has ended it
            try:
                if event != _READABLE:
                    dispatch(selectable, descriptor, event)
                    continue
                why = selectable.doRead()
            except Exception as error:  # noqa: BLE001 - one connection's fault is not the others'
                why = error
                log.err()
            if why:
                disconnect(selectable, why, True)

    return poll
