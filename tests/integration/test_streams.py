"""Streams to their end, whatever the provider does, with plain sockets on both sides."""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from tests.gateway import RunningGateway, post, until
from tests.serving.test_channel import connected, status_of
from tests.serving.test_relay import (
    BODY,
    CHUNKED,
    COMPLETE_AFTER,
    EVENTS,
    HEAD,
    ScriptedTestCase,
    body_of,
    chunk,
)
from tests.sockets import Peer

CHAT, MESSAGES, RESPONSES = PATHS = tuple(EVENTS)
ERRORS = {
    CHAT: b'data: {"error":{"message":"theirs"}}',
    MESSAGES: b'event: error\ndata: {"type":"error","error":{"message":"theirs"}}',
    RESPONSES: b'event: error\ndata: {"type":"error","message":"theirs"}',
}
MARKERS = (b"[DONE]", b"message_stop", b"response.completed")
LAST = b"0\r\n\r\n"


class StreamTestCase(ScriptedTestCase):
    """Streams whose bytes are known."""

    async def streamed(
        self, path: str, *wire: bytes, end: str = "close", chunked: bool = True
    ) -> tuple[RunningGateway, bytes]:
        """The body of the answer when the provider sends these bytes, and then does ``end``."""
        head = CHUNKED if chunked else HEAD + b"\r\n"
        gateway = await self.gateway_before(self.serve([head + b"".join(wire), end]))
        answer = await self.ask(gateway, path)
        self.assertEqual(200, status_of(answer), answer)
        return gateway, body_of(answer)


class CloseDelimitedCutTests(StreamTestCase):
    """Streams that end with their connection: only their own marker makes them complete."""

    async def assert_cuts(self, path: str) -> None:
        """Cut after each of its bytes."""
        events = EVENTS[path]
        wire = b"".join(events)
        cuts = range(len(wire) + 1)
        server = self.serve(*([HEAD + b"\r\n" + wire[:size], "close"] for size in cuts))
        gateway = await self.gateway_before(server)
        for size in cuts:
            answer = await self.ask(gateway, path)
            count = sum(len(b"".join(events[: n + 1])) <= size for n in range(3))
            whole = b"".join(events[:count])
            fact = gateway.facts[-1]
            if not count:
                self.assertEqual((502, "failed"), (status_of(answer), fact.outcome), size)
                continue
            body = body_of(answer)
            self.assertTrue(body.startswith(whole), size)
            rest = body.removeprefix(whole)
            terminal = wire[:size].rstrip(b"\n") == wire.rstrip(b"\n")
            if count >= COMPLETE_AFTER[path] or terminal:
                self.assertEqual("completed", fact.outcome, size)
                self.assertEqual(wire[len(whole) : size] if terminal else b"", rest, size)
            elif rest.startswith(b"data:") and fact.outcome == "completed":
                self.assertEqual(wire[len(whole) : size], rest)  # a finish reason, whole
            else:
                self.assertEqual("truncated", fact.outcome, size)
                self.assertEqual(1, rest.count(b"\n\n"), rest)
                self.assertIn(b'code":"upstream_truncated"', rest)
                self.assertTrue(rest.startswith((b"data: {", b"event: error\ndata: {")), rest)
                self.assertTrue(rest.endswith(b"}\n\n"), rest)
                self.assertFalse([marker for marker in MARKERS if marker in rest])

    async def test_chat(self) -> None:
        """A chat."""
        await self.assert_cuts(CHAT)

    async def test_messages(self) -> None:
        """Messages."""
        await self.assert_cuts(MESSAGES)

    async def test_responses(self) -> None:
        """Responses."""
        await self.assert_cuts(RESPONSES)


