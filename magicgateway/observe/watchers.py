"""Whoever watches finished exchanges, joined into one call that cannot fail."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from twisted.logger import Logger

from magicgateway.observe.facts import Finished, FinishedWatcher


class Observers:
    """Passes each fact on to every watcher. The first failure of each watcher is logged.

    A watcher that failed is called again: one fact it cannot take must not end the request log.

    ``Observers.finished`` is itself a ``FinishedWatcher``.

    Args:
        watchers: In the order in which they are called.
    """

    _log = Logger()

    def __init__(self, watchers: Iterable[FinishedWatcher]) -> None:
        self._watchers = tuple(watchers)
        self._failed: list[FinishedWatcher] = []

    def finished(self, fact: Finished) -> None:
        """One exchange has ended. Never raises."""
        for watch in self._watchers:
            try:
                watch(fact)
            except Exception:  # noqa: BLE001 - a request never fails for being observed
                self._complain(watch)

    def _complain(self, broken: FinishedWatcher) -> None:
        if broken not in self._failed:
            self._failed.append(broken)
            self._log.failure(
                "An observer failed (told of once): {observer}", observer=repr(broken)
            )


def request_log(
    write: Callable[[bytes], None], spell: Callable[[Finished], bytes]
) -> FinishedWatcher:
    """A watcher that writes one line per exchange.

    Args:
        write: ``LogSink.write``.
        spell: ``JsonLines`` or ``human_line``, filtered.
    """

    def log_request(fact: Finished) -> None:
        write(spell(fact))

    return log_request
