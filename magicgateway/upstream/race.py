"""Several addresses of one host: the first that accepts a connection wins.

As RFC 8305 has it: the next address is tried as soon as one fails, and beside one that is silent.
Twisted's ``HostnameEndpoint`` notices a failure only when the next attempt is due, and takes no
host whose name has an underscore.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.interfaces import IDelayedCall, IProtocol, IProtocolFactory
from twisted.python.failure import Failure

SILENT_SECONDS = 0.25
"""After which the next address is tried beside one that has not answered."""


class Race:
    """Connects to one of several addresses. Cancelling ``winner`` ends every attempt.

    Args:
        reactor: Where sockets live, and the clock.
        addresses: At least one, in the order in which they are tried.
        port: Of all of them.
        factory: Builds the protocol of each connection that is made.
        timeout: Seconds for each attempt.
    """

    def __init__(
        self,
        reactor: Any,
        addresses: Iterable[IPv4Address | IPv6Address],
        port: int,
        factory: IProtocolFactory,
        timeout: float,
    ) -> None:
        self._reactor = reactor
        self._waiting = [address.host for address in addresses]
        self._port = port
        self._factory = factory
        self._timeout = timeout
        self._running: list[Deferred[IProtocol]] = []
        self._next: IDelayedCall | None = None
        self.winner: Deferred[IProtocol] = Deferred(lambda _: self._stop())
        """Fires with the protocol, or fails as the last attempt did."""

    def start(self) -> None:
        """Try the next address, and see to it that the one after it gets its turn."""
        host = self._waiting.pop(0)
        kind = TCP6ClientEndpoint if ":" in host else TCP4ClientEndpoint
        attempt = kind(self._reactor, host, self._port, self._timeout).connect(self._factory)
        self._running.append(attempt)
        if self._waiting:
            self._next = self._reactor.callLater(SILENT_SECONDS, self._silent)
        attempt.addCallbacks(self._won, self._lost, (attempt,), {}, (attempt,), {})

    def _silent(self) -> None:
        self._next = None
        self.start()

    def _won(self, protocol: IProtocol, attempt: Deferred[IProtocol]) -> None:
        self._running.remove(attempt)
        self._stop()
        self.winner.callback(protocol)

    def _lost(self, reason: Failure, attempt: Deferred[IProtocol]) -> None:
        if attempt not in self._running:
            return
        self._running.remove(attempt)
        if self._waiting:
            self._forget_next()
            self.start()
        elif not self._running:
            self.winner.errback(reason)

    def _forget_next(self) -> None:
        call, self._next = self._next, None
        if call is not None:
            call.cancel()

    def _stop(self) -> None:
        self._forget_next()
        running, self._running = self._running, []
        for attempt in running:
            attempt.cancel()
