"""The way back of translated answers, on real sockets: honest ends, in the caller's own words."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from twisted.internet.threads import deferToThread

from tests.gateway import GatewayTestCase, exchange_bytes, post, start_gateway, until
from tests.serving.test_channel import status_of
from tests.serving.test_relay import body_of
from tests.sockets import Peer, ScriptedServer

TOML = """
[providers.asks-chat]
dialect = "openai"
base_url = "{demo}/v1"
[providers.asks-responses]
dialect = "responses"
base_url = "{demo}/v1"
[providers.bedrock]
base_url = "{demo}"
"""
AWS = {
    "x-aws-access-key-id": "AKIADEMOPROVIDER0001",
    "x-aws-secret-access-key": "demo-secret-key-that-is-no-secret-000001",
    "x-aws-region": "us-east-1",
}
CHAT = "/v1/chat/completions"
RESPONSES = "/v1/responses"


def asked(door: str, model: str = "demo", *, stream: bool = False, **fields: Any) -> bytes:
    """A request to a provider of the other dialect."""
    what: dict[str, Any] = {"model": model, "stream": stream, **fields}
    if door == CHAT:
        what |= {"messages": [{"role": "user", "content": "Hi"}]}
    else:
        what |= {"input": "Hi"}
    provider = "asks-responses" if door == CHAT else "asks-chat"
    headers = {
        "x-provider": provider,
        "authorization": "Bearer sk-1",
    }
    return post(door, json.dumps(what).encode(), headers=headers)


def error_of(answer: bytes) -> tuple[int, str]:
    """Status and code of an error answer."""
    body = json.loads(answer.partition(b"\r\n\r\n")[2])
    return status_of(answer), body["error"]["code"]


def header(answer: bytes, name: str) -> list[str]:
    """The values of a field."""
    head = answer.partition(b"\r\n\r\n")[0].decode("latin-1")
    lines = (line.partition(": ") for line in head.split("\r\n")[1:])
    return [value for key, _, value in lines if key.lower() == name]


class AnswerTests(GatewayTestCase):
    toml = TOML

    async def test_errors(self) -> None:
        """A provider's error keeps its meaning: status, code and when to come back."""
        for script, expected in (
            ("status=429;retry-after=7", (429, "rate_limit_exceeded")),
            ("status=400", (400, "invalid_request_error")),
            ("status=404", (404, "model_not_found")),
            ("status=500", (502, "upstream_error")),
            ("status=503", (503, "server_is_overloaded")),
            ("status=502;html", (502, "upstream_error")),
            ("status=500;empty-body", (502, "upstream_error")),
        ):
            for stream in (False, True):
                with self.subTest(script=script, stream=stream):
                    self.gateway.facts.clear()
                    answer = await self.gateway.ask(
                        asked(CHAT, f"demo-fault:{script}", stream=stream)
                    )
                    status, code = error_of(answer)
                    self.assertEqual(expected[0], status)
                    self.assertNotIn(b"<html", answer.lower())
                    if expected[0] != 400:
                        self.assertEqual(expected[1], code)
                    self.assertEqual(
                        ["7"] if "retry" in script else [], header(answer, "retry-after")
                    )
                    self.assertEqual(["failed"], [fact.outcome for fact in self.gateway.facts])

    async def test_first_event(self) -> None:
        """An error that is a stream's first event is a plain error with its own status."""
        answer = await self.gateway.ask(
            asked(RESPONSES, "demo-fault:error-event=0;kind=rate_limit_exceeded", stream=True)
        )
        self.assertEqual(429, status_of(answer))
        self.assertNotIn(b"response.created", answer)

    async def test_broken_streams(self) -> None:
        """What the provider did not finish ends in an error event, and in no success marker."""
        for door, markers in (
            (CHAT, (b"[DONE]", b'"finish_reason":"stop"')),
            (RESPONSES, (b"response.completed", b"response.incomplete")),
        ):
            for script in ("cut=900", "half-event=5", "no-finish", "error-event=5", "bad-chunk=5"):
                with self.subTest(door=door, script=script):
                    self.gateway.facts.clear()
                    answer = await self.gateway.ask(
                        asked(door, f"demo-fault:{script}", stream=True)
                    )
                    self.assertEqual(200, status_of(answer))
                    body = body_of(answer)
                    for marker in markers:
                        self.assertNotIn(marker, body)
                    self.assertIn(b'"error"' if door == CHAT else b"response.failed", body)
                    self.assertTrue(body.endswith(b"\n\n"))
                    (fact,) = self.gateway.facts
                    self.assertIn(fact.outcome, ("truncated", "failed"))

    async def test_own_errors(self) -> None:
        """An error event of the gateway's own says so in its code, as where bytes pass."""
        answer = await self.gateway.ask(asked(CHAT, "demo-fault:cut=900", stream=True))
        self.assertIn(b'"code":"upstream_truncated"', body_of(answer))
        asking = deferToThread(
            exchange_bytes, self.gateway.port, asked(CHAT, "demo-fault:stall=5", stream=True)
        )
        await until(
            lambda: any(
                one.relay is not None and one.relay.committed
                for one in self.gateway.gateway.plane.running
            )
        )
        self.gateway.gateway.interrupt()
        body = body_of(await asking)
        self.assertIn(b'"type":"service_unavailable_error"', body)
        self.assertIn(b'"code":"gateway_stopping"', body)

    async def test_usage_is_counted(self) -> None:
        """The log knows the tokens, streamed or not."""
        for stream in (False, True):
            await self.gateway.ask(asked(CHAT, stream=stream))
        whole, streamed = self.gateway.facts
        self.assertIsNotNone(whole.usage)
        self.assertEqual(whole.usage, streamed.usage)
        self.assertEqual((False, True), (whole.stream, streamed.stream))
        self.assertEqual("completed", streamed.outcome)

    async def test_differences_are_told(self) -> None:
        """What does not arrive is in a header; who wants no difference gets a 422 instead."""
        for stream in (False, True):
            answer = await self.gateway.ask(asked(CHAT, stream=stream, seed=1))
            self.assertEqual(200, status_of(answer))
            self.assertEqual(
                ["seed;dropped;unsupported-by-target"], header(answer, "x-magicgateway-warning")
            )
        strict = asked(CHAT, seed=1).replace(
            b"x-provider", b"x-magicgateway-strict: true\r\nx-provider"
        )
        self.assertEqual((422, "strict_refusal"), error_of(await self.gateway.ask(strict)))

    async def test_model_without_streams(self) -> None:
        """A model that cannot stream what is asked is asked for all at once."""
        tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
        what = {"model": "meta.llama3-1-8b-instruct-v1:0", "stream": True, "tools": [tool]}
        what |= {"messages": [{"role": "user", "content": "Please look"}]}
        headers = {"x-provider": "bedrock", **AWS}
        answer = await self.gateway.ask(post(CHAT, json.dumps(what).encode(), headers=headers))
        self.assertEqual(["text/event-stream; charset=utf-8"], header(answer, "content-type"))
        body = body_of(answer)
        self.assertIn(b'"name":"look"', body)
        self.assertTrue(body.endswith(b"data: [DONE]\n\n"))
        (received,) = self.gateway.demo.journal
        self.assertTrue(received.target.endswith("/converse"))

    async def test_head(self) -> None:
        """Types, ids and our own fields are the door's; the provider's length and type are not."""
        answer = await self.gateway.ask(asked(CHAT))
        body = answer.partition(b"\r\n\r\n")[2]
        self.assertEqual([str(len(body))], header(answer, "content-length"))
        self.assertEqual(["application/json"], header(answer, "content-type"))
        self.assertEqual(["asks-responses"], header(answer, "x-magicgateway-provider"))
        self.assertEqual(1, len(header(answer, "x-request-id")))
        answer = await self.gateway.ask(asked(CHAT, stream=True))
        self.assertEqual(["text/event-stream; charset=utf-8"], header(answer, "content-type"))
        self.assertEqual(["chunked"], header(answer, "transfer-encoding"))

    async def test_old_clients(self) -> None:
        """HTTP/1.0 knows no chunks: the stream ends with its connection."""
        old = asked(CHAT, stream=True).replace(b" HTTP/1.1", b" HTTP/1.0")
        answer = await self.gateway.ask(old)
        self.assertEqual([], header(answer, "transfer-encoding"))
        self.assertTrue(answer.endswith(b"data: [DONE]\n\n"))

    async def test_bad_requests(self) -> None:
        """A body that the door's API would refuse is refused, by the name of the field."""
        for body, code, param in (
            (b'{"model":"m"}', 400, "messages"),
            (b'{"model":"m","messages":7}', 400, "messages"),
            (b'{"messages":[{"role":"user","content":"x"}]}', 400, "model"),
        ):
            headers = {"x-provider": "asks-responses", "authorization": "Bearer sk-1"}
            answer = await self.gateway.ask(post(CHAT, body, headers=headers))
            self.assertEqual(code, status_of(answer), body)
            said = json.loads(answer.partition(b"\r\n\r\n")[2])["error"]
            self.assertEqual(param, said["param"], body)

    async def test_large_body(self) -> None:
        """A large body is translated in a thread, and refused from there just as well."""
        words = "x" * 300_000
        answer = await self.gateway.ask(asked(CHAT, user=words))
        self.assertEqual(200, status_of(answer))
        answer = await self.gateway.ask(asked(CHAT, n=2, user=words))
        self.assertEqual((400, "unsupported_parameter"), error_of(answer))


