"""Large bodies both ways: unchanged, piece by piece, and never much of them in the gateway."""

from __future__ import annotations

import hashlib
import socket
from typing import Any

from twisted.internet.threads import deferToThread

from magicgateway.upstream import eager
from tests.gateway import GatewayTestCase, RunningGateway, post, until
from tests.serving.test_channel import status_of
from tests.serving.test_relay import ScriptedTestCase
from tests.sockets import Peer

CHAT = "/v1/chat/completions"
KEY = {"authorization": "Bearer sk-1"}
HELD = 512 * 1024
SIZE = 5_000_000


class RequestTests(GatewayTestCase):
    """What the provider is sent."""

    toml = '[providers.openai]\nbase_url = "{demo}/v1"\n[models.fast]\ntargets = ["openai/gpt-x"]\n'

    async def test_alias(self) -> None:
        """An alias anywhere in 5 MB is replaced, in place, and every other byte is left alone."""
        filling = b'{"role":"user","content":"%b"}' % (b"\\u00e9 fast \\\\" * (SIZE // 16))
        for before, after in ((0, 2), (1, 1), (2, 0)):
            for spelled in (b'"fast"', rb'"f\u0061st"'):
                start = b'{"a":[%b], ' % b",".join([filling] * before)
                end = b' ,"messages":[%b],"n":1E+2}' % b",".join([filling] * after)
                body = start + b'"model" :\t' + spelled + end
                answer = await self.gateway.ask(post(CHAT, body, headers=KEY))
                expected = start + b'"model" :\t"gpt-x"' + end
                received = self.gateway.demo.journal[-1]
                self.assertEqual(
                    (len(expected), hashlib.sha256(expected).hexdigest()),
                    (received.body_size, received.body_sha256),
                    answer[:300],
                )


class AnswerTests(ScriptedTestCase):
    """What the caller gets."""

    async def test_unchanged(self) -> None:
        """5 MB of JSON, with a length, in chunks, or until the connection ends."""
        body = b'{"data": [%b0.10]}' % (b"1.0e5,\t" * (SIZE // 7))
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        chunks = b"".join(
            b"%x\r\n%b\r\n" % (len(piece), piece)
            for piece in (body[at : at + 30_000] for at in range(0, len(body), 30_000))
        )
        wires = (
            head + b"Content-Length: %d\r\n\r\n" % len(body) + body,
            head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n",
            head + b"\r\n" + body,
        )
        gateway = await self.gateway_before(self.serve(*([wire, "close"] for wire in wires)))
        for _ in wires:
            request = post(CHAT, b'{"model":"m"}', headers={"x-provider": "local"})
            answer = await gateway.ask(request.replace(b"HTTP/1.1", b"HTTP/1.0", 1))
            self.assertEqual(200, status_of(answer))
            received = answer.partition(b"\r\n\r\n")[2]
            self.assertEqual(hashlib.sha256(body).digest(), hashlib.sha256(received).digest())
            self.assertEqual(
                (len(body), "completed"),
                (gateway.facts[-1].response_bytes, gateway.facts[-1].outcome),
            )


class BackPressureTests(ScriptedTestCase):
    """Somebody does not read."""

    async def assert_held(self, gateway: RunningGateway) -> None:
        """Wait until nothing moves any more, and look at what the gateway has in its hands."""
        held: list[int] = [-1]

        def stands_still() -> bool:
            held.append(sum(map(eager.unsent, _transports(gateway))))
            return len(held) > 60 and held[-1] > 0 and len(set(held[-40:])) == 1

        await until(stands_still, 10)
        self.assertLessEqual(max(held), HELD)

    async def test_audio(self) -> None:
        """A caller that reads nothing of an answer pauses the provider, whatever the answer is."""
        size = 40_000_000
        sent = [0]

        def pour(peer: Peer) -> None:
            peer.read_request()
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\n")
            peer.send(b"Content-Length: %d\r\n\r\n" % size)
            for _ in range(size // 100_000):
                peer.send(b"\x00\xff" * 50_000)
                sent[0] += 100_000
            peer.read()

        gateway = await self.gateway_before(self.serve(pour))
        client = socket.create_connection(("127.0.0.1", gateway.port))
        self.addCleanup(client.close)
        fields = {"x-provider": "local"}
        client.sendall(post("/v1/audio/speech", b"{}", headers=fields))
        await self.assert_held(gateway)
        self.assertLess(sent[0], size)

        def read_all() -> int:
            client.settimeout(10)
            total = 0
            while data := client.recv(1 << 20):
                total += len(data.partition(b"\r\n\r\n")[2]) if not total else len(data)
            return total

        self.assertEqual(size, await deferToThread(read_all))

    async def test_upload(self) -> None:
        """A provider that reads nothing of an upload pauses the caller."""

        def take_late(peer: Peer) -> None:
            peer.read_head()
            late.wait(10)
            peer.read_to_end()

        server = self.serve(take_late)
        late: Any = server.stopping.__class__()
        gateway = await self.gateway_before(server)
        size = 40_000_000
        request = post("/v1/files", b"x" * size, headers={"x-provider": "local"})
        client = socket.create_connection(("127.0.0.1", gateway.port))
        self.addCleanup(client.close)
        sending = deferToThread(client.sendall, request)
        await self.assert_held(gateway)
        late.set()
        await sending
        await until(lambda: len(server.peers[0].received) > size)
        client.close()


def _transports(gateway: RunningGateway) -> list[Any]:
    """Of both sides."""
    found = [channel.transport for channel in gateway.gateway.site.channels]
    for exchange in gateway.gateway.plane.running:
        for one in (exchange.relay and exchange.relay._connection, exchange.upload):
            connection = getattr(one, "_connection", one)
            if connection is not None and connection.transport is not None:
                found.append(connection.transport)
    return found
