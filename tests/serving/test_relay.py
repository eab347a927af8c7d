"""The way back, on real sockets: bytes as they came, back-pressure, and honest ends."""

from __future__ import annotations

import json
import socket
from typing import Any

from twisted.internet.threads import deferToThread

from tests.gateway import (
    GatewayTestCase,
    RunningGateway,
    post,
    start_gateway,
    until,
)
from tests.sockets import Peer, ScriptedServer

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
EVENTS = {
    "/v1/chat/completions": (
        b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n',
        b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n',
        b"data: [DONE]\n\n",
    ),
    "/v1/messages": (
        b'event: message_start\ndata: {"type":"message_start","message":{}}\n\n',
        b'event: ping\ndata: {"type":"ping"}\n\n',
        b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
    ),
    "/v1/responses": (
        b'event: response.created\ndata: {"type":"response.created","response":{}}\n\n',
        b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta"}\n\n',
        b'event: response.completed\ndata: {"type":"response.completed","response":{}}\n\n',
    ),
}
COMPLETE_AFTER = {"/v1/chat/completions": 2, "/v1/messages": 3, "/v1/responses": 3}
"""How many whole events make a stream of each dialect complete."""
BODY = b'{"model":"m","stream":true,"messages":[]}'


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def body_of(answer: bytes) -> bytes:
    """The body of a chunked answer without its framing; the last chunk has to be there."""
    rest = answer.partition(b"\r\n\r\n")[2]
    body = b""
    while True:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        if not length:
            assert rest == b"\r\n", rest
            return body
        body, rest = body + rest[:length], rest[length + 2 :]


class ScriptedTestCase(GatewayTestCase):
    """A gateway before providers that follow scripts."""

    limits = ""

    def serve(self, *scripts: Any) -> ScriptedServer:
        server = ScriptedServer(*scripts)
        self.addCleanup(server.stop)
        return server

    async def gateway_before(self, server: ScriptedServer) -> RunningGateway:
        """A gateway with that server as ``local`` (OpenAI's dialect) and ``claude``."""
        url = f'base_url = "http://127.0.0.1:{server.port}/v1"\n'
        claude = f'[providers.claude]\ndialect = "anthropic"\n{url}'
        local = f'[providers.local]\ndialect = ["openai", "responses"]\n{url}'
        return await start_gateway(self, f"{self.limits}{local}{claude}")

    async def ask(
        self, gateway: RunningGateway, path: str = "/v1/chat/completions", **fields: str
    ) -> bytes:
        """A streamed request's whole answer."""
        name = "claude" if path == "/v1/messages" else "local"
        headers = {"x-provider": name, "authorization": "Bearer sk-1", **fields}
        return await gateway.ask(post(path, BODY, headers=headers))


class CutTests(ScriptedTestCase):
    """Streams that end somewhere."""

    async def assert_cuts(self, path: str, *, chunked: bool) -> None:
        """A stream cut after each of its bytes ends as it must."""
        events = EVENTS[path]
        wire = b"".join(map(chunk, events)) if chunked else b"".join(events)
        cuts = range(len(wire) + 1)

        def cut_at(size: int) -> Any:
            def script(peer: Peer) -> None:
                peer.read_request()
                peer.send((CHUNKED if chunked else HEAD + b"\r\n") + wire[:size])
                peer.close()

            return script

        gateway = await self.gateway_before(self.serve(*map(cut_at, cuts)))
        for size in cuts:
            answer = await self.ask(gateway, path)
            arrived = _arrived(wire[:size], chunked=chunked)
            whole = [event for n, event in enumerate(events) if _ends(events, n) <= len(arrived)]
            fact = gateway.facts[-1]
            done = len(whole) >= COMPLETE_AFTER[path] or arrived == b"".join(events).rstrip(b"\n")
            if answer.startswith(b"HTTP/1.1 502"):
                self.assertFalse(whole, size)
                continue
            body = body_of(answer)
            self.assertTrue(body.startswith(b"".join(whole)), size)
            rest = body[len(b"".join(whole)) :]
            if fact.outcome == "completed":
                self.assertTrue(done or _is_terminal(path, rest), (size, rest))
            else:
                self.assertEqual("truncated", fact.outcome)
                self.assertEqual(1, rest.count(b"data:"), (size, rest))
                self.assertIn(b"upstream_truncated", rest)
                for marker in (b"[DONE]", b"message_stop", b"response.completed"):
                    self.assertNotIn(marker, rest)
        self.assertEqual("completed", gateway.facts[-1].outcome)

    async def test_chat_chunked(self) -> None:
        """A chunked chat stream, cut at every byte."""
        await self.assert_cuts("/v1/chat/completions", chunked=True)

    async def test_chat_until_close(self) -> None:
        """One that ends with its connection: only its own marker makes it complete."""
        await self.assert_cuts("/v1/chat/completions", chunked=False)

    async def test_messages(self) -> None:
        """A messages stream; its error event is in Anthropic's words."""
        await self.assert_cuts("/v1/messages", chunked=True)

    async def test_responses(self) -> None:
        """A responses stream."""
        await self.assert_cuts("/v1/responses", chunked=True)