class LastEventTests(StreamTestCase):
    """What follows the last empty line."""

    async def test_error_without_its_line(self) -> None:
        """A provider's error counts without its empty line, which the caller gets all the same."""
        for path, error in ERRORS.items():
            for end in (b"", b"\n"):
                first = EVENTS[path][0]
                for chunked in (True, False):
                    wire = [first, error + end]
                    if chunked:
                        wire = [*map(chunk, wire), LAST]
                    gateway, body = await self.streamed(path, *wire, chunked=chunked)
                    self.assertEqual(first + error + end + b"\n\n", body)
                    self.assertEqual("failed", gateway.facts[0].outcome)

    async def test_half_after_the_finish(self) -> None:
        """Half an event is left out although the chat is complete already; a marker is not."""
        events = EVENTS[CHAT]
        told = b"".join(events[:2])
        cases = {
            b'data: {"usage":{"prompt_tok': b"",
            b"data: [DON": b"",
            b": comm": b"",
            b"data: [DONE]": b"data: [DONE]",
            b"data: [DONE]\n": b"data: [DONE]\n",
        }
        for rest, expected in cases.items():
            for end, last in (("close", LAST), ("close", b""), ("reset", b"")):
                gateway, body = await self.streamed(CHAT, chunk(told), chunk(rest), last, end=end)
                self.assertEqual(told + expected, body)
                self.assertEqual("completed", gateway.facts[0].outcome)

    async def test_usage_without_its_line(self) -> None:
        """The counts in a last event without its line are counted, though nobody else sees it."""
        told = b"".join(EVENTS[CHAT][:2])
        gateway, _ = await self.streamed(
            CHAT, chunk(told), chunk(b'data: {"usage":{"prompt_tokens":7}}'), LAST
        )
        usage = gateway.facts[0].usage
        assert usage is not None
        self.assertEqual(7, usage.input)

    async def test_unread_dialect(self) -> None:
        """Of a stream that is not read, all passes if its framing says that it is all."""
        events, half = b"data: 1\n\ndata: 2\n\n", b"data: 3"
        fields = {"x-provider": "local", "Content-Type": "application/json"}
        cases = {
            CHUNKED + chunk(events + half) + LAST: ("completed", half),
            CHUNKED + chunk(events + half): ("truncated", b"data: {"),
            HEAD + b"\r\n" + events + half: ("truncated", b"data: {"),
        }
        for wire, (outcome, rest) in cases.items():
            gateway = await self.gateway_before(self.serve([wire, "close"]))
            answer = await gateway.ask(post("/v1/audio/speech", BODY, headers=fields))
            body = body_of(answer)
            self.assertEqual(events + rest, body[: len(events + rest)])
            self.assertEqual(outcome, gateway.facts[0].outcome)
            self.assertEqual(outcome == "truncated", b"upstream_truncated" in body)


class ErrorEventTests(StreamTestCase):
    """A provider that reports an error in its stream."""

    async def test_one_error(self) -> None:
        """It is the last event and the only error, however the provider ends after it."""
        for path, error in ERRORS.items():
            events = EVENTS[path][0] + error + b"\n\n"
            for end, last in (
                ("close", LAST),
                ("close", b""),
                ("reset", b""),
                ("close", b"zz\r\n"),
            ):
                gateway, body = await self.streamed(path, chunk(events), last, end=end)
                self.assertEqual(events, body)
                self.assertEqual("failed", gateway.facts[0].outcome)


class AfterTheEndTests(StreamTestCase):
    """A stream whose last event was seen is complete, whatever comes after."""

    limits = "[timeouts]\nidle = 0.3\n"

    def hold(self, told: bytes) -> Any:
        def script(peer: Peer) -> None:
            peer.read_request()
            peer.send(CHUNKED + chunk(told))
            peer.read_to_end()

        return script

    async def test_silence(self) -> None:
        """A provider that never ends its body does not turn a success into a timeout."""
        for path in PATHS:
            told = b"".join(EVENTS[path])
            server = self.serve(self.hold(told))
            gateway = await self.gateway_before(server)
            self.assertEqual(told, body_of(await self.ask(gateway, path)))
            self.assertEqual("completed", gateway.facts[0].outcome)
            await until(lambda: bool(server.peers[0].end))  # noqa: B023

    async def test_silence_after_an_error(self) -> None:
        """Nor does one that reported an error get a second one of ours behind it."""
        for path, error in ERRORS.items():
            told = EVENTS[path][0] + error + b"\n\n"
            gateway = await self.gateway_before(self.serve(self.hold(told)))
            self.assertEqual(told, body_of(await self.ask(gateway, path)))
            self.assertEqual("failed", gateway.facts[0].outcome)

    async def test_broken_framing(self) -> None:
        """Nor does what is no chunk."""
        for path in PATHS:
            told = b"".join(EVENTS[path])
            gateway, body = await self.streamed(path, chunk(told), b"zz\r\n")
            self.assertEqual((told, "completed"), (body, gateway.facts[0].outcome))

    async def test_interrupted(self) -> None:
        """Nor a gateway that stops; a stream that is not complete gets an error event."""
        self.limits = ""
        for count, outcome in ((3, "completed"), (1, "truncated")):
            told = b"".join(EVENTS[MESSAGES][:count])
            gateway = await self.gateway_before(self.serve(self.hold(told)))
            asking = deferToThread(self._ask, gateway)
            await until(lambda: any(one.is_stream for one in _relays(gateway)))  # noqa: B023
            gateway.gateway.interrupt()
            body = body_of(await asking)
            self.assertEqual(outcome, gateway.facts[0].outcome)
            self.assertEqual(count == 1, b"gateway_stopping" in body)
            self.assertTrue(body.startswith(told))

    def _ask(self, gateway: RunningGateway) -> bytes:
        with connected(gateway) as client:
            client.sendall(post(MESSAGES, BODY, headers={"x-provider": "claude", "x-api-key": "k"}))
            answer = b""
            while data := client.recv(65536):
                answer += data
            return answer


