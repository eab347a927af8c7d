"""One connection to a provider over real sockets, whose other end is a plain blocking one."""

from __future__ import annotations

from twisted.internet.task import deferLater

from tests.sockets import CLOSE, OK, RESET, Peer, until
from tests.upstream.sinks import GET, SocketTestCase, post

CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5\r\nhello\r\n1;a=b\r\n \r\n5\r\nworld\r\n0\r\nX-Sum: 1\r\n\r\n"
)


class SocketTests(SocketTestCase):
    """What the fed tests promise, and what only a socket can show."""

    async def test_reuse(self) -> None:
        """Five requests in a row need one connection."""
        server = self.serve([OK, CHUNKED] * 3)
        for _ in range(5):
            self.assertEqual(200, (await self.exchange(self.origin(server))).status)
        self.assertEqual(1, len(server.peers))
        self.assertEqual([GET] * 5, server.requests())

    async def test_single_bytes(self) -> None:
        """An answer in single bytes is the same answer."""

        def drip(peer: Peer) -> None:
            peer.read_request()
            for position in range(len(CHUNKED)):
                peer.send(CHUNKED[position : position + 1])
            peer.read_to_end()

        record = await self.exchange(self.origin(self.serve(drip)))
        self.assertEqual((b"hello world", True), (record.body, record.delimited))

    async def test_head_not_reused(self) -> None:
        """Two HEAD requests need two connections."""
        head = b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"
        server = self.serve([b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"])
        for _ in range(2):
            await self.exchange(self.origin(server), [head], head_request=True)
        self.assertEqual(2, len(server.peers))
        await until(lambda: all(peer.end for peer in server.peers))

    async def test_close_not_reused(self) -> None:
        """An answer that says Close is followed by a new connection."""
        answer = b"HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 2\r\n\r\nok"
        server = self.serve([answer])
        for _ in range(2):
            self.assertEqual(b"ok", (await self.exchange(self.origin(server))).body)
        self.assertEqual(2, len(server.peers))

    async def test_excess_later(self) -> None:
        """Bytes that come to an idle connection close it."""

        def talk(peer: Peer) -> None:
            peer.read_request()
            peer.send(OK)
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
            peer.read_to_end()

        server = self.serve(talk, [OK])
        await self.exchange(self.origin(server))
        await until(lambda: server.peers[0].end)
        self.assertEqual(b"ok", (await self.exchange(self.origin(server))).body)
        self.assertEqual(2, len(server.peers))

    async def test_until_close(self) -> None:
        """A close-delimited body arrives whole; a reset in it is a break."""
        server = self.serve(
            [b"HTTP/1.0 200 OK\r\n\r\nall of it", CLOSE], [b"HTTP/1.0 200 OK\r\n\r\nhalf", RESET]
        )
        whole = await self.exchange(self.origin(server))
        self.assertEqual((b"all of it", False), (whole.body, whole.delimited))
        half = await self.exchange(self.origin(server))
        self.assertIn(half.calls[-1], ("failed", "attempt_failed"))

    async def test_half_close(self) -> None:
        """A provider that stops sending inside a body has broken it off, though it still reads."""

        def stop(peer: Peer) -> None:
            peer.read_request()
            peer.send(CHUNKED[:-9])
            peer.half_close()
            peer.read_to_end()

        record = await self.exchange(self.origin(self.serve(stop)))
        self.assertEqual(["sent", "head", "body", "failed"], record.calls)

    async def test_early_answer(self) -> None:
        """An answer in the middle of a large upload arrives, and the provider gets no more."""

        def refuse(peer: Peer) -> None:
            peer.read_head()
            peer.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
            peer.read_to_end()

        server = self.serve(refuse)
        record = await self.exchange(self.origin(server), [*post()[:1], *[b"x" * 65536] * 400])
        self.assertEqual((413, b"no"), (record.status, record.body))
        await until(lambda: server.peers[0].end)

    async def test_pause(self) -> None:
        """A reader that pauses makes the provider wait; after it resumes, everything comes."""
        size = 32 * 1024 * 1024
        sent: list[int] = []

        def flood(peer: Peer) -> None:
            peer.read_request()
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
            for _ in range(512):
                peer.send(b"z" * 65536)
                sent.append(65536)
            peer.read_to_end()

        server = self.serve(flood)
        _, record = self.attempt(self.origin(server), [GET])
        await until(lambda: record.head)
        assert record.connection is not None
        record.connection.pause()
        had = -1
        while had != len(sent):
            had = len(sent)
            await deferLater(self.clock, 0.1)
        self.assertLess(sum(sent), size)
        record.connection.resume()
        await until(lambda: record.ended)
        self.assertEqual(size, len(record.body))