def _ends(events: tuple[bytes, ...], number: int) -> int:
    """Bytes after which an event's boundary is known."""
    return len(b"".join(events[: number + 1]))


def _arrived(wire: bytes, *, chunked: bool) -> bytes:
    """The body in a cut wire text."""
    if not chunked:
        return wire
    body = b""
    while b"\r\n" in wire:
        size, _, wire = wire.partition(b"\r\n")
        length = int(size, 16)
        body, wire = body + wire[:length], wire[length + 2 :]
    return body


def _is_terminal(path: str, rest: bytes) -> bool:
    """Whether an unfinished last event is the terminal one, which then counts."""
    event = b"".join(EVENTS[path][COMPLETE_AFTER[path] - 1 :])
    return bool(rest.strip()) and event.startswith(rest.strip(b"\r\n"))


class StreamTests(ScriptedTestCase):
    """Streams that do not break."""

    async def test_framing_forwarded(self) -> None:
        """Chunks of whole events arrive framed as the provider framed them."""
        events = EVENTS["/v1/chat/completions"]
        odd = b"0" + chunk(events[0]) + b"00" + chunk(b"".join(events[1:]))

        def slowly(peer: Peer) -> None:
            peer.read_request()
            peer.send(CHUNKED + odd)
            peer.finished.wait(0.2)
            peer.send(b"0\r\n\r\n")

        gateway = await self.gateway_before(self.serve(slowly))
        answer = await self.ask(gateway)
        self.assertTrue(answer.endswith(b"\r\n\r\n" + odd + b"0\r\n\r\n"), answer)

    async def test_error_event(self) -> None:
        """A provider's own error event passes, ends the stream alone, and counts as failed."""
        error = b'data: {"error":{"message":"overloaded"}}\n\n'
        wire = CHUNKED + chunk(EVENTS["/v1/chat/completions"][0]) + chunk(error) + b"0\r\n\r\n"
        gateway = await self.gateway_before(self.serve([wire]))
        answer = await self.ask(gateway)
        self.assertEqual(EVENTS["/v1/chat/completions"][0] + error, body_of(answer))
        self.assertEqual("failed", gateway.facts[0].outcome)

    async def test_old_caller(self) -> None:
        """A caller of HTTP/1.0 gets the events and then the end of the connection."""
        events = b"".join(EVENTS["/v1/chat/completions"])
        gateway = await self.gateway_before(self.serve([CHUNKED + chunk(events) + b"0\r\n\r\n"]))
        request = post("/v1/chat/completions", BODY, headers={"x-provider": "local"})
        answer = await gateway.ask(request.replace(b"HTTP/1.1", b"HTTP/1.0"))
        self.assertEqual(events, answer.partition(b"\r\n\r\n")[2])
        self.assertNotIn(b"chunked", answer)

    async def test_huge_event(self) -> None:
        """An event without end is given up at 8 MiB, with an error event."""

        def pour(peer: Peer) -> None:
            peer.read_request()
            peer.send(CHUNKED + chunk(EVENTS["/v1/chat/completions"][0]))
            for _ in range(9):
                peer.send(chunk(b"x" * 2**20))
            peer.read()

        gateway = await self.gateway_before(self.serve(pour))
        answer = await self.ask(gateway)
        self.assertIn(b"upstream_event_too_long", body_of(answer))
        self.assertEqual("truncated", gateway.facts[0].outcome)


