"""Before and after the first byte that the caller gets: what may still be said, and how."""

from __future__ import annotations

from typing import Any

from magicgateway.serving import relay
from tests.gateway import RunningGateway, post, until
from tests.serving.test_channel import code_of, status_of
from tests.serving.test_relay import (
    BODY,
    CHUNKED,
    EVENTS,
    HEAD,
    ScriptedTestCase,
    body_of,
    chunk,
)
from tests.sockets import Peer

CHAT, MESSAGES, RESPONSES = EVENTS
JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
LAST = b"0\r\n\r\n"


class BeforeCommitTests(ScriptedTestCase):
    """Failures of which the caller has seen nothing yet."""

    limits = "[timeouts]\nresponse_head = 0.3\n"

    async def test_statuses(self) -> None:
        """They are JSON with a status, in the dialect of the door, and never a stream."""
        half = CHUNKED + chunk(b"data: half")
        cases: list[tuple[list[bytes | str], int, str]] = [
            ([b"", "reset"], 502, "upstream_closed"),
            ([b"", "close"], 502, "upstream_closed"),
            ([b"HTTP/1.1 2_0 OK\r\n\r\n"], 502, "upstream_malformed"),
            ([CHUNKED + b"zz\r\n"], 502, "upstream_truncated"),
            ([CHUNKED + LAST, "close"], 502, "upstream_truncated"),
            ([half, "close"], 502, "upstream_truncated"),
            ([half, "reset"], 502, "upstream_truncated"),
            ([half + LAST, "close"], 502, "upstream_truncated"),
            ([b""], 504, "response_head_timeout"),
        ]
        for script, status, code in cases:
            gateway = await self.gateway_before(self.serve(script))
            for path in (CHAT, MESSAGES):
                answer = await self.ask(gateway, path)
                self.assertEqual(status, status_of(answer), script)
                head, _, body = answer.partition(b"\r\n\r\n")
                self.assertIn(b"Content-Type: application/json", head)
                self.assertIn(b"Cache-Control: no-store", head)
                self.assertEqual(path == MESSAGES, body.startswith(b'{"type":"error"'))
                if path == CHAT:
                    self.assertEqual(code, code_of(answer))
            self.assertEqual([code, code], [fact.error for fact in gateway.facts])

    async def test_late_answer(self) -> None:
        """An answer after we gave up reaches nobody: its connection was closed, the next is new."""

        def late(peer: Peer) -> None:
            peer.read_request()
            peer.finished.wait(0.8)
            peer.send(JSON % 6 + b'"late"')
            peer.read_to_end()

        server = self.serve(late, [JSON % 4 + b'"ok"'])
        gateway = await self.gateway_before(server)
        self.assertEqual(504, status_of(await self.ask(gateway)))
        self.assertTrue((await self.ask(gateway)).endswith(b'"ok"'))
        await until(lambda: bool(server.peers[0].end))
        self.assertEqual(["failed", "completed"], [fact.outcome for fact in gateway.facts])

    async def test_total_before_the_head(self) -> None:
        """``timeouts.total`` holds for a provider that never answers, too."""
        self.limits = "[timeouts]\ntotal = 0.3\n"
        gateway = await self.gateway_before(self.serve([b""]))
        answer = await self.ask(gateway)
        self.assertEqual((504, "total_timeout"), (status_of(answer), code_of(answer)))


