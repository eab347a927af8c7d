"""Bodies on their way in, on real sockets: streamed to the provider as they arrive."""

from __future__ import annotations

import socket
import threading
from typing import Any

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.sealed import PREFIX
from magicgateway.serving.intake import SCANNED_FROM, CarrierSearch, JsonBody
from tests.gateway import GatewayTestCase, RunningGateway, post, start_gateway, until
from tests.serving.test_channel import code_of, status_of
from tests.sockets import Peer, ScriptedServer

DEMO = {"x-provider": "demo"}


class CarrierTests(SynchronousTestCase):
    def test_found(self) -> None:
        """Wherever a body is cut, the beginning of such a string is seen; in words it is none."""
        body = b'{"signature":"mgw1.abc"}'
        self.assertIn(PREFIX.encode(), body)
        for size in (1, 2, 3, 5, 8, 100):
            search = CarrierSearch()
            for at in range(0, len(body), size):
                search.feed(body[at : at + size])
            self.assertTrue(search.found, size)
        for other in (b"", b'{"text":"say mgw1. to me"}', b'{"a":"mgw2."}', b'"mgw1'):
            search = CarrierSearch()
            search.feed(other)
            search.feed(b"x")
            self.assertFalse(search.found, other)

    def test_bodies(self) -> None:
        """Small bodies are looked at when they are read, large ones while they arrive."""
        for padding in (0, SCANNED_FROM):
            for expected, text in ((True, b'"mgw1.abc"'), (False, b'"words"')):
                body = JsonBody(10 * SCANNED_FROM)
                for piece in (b'{"model":"m","a":"' + b"x" * padding + b'","b":"mgw', b'","c":'):
                    body.add(piece)
                body.add(text[:4])
                body.add(text[4:] + b"}")
                self.assertEqual("m", body.read().model)
                self.assertIs(expected, body.holds_carrier(), padding)


class UploadTests(GatewayTestCase):
    """Bodies that go to the provider as they arrive."""

    def serve(self, *scripts: Any) -> ScriptedServer:
        server = ScriptedServer(*scripts)
        self.addCleanup(server.stop)
        return server

    async def before(self, server: ScriptedServer) -> RunningGateway:
        url = f"http://127.0.0.1:{server.port}/v1"
        return await start_gateway(self, f'[providers.local]\nbase_url = "{url}"\n')

    def upload(self, body: bytes, *, chunked: bool = False) -> bytes:
        fields = {"x-provider": "local", "Content-Type": "application/octet-stream"}
        request = post("/v1/files", body, headers=fields)
        if not chunked:
            return request
        head = request.partition(b"\r\n\r\n")[0]
        head = head.replace(b"Content-Length: %d" % len(body), b"Transfer-Encoding: chunked")
        middle = len(body) // 2
        parts = [body[:middle], body[middle:]]
        framed = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts if part)
        return head + b"\r\n\r\n" + framed + b"0\r\n\r\n"

    async def test_whole(self) -> None:
        """With a length or in chunks, of any size, the body arrives as it was sent."""
        for size in (1, 1000, 3_000_000):
            body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
            for chunked in (False, True):
                fields = {**DEMO, "Content-Type": "application/octet-stream"}
                request = self.upload(body, chunked=chunked).replace(b"local", b"demo")
                request = request.replace(b"/v1/files", b"/v1/audio/transcriptions")
                del fields
                await self.gateway.ask(request)
                received = self.gateway.demo.journal[-1]
                self.assertEqual(
                    (size, size), (received.body_size, self.gateway.facts[-1].request_bytes)
                )

    async def test_as_it_arrives(self) -> None:
        """The provider has the beginning before the caller has sent the end."""
        server = self.serve([b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"])
        gateway = await self.before(server)
        request = self.upload(b"a" * 100_000)
        client = socket.create_connection(("127.0.0.1", gateway.port))
        self.addCleanup(client.close)
        client.sendall(request[:-1])
        await until(lambda: bool(server.peers) and b"aaaa" in server.peers[0].received)
        client.sendall(request[-1:])
        answer = await deferToThread(client.recv, 65536)
        self.assertEqual(200, status_of(answer))

    async def test_early_answer(self) -> None:
        """An answer that comes before the end of the body is passed on, and the rest ignored."""

        def refuse(peer: Peer) -> None:
            peer.read_head()
            peer.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
            peer.read_to_end()

        server = self.serve(refuse)
        gateway = await self.before(server)
        client = socket.create_connection(("127.0.0.1", gateway.port))
        self.addCleanup(client.close)
        client.sendall(self.upload(b"a" * 5_000_000)[:100_000])
        answer = await deferToThread(client.recv, 65536)
        self.assertEqual(413, status_of(answer))
        await until(lambda: bool(server.peers[0].end))

    async def test_never_twice(self) -> None:
        """An upload whose beginning has left is not sent again when its connection breaks."""
        ok = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

        def stale(peer: Peer) -> None:
            peer.read_request()
            peer.send(ok)
            peer.read_head()
            peer.close()

        server = self.serve(stale, [ok])
        gateway = await self.before(server)
        self.assertEqual(200, status_of(await gateway.ask(self.upload(b"a" * 10))))
        answer = await gateway.ask(self.upload(b"a" * 10))
        self.assertEqual((502, "upstream_closed"), (status_of(answer), code_of(answer)))
        self.assertEqual(1, len(server.peers))

    async def test_too_large_on_the_way(self) -> None:
        """A chunked upload that grows too large is 413, and the provider's side is dropped."""
        server = self.serve(lambda peer: peer.read_to_end())
        url = f"http://127.0.0.1:{server.port}/v1"
        gateway = await start_gateway(
            self, f'[server]\nmax_upload_bytes = 1000\n[providers.local]\nbase_url = "{url}"\n'
        )
        answer = await gateway.ask(self.upload(b"a" * 3000, chunked=True))
        self.assertEqual((413, "body_too_large"), (status_of(answer), code_of(answer)))
        await until(lambda: all(peer.end for peer in server.peers))

    async def test_caller_leaves(self) -> None:
        """A caller that leaves in the middle takes the provider's side with it."""
        server = self.serve(lambda peer: peer.read_to_end())
        gateway = await self.before(server)
        client = socket.create_connection(("127.0.0.1", gateway.port))
        client.sendall(self.upload(b"a" * 1_000_000)[:50_000])
        await until(lambda: bool(server.peers))
        client.close()
        await until(lambda: bool(server.peers[0].end), 1.0)
        self.assertEqual("caller_left", gateway.facts[0].outcome)

    async def test_slow_provider(self) -> None:
        """A provider that takes nothing pauses the caller; little is held."""
        over = threading.Event()
        gateway = await self.before(self.serve(lambda _: over.wait(10)))
        self.addCleanup(over.set)
        client = socket.create_connection(("127.0.0.1", gateway.port))
        self.addCleanup(client.close)
        client.setblocking(False)
        request = self.upload(b"a" * 60_000_000)
        sent = [0]

        def blocked() -> bool:
            try:
                sent.append(sent[-1] + client.send(request[sent[-1] : sent[-1] + 1_000_000]))
            except BlockingIOError:
                sent.append(sent[-1])
            return len(sent) > 100 and sent[-100] == sent[-1]

        await until(blocked, 10)
        self.assertLess(sent[-1], 30_000_000)