class SilenceTests(ScriptedTestCase):
    """Providers that say nothing."""

    limits = (
        "[timeouts]\nfirst_event = 0.6\nidle = 1.5\n[upstream]\nkeep_alive_comment_seconds = 0.3\n"
    )

    async def test_before_the_first_event(self) -> None:
        """A head and nothing behind it: 504 as long as nothing went out."""

        def silent(peer: Peer) -> None:
            peer.read_request()
            peer.send(CHUNKED)
            peer.read()

        server = self.serve(silent)
        answer = await self.ask(await self.gateway_before(server))
        self.assertTrue(answer.startswith(b"HTTP/1.1 504 "), answer)
        self.assertIn(b"first_event_timeout", answer)
        await until(lambda: bool(server.peers[0].end))

    async def test_between_events(self) -> None:
        """Comments between whole events while it is silent, then an error event."""
        first = EVENTS["/v1/chat/completions"][0]

        def silent(peer: Peer) -> None:
            peer.read_request()
            peer.send(CHUNKED + chunk(first + b"data: half"))
            peer.read()

        answer = await self.ask(await self.gateway_before(self.serve(silent)))
        body = body_of(answer)
        self.assertTrue(body.startswith(first + b": keep-alive\n\n: keep-alive\n\n"), body)
        self.assertIn(b"idle_timeout", body)
        self.assertNotIn(b"half", body)

    async def test_total(self) -> None:
        """A total time is kept where one is set, however lively the stream."""

        def lively(peer: Peer) -> None:
            peer.read_request()
            peer.send(CHUNKED)
            for _ in range(1000):
                peer.send(chunk(EVENTS["/v1/chat/completions"][0]))
                if peer.finished.wait(0.05):
                    return

        self.limits = "[timeouts]\ntotal = 0.5\n"
        answer = await self.ask(await self.gateway_before(self.serve(lively)))
        self.assertIn(b"total_timeout", body_of(answer))


class WholeAnswerTests(ScriptedTestCase):
    """Answers that are no streams."""

    async def test_cut(self) -> None:
        """One that breaks before anything went out is 502; later the connection is reset."""
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n"
        gateway = await self.gateway_before(self.serve([head, "close"], [head + b"{", "close"]))
        answer = await self.ask(gateway)
        self.assertTrue(answer.startswith(b"HTTP/1.1 502 "), answer)
        self.assertEqual(
            "upstream_truncated", json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"]
        )
        answer = await self.ask(gateway)
        self.assertTrue(answer.endswith(b"\r\n\r\n{"), answer)
        self.assertEqual(["failed", "truncated"], [fact.outcome for fact in gateway.facts])

    async def test_until_close(self) -> None:
        """JSON that ends with its connection is complete only if it is whole; other bodies are."""
        head = b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\n\r\n"
        json_head, plain = head % b"application/json", head % b"audio/mpeg"
        gateway = await self.gateway_before(
            self.serve(
                [json_head + b"{}", "close"], [json_head + b"{", "close"], [plain + b"x", "close"]
            )
        )
        self.assertEqual(b"{}", body_of(await self.ask(gateway)))
        self.assertTrue((await self.ask(gateway)).endswith(b"1\r\n{\r\n"))
        self.assertEqual(b"x", body_of(await self.ask(gateway)))
        outcomes = [fact.outcome for fact in gateway.facts]
        self.assertEqual(["completed", "truncated", "completed"], outcomes)

    async def test_statuses(self) -> None:
        """A provider's status, fields and body are its own, errors included."""
        for status, reason in ((201, b"Created"), (400, b"Bad Request"), (429, b"X"), (529, b"")):
            wire = (
                b"HTTP/1.1 %d %b\r\nContent-Type: application/json\r\nretry-after: 7\r\n"
                b"Set-Cookie: a=b\r\nServer: theirs\r\nContent-Length: 11\r\n\r\n"
                b'{"odd":  1}' % (status, reason)
            )
            gateway = await self.gateway_before(self.serve([wire]))
            answer = await self.ask(gateway)
            head, _, body = answer.partition(b"\r\n\r\n")
            self.assertEqual(b'{"odd":  1}', body)
            self.assertTrue(head.startswith(b"HTTP/1.1 %d " % status), head)
            self.assertIn(b"retry-after: 7", head)
            self.assertNotIn(b"a=b", head)
            self.assertNotIn(b"theirs", head)
            self.assertEqual("failed" if status >= 400 else "completed", gateway.facts[0].outcome)

    async def test_no_body(self) -> None:
        """204 and 304 have none, and HEAD gets the fields only."""
        answers = [
            b"HTTP/1.1 204 No Content\r\n\r\n",
            b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: a/b\r\n\r\n",
        ]
        gateway = await self.gateway_before(self.serve(answers))
        for method, status in ((b"GET", b"204"), (b"GET", b"304"), (b"HEAD", b"200")):
            answer = await gateway.ask(
                b"%b /local/v1/files/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" % method
            )
            self.assertTrue(answer.startswith(b"HTTP/1.1 %b" % status), answer)
            self.assertTrue(answer.endswith(b"\r\n\r\n"))
            self.assertNotIn(b"chunked", answer)