class SilentHeadTests(ScriptedTestCase):
    """A provider that says 200 and then nothing for a while."""

    def setUp(self) -> Any:
        self.patch(relay, "COMMIT_SECONDS", 0.05)
        return super().setUp()

    def slowly(self, *pieces: bytes) -> Any:
        """A script that waits between its pieces."""

        def script(peer: Peer) -> None:
            peer.read_request()
            for piece in pieces[:-1]:
                peer.send(piece)
                peer.finished.wait(0.6)
            peer.send(pieces[-1])
            peer.close()

        return script

    async def test_stream(self) -> None:
        """The head goes out by itself; the events and their ends are none the worse for it."""
        for path, events in list(EVENTS.items())[:2]:
            wire = b"".join(map(chunk, events))
            server = self.serve(self.slowly(CHUNKED, wire + LAST), self.slowly(CHUNKED, wire[:-9]))
            gateway = await self.gateway_before(server)
            self.assertEqual(b"".join(events), body_of(await self.ask(gateway, path)))
            fact = gateway.facts[0]
            assert fact.first_byte_ms is not None
            self.assertLess(fact.first_byte_ms, 590)
            body = body_of(await self.ask(gateway, path))
            self.assertTrue(body.startswith(events[0] + events[1]))

    async def test_no_event(self) -> None:
        """Then the first event is overdue: an error event, because the status has been sent."""
        self.limits = "[timeouts]\nfirst_event = 0.4\n"
        for path in EVENTS:
            gateway = await self.gateway_before(self.serve([CHUNKED]))
            answer = await self.ask(gateway, path)
            self.assertEqual(200, status_of(answer))
            body = body_of(answer)
            self.assertEqual(1, body.count(b"\n\n"), body)
            self.assertIn(b'code":"first_event_timeout"', body)
            fact = gateway.facts[0]
            self.assertEqual(("truncated", 200), (fact.outcome, fact.status))

    async def test_json(self) -> None:
        """Of any other answer the head goes out, too; if nothing follows, a reset and no body."""
        gateway = await self.gateway_before(
            self.serve(self.slowly(JSON % 2, b"{}"), self.slowly(JSON % 2, b""))
        )
        self.assertTrue((await self.ask(gateway)).endswith(b"\r\n\r\n{}"))
        answer = await self.ask(gateway)
        self.assertEqual(200, status_of(answer))
        self.assertTrue(answer.endswith(b"\r\n\r\n"))
        self.assertEqual(["completed", "truncated"], [fact.outcome for fact in gateway.facts])


class OldCallerTests(ScriptedTestCase):
    """Callers of HTTP/1.0, who know no chunks."""

    async def asked(self, gateway: RunningGateway, *fields: str) -> bytes:
        request = post(CHAT, BODY, headers={"x-provider": "local"}, close=False)
        request = request.replace(b"HTTP/1.1", b"HTTP/1.0", 1)
        for field in fields:
            request = request.replace(b"\r\n", b"\r\n%b\r\n" % field.encode(), 1)
        return await gateway.ask(request)

    async def test_broken_stream(self) -> None:
        """The error event comes before the end of the connection."""
        first = EVENTS[CHAT][0]
        gateway = await self.gateway_before(self.serve([CHUNKED + chunk(first + b"x"), "close"]))
        body = (await self.asked(gateway, "Connection: keep-alive")).partition(b"\r\n\r\n")[2]
        self.assertTrue(body.startswith(first + b"data: {"), body)
        self.assertIn(b"upstream_truncated", body)

    async def test_persistence(self) -> None:
        """One that asks to stay connected may, if the answer has a length; the others are not."""
        wire = JSON % 2 + b"{}"
        gateway = await self.gateway_before(self.serve([wire, wire, wire]))
        answer = await self.asked(gateway)
        self.assertIn(b"\r\nConnection: close\r\n", answer)
        twice = post(CHAT, BODY, headers={"x-provider": "local"}, close=False).replace(
            b"HTTP/1.1\r\n", b"HTTP/1.0\r\nConnection: keep-alive\r\n", 1
        )
        answer = await gateway.ask(twice + twice.replace(b"keep-alive", b"close"))
        self.assertEqual(1, answer.count(b"\r\nConnection: keep-alive\r\n"))
        self.assertEqual(1, answer.count(b"\r\nConnection: close\r\n"))
        self.assertEqual(2, answer.count(b"{}"))


class FirstPieceTests(ScriptedTestCase):
    """All of an answer in its first piece."""

    async def test_only_a_marker(self) -> None:
        """A stream of nothing but an end marker without its empty line is a whole stream."""
        wire = HEAD + b"\r\ndata: [DONE]"
        gateway = await self.gateway_before(self.serve([wire, "close"]))
        self.assertEqual(b"data: [DONE]", body_of(await self.ask(gateway)))
        self.assertEqual("completed", gateway.facts[0].outcome)

    async def test_no_body_to_speak_of(self) -> None:
        """Empty answers of unknown length are whole where nothing says otherwise."""
        head = b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\n"
        for wire in (head + b"\r\n", head + b"Transfer-Encoding: chunked\r\n\r\n" + LAST):
            gateway = await self.gateway_before(self.serve([wire, "close"]))
            self.assertEqual(b"", body_of(await self.ask(gateway)))
            self.assertEqual("completed", gateway.facts[0].outcome)

    async def test_large(self) -> None:
        """A first event that is large goes out whole, head first."""
        event = b'data: {"choices":[{"delta":{"content":"%b"}}]}\n\n' % (b"x" * 1_000_000)
        wire = CHUNKED + chunk(event) + chunk(b"data: [DONE]\n\n") + LAST
        gateway = await self.gateway_before(self.serve([wire]))
        self.assertEqual(event + b"data: [DONE]\n\n", body_of(await self.ask(gateway)))
