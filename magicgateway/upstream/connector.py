"""Opening connections to providers: name lookup, TCP, TLS, all within one deadline."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

from twisted.internet import error
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IProtocol, IProtocolFactory
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from magicgateway.errors import ConfigError, UpstreamError
from magicgateway.upstream.connection import Connection
from magicgateway.upstream.pool import Origin
from magicgateway.upstream.race import Race
from magicgateway.upstream.resolver import Resolver


class _ConnectionFactory(Factory):
    noisy = False

    def __init__(self, build: Callable[[], Connection]) -> None:
        self.build = build
        self.built: list[Connection] = []

    def buildProtocol(self, _: Any) -> Connection:
        connection = self.build()
        self.built.append(connection)
        return connection


class TcpConnector:
    """Opens plain and TLS connections.

    Args:
        reactor: Where sockets live.
        resolver: Looks names up.
        ca_file: Further trusted roots (``upstream.ca_file``).
    """

    def __init__(self, reactor: Any, resolver: Resolver, ca_file: str = "") -> None:
        self._reactor = reactor
        self._resolver = resolver
        self._ca_file = ca_file
        self._trust: Any = None

    def connect(
        self, origin: Origin, build: Callable[[], Connection], timeout: float
    ) -> Deferred[Connection]:
        """Open a connection that is ready for a request: over TLS, after the handshake.

        Raises:
            UpstreamError: Through the Deferred: 502 ``upstream_unreachable``, ``upstream_dns``,
                ``upstream_tls``, or 504 ``connect_timeout``.
        """
        factory = _ConnectionFactory(build)
        opening = _Opening(self._reactor, origin, factory, timeout)
        try:
            wrapped: IProtocolFactory = factory if not origin.secure else self._tls(origin, factory)
        except Exception as fault:  # noqa: BLE001 - whatever is wrong with TLS, nothing goes out
            opening.failed(Failure(fault))
            return opening.answer
        found = self._resolver.resolve(origin.host)
        opening.begin(found.addCallback(self._race, origin, wrapped, timeout))
        return opening.answer

    def _race(
        self, _: None, origin: Origin, factory: IProtocolFactory, timeout: float
    ) -> Deferred[IProtocol]:
        addresses = self._resolver.addresses(origin.host)
        race = Race(self._reactor, addresses, origin.port, factory, timeout)
        race.start()
        return race.winner

    def check(self) -> None:
        """Read the operator's roots, if there are any, before somebody needs them.

        Raises:
            ConfigError: They cannot be used.
        """
        if not self._ca_file:
            return
        try:
            self._trusted()
        except Exception as fault:
            raise ConfigError(
                f"{self._ca_file} cannot be read as certificates; give a file in PEM form that the"
                " gateway may read",
                key="upstream.ca_file",
            ) from fault

    def stop(self) -> None:
        """Let the resolver's threads go."""
        self._resolver.stop()

    def _trusted(self) -> Any:
        # pyOpenSSL takes long to import, and a gateway before plain-text servers never needs it.
        from magicgateway.upstream.tls import Trust  # noqa: PLC0415

        if self._trust is None:
            self._trust = Trust(self._ca_file)
        return self._trust

    def _tls(self, origin: Origin, factory: _ConnectionFactory) -> IProtocolFactory:
        from magicgateway.upstream.tls import EagerTlsFactory  # noqa: PLC0415 - as above

        return EagerTlsFactory(self._trusted().for_host(origin.host), True, factory)


class _Opening:
    """One connection on its way. It is a class because three things can end it."""

    def __init__(
        self, reactor: Any, origin: Origin, factory: _ConnectionFactory, timeout: float
    ) -> None:
        self._origin = origin
        self._factory = factory
        self._tcp: Deferred[Any] | None = None
        self._timeout = timeout
        self.answer: Deferred[Connection] = Deferred(self._cancelled)
        self._timer = reactor.callLater(timeout, self._timed_out)

    def begin(self, tcp: Deferred[Any]) -> None:
        self._tcp = tcp
        tcp.addCallbacks(self._connected, self.failed)

    def _connected(self, protocol: Any) -> None:
        self._tcp = None
        connection = self._factory.built[-1]
        if connection.ready is None:
            self._ready(connection)
        else:
            connection.ready.addCallbacks(self._ready, self.failed, errbackArgs=(protocol,))

    def _ready(self, connection: Connection) -> None:
        if self._stop():
            self.answer.callback(connection)

    def failed(self, reason: Failure, protocol: Any = None) -> None:
        if self._stop():
            fault = getattr(protocol, "fault", "")
            self.answer.errback(Failure(_explain(self._origin, reason, fault)))

    def _timed_out(self) -> None:
        fault = UpstreamError(
            504,
            "connect_timeout",
            f"The provider could not be reached within {self._timeout:g} s (timeouts.connect).",
            outcome="timeout",
            detail=str(self._origin),
        )
        if self._stop():
            self._abandon()
            self.answer.errback(Failure(fault))

    def _cancelled(self, _: Deferred[Connection]) -> None:
        if self._stop():
            self._abandon()

    def _stop(self) -> bool:
        """Whether this is the end; only the first one is."""
        if self._timer is None:
            return False
        if self._timer.active():
            self._timer.cancel()
        self._timer = None
        return True

    def _abandon(self) -> None:
        tcp, self._tcp = self._tcp, None
        if tcp is not None:
            tcp.cancel()
        for connection in self._factory.built:
            connection.close()


def _explain(origin: Origin, reason: Failure, fault: str) -> UpstreamError:
    """A connection that could not be made, for the caller and for the operator."""
    value = reason.value
    detail = f"{origin}: {fault or _name(value)}"
    if reason.check(error.DNSLookupError):
        return UpstreamError(
            502,
            "upstream_dns",
            "The provider's host name has no address.",
            outcome="unreachable",
            detail=detail,
        )
    if getattr(value, "osError", None) in (errno.EMFILE, errno.ENFILE):
        return UpstreamError(
            503,
            "out_of_connections",
            "The gateway has no free file descriptor for a connection to the provider.",
            outcome="overloaded",
            detail=detail,
            retry_after=1,
        )
    if reason.check(error.TimeoutError, CancelledError):
        return UpstreamError(
            504,
            "connect_timeout",
            "The provider did not accept the connection in time.",
            outcome="timeout",
            detail=detail,
        )
    if origin.secure and not reason.check(error.ConnectError):
        return UpstreamError(
            502,
            "upstream_tls",
            "No trusted TLS connection to the provider could be made; the gateway's log says why.",
            outcome="unreachable",
            detail=detail,
        )
    return UpstreamError(
        502,
        "upstream_unreachable",
        "The provider could not be reached.",
        outcome="unreachable",
        detail=detail,
    )


def _name(value: BaseException | None) -> str:
    text = type(value).__name__
    number = getattr(value, "osError", None)
    return f"{text} {number}" if number else text
