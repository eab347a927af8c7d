"""Twisted's ``IAgent`` on our pool, so that treq and everything else built on agents shares it.

The relay does not come this way: it reads connections directly, see ``attempt``.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionAborted
from twisted.internet.interfaces import IConsumer, IPushProducer
from twisted.python.failure import Failure
from twisted.web.client import URI, ResponseDone, ResponseFailed
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import UNKNOWN_LENGTH, IAgent, IBodyProducer, IResponse
from zope.interface import implementer

from magicgateway.config.settings import TimeoutSettings
from magicgateway.errors import UpstreamError
from magicgateway.upstream.attempt import Attempt, OutgoingRequest
from magicgateway.upstream.connection import Break, Connection
from magicgateway.upstream.deadlines import Sweeper
from magicgateway.upstream.pool import GatewayPool, Origin
from magicgateway.wire.heads import CHUNKED, UNTIL_CLOSE
from magicgateway.wire.response_heads import ResponseHead

_OURS = frozenset(
    {
        b"accept-encoding",
        b"connection",
        b"content-length",
        b"cookie",
        b"host",
        b"transfer-encoding",
    }
)
"""What is written here, and cookies: one client serves all callers, so its jar mixes them."""
_PLAIN = b"Accept-Encoding: identity\r\n"
"""treq asks for gzip, and would unpack a few bytes to any size before somebody could count them."""


@implementer(IAgent)
class GatewayAgent:
    """Issues requests on the pool's connections.

    Args:
        pool: The pool.
        sweeper: Checks deadlines.
        reactor: The clock.
        timeouts: ``connect`` and ``response_head`` hold for every request.
    """

    def __init__(
        self, pool: GatewayPool, sweeper: Sweeper, reactor: Any, timeouts: TimeoutSettings
    ) -> None:
        self._pool = pool
        self._sweeper = sweeper
        self._reactor = reactor
        self._timeouts = timeouts

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None = None,
        bodyProducer: IBodyProducer | None = None,
    ) -> Deferred[IResponse]:
        """See ``IAgent``. The body is collected first: control calls are small.

        Answers are asked for as they are, and one that is compressed all the same is a failure: so
        whoever counts the bytes of a body counts all that there will be.

        Raises:
            UpstreamError: Through the Deferred.
        """
        if bodyProducer is None:
            return self._issue(method, uri, headers, b"")
        collector = _Collector()
        done: Deferred[Any] = bodyProducer.startProducing(collector)
        return done.addCallback(
            lambda _: self._issue(method, uri, headers, b"".join(collector.pieces))
        )

    def _issue(
        self, method: bytes, uri: bytes, headers: Headers | None, body: bytes
    ) -> Deferred[IResponse]:
        parsed = URI.fromBytes(uri)
        origin = Origin(parsed.scheme.decode(), parsed.host.decode(), parsed.port)
        head = _request_head(method, parsed, headers or Headers(), body)
        reading = _Reading(self._pool)
        outgoing = OutgoingRequest(
            origin,
            [head, body] if body else [head],
            head_request=method == b"HEAD",
            repeatable=method in (b"GET", b"HEAD"),
        )
        attempt = Attempt(
            self._pool, self._sweeper, self._reactor, outgoing, self._timeouts, reading
        )
        reading.attempt = attempt
        attempt.start()
        return reading.answer


def _request_head(method: bytes, parsed: URI, headers: Headers, body: bytes) -> bytes:
    default = {b"http": 80, b"https": 443}.get(parsed.scheme)
    host = b"[%b]" % parsed.host if b":" in parsed.host else parsed.host
    if parsed.port != default:
        host = b"%b:%d" % (host, parsed.port)
    lines = [b"%b %b HTTP/1.1\r\nHost: %b\r\n" % (method, parsed.originForm, host)]
    for name, values in headers.getAllRawHeaders():
        if name.lower() not in _OURS:
            lines += [b"%b: %b\r\n" % (name, value) for value in values]
    if body or method in (b"POST", b"PUT", b"PATCH"):
        lines.append(b"Content-Length: %d\r\n" % len(body))
    lines += [_PLAIN, b"\r\n"]
    return b"".join(lines)


def _is_encoded(head: ResponseHead) -> bool:
    return any(
        name.lower() == b"content-encoding" and value.lower() != b"identity"
        for name, value in head.raw
    )


def _encoded() -> UpstreamError:
    return UpstreamError(
        502,
        "upstream_encoded",
        "The provider's answer is compressed, although it was asked not to be.",
        outcome="unreachable",
    )


@implementer(IConsumer)
class _Collector:
    """What a body producer writes to."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.pieces.append(data)

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Nothing pushes back here."""

    def unregisterProducer(self) -> None:
        """Nothing pushes back here."""


class _Reading:
    """Turns one answer into an ``IResponse``."""

    def __init__(self, pool: GatewayPool) -> None:
        self._pool = pool
        self.attempt: Attempt | None = None
        self.answer: Deferred[IResponse] = Deferred(self._cancel)
        self._connection: Connection | None = None
        self._response: AgentResponse | None = None

    def _cancel(self, _: Deferred[IResponse]) -> None:
        assert self.attempt is not None
        self.attempt.abandon()

    def attempt_sent(self, connection: Connection) -> None:
        self._connection = connection

    def attempt_failed(self, fault: UpstreamError) -> None:
        self.answer.errback(Failure(fault))

    def head_received(self, head: ResponseHead) -> None:
        assert self._connection is not None
        if _is_encoded(head):
            self._connection.abandon()
            self.answer.errback(Failure(_encoded()))
            return
        self._response = AgentResponse(head, self._connection)
        self.answer.callback(self._response)

    def body_received(self, data: bytes, framed: bytes) -> None:
        del framed
        assert self._response is not None
        self._response.take(data)

    def body_ended(self, *, delimited: bool) -> None:
        assert self._response is not None
        self._response.end(Failure(ResponseDone() if delimited else PotentialDataLoss()))

    def failed(self, broke: Break) -> None:
        assert self._response is not None
        self._response.end(Failure(ResponseFailed([Failure(ConnectionError(broke.reason))])))


@implementer(IResponse, IPushProducer)
class AgentResponse:
    """An ``IResponse``; also the transport of the protocol that its body is delivered to."""

    def __init__(self, head: ResponseHead, connection: Connection) -> None:
        self.version = (b"HTTP", 1, head.version - 10)
        self.code = head.status
        self.phrase = b""
        self.headers = Headers()
        for name, value in head.raw:
            self.headers.addRawHeader(name, value)
        self.length = UNKNOWN_LENGTH if head.length in (CHUNKED, UNTIL_CLOSE) else head.length
        self.request = None
        self.previousResponse: IResponse | None = None
        self._connection: Connection | None = connection
        self._early: list[bytes] = []
        self._protocol: Any = None
        self._ended: Failure | None = None
        self.disconnecting = False

    def setPreviousResponse(self, response: IResponse) -> None:
        """See ``IResponse``."""
        self.previousResponse = response

    def deliverBody(self, protocol: Any) -> None:
        """See ``IResponse``."""
        self._protocol = protocol
        protocol.makeConnection(self)
        early, self._early = self._early, []
        for data in early:
            protocol.dataReceived(data)
        if self._ended is not None:
            self._say_ended(self._ended)
        else:
            self.resumeProducing()

    def take(self, data: bytes) -> None:
        """A piece of the body. Until somebody wants it, the provider has to wait."""
        if self._protocol is None:
            self._early.append(data)
            self.pauseProducing()
        else:
            self._protocol.dataReceived(data)

    def end(self, reason: Failure) -> None:
        """The body is complete, or broken."""
        self._ended = reason
        self._connection = None  # the pool may have lent it again already
        self._say_ended(reason)

    def _say_ended(self, reason: Failure) -> None:
        protocol, self._protocol = self._protocol, None
        if protocol is not None:
            protocol.connectionLost(reason)

    def pauseProducing(self) -> None:
        if self._connection is not None:
            self._connection.pause()

    def resumeProducing(self) -> None:
        if self._connection is not None:
            self._connection.resume()

    def stopProducing(self) -> None:
        self.abortConnection()

    def loseConnection(self) -> None:
        self.abortConnection()

    def abortConnection(self) -> None:
        """Nobody wants the rest."""
        connection = self._connection
        if connection is not None:
            connection.abandon()
            self.end(Failure(ResponseFailed([Failure(ConnectionAborted())])))
