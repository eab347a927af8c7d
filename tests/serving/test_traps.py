"""The traps of llhttp and of forwarding streams: each was met once, each is a promise now."""

from __future__ import annotations

import re
from typing import Any

from magicgateway.upstream import eager
from magicgateway.upstream.connection import Connection
from tests.gateway import GatewayTestCase, RunningGateway, post, until
from tests.serving.test_channel import BODY, CHAT, DEMO, HEALTH, code_of, status_of
from tests.serving.test_relay import CHUNKED, EVENTS, ScriptedTestCase, body_of, chunk
from tests.sockets import Peer

COUNTED = post(CHAT, BODY, headers=DEMO)
IN_CHUNKS = re.sub(rb"Content-Length: \d+", b"Transfer-Encoding: chunked", COUNTED).replace(
    BODY, chunk(BODY) + b"0\r\n\r\n"
)
TRAILERS = b"x-provider: nobody\r\nx-request-id: smuggled\r\nContent-Length: 1\r\n"


class RequestTests(GatewayTestCase):
    """What llhttp takes in a request and the gateway does not, or not like that."""

    async def assert_refused(self, status: int, request: bytes) -> None:
        """There is one answer, a refusal, and no second request is seen in what follows."""
        answer = await self.gateway.ask(request + HEALTH % b"")
        self.assertEqual((status, 1), (status_of(answer), answer.count(b"HTTP/1.1 ")), answer)
        self.assertIn(b"Connection: close", answer)
        self.assertTrue(code_of(answer))
        self.assertEqual(0, self.gateway.demo.accepted)

    async def test_the_good_ones(self) -> None:
        """What the others are variations of is served."""
        for request in (COUNTED, IN_CHUNKS):
            self.assertEqual(200, status_of(await self.gateway.ask(request)))

    async def test_coding_before_chunked(self) -> None:
        """``gzip, chunked`` is refused."""
        await self.assert_refused(400, IN_CHUNKS.replace(b": chunked", b": gzip, chunked"))

    async def test_missing_host(self) -> None:
        """So is a request without Host."""
        await self.assert_refused(400, COUNTED.replace(b"Host: 127.0.0.1\r\n", b""))

    async def test_chunks_of_http_10(self) -> None:
        """So are chunks in HTTP/1.0."""
        await self.assert_refused(400, IN_CHUNKS.replace(b"HTTP/1.1", b"HTTP/1.0"))

    async def test_rtsp(self) -> None:
        """So is another protocol that looks alike."""
        await self.assert_refused(400, COUNTED.replace(b"HTTP/1.1", b"RTSP/1.0"))

    async def test_chunk_extension(self) -> None:
        """So is a chunk extension of 4 KiB."""
        await self.assert_refused(
            400, IN_CHUNKS.replace(b"\r\n\r\n", b"\r\n\r\n1;" + b"x" * 4096 + b"\r\n \r\n", 1)
        )

    async def test_trailers(self) -> None:
        """Trailers touch no header, neither here nor at the provider."""
        upload = IN_CHUNKS.replace(b"application/json", b"a/b").replace(CHAT.encode(), b"/v1/files")
        for request in (IN_CHUNKS, upload):
            answer = await self.gateway.ask(request.replace(b"\r\n0\r\n", b"\r\n0\r\n" + TRAILERS))
            self.assertNotIn(b"smuggled", answer)
            entry = self.gateway.demo.journal.pop()
            self.assertEqual(BODY, entry.body)
            self.assertNotEqual("smuggled", entry.header("x-request-id"))
            self.assertEqual("demo", self.gateway.facts[-1].provider)
            self.assertNotEqual("smuggled", self.gateway.facts[-1].request_id)

    async def test_unfinished_field(self) -> None:
        """A field that never ends is refused at its limit, however slowly it grows."""
        await self.assert_refused(431, b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"x" * 1_000_000)


