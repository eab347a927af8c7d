"""Whoever watches finished exchanges, joined into one call that cannot fail."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from twisted.logger import Logger

from magicgateway.observe.facts import Finished, FinishedWatcher


class Observers:
    """Passes each fact on to every watcher. A watcher that raises is logged once and cut off.

    ``Observers.finished`` is itself a ``FinishedWatcher``.

    Args:
        watchers: In the order in which they are called.
    """

    _log = Logger()

    def __init__(self, watchers: Iterable[FinishedWatcher]) -> None:
        self._watchers = tuple(watchers)

    def finished(self, fact: Finished) -> None:
        """One exchange has ended. Never raises."""
        for watch in self._watchers:
            try:
                watch(fact)
            except Exception:  # noqa: BLE001 - a request never fails for being observed
                self._cut_off(watch)

    def _cut_off(self, broken: FinishedWatcher) -> None:
        self._watchers = tuple(watch for watch in self._watchers if watch is not broken)
        self._log.failure(
            "An observer failed and is not called any more: {observer}", observer=repr(broken)
        )


def request_log(
    write: Callable[[bytes], None], spell: Callable[[Finished], bytes]
) -> FinishedWatcher:
    """A watcher that writes one line per exchange.

    Args:
        write: ``LogSink.write``.
        spell: ``json_line`` or ``human_line``.
    """

    def log_request(fact: Finished) -> None:
        write(spell(fact))

    return log_request
