"""Persistent connections to providers, newest first, with a cap on what is in flight per origin."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import msgspec
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from twisted.web.client import HTTPConnectionPool

from magicgateway.config.settings import UpstreamSettings
from magicgateway.errors import UpstreamError
from magicgateway.upstream.connection import LIMITS, Connection
from magicgateway.upstream.deadlines import Sweeper
from magicgateway.wire.response_heads import ResponseHeadReader


class Origin(msgspec.Struct, frozen=True):
    """What connections may be used interchangeably: scheme, host and port of a provider."""

    scheme: str
    host: str
    port: int

    @property
    def secure(self) -> bool:
        return self.scheme == "https"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


class Connector(Protocol):
    """Opens connections; see ``magicgateway.upstream.connector``."""

    def connect(
        self, origin: Origin, build: Callable[[], Connection], timeout: float
    ) -> Deferred[Connection]: ...


class _Place(msgspec.Struct):
    """What is known of one origin."""

    idle: list[Connection] = []
    in_flight: int = 0
    waiting: deque[Waiter] = msgspec.field(default_factory=deque)


class Waiter(msgspec.Struct, eq=False):
    """A request that waits for a free place at its origin."""

    origin: Origin
    connect_timeout: float
    until: float
    answer: Deferred[Connection]
    fresh: bool = False
    """Only a new connection will do."""
    opening: Deferred[Connection] | None = None


class GatewayPool(HTTPConnectionPool):
    """The pool. It is Twisted's, so that whatever knows that one can use it, with another policy.

    A lease is either an idle connection or a new one; it counts as in flight from ``lease`` until
    the connection comes back (``give_back``) or is gone (``lost``).

    Args:
        reactor: The clock.
        connector: Opens connections.
        settings: ``[upstream]``.
    """

    retryAutomatically = False

    def __init__(
        self, reactor: IReactorTime, connector: Connector, settings: UpstreamSettings
    ) -> None:
        super().__init__(reactor, persistent=True)  # type: ignore[no-untyped-call] # Twisted's
        self.now = reactor.seconds
        self._connector = connector
        self._settings = settings
        self.maxPersistentPerHost = settings.max_idle
        self.cachedConnectionTimeout = int(settings.idle_seconds)
        self._places: dict[Origin, _Place] = {}
        self._sweeper = Sweeper(reactor, 0.25)
        self.response_heads = ResponseHeadReader(LIMITS)
        self.closed = False

    # -- taking and giving back -------------------------------------------------------------

    def take_idle(self, origin: Origin) -> Connection | None:
        """The newest idle connection, in flight from now on; None if there is none or no room."""
        place = self._places.get(origin)
        if place is None or not place.idle or place.in_flight >= self._settings.max_in_flight:
            return None
        now = self.now()
        settings = self._settings
        while place.idle:
            connection = place.idle.pop()
            if connection.state == "QUIESCENT" and (
                now - connection.idle_since < settings.idle_seconds
                and now - connection.born < settings.max_age_seconds
            ):
                place.in_flight += 1
                connection.leased = True
                return connection
            connection.close()
        return None

    def lease(
        self, origin: Origin, connect_timeout: float, *, fresh: bool = False
    ) -> Deferred[Connection]:
        """A connection, idle or new. Cancelling gives up the place.

        Args:
            origin: Where to.
            connect_timeout: Seconds for name lookup, TCP and TLS together.
            fresh: Only a new connection will do.

        Raises:
            UpstreamError: Through the Deferred: over the cap for longer than ``wait_seconds``
                (503), or the connection cannot be made (502, 504).
        """
        if not fresh:
            connection = self.take_idle(origin)
            if connection is not None:
                return succeed(connection)
        place = self._places.setdefault(origin, _Place(idle=[]))
        if place.in_flight < self._settings.max_in_flight:
            return self._open(origin, place, connect_timeout)
        answer: Deferred[Connection] = Deferred(lambda _: self._stop_waiting(waiter))
        until = self.now() + self._settings.wait_seconds
        waiter = Waiter(origin, connect_timeout, until, answer, fresh)
        place.waiting.append(waiter)
        self._sweeper.watch(self)
        return answer

    def _open(self, origin: Origin, place: _Place, connect_timeout: float) -> Deferred[Connection]:
        place.in_flight += 1
        opened: list[Connection] = []

        def build() -> Connection:
            connection = Connection(self, origin)
            opened.append(connection)
            return connection

        def connected(connection: Connection) -> Connection:
            connection.leased = True
            return connection

        def failed(reason: Failure) -> Failure:
            for connection in opened:
                connection.close()
            self._release(place)
            return reason

        opening = self._connector.connect(origin, build, connect_timeout)
        return opening.addCallbacks(connected, failed)

    def give_back(self, connection: Connection) -> None:
        """A connection has served and may serve again."""
        now = self.now()
        if self.closed or now - connection.born >= self._settings.max_age_seconds:
            connection.close()
            return
        place = self._places[connection.origin]
        if place.waiting:
            if place.waiting[0].fresh:
                connection.close()  # which gives the place to whoever waits for a new one
            else:
                place.waiting.popleft().answer.callback(connection)
            return
        connection.leased = False
        place.in_flight -= 1
        connection.idle_since = now
        place.idle.append(connection)
        if len(place.idle) > self._settings.max_idle:
            place.idle.pop(0).close()
        self._sweeper.watch(self)

    def lost(self, connection: Connection) -> None:
        """A connection is gone or was closed. Saying so twice does no harm."""
        place = self._places.get(connection.origin)
        if place is None:
            return
        if connection.leased:
            connection.leased = False
            self._release(place)
        elif connection in place.idle:
            place.idle.remove(connection)

    def _release(self, place: _Place) -> None:
        place.in_flight -= 1
        self._serve_next(place)

    def _serve_next(self, place: _Place) -> None:
        if place.waiting and place.in_flight < self._settings.max_in_flight:
            waiter = place.waiting.popleft()
            waiter.opening = self._open(waiter.origin, place, waiter.connect_timeout)
            waiter.opening.chainDeferred(waiter.answer)

    def _stop_waiting(self, waiter: Waiter) -> None:
        if waiter.opening is not None:
            waiter.opening.cancel()
        else:
            self._places[waiter.origin].waiting.remove(waiter)

    # -- time -------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Close what was idle too long, refuse what waited too long."""
        busy = False
        for origin, place in list(self._places.items()):
            while place.idle and now - place.idle[0].idle_since >= self._settings.idle_seconds:
                place.idle.pop(0).close()
            self._refuse_waiting(origin, place, now)
            busy = busy or bool(place.idle or place.waiting)
            if not (place.idle or place.waiting or place.in_flight):
                del self._places[origin]
        if not busy:
            self._sweeper.forget(self)

    def _refuse_waiting(self, origin: Origin, place: _Place, now: float) -> None:
        while place.waiting and now >= place.waiting[0].until:
            waiter = place.waiting.popleft()
            waiter.answer.errback(Failure(_too_many(origin, self._settings.max_in_flight)))

    # -- Twisted's own names ----------------------------------------------------------------

    def getConnection(self, key: Any, endpoint: object) -> Deferred[Any]:
        """Twisted's way to ask; the endpoint is ours to choose."""
        scheme, host, port = key
        return self.lease(Origin(scheme.decode(), host.decode(), port), connect_timeout=30)

    def closeCachedConnections(self) -> Deferred[None]:
        """Close every idle connection, and every other when it comes back; nobody waits longer."""
        self.closed = True
        for origin, place in list(self._places.items()):
            idle, place.idle = place.idle, []
            for connection in idle:
                connection.close()
            self._refuse_waiting(origin, place, math.inf)
        self._sweeper.stop()
        return succeed(None)

    # -- watching ---------------------------------------------------------------------------

    def counts(self) -> Iterator[tuple[str, int, int]]:
        """Per origin: its name, idle connections, requests in flight."""
        for origin, place in self._places.items():
            yield str(origin), len(place.idle), place.in_flight


def _too_many(origin: Origin, cap: int) -> UpstreamError:
    return UpstreamError(
        503,
        "upstream_busy",
        f"There are {cap} requests in flight to this provider already (upstream.max_in_flight)."
        " Try again in a moment.",
        outcome="overloaded",
        detail=str(origin),
        retry_after=1,
    )