class AnswerTests(ScriptedTestCase):
    """The same of a provider's answer."""

    async def assert_broken(self, wire: bytes) -> None:
        """Nobody takes it for an answer."""
        server = self.serve([wire], [wire])
        answer = await self.ask(await self.gateway_before(server))
        self.assertEqual((502, "upstream_malformed"), (status_of(answer), code_of(answer)))
        await until(lambda: bool(server.peers[0].end))

    async def test_status_099(self) -> None:
        """A status below 100 is none."""
        await self.assert_broken(b"HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n")

    async def test_rtsp(self) -> None:
        """Another protocol that looks alike is none of ours."""
        await self.assert_broken(b"RTSP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n")

    async def test_coding_before_chunked(self) -> None:
        """``gzip, chunked`` was not asked for."""
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"
        await self.assert_broken(head + chunk(b"x") + b"0\r\n\r\n")

    async def test_chunk_extension(self) -> None:
        """A chunk extension of 4 KiB ends the stream in an error."""
        events = EVENTS[CHAT]
        bad = b"%x;%b\r\n%b\r\n" % (len(events[1]), b"x" * 4096, events[1])
        gateway = await self.gateway_before(self.serve([CHUNKED + chunk(events[0]) + bad]))
        body = body_of(await self.ask(gateway))
        self.assertTrue(body.startswith(events[0]))
        self.assertIn(b"upstream_truncated", body)
        self.assertEqual("truncated", gateway.facts[0].outcome)

    async def test_trailers(self) -> None:
        """Trailers touch no header, and do not pass."""
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked"
        wire = head + b"\r\n\r\n" + chunk(b"{}") + b"0\r\n" + TRAILERS + b"\r\n"
        gateway = await self.gateway_before(self.serve([wire, wire]))
        for _ in range(2):
            answer = await self.ask(gateway)
            self.assertEqual((200, b"{}"), (status_of(answer), body_of(answer)))
            self.assertNotIn(b"smuggled", answer)

    async def test_head_with_a_length(self) -> None:
        """An answer to HEAD that has a length does not swallow the next answer."""
        head = b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 5\r\n\r\n"
        server = self.serve([head, head], [head + b"hello"])
        gateway = await self.gateway_before(server)
        fields = b" /local/v1/files/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
        self.assertEqual(200, status_of(await gateway.ask(b"HEAD" + fields)))
        self.assertTrue((await gateway.ask(b"GET" + fields)).endswith(b"\r\n\r\nhello"))
        self.assertEqual(2, len(server.peers))


class FramingTests(ScriptedTestCase):
    """Framing that is passed on as it came."""

    limits = "[upstream]\nkeep_alive_comment_seconds = 0.2\n"

    async def test_split_anywhere(self) -> None:
        """Wherever two reads divide a stream, last chunk included, the caller gets all of it."""
        events = EVENTS[CHAT]
        wire = b"".join(map(chunk, events)) + b"0\r\n\r\n"

        def divided(peer: Peer) -> None:
            for cut in range(1, len(wire)):
                peer.read_request()
                peer.send(CHUNKED + wire[:cut])
                peer.finished.wait(0.004)
                peer.send(wire[cut:])
            peer.read_to_end()

        server = self.serve(divided)
        gateway = await self.gateway_before(server)
        for cut in range(1, len(wire)):
            self.assertEqual(b"".join(events), body_of(await self.ask(gateway)), cut)
        self.assertEqual({"completed"}, {fact.outcome for fact in gateway.facts})
        self.assertEqual(1, len(server.peers))

    async def test_comment_inside_a_chunk(self) -> None:
        """A provider that falls silent inside a chunk: comments stand between chunks of ours."""
        first, *others = EVENTS[CHAT]
        wire = chunk(first) + chunk(b"".join(others))

        def hesitate(peer: Peer) -> None:
            peer.read_request()
            peer.send(CHUNKED + wire[: len(chunk(first)) + 20])
            peer.finished.wait(0.8)
            peer.send(wire[len(chunk(first)) + 20 :] + b"0\r\n\r\n")
            peer.read_to_end()

        body = body_of(await self.ask(await self.gateway_before(self.serve(hesitate))))
        comments = body.count(b": keep-alive\n\n")
        self.assertGreaterEqual(comments, 1)
        self.assertEqual(first + b": keep-alive\n\n" * comments + b"".join(others), body)

    async def test_same_turn(self) -> None:
        """What the provider sent is with the kernel before the turn that read it is over."""
        steps: list[tuple[bool, int]] = []
        gateway: RunningGateway
        received = Connection.dataReceived

        def watched(connection: Connection, data: bytes) -> None:
            (channel,) = gateway.gateway.site.channels
            transport: Any = channel.transport
            before = channel._written
            received(connection, data)
            steps.append((channel._written > before, eager.unsent(transport)))

        def speak(peer: Peer) -> None:
            peer.read_request()
            for piece in (CHUNKED, *map(chunk, EVENTS[CHAT])):
                peer.send(piece)
                peer.finished.wait(0.05)
            peer.send(b"0\r\n\r\n")
            peer.read_to_end()

        gateway = await self.gateway_before(self.serve(speak))
        self.patch(Connection, "dataReceived", watched)
        await self.ask(gateway)
        self.assertEqual([(False, 0)] + [(True, 0)] * 3, steps[:4])
