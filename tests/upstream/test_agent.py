"""Twisted's agent interface on our pool, as treq and others use it."""

from __future__ import annotations

import gzip
from functools import partial
from typing import Any

from attrs import evolve
from treq.client import HTTPClient
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from twisted.web.client import FileBodyProducer, ResponseDone, ResponseFailed, readBody
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import UNKNOWN_LENGTH, IAgent, IResponse
from zope.interface.verify import verifyObject

from magicgateway.errors import UpstreamError
from magicgateway.upstream.agent import AgentResponse, GatewayAgent
from tests.sockets import CLOSE, OK, RESET, Peer, closed_port, until
from tests.upstream.sinks import SocketTestCase

CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: 1\r\nx-a: 2\r\n\r\n"
    b"5\r\nhello\r\n0\r\n\r\n"
)


class Reader(Protocol):
    """A protocol that a body is delivered to; ``pause_at`` pieces it asks for no more."""

    transport: Any

    def __init__(self, pause_at: int = 0) -> None:
        self.pieces: list[bytes] = []
        self.reason: Failure | None = None
        self.pause_at = pause_at
        self.abort_at = 0

    def dataReceived(self, data: bytes) -> None:
        self.pieces.append(data)
        if len(self.pieces) == self.pause_at:
            self.transport.pauseProducing()
        if len(self.pieces) == self.abort_at:
            self.transport.abortConnection()

    def connectionLost(self, reason: Failure = Failure(ResponseDone())) -> None:  # noqa: B008 - the interface's own default
        assert self.reason is None, "the end was announced twice"
        self.reason = reason


class AgentTestCase(SocketTestCase):
    """An agent on a real pool."""

    def setUp(self) -> None:
        super().setUp()
        self.agent = self.make_agent()
        self.treq = HTTPClient(self.agent)

    def make_agent(self, **timeouts: float) -> GatewayAgent:
        """An agent with other timeouts."""
        timing = evolve(self.timeouts, **timeouts)
        return GatewayAgent(self.pool, self.sweeper, self.clock, timing)

    async def get(self, port: int, path: str = "/", **options: Any) -> Any:
        """A response as treq gives it, asked for as the project asks."""
        return await self.treq.get(
            f"http://127.0.0.1:{port}{path}", allow_redirects=False, unbuffered=True, **options
        )

    async def response(self, port: int) -> AgentResponse:
        """A response as the agent gives it."""
        url = b"http://127.0.0.1:%d/" % port
        response = await self.agent.request(b"GET", url, Headers())
        assert isinstance(response, AgentResponse)
        return response


class TreqTests(AgentTestCase):
    """treq on top."""

    async def test_get(self) -> None:
        """A GET is one request with its own Host and query, and gives status, fields and body."""
        server = self.serve([CHUNKED])
        response = await self.get(server.port, "/v1/models?limit=2", headers={"X-Key": "k"})
        self.assertEqual(200, response.code)
        self.assertEqual([b"1", b"2"], response.headers.getRawHeaders(b"x-a"))
        self.assertEqual(b"hello", await response.content())
        lines = server.requests()[0].split(b"\r\n")
        self.assertEqual(b"GET /v1/models?limit=2 HTTP/1.1", lines[0])
        self.assertEqual(1, lines.count(b"Host: 127.0.0.1:%d" % server.port))
        self.assertIn(b"X-Key: k", lines)
        self.assertFalse([line for line in lines if line.lower().startswith(b"content-length")])

    async def test_post(self) -> None:
        """A POST carries its body and its length, once."""
        server = self.serve([OK])
        response = await self.treq.post(
            f"http://127.0.0.1:{server.port}/v1", json={"a": 1}, allow_redirects=False
        )
        self.assertEqual(b"ok", await response.content())
        head, _, body = server.requests()[0].partition(b"\r\n\r\n")
        self.assertEqual(b'{"a":1}', body)
        self.assertEqual(1, head.lower().count(b"content-length"))

    async def test_reuse(self) -> None:
        """Requests in a row need one connection, also when the answer came before its reader."""
        server = self.serve([OK, CHUNKED] * 5)
        for _ in range(10):
            response = await self.get(server.port)
            await until(lambda: self.idle() == 1)
            self.assertIn(await response.content(), (b"ok", b"hello"))
        self.assertEqual(1, len(server.peers))

    def idle(self) -> int:
        """How many connections the pool could lend."""
        return sum(idle for _, idle, _ in self.pool.counts())

    async def test_no_redirects(self) -> None:
        """A redirect is an answer, not an order."""
        moved = b"HTTP/1.1 302 Found\r\nLocation: http://evil.test/\r\nContent-Length: 0\r\n\r\n"
        server = self.serve([moved])
        self.assertEqual(302, (await self.get(server.port)).code)
        self.assertEqual(1, len(server.requests()))

    async def test_cookies_stay(self) -> None:
        """One client for all, asked as the project asks, sends no cookie of another's call."""
        cookie = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"
        server = self.serve([cookie] * 2)
        for _ in range(2):
            await (await self.get(server.port, cookies={})).content()
        self.assertNotIn(b"cookie", b"".join(server.requests()).lower())

    async def test_cancel(self) -> None:
        """Cancelling before the answer closes the connection."""
        server = self.serve(Peer.read_to_end)
        asking = self.agent.request(b"GET", b"http://127.0.0.1:%d/" % server.port)
        await until(lambda: server.peers and server.peers[0].received)
        asking.cancel()
        await self.assertFailure(asking, CancelledError)
        await until(lambda: server.peers[0].end)

    async def test_timeout(self) -> None:
        """So does treq's own timeout."""
        server = self.serve(Peer.read_to_end)
        asking = Deferred.fromCoroutine(self.get(server.port, timeout=0.1))
        await self.assertFailure(asking, CancelledError)
        await until(lambda: server.peers[0].end)