class StreamTests(GatewayTestCase):
    toml = TOML

    @contextmanager
    def _open(self, request: bytes) -> Iterator[socket.socket]:
        with socket.socket() as caller:
            caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
            caller.settimeout(10)
            caller.connect(("127.0.0.1", self.gateway.port))
            caller.sendall(request)
            yield caller

    async def test_delta_by_delta(self) -> None:
        """Each piece of the answer is out before the provider says the next."""
        for door in (CHAT, RESPONSES):
            gate = self.gateway.demo.hold()
            with self._open(asked(door, "demo-fault:tokens=6", stream=True)) as caller:
                seen = b""
                grown = 0
                for _ in range(40):
                    await gate.arrival()
                    before = len(seen)
                    gate.release(1)
                    seen += await deferToThread(_read_some, caller)
                    grown += len(seen) > before
                    if b"[DONE]" in seen or b"response.completed" in seen:
                        break
                self.assertGreater(grown, 5)
                self.assertTrue(b"[DONE]" in seen or b"response.completed" in seen)
            gate.open()

    async def test_caller_leaves(self) -> None:
        """The provider is stopped at once, before, between and amid events."""
        gate = self.gateway.demo.hold()
        for released in (0, 1, 3):
            with self._open(asked(CHAT, stream=True)):
                await gate.arrival()
                gate.release(released)
                await gate.arrival()
            await until(lambda: not self.gateway.gateway.plane.running, 2)
            await until(lambda: gate.standing == 0, 2)
        self.assertEqual({499}, {fact.status for fact in self.gateway.facts})

    async def test_slow_reader(self) -> None:
        """J68: A caller that reads nothing makes the provider wait, and gets all of it later."""
        with self._open(asked(CHAT, "demo-fault:bytes=8000000", stream=True)) as caller:
            await until(lambda: bool(self.gateway.gateway.plane.running))
            (exchange,) = self.gateway.gateway.plane.running
            await until(lambda: bool(exchange.relay and exchange.relay._paused), 5)
            seen = await deferToThread(_read_until, caller, b"[DONE]")
        self.assertGreater(len(seen), 8_000_000)