def _relays(gateway: RunningGateway) -> list[Any]:
    found = (one.relay for one in gateway.gateway.plane.running)
    return [relay for relay in found if relay is not None and relay.committed]


class BytesTests(StreamTestCase):
    """Bytes as they came."""

    EVENTS = (
        b"\xef\xbb\xbf: hello\r\n\r\n",
        b'id: 1\rdata: {"choices":[{"delta":{"content":"\xf0\x9f\x98\x80\xe2\x80\xa8"}}]}\r\r',
        b'retry: 5\r\ndata: {"choices":\r\ndata: [{"finish_reason":"stop"}]}\r\n\r\n',
        b"data: [DONE]\n\n",
    )

    async def test_odd_events(self) -> None:
        """Line ends, marks, comments and split characters, in one piece or byte by byte."""
        wire = b"".join(self.EVENTS)

        def trickle(peer: Peer) -> None:
            peer.read_request()
            peer.send(CHUNKED)
            for place in range(len(wire)):
                peer.send(chunk(wire[place : place + 1]))
            peer.send(LAST)
            peer.read_to_end()

        gateway = await self.gateway_before(
            self.serve([CHUNKED + chunk(wire) + LAST, "close"], trickle)
        )
        for _ in range(2):
            self.assertEqual(wire, body_of(await self.ask(gateway)))
            self.assertEqual("completed", gateway.facts[-1].outcome)

    async def test_as_they_come(self) -> None:
        """Each event is passed on before the provider has sent the next."""
        events = EVENTS[CHAT]
        turns: list[float] = []
        clock: Any = reactor

        def converse(peer: Peer) -> None:
            peer.read_request()
            peer.send(CHUNKED)
            for event in events:
                peer.send(chunk(event))
                if not step.wait(5):
                    return
                step.clear()
            peer.send(LAST)

        server = self.serve(converse)
        step = server.stopping.__class__()
        gateway = await self.gateway_before(server)

        def read_each() -> bytes:
            with connected(gateway) as client:
                request = post(CHAT, BODY, headers={"x-provider": "local"})
                client.sendall(request)
                answer = b""
                for event in events:
                    while not answer.endswith(chunk(event)):
                        answer += client.recv(65536)
                    turns.append(clock.seconds())
                    step.set()
                while data := client.recv(65536):
                    answer += data
                return answer

        self.assertEqual(b"".join(events), body_of(await deferToThread(read_each)))
        self.assertEqual(len(events), len(turns))

    async def test_both_sides_persist(self) -> None:
        """After a whole stream both connections serve the next request."""
        wire = CHUNKED + b"".join(map(chunk, EVENTS[CHAT])) + LAST
        server = self.serve([wire, wire, wire])
        gateway = await self.gateway_before(server)
        fields = {"x-provider": "local"}

        def ask_on_one() -> bytes:
            with connected(gateway) as client:
                answer = b""
                for count in (1, 2, 3):
                    client.sendall(post(CHAT, BODY, headers=fields, close=count == 3))
                    while answer.count(LAST) < count:
                        answer += client.recv(65536)
                return answer

        answer = await deferToThread(ask_on_one)
        self.assertEqual(3, answer.count(b"HTTP/1.1 200 OK\r\n"))
        self.assertEqual((1, 3), (len(server.peers), len(server.requests())))