class RequestTests(AgentTestCase):
    """What is sent."""

    async def test_interfaces(self) -> None:
        """Both sides keep Twisted's interfaces."""
        self.assertTrue(verifyObject(IAgent, self.agent))
        response = await self.response(self.serve([OK]).port)
        self.assertTrue(verifyObject(IResponse, response))
        self.assertEqual((b"HTTP", 1, 1), response.version)
        self.assertEqual(2, response.length)
        response.setPreviousResponse(response)
        self.assertIs(response, response.previousResponse)
        self.assertEqual(b"ok", await readBody(response))

    async def test_length(self) -> None:
        """A body whose length nobody said has an unknown one."""
        response = await self.response(self.serve([CHUNKED]).port)
        self.assertEqual(UNKNOWN_LENGTH, response.length)
        self.assertEqual(b"hello", await readBody(response))

    async def test_framing_is_ours(self) -> None:
        """Framing and hop fields that the caller of the agent sets do not go out."""
        server = self.serve([OK])
        headers = Headers({"Host": ["x"], "Content-Length": ["9"], "Transfer-Encoding": ["x"]})
        headers.addRawHeader("Connection", "close")
        headers.addRawHeader("X-Two", "1")
        headers.addRawHeader("X-Two", "2")
        url = b"http://127.0.0.1:%d" % server.port
        await readBody(await self.agent.request(b"POST", url, headers))
        self.assertEqual(
            b"POST / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nX-Two: 1\r\nX-Two: 2\r\n"
            b"Content-Length: 0\r\nAccept-Encoding: identity\r\n\r\n" % server.port,
            server.requests()[0],
        )

    async def test_nothing_compressed_is_asked_for(self) -> None:
        """Whatever treq and its caller would take, the provider is asked for the plain answer."""
        server = self.serve([OK])
        await (await self.get(server.port, headers={"Accept-Encoding": "br"})).content()
        lines = server.requests()[0].lower().split(b"\r\n")
        encodings = [line for line in lines if line.startswith(b"accept-encoding")]
        self.assertEqual([b"accept-encoding: identity"], encodings)

    async def test_body_producer(self) -> None:
        """A body producer's body is sent whole."""
        from io import BytesIO  # noqa: PLC0415 - only here

        server = self.serve([OK])
        body = b"0123456789" * 50_000
        producer = FileBodyProducer(BytesIO(body))
        url = b"http://127.0.0.1:%d/" % server.port
        await readBody(await self.agent.request(b"PUT", url, None, producer))
        self.assertTrue(server.requests()[0].endswith(b"\r\n\r\n" + body))

    async def test_head(self) -> None:
        """HEAD has no body and does not swallow the next answer."""
        server = self.serve([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"], [OK])
        url = b"http://127.0.0.1:%d/" % server.port
        response = await self.agent.request(b"HEAD", url)
        self.assertEqual(b"", await readBody(response))
        self.assertEqual(b"ok", await readBody(await self.agent.request(b"GET", url)))

    async def test_repeats(self) -> None:
        """On a stale connection a GET is made once more; a POST is not."""
        for method, count in ((b"GET", 3), (b"POST", 2)):

            def drop(peer: Peer) -> None:
                peer.read_request()
                peer.send(OK)
                peer.read_request()
                peer.close()

            server = self.serve(drop, [OK])
            url = b"http://127.0.0.1:%d/" % server.port
            await readBody(await self.agent.request(b"GET", url))
            try:
                await readBody(await self.agent.request(method, url))
            except UpstreamError as fault:
                self.assertEqual("upstream_closed", fault.code)
            self.assertEqual(count, len(server.requests()))

    async def test_compressed_all_the_same(self) -> None:
        """A compressed answer is unpacked by nobody: it is a failure, and the connection closed."""
        bomb = gzip.compress(bytes(50_000_000))
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: %b\r\nContent-Length: %d\r\n\r\n"
        for coding in (b"gzip", b"GZIP", b"br"):
            server = self.serve([head % (coding, len(bomb)) + bomb])
            asking = Deferred.fromCoroutine(self.get(server.port))
            fault = await self.assertFailure(asking, UpstreamError)
            self.assertEqual((502, "upstream_encoded"), (fault.status, fault.code))
            await until(partial(getattr, server.peers[0], "end"))
        server = self.serve([head % (b"identity", 2) + b"ok"])
        self.assertEqual(b"ok", await (await self.get(server.port)).content())

    async def test_no_connection(self) -> None:
        """Without a connection the fault is one of ours."""
        url = b"http://127.0.0.1:%d/" % closed_port()
        await self.assertFailure(self.agent.request(b"GET", url), UpstreamError)

    async def test_response_head_timeout(self) -> None:
        """An answer that does not begin is given up."""
        self.agent = self.make_agent(response_head=0.1)
        server = self.serve(Peer.read_to_end)
        url = b"http://127.0.0.1:%d/" % server.port
        await self.assertFailure(self.agent.request(b"GET", url), UpstreamError)
        await until(lambda: server.peers[0].end)


class BodyTests(AgentTestCase):
    """How a body is delivered."""

    async def delivered(self, *script: bytes | str) -> Reader:
        """A body, read to its end."""
        response = await self.response(self.serve(list(script)).port)
        reader = Reader()
        response.deliverBody(reader)
        await until(lambda: reader.reason)
        return reader

    async def test_ends(self) -> None:
        """The reason at the end says whether the body is whole, may be, or is not."""
        half = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"
        for script, kind in (
            ((OK,), ResponseDone),
            ((CHUNKED,), ResponseDone),
            ((b"HTTP/1.1 200 OK\r\n\r\nall", CLOSE), PotentialDataLoss),
            ((half, CLOSE), ResponseFailed),
            ((half, RESET), ResponseFailed),
        ):
            reader = await self.delivered(*script)
            assert reader.reason is not None
            self.assertIsInstance(reader.reason.value, kind)

    async def test_waits_for_its_reader(self) -> None:
        """Until somebody wants the body, the provider waits; then everything comes, in order."""
        size = 16 * 1024 * 1024
        sent: list[int] = []

        def flood(peer: Peer) -> None:
            peer.read_request()
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
            for at in range(256):
                peer.send(bytes([at]) * 65536)
                sent.append(at)

        response = await self.response(self.serve(flood).port)
        await until(lambda: len(sent) > 5)
        reader = Reader(pause_at=3)
        response.deliverBody(reader)
        self.assertLess(len(sent), 256)
        await until(lambda: len(reader.pieces) == 3)
        self.assertIsNone(reader.reason)
        reader.transport.resumeProducing()
        await until(lambda: reader.reason)
        whole = b"".join(bytes([at]) * 65536 for at in range(256))
        self.assertEqual(whole, b"".join(reader.pieces))

    async def test_late_calls(self) -> None:
        """A reader that pauses or stops after the end does not touch the next one's connection."""
        server = self.serve([OK], [OK])
        response = await self.response(server.port)
        reader = Reader()
        response.deliverBody(reader)
        await until(lambda: reader.reason)
        connection = self.pool.take_idle(self.origin(server))
        assert connection is not None
        self.connections.append(connection)
        for call in (
            response.pauseProducing,
            response.resumeProducing,
            response.stopProducing,
            response.loseConnection,
        ):
            call()
        self.assertEqual("QUIESCENT", connection.state)

    async def test_abort(self) -> None:
        """Aborting closes the connection, and the reader is told once."""

        def drip(peer: Peer) -> None:
            peer.read_request()
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
            peer.read_to_end()

        server = self.serve(drip)
        response = await self.response(server.port)
        reader = Reader()
        reader.abort_at = 1
        response.deliverBody(reader)
        await until(lambda: reader.reason)
        assert reader.reason is not None
        self.assertTrue(reader.reason.check(ResponseFailed))
        await until(lambda: server.peers[0].end)

    async def test_cancelled_reading(self) -> None:
        """Cancelling ``readBody`` closes the connection."""
        server = self.serve([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"])
        reading = readBody(await self.response(server.port))
        reading.cancel()
        await self.assertFailure(reading, CancelledError, ResponseFailed)
        await until(lambda: server.peers[0].end)
