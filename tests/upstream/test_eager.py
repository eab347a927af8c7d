"""Sending at once, pinned against the installed Twisted: nothing else about a transport changes."""

from __future__ import annotations

import hashlib
import random
import socket
from typing import Any

from twisted.internet import error
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.internet.protocol import Protocol
from twisted.internet.tcp import Connection as TcpConnection
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from magicgateway.upstream import eager
from tests.sockets import Peer, ScriptedServer, until


@implementer(IHalfCloseableProtocol)
class Client(Protocol):
    """Remembers what its transport tells it."""

    transport: Any

    def __init__(self) -> None:
        self.lost = False
        self.told = ""

    def connectionLost(self, reason: Failure = Failure(error.ConnectionDone())) -> None:  # noqa: B008 - the interface's own default
        self.told = type(reason.value).__name__
        self.lost = True

    def readConnectionLost(self) -> None:
        """The peer sends no more."""

    def writeConnectionLost(self) -> None:
        self.told = "half"


@implementer(IPushProducer)
class Producer:
    """Counts how it is treated."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def pauseProducing(self) -> None:
        self.calls.append("pause")

    def resumeProducing(self) -> None:
        self.calls.append("resume")

    def stopProducing(self) -> None:
        self.calls.append("stop")


class EagerTests(TestCase):
    """On real sockets."""

    async def connected(self, script: Any = Peer.read_to_end) -> Client:
        """A client whose peer plays a script."""
        from twisted.internet import reactor  # noqa: PLC0415 - importing must not install it

        clock: Any = reactor
        self.server = ScriptedServer(script)
        self.addCleanup(self.server.stop)
        endpoint = TCP4ClientEndpoint(clock, "127.0.0.1", self.server.port)
        client: Client = await connectProtocol(endpoint, Client())
        self.addCleanup(self._gone, client)
        await until(lambda: self.server.peers)
        self.peer = self.server.peers[0]
        return client

    async def _gone(self, client: Client) -> None:
        client.transport.abortConnection()
        await until(lambda: client.lost)

    async def test_at_once(self) -> None:
        """What the kernel takes is gone when the call returns."""
        client = await self.connected()
        eager.write(client.transport, b"hello")
        self.assertEqual(0, eager.unsent(client.transport))
        await until(lambda: self.peer.received == b"hello")

    async def test_same_bytes(self) -> None:
        """Eager and ordinary writes of all sizes arrive in the order they were made."""
        client = await self.connected()
        chance = random.Random(7)  # noqa: S311 - sizes, not secrets
        sent = hashlib.sha256()
        total = 0
        for number in range(400):
            data = chance.randbytes(chance.choice((1, 100, 5000, 200_000)))
            sent.update(data)
            total += len(data)
            if number % 3:
                eager.write(client.transport, data)
            else:
                client.transport.write(data)
        self.assertGreater(eager.unsent(client.transport), 0)
        await until(lambda: len(self.peer.received) == total, 15)
        self.assertEqual(sent.digest(), hashlib.sha256(self.peer.received).digest())
        self.assertEqual(0, eager.unsent(client.transport))

    async def test_partial(self) -> None:
        """What the kernel does not take is queued, counted, and sent later."""
        client = await self.connected()
        client.transport.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        data = b"abcdefgh" * 60_000
        eager.write(client.transport, data)
        waiting = eager.unsent(client.transport)
        self.assertTrue(0 < waiting < len(data), waiting)
        eager.write(client.transport, b"end")
        self.assertEqual(waiting + 3, eager.unsent(client.transport))
        await until(lambda: len(self.peer.received) == len(data) + 3)
        self.assertEqual(data + b"end", self.peer.received)

    async def test_producer(self) -> None:
        """A push producer is paused when too much waits, resumed when it is gone."""

        def later(peer: Peer) -> None:
            self.server.stopping.wait(0.2)
            peer.read_to_end()

        client = await self.connected(later)
        producer = Producer()
        client.transport.registerProducer(producer, True)
        eager.write(client.transport, b"x" * 100)
        self.assertEqual([], producer.calls)
        eager.write(client.transport, b"x" * 30_000_000)
        self.assertEqual(["pause"], producer.calls)
        await until(lambda: len(producer.calls) == 2)
        self.assertEqual(["pause", "resume"], producer.calls)
        client.transport.unregisterProducer()

    async def test_lose_connection(self) -> None:
        """LoseConnection closes after everything was sent, queued or not."""
        for size in (5, 20_000_000):
            client = await self.connected()
            eager.write(client.transport, b"x" * size)
            client.transport.loseConnection()
            await until(self.peer.finished.is_set)
            self.assertEqual((size, "eof"), (len(self.peer.received), self.peer.end))
            self.assertEqual("ConnectionDone", client.told)

    async def test_half_close(self) -> None:
        """LoseWriteConnection after a write sends it, then the end; writes after it go nowhere."""
        client = await self.connected()
        eager.write(client.transport, b"last words")
        client.transport.loseWriteConnection()
        await until(lambda: client.told == "half")
        eager.write(client.transport, b"too late")
        await until(lambda: self.peer.end)
        self.assertEqual((b"last words", "eof"), (self.peer.received, self.peer.end))

    async def test_failing_send(self) -> None:
        """A send that fails closes nothing from within: the reactor reports it a turn later."""

        def leave(peer: Peer) -> None:
            peer.read(1)
            peer.reset()

        client = await self.connected(leave)
        client.transport.pauseProducing()
        eager.write(client.transport, b"x")
        await until(self.peer.finished.is_set)
        inside: list[bool] = []
        for _ in range(3):
            eager.write(client.transport, b"x")
            inside.append(client.lost)
        self.assertEqual([False] * 3, inside)
        await until(lambda: client.lost)
        self.assertEqual("ConnectionLost", client.told)
        eager.write(client.transport, b"after the end")

    async def test_after_abort(self) -> None:
        """After abortConnection nothing leaves any more."""
        client = await self.connected()
        client.transport.abortConnection()
        eager.write(client.transport, b"ghost")
        await until(lambda: self.peer.end)
        self.assertEqual(b"", self.peer.received)

    async def test_peer_has_closed(self) -> None:
        """A peer's end is seen while nobody reads."""

        def end(peer: Peer) -> None:
            peer.read(1)
            peer.half_close()
            peer.read_to_end()

        client = await self.connected(end)
        client.transport.pauseProducing()
        self.assertFalse(eager.peer_has_closed(client.transport))
        eager.write(client.transport, b"x")
        await until(lambda: eager.peer_has_closed(client.transport))
        self.assertEqual("", client.told)

    async def test_reset(self) -> None:
        """A reset reaches the peer as one, not as a clean end."""
        client = await self.connected()
        eager.write(client.transport, b"half")
        await until(lambda: self.peer.received)
        eager.reset(client.transport)
        await until(lambda: self.peer.end)
        self.assertEqual("reset", self.peer.end)
        await until(lambda: client.lost)
        self.assertTrue(eager.peer_has_closed(client.transport))
        eager.reset(client.transport)

    def test_other_transports(self) -> None:
        """A transport that is no TCP connection is left alone."""
        other = StringTransport()
        self.assertFalse(eager.is_plain_tcp(other))
        self.assertEqual(0, eager.unsent(other))
        self.assertFalse(eager.peer_has_closed(other))
        self.assertIs(other, eager.lower_transport(other))

    async def test_guard(self) -> None:
        """The private names that are used exist in the installed Twisted, with the same meaning."""
        client = await self.connected()
        transport = client.transport
        self.assertTrue(eager.is_plain_tcp(transport))
        self.assertEqual(b"", transport.dataBuffer)
        self.assertEqual(0, transport.offset)
        self.assertEqual([], transport._tempDataBuffer)
        self.assertEqual(0, transport._tempDataLen)
        self.assertIs(False, transport._aborting)
        self.assertFalse(transport.disconnecting)
        self.assertTrue(transport.connected)
        self.assertFalse(transport.TLS)
        transport.write(b"queued")
        self.assertEqual([b"queued"], transport._tempDataBuffer)
        self.assertEqual(6, transport._tempDataLen)
        self.assertIsInstance(transport, TcpConnection)
