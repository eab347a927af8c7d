"""What the tests of the way out have in common: a pool on real sockets, and who reads answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from magicgateway.config.settings import TimeoutSettings, UpstreamSettings
from magicgateway.errors import UpstreamError
from magicgateway.upstream.attempt import Attempt, OutgoingRequest
from magicgateway.upstream.connection import Break, Connection
from magicgateway.upstream.connector import TcpConnector
from magicgateway.upstream.deadlines import Sweeper
from magicgateway.upstream.pool import GatewayPool, Origin
from magicgateway.upstream.resolver import Resolver
from magicgateway.wire.response_heads import ResponseHead
from tests.sockets import OK, Peer, Script, ScriptedServer, until

GET = b"GET /v1/models HTTP/1.1\r\nHost: provider.test\r\n\r\n"


def post(size: int = 2) -> list[bytes]:
    """A POST as pieces, with a body of that many bytes."""
    head = (
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: provider.test\r\nContent-Length: %d\r\n\r\n"
    )
    return [head % size, b"x" * size]


def read_then(action: str, reply: bytes = b"") -> Script:
    """A script: answer one request, read a second, send ``reply`` and then leave."""

    def play(peer: Peer) -> None:
        peer.read_request()
        peer.send(OK)
        peer.read_request()
        peer.send(reply)
        getattr(peer, action)()

    return play


class Record:
    """Reads one answer and remembers what it was told, in order."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.head: ResponseHead | None = None
        self.pieces: list[bytes] = []
        self.framed: list[bytes] = []
        self.delimited: bool | None = None
        self.broke: Break | None = None
        self.fault: UpstreamError | None = None
        self.connection: Connection | None = None
        self.on_head: Callable[[], Any] = lambda: None
        self.on_body: Callable[[], Any] = lambda: None
        self.on_end: Callable[[], Any] = lambda: None
        self.ended = False

    @property
    def body(self) -> bytes:
        """All of it so far."""
        return b"".join(self.pieces)

    @property
    def status(self) -> int:
        """Of the answer; 0 without one."""
        return self.head.status if self.head else 0

    def attempt_sent(self, connection: Connection) -> None:
        self.calls.append("sent")
        self.connection = connection

    def attempt_failed(self, fault: UpstreamError) -> None:
        self.calls.append("attempt_failed")
        self.fault = fault
        self.ended = True

    def head_received(self, head: ResponseHead) -> None:
        self.calls.append("head")
        self.head = head
        self.on_head()

    def body_received(self, data: bytes, framed: bytes) -> None:
        if self.calls[-1:] != ["body"]:
            self.calls.append("body")
        self.pieces.append(data)
        self.framed.append(framed)
        self.on_body()

    def body_ended(self, *, delimited: bool) -> None:
        self.calls.append("ended")
        self.delimited = delimited
        self.ended = True
        self.on_end()

    def failed(self, broke: Break) -> None:
        self.calls.append("failed")
        self.broke = broke
        self.ended = True


class Cable:
    """A transport without a socket, that remembers what a connection does to it."""

    def __init__(self) -> None:
        self.written = b""
        self.aborted = 0
        self.reading = True
        self.producer: Any = None

    def setTcpNoDelay(self, enabled: bool) -> None:
        """As a socket would."""

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """As a socket would."""

    def write(self, data: bytes) -> None:
        self.written += data

    def writeSequence(self, pieces: list[bytes]) -> None:
        self.written += b"".join(pieces)

    def abortConnection(self) -> None:
        self.aborted += 1

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None

    def pauseProducing(self) -> None:
        self.reading = False

    def resumeProducing(self) -> None:
        self.reading = True


class Lines:
    """A connector without sockets: the test says what becomes of every connection."""

    def __init__(self) -> None:
        self.opening: list[tuple[Callable[[], Connection], Deferred[Connection]]] = []
        self.cancelled = 0
        self.opened = 0

    def connect(
        self, origin: Origin, build: Callable[[], Connection], timeout: float
    ) -> Deferred[Connection]:
        answer: Deferred[Connection] = Deferred(self._cancel)
        self.opening.append((build, answer))
        return answer

    def _cancel(self, answer: Deferred[Connection]) -> None:
        self.cancelled += 1
        self.opening = [item for item in self.opening if item[1] is not answer]

    def complete(self) -> Connection:
        """The connection that waits longest is made."""
        build, answer = self.opening.pop(0)
        connection = build()
        connection.makeConnection(Cable())
        self.opened += 1
        answer.callback(connection)
        return connection

    def refuse(self, code: str = "upstream_unreachable") -> None:
        """The connection that waits longest cannot be made."""
        answer = self.opening.pop(0)[1]
        answer.errback(UpstreamError(502, code, "No.", outcome="unreachable"))


class SocketTestCase(TestCase):
    """Tests with servers of plain sockets; whatever was opened is closed and waited for."""

    timeout = 20

    def setUp(self) -> None:
        from twisted.internet import reactor  # noqa: PLC0415 - importing must not install it

        self.clock: Any = reactor
        self.sweeper = Sweeper(self.clock, 0.02)
        self.resolver = Resolver(self.clock, 5)
        self.timeouts = TimeoutSettings()
        self.connections: list[Connection] = []
        self.use(UpstreamSettings())
        self.addCleanup(self.let_go)

    def use(self, settings: UpstreamSettings) -> None:
        """Have a new pool with other settings."""
        self.connector = TcpConnector(self.clock, self.resolver, settings.ca_file)
        self.pool = GatewayPool(self.clock, self.connector, settings)

    async def let_go(self) -> None:
        """Close everything and wait until it is gone."""
        self.sweeper.stop()
        for connection in self.connections:
            connection.close()
        await self.pool.closeCachedConnections()
        self.connector.stop()
        await until(lambda: all(c.state == "CLOSED" for c in self.connections))
        await until(lambda: not any(_is_ours(reader) for reader in self.clock.getReaders()))

    def serve(self, *scripts: Script, **options: Any) -> ScriptedServer:
        """Start a server that is stopped after the test."""
        server = ScriptedServer(*scripts, **options)
        self.addCleanup(server.stop)
        return server

    def origin(self, server: ScriptedServer, scheme: str = "http", host: str = "") -> Origin:
        """How to reach a server."""
        return Origin(scheme, host or "127.0.0.1", server.port)

    def attempt(
        self, origin: Origin, pieces: list[bytes], **options: Any
    ) -> tuple[Attempt, Record]:
        """Start an attempt."""
        record = Record()
        request = OutgoingRequest(origin, pieces, **options)
        attempt = Attempt(self.pool, self.sweeper, self.clock, request, self.timeouts, record)
        attempt.start()
        return attempt, record

    async def exchange(
        self, origin: Origin, pieces: list[bytes] | None = None, **options: Any
    ) -> Record:
        """Make an attempt and wait for its end."""
        _, record = self.attempt(origin, pieces or [GET], **options)
        await until(lambda: record.ended)
        return record

    async def connect(self, origin: Origin) -> Connection:
        """A connection of the pool."""
        connection = await self.pool.lease(origin, 5)
        self.connections.append(connection)
        return connection


def _is_ours(reader: Any) -> bool:
    protocol = getattr(reader, "protocol", None)
    return isinstance(getattr(protocol, "wrappedProtocol", protocol), Connection)