class BackPressureTests(GatewayTestCase):
    """A caller that does not read."""

    async def test_paused(self) -> None:
        """The provider waits, little is held, and all of it arrives once the caller reads."""
        size = 30_000_000
        fields = {"x-provider": "demo", "x-demo-fault": f"bytes={size}"}
        body = b'{"model":"demo","messages":[{"role":"user","content":"Hi"}]}'
        client = socket.create_connection(("127.0.0.1", self.gateway.port))
        self.addCleanup(client.close)
        client.sendall(post("/v1/chat/completions", body, headers=fields))
        sent = [-1, 0]

        def stands_still() -> bool:
            sent.append(sum(one.sent for one in self.gateway.demo.journal))
            return sent[-1] > 0 and len(sent) > 60 and sent[-1] == sent[-50]

        await until(stands_still, 10)
        (channel,) = self.gateway.gateway.site.channels
        transport: Any = channel.transport
        held = len(transport.dataBuffer) + transport._tempDataLen
        self.assertLessEqual(held, 512 * 1024)
        self.assertLess(sent[-1], size)

        def read_all() -> int:
            client.settimeout(10)
            total = 0
            while data := client.recv(1 << 20):
                total += len(data)
            return total

        self.assertGreater(await deferToThread(read_all), size)
        await until(lambda: bool(self.gateway.facts))
        self.assertEqual("completed", self.gateway.facts[0].outcome)


class LeavingTests(ScriptedTestCase):
    """Callers that leave in the middle of an answer."""

    async def test_between_events(self) -> None:
        """The provider's connection is closed at once, though it is silent."""

        def silent(peer: Peer) -> None:
            peer.read_request()
            peer.send(CHUNKED + chunk(EVENTS["/v1/chat/completions"][0]))
            peer.read()

        server = self.serve(silent)
        gateway = await self.gateway_before(server)
        client = socket.create_connection(("127.0.0.1", gateway.port))
        client.sendall(post("/v1/chat/completions", BODY, headers={"x-provider": "local"}))
        await deferToThread(client.recv, 65536)
        client.close()
        await until(lambda: bool(server.peers[0].end), 1.0)
        fact = gateway.facts[0]
        self.assertEqual(("caller_left", 499, True), (fact.outcome, fact.status, fact.stream))
        self.assertEqual(set(), gateway.gateway.plane.running)
        self.assertEqual([], [count for count in gateway.gateway.pool.counts() if count[2]])
