"""Requests that nobody wants any more, at any moment, and bodies too large for one write."""

from __future__ import annotations

import hashlib

from twisted.internet.task import Clock

from magicgateway.config.settings import UpstreamSettings
from magicgateway.upstream.attempt import Attempt, OutgoingRequest
from magicgateway.upstream.deadlines import Sweeper
from magicgateway.upstream.pool import GatewayPool, Origin
from tests.sockets import OK, Peer, closed_port, until
from tests.upstream.sinks import GET, Lines, Record, SocketTestCase, post, read_then


class AbandonTests(SocketTestCase):
    """Nobody wants the answer any more, at any moment."""

    async def test_while_connecting(self) -> None:
        """The connection is not made, the place is free, the reader hears nothing."""
        server = self.serve([OK])
        attempt, record = self.attempt(self.origin(server), [GET])
        attempt.abandon()
        attempt.abandon()
        self.assertEqual([], record.calls)
        self.assertEqual(0, sum(busy for _, _, busy in self.pool.counts()))
        self.assertEqual([], server.requests())

    async def test_while_waiting_for_a_place(self) -> None:
        """A request that waits at the cap and is abandoned takes no place later."""
        self.use(UpstreamSettings(max_in_flight=1))
        server = self.serve(Peer.read_to_end, [OK])
        first, _ = self.attempt(self.origin(server), [GET])
        await until(lambda: server.peers)
        second, record = self.attempt(self.origin(server), [GET])
        second.abandon()
        first.abandon()
        self.assertEqual([], record.calls)
        self.assertEqual(200, (await self.exchange(self.origin(server))).status)
        self.assertEqual(2, len(server.peers))

    async def test_while_pausing(self) -> None:
        """Between two tries, the second is not made."""
        attempt, record = self.attempt(Origin("http", "127.0.0.1", closed_port()), [GET])
        await until(lambda: attempt._pause is not None)
        attempt.abandon()
        self.assertEqual(([], 1), (record.calls, attempt.count))

    async def test_while_waiting_for_the_answer(self) -> None:
        """The provider sees the connection go at once; nothing of it is reused."""
        server = self.serve(Peer.read_to_end)
        attempt, record = self.attempt(self.origin(server), [GET])
        await until(lambda: server.peers and server.peers[0].received)
        attempt.abandon()
        start = self.clock.seconds()
        await until(lambda: server.peers[0].end)
        self.assertLess(self.clock.seconds() - start, 0.1)
        self.assertEqual((["sent"], 0), (record.calls, len(self.sweeper)))

    async def test_while_sending_again(self) -> None:
        """While a stale connection is replaced, the replacement is given up."""
        server = self.serve(read_then("close"), Peer.read_to_end)
        await self.exchange(self.origin(server))
        attempt, record = self.attempt(self.origin(server), [GET])
        await until(lambda: attempt.count == 2)
        attempt.abandon()
        self.assertNotIn("attempt_failed", record.calls)
        self.assertEqual(0, sum(busy for _, _, busy in self.pool.counts()))

    async def test_late_answer(self) -> None:
        """An answer that comes after all is nobody's."""

        def late(peer: Peer) -> None:
            peer.read_request()
            peer.read_to_end()
            peer.send(OK)

        server = self.serve(late, [OK])
        attempt, record = self.attempt(self.origin(server), [GET])
        await until(server.requests)
        attempt.abandon()
        self.assertEqual(b"ok", (await self.exchange(self.origin(server))).body)
        self.assertEqual(["sent"], record.calls)


class FeedTests(SocketTestCase):
    """Large bodies are sent piece by piece."""

    def setUp(self) -> None:
        super().setUp()
        self.pieces = [hashlib.sha256(b"%d" % at).digest() * 2048 for at in range(160)]
        self.request = [post(sum(map(len, self.pieces)))[0], *self.pieces]

    async def test_whole(self) -> None:
        """Everything arrives in order, and the connection lives on."""
        server = self.serve([OK, OK])
        record = await self.exchange(self.origin(server), self.request)
        self.assertEqual(b"ok", record.body)
        self.assertEqual(_digest(b"".join(self.request)), _digest(server.requests()[0]))
        await self.exchange(self.origin(server), self.request)
        self.assertEqual(1, len(server.peers))

    def test_turns(self) -> None:
        """A provider that takes everything at once gets a bounded part of it in each turn."""
        clock, lines = Clock(), Lines()
        pool = GatewayPool(clock, lines, UpstreamSettings())
        request = OutgoingRequest(Origin("http", "provider.test", 80), self.request)
        sweeper = Sweeper(clock, 1)
        Attempt(pool, sweeper, clock, request, self.timeouts, Record()).start()
        cable = lines.complete().transport
        self.assertLessEqual(len(cable.written), 1024 * 1024)
        self.assertEqual(1, len([call for call in clock.getDelayedCalls() if not call.getTime()]))
        clock.advance(0)  # runs what is due until nothing is: all other turns
        self.assertEqual(b"".join(self.request), cable.written)
        self.assertIsNone(cable.producer)

    def test_turns_of_abandoned(self) -> None:
        """Between two turns it can be abandoned; nothing more is written, no timer is left."""
        clock, lines = Clock(), Lines()
        pool = GatewayPool(clock, lines, UpstreamSettings())
        request = OutgoingRequest(Origin("http", "provider.test", 80), self.request)
        sweeper = Sweeper(clock, 1)
        attempt = Attempt(pool, sweeper, clock, request, self.timeouts, Record())
        attempt.start()
        cable = lines.complete().transport
        written = len(cable.written)
        attempt.abandon()
        cable.producer.stopProducing()
        sweeper.stop()
        self.assertEqual([], clock.getDelayedCalls())
        self.assertEqual(written, len(cable.written))

    async def test_back_pressure(self) -> None:
        """While the provider does not read, little of the body is held in its connection."""

        def wait(peer: Peer) -> None:
            peer.read_head()
            gate.wait(10)
            peer.read_to_end()

        import threading  # noqa: PLC0415 - only here

        gate = threading.Event()
        self.addCleanup(gate.set)
        server = self.serve(wait)
        attempt, record = self.attempt(self.origin(server), self.request)
        await until(lambda: record.connection and server.peers)
        assert record.connection is not None
        transport = record.connection.transport
        await until(lambda: transport.producerPaused)
        self.assertLess(len(transport.dataBuffer) + transport._tempDataLen, 512 * 1024)
        gate.set()
        await until(lambda: len(server.peers[0].received) == sum(map(len, self.request)))
        attempt.abandon()

    async def test_repeated(self) -> None:
        """After a stale connection the whole body is sent again from its beginning."""

        def drop(peer: Peer) -> None:
            peer.read_request()
            peer.send(OK)
            peer.read_head()
            peer.reset()

        server = self.serve(drop, [OK])
        await self.exchange(self.origin(server))
        record = await self.exchange(self.origin(server), self.request)
        self.assertEqual(200, record.status)
        self.assertEqual(_digest(b"".join(self.request)), _digest(server.peers[1].requests[0]))

    async def test_abandoned(self) -> None:
        """Abandoned in the middle, it stops."""
        server = self.serve(Peer.read_to_end)
        attempt, record = self.attempt(self.origin(server), self.request)
        await until(lambda: record.connection)
        attempt.abandon()
        await until(lambda: server.peers and server.peers[0].end)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
