"""Reading a whole answer of a control call, with a bound and a way out."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import ResponseFailed

from magicgateway.upstream.agent import GatewayAgent
from magicgateway.upstream.body import BodyTooLarge, feed, read_body
from tests.sockets import CLOSE, OK, RESET, Script, ScriptedServer, until
from tests.upstream.sinks import SocketTestCase


class ReadBodyTests(SocketTestCase):
    """From real sockets, through the agent."""

    async def ask(self, *script: bytes | str, limit: int = 100) -> bytes:
        """The body of an answer."""
        server: ScriptedServer = self.serve(list(script))
        self.server = server
        agent = GatewayAgent(self.pool, self.sweeper, self.clock, self.timeouts)
        response = await agent.request(b"GET", b"http://127.0.0.1:%d/" % server.port)
        return await read_body(response, limit)

    async def test_whole(self) -> None:
        """The body comes in one piece, also when its end is the connection's."""
        self.assertEqual(b"ok", await self.ask(OK))
        self.assertEqual(b"all", await self.ask(b"HTTP/1.1 200 OK\r\n\r\nall", CLOSE))

    async def test_limit(self) -> None:
        """A body of the limit passes, one byte more does not and closes the connection."""
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
        self.assertEqual(b"x" * 1000, await self.ask(answer + b"x" * 1000, limit=1000))
        with self.assertRaises(BodyTooLarge):
            await self.ask(answer + b"x" * 1000, limit=999)
        with self.assertRaises(BodyTooLarge):
            await self.ask(answer + b"x" * 101)
        await until(lambda: self.server.peers[0].end)

    async def test_broken(self) -> None:
        """A body that breaks off is a failure, never half an answer."""
        half = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"
        for end in (CLOSE, RESET):
            with self.assertRaises(ResponseFailed):
                await self.ask(half, end)

    async def test_cancel(self) -> None:
        """Cancelling closes the connection at once."""
        script: Script = [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"]
        server = self.serve(script)
        agent = GatewayAgent(self.pool, self.sweeper, self.clock, self.timeouts)
        response = await agent.request(b"GET", b"http://127.0.0.1:%d/" % server.port)
        reading = read_body(response, 100)
        reading.cancel()
        await self.assertFailure(reading, CancelledError)
        await until(lambda: server.peers[0].end)


class _InOneGo:
    """A response whose body was there before its reader, in several pieces."""

    aborted = 0

    def deliverBody(self, protocol: Any) -> None:
        protocol.makeConnection(self)
        for piece in (b"a", b"b", b"c"):
            protocol.dataReceived(piece)

    def abortConnection(self) -> None:
        self.aborted += 1


class FeedTests(SynchronousTestCase):
    """Passing a body on."""

    def test_enough(self) -> None:
        """Whoever has enough says so once, and gets no more."""
        taken: list[bytes] = []

        def take(data: bytes) -> None:
            taken.append(data)
            if data == b"b":
                raise KeyError(data)

        response: Any = _InOneGo()
        self.failureResultOf(feed(response, take), KeyError)
        self.assertEqual(([b"a", b"b"], 1), (taken, response.aborted))