class StrangeProviderTests(GatewayTestCase):
    """Providers that answer otherwise than they were asked."""

    async def _answer(self, door: str, reply: bytes, *, stream: bool) -> bytes:
        def serve(peer: Peer) -> None:
            peer.read_request()
            peer.send(reply)

        server = ScriptedServer(serve)
        self.addCleanup(server.stop)
        toml = TOML.replace("{demo}", f"http://127.0.0.1:{server.port}")
        gateway = await start_gateway(self, toml)
        return await gateway.ask(asked(door, stream=stream))

    async def test_whole_for_a_stream(self) -> None:
        """A provider that does not stream is heard out, and its answer told as a stream."""
        text = json.dumps(
            {
                "id": "c",
                "object": "chat.completion",
                "model": "m",
                "choices": [
                    {
                        "index": 0,
                        "message": {"role": "assistant", "content": "hello"},
                        "finish_reason": "stop",
                    }
                ],
            }
        ).encode()
        reply = (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
            % (len(text), text)
        )
        body = body_of(await self._answer(RESPONSES, reply, stream=True))
        self.assertIn(b'"delta":"hello"', body)
        self.assertIn(b"response.completed", body)

    async def test_no_answers(self) -> None:
        """What is no answer at all is a 502 that says so."""
        for text in (b"", b"<html>", b"[]", b"{}", b'{"choices":[]}', b'{"choices":[7]}'):
            reply = (
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
                % (len(text), text)
            )
            for stream in (False, True):
                with self.subTest(text=text, stream=stream):
                    answer = await self._answer(RESPONSES, reply, stream=stream)
                    self.assertEqual(502, status_of(answer))
        answer = await self._answer(
            RESPONSES,
            b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n",
            stream=False,
        )
        self.assertEqual((502, "upstream_malformed"), error_of(answer))


def _read_some(caller: socket.socket) -> bytes:
    """What comes within a moment."""
    caller.settimeout(0.05)
    try:
        return caller.recv(65536)
    except TimeoutError:
        return b""


def _read_until(caller: socket.socket, end: bytes) -> bytes:
    caller.settimeout(10)
    seen = bytearray()
    while end not in seen[-200:]:
        seen += caller.recv(65536)
    return bytes(seen)
