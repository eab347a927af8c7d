"""Loading what only some requests need, after the gateway answers and before somebody needs it.

The translators are two thirds of the gateway's code and take as long to load as all the rest. A
start does not wait for them: they are loaded in a thread a moment later. A request that comes
before that loads them itself.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from magicgateway.dialects.catalogue import load_grammars
from magicgateway.upstream.threads import Threads

AFTER_SECONDS = 0.5
_USED_LATER = (
    "magicgateway.serving.crossing",
    "magicgateway.serving.aws_models",
    "magicgateway.upstream.aws_requests",
    "magicgateway.upstream.media",
    "prometheus_client",
    "treq.client",
)
"""The last two are for the first scrape and the first list of models."""


def load() -> None:
    """Import everything that some requests use. It blocks for some tenths of a second."""
    for module in _USED_LATER:
        import_module(module)
    load_grammars()


class Preparation:
    """Loads once. State: whether it is still to come.

    Args:
        reactor: The clock.
        threads: Where it is done.
    """

    _log = Logger()

    def __init__(self, reactor: Any, threads: Threads) -> None:
        self._reactor = reactor
        self._threads = threads
        self._waiting: IDelayedCall | None = None

    def start(self) -> None:
        """Begin in a moment."""
        self._waiting = self._reactor.callLater(AFTER_SECONDS, self._begin)

    def stop(self) -> None:
        """Do not begin any more."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.cancel()

    def _begin(self) -> None:
        self._waiting = None
        loading: Deferred[None] = self._threads.run(load)
        loading.addErrback(self._failed)

    def _failed(self, reason: Failure) -> None:
        """The next request that translates meets the same fault, and says so to its caller."""
        self._log.failure("the translators could not be loaded", reason)
