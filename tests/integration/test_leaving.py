"""Callers that leave, at every moment of a request: the provider's side ends at once."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from typing import Any

from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from magicgateway.policy import retry
from magicgateway.serving.exchange import Exchange
from tests.gateway import (
    GatewayTestCase,
    RunningGateway,
    exchange_bytes,
    post,
    start_gateway,
    until,
)
from tests.serving.test_channel import code_of, status_of
from tests.sockets import FullBacklog, Peer, ScriptedServer, closed_port

CHAT = "/v1/chat/completions"
PLAIN = b'{"model":"demo","messages":[{"role":"user","content":"Hi"}]}'
STREAMED = PLAIN.replace(b"{", b'{"stream":true,', 1)
AT_ONCE = 0.5
"""Seconds. Shorter than any timer that could be taken for it, and kind to a busy machine."""
PROMISED = 0.1
"""Seconds. What is promised, and kept at least once in two tries even when the machine is busy."""


def leave(client: socket.socket) -> None:
    """Close properly, by FIN."""
    client.close()


def vanish(client: socket.socket) -> None:
    """Close with a reset, as a process that was killed with data unread."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


class LeavingTestCase(GatewayTestCase):
    """A gateway, callers of plain sockets, and the question what is left of them."""

    def caller(self, gateway: RunningGateway, request: bytes) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", gateway.port))
        self.addCleanup(client.close)
        client.sendall(request)
        return client

    async def gateway_before(self, port: int, toml: str = "") -> RunningGateway:
        url = f"http://127.0.0.1:{port}/v1"
        return await start_gateway(self, f'{toml}[providers.local]\nbase_url = "{url}"\n')

    async def assert_gone(
        self, gateway: RunningGateway, gone: Callable[[], Any] = lambda: True
    ) -> None:
        """Nothing is left of the one exchange there was, and its end was told once."""
        await until(lambda: bool(gone() and gateway.facts), AT_ONCE)
        self.assertEqual(
            [("caller_left", 499)], [(fact.outcome, fact.status) for fact in gateway.facts]
        )
        self.assertEqual(set(), gateway.gateway.plane.running)
        self.assertEqual(0, len(gateway.gateway.plane.sweeper))
        await until(lambda: not any(busy for _, _, busy in gateway.gateway.pool.counts()), AT_ONCE)


class AnswerTests(LeavingTestCase):
    """There is a request at the provider when the caller leaves."""

    async def assert_stopped(self, fault: str, body: bytes, sent: int = 0) -> None:
        """The demo provider notices at once, however the caller leaves."""
        took = []
        for how in (leave, vanish):
            gateway = self.gateway = await start_gateway(self)
            fields = {"x-provider": "demo", "x-demo-fault": fault}
            client = self.caller(gateway, post(CHAT, body, headers=fields))
            journal = gateway.demo.journal
            await until(lambda: bool(journal) and journal[0].sent >= sent)  # noqa: B023
            clock: Any = reactor
            left = clock.seconds()
            how(client)
            await self.assert_gone(gateway, lambda: journal[0].left_at is not None)  # noqa: B023
            assert journal[0].left_at is not None
            took.append(journal[0].left_at - left)
            self.assertLess(took[-1], AT_ONCE)
            self.assertFalse(journal[0].whole)
        self.assertLess(min(took), PROMISED)

    async def test_waiting_for_a_stream(self) -> None:
        """Before the head of a streamed answer."""
        await self.assert_stopped("silence", STREAMED)

    async def test_waiting_for_json(self) -> None:
        """Before the head of any other answer."""
        await self.assert_stopped("silence", PLAIN)

    async def test_silent_stream(self) -> None:
        """While the provider says nothing in the middle of a stream."""
        await self.assert_stopped("stall=2", STREAMED, 200)

    async def test_held_head(self) -> None:
        """After the provider's head, before the first event, when nothing has been passed on."""
        await self.assert_stopped("stall=0", STREAMED, 50)

    async def test_between_events(self) -> None:
        """While events arrive."""
        await self.assert_stopped("rate=50;tokens=1000", STREAMED, 1000)

    async def test_reading_nothing(self) -> None:
        """While the provider is paused because the caller does not read."""
        await self.assert_stopped("bytes=50000000", STREAMED, 3_000_000)


class ConnectionTests(LeavingTestCase):
    """There is no connection to the provider yet."""

    async def test_connecting(self) -> None:
        """While it is being connected to, for streamed answers, others and uploads."""
        full = FullBacklog()
        self.addCleanup(full.stop)
        fields = {"x-provider": "local"}
        upload = post("/v1/files", b"x" * 1000, headers=fields)[:-500]
        for request in (
            post(CHAT, STREAMED, headers=fields),
            post(CHAT, PLAIN, headers=fields),
            upload,
        ):
            gateway = await self.gateway_before(full.port)
            client = self.caller(gateway, request)
            await until(lambda: bool(gateway.gateway.plane.running))  # noqa: B023
            client.close()
            await self.assert_gone(gateway)

    async def test_waiting_for_a_place(self) -> None:
        """While others have all the places there are; the next in the queue gets its turn."""
        toml = "[upstream]\nmax_in_flight = 1\nwait_seconds = 30\n"
        gateway = await start_gateway(self, toml)
        silent = {"x-provider": "demo", "x-demo-fault": "silence"}
        first = self.caller(gateway, post(CHAT, PLAIN, headers=silent))
        await until(lambda: bool(gateway.demo.journal))
        second = self.caller(gateway, post(CHAT, PLAIN, headers={"x-provider": "demo"}))
        await until(lambda: len(gateway.gateway.plane.running) == 2)
        second.close()
        await until(lambda: bool(gateway.facts), AT_ONCE)
        third = self.caller(gateway, post(CHAT, PLAIN, headers={"x-provider": "demo"}))
        await until(lambda: len(gateway.gateway.plane.running) == 2)
        first.close()
        await until(lambda: len(gateway.facts) == 3)
        self.assertEqual(
            ["caller_left", "caller_left", "completed"], [fact.outcome for fact in gateway.facts]
        )
        self.assertEqual(2, len(gateway.demo.journal))
        third.close()

    async def test_between_attempts(self) -> None:
        """In the pause before a provider that refused is tried once more."""
        self.patch(retry, "PAUSE_SECONDS", 5)
        gateway = await self.gateway_before(closed_port())
        client = self.caller(gateway, post(CHAT, PLAIN, headers={"x-provider": "local"}))
        running: set[Exchange] = gateway.gateway.plane.running
        await until(lambda: any(one.attempt and one.attempt._pause for one in running))
        client.close()
        await self.assert_gone(gateway)


class UploadTests(LeavingTestCase):
    """The caller is still sending."""

    async def assert_stopped(self, request: bytes) -> None:
        server = ScriptedServer(lambda peer: peer.read_to_end())
        self.addCleanup(server.stop)
        gateway = await self.gateway_before(server.port)
        client = self.caller(gateway, request)
        await until(lambda: bool(server.peers) and b"xxx" in server.peers[0].received)
        client.close()
        await self.assert_gone(gateway, lambda: server.peers[0].end)
        self.assertEqual(1, len(server.peers))

    async def test_with_a_length(self) -> None:
        """A body whose length is known, cut anywhere."""
        await self.assert_stopped(
            post("/v1/files", b"x" * 100_000, headers={"x-provider": "local"})[:-1]
        )

    async def test_in_chunks(self) -> None:
        """A chunked body; nothing makes its beginning look like all of it."""
        head = b"POST /v1/files HTTP/1.1\r\nHost: h\r\nx-provider: local\r\n"
        await self.assert_stopped(head + b"Transfer-Encoding: chunked\r\n\r\n5\r\nxxxxx\r\n3\r\nx")

    async def test_paused(self) -> None:
        """While the provider takes nothing and the gateway therefore reads nothing."""

        def take_nothing(peer: Peer) -> None:
            peer.read_head()
            done.wait(5)
            peer.read_to_end()

        server = ScriptedServer(take_nothing)
        done = server.stopping
        self.addCleanup(server.stop)
        gateway = await self.gateway_before(server.port)
        head = post("/v1/files", b"x" * 60_000_000, headers={"x-provider": "local"})
        client = self.caller(gateway, b"")
        client.setblocking(False)
        sent = [0]

        def stuck() -> bool:
            try:
                sent.append(sent[-1] + client.send(head[sent[-1] : sent[-1] + 500_000]))
            except BlockingIOError:
                sent.append(sent[-1])
            return len(sent) > 60 and sent[-50] == sent[-1]

        await until(stuck, 10)
        (exchange,) = gateway.gateway.plane.running
        self.assertTrue(exchange.request.channel._paused)
        vanish(client)
        await self.assert_gone(gateway)


class ListTests(LeavingTestCase):
    """A list of models is being fetched."""

    async def test_its_body(self) -> None:
        """In the middle of the provider's list: one end, and the provider's side is closed."""

        def begin(peer: Peer) -> None:
            peer.read_request()
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n[")
            peer.read_to_end()

        server = ScriptedServer(begin)
        self.addCleanup(server.stop)
        gateway = await start_gateway(
            self, f'[providers.together]\nbase_url = "http://127.0.0.1:{server.port}/v1"\n'
        )
        request = b"GET /together/v1/models HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer sk\r\n\r\n"
        client = self.caller(gateway, request)
        await until(lambda: bool(server.requests()))
        client.close()
        await self.assert_gone(gateway, lambda: server.peers[0].end)

    async def test_one_of_two(self) -> None:
        """Everybody's list is fetched once for all who ask; one that leaves takes nothing away."""
        body = b'{"data":[{"id":"a"}]}'

        def late(peer: Peer) -> None:
            peer.read_request()
            go_on.wait(5)
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
            peer.read_to_end()

        server = ScriptedServer(late)
        go_on = server.stopping.__class__()
        self.addCleanup(server.stop)
        gateway = await self.gateway_before(server.port)
        request = b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        first = self.caller(gateway, request)
        await until(lambda: bool(server.requests()))
        second = deferToThread(exchange_bytes, gateway.port, request)
        await until(lambda: len(gateway.gateway.plane.running) == 2)
        first.close()
        await until(lambda: bool(gateway.facts), AT_ONCE)
        go_on.set()
        self.assertIn(b'"id":"local/a"', await second)
        self.assertEqual(["caller_left", "completed"], [fact.outcome for fact in gateway.facts])
        self.assertEqual(1, len(server.requests()))

    async def test_gateway_stops(self) -> None:
        """A gateway that stops says so, once, to whoever waits for a list."""
        server = ScriptedServer(lambda peer: peer.read_to_end())
        self.addCleanup(server.stop)
        url = f"http://127.0.0.1:{server.port}/v1"
        gateway = await start_gateway(self, f'[providers.together]\nbase_url = "{url}"\n')
        fields = b"Host: localhost\r\nAuthorization: Bearer sk\r\n\r\n"
        asking = deferToThread(
            exchange_bytes, gateway.port, b"GET /together/v1/models HTTP/1.1\r\n" + fields
        )
        await until(lambda: bool(server.peers) and b"GET" in server.peers[0].received)
        gateway.gateway.interrupt()
        answer = await asking
        self.assertEqual((503, "gateway_stopping"), (status_of(answer), code_of(answer)))
        self.assertEqual(1, len(gateway.facts))
        await until(lambda: bool(server.peers[0].end))
