"""Streams that fail before they have said anything: the caller gets a plain error, not a stream."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

from twisted.trial.unittest import TestCase

from magicgateway.dialects.bedrock_converse.frames import event_frame, exception_frame
from tests.gateway import RunningGateway, post, start_gateway
from tests.serving.test_channel import status_of
from tests.sockets import Peer, ScriptedServer

CHAT, COMPLETIONS = "/v1/chat/completions", "/v1/completions"
MESSAGES, RESPONSES = "/v1/messages", "/v1/responses"
CLAUDE = "anthropic.claude-haiku-4-5-20251001-v1:0"
TOML = """
[providers.local]
base_url = "{provider}/v1"
[providers.replies]
dialect = "responses"
base_url = "{provider}/v1"
[providers.anthropic]
base_url = "{provider}/v1"
[providers.bedrock]
base_url = "{provider}"
"""
AWS = {"x-aws-access-key-id": "AKIAEXAMPLE", "x-aws-secret-access-key": "example"}
START: dict[str, Any] = {
    "type": "message_start",
    "message": {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [],
        "stop_reason": None, "stop_sequence": None,
        "usage": {"input_tokens": 5, "output_tokens": 1},
    },
}  # fmt: skip
OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "m"}}
THROTTLED = exception_frame("throttlingException", {"message": "m"})
SLOW = {"error": {"message": "m", "type": "requests", "code": "rate_limit_exceeded", "param": None}}
FAILED = {
    "type": "response.failed",
    "response": {"id": "r", "error": {"code": "rate_limit_exceeded", "message": "m"}},
}


def sse(*events: dict[str, Any]) -> bytes:
    """Events as they are sent."""
    lines = ((e.get("type", ""), json.dumps(e)) for e in events)
    return b"".join(f"event: {n}\ndata: {d}\n\n".encode() for n, d in lines)


def chunk(event: dict[str, Any]) -> bytes:
    """An event of Anthropic's as InvokeModel frames it."""
    return event_frame("chunk", {"bytes": b64encode(json.dumps(event).encode()).decode()})


class FirstEventTests(TestCase):
    async def ask(self, provider: str, door: str, stream: bytes) -> bytes:
        """What a caller gets of a stream of the provider's."""
        kind = b"vnd.amazon.eventstream" if provider == "bedrock" else b"event-stream"
        prefix = b"application/" if provider == "bedrock" else b"text/"
        head = b"HTTP/1.1 200 OK\r\nContent-Type: %b%b\r\nContent-Length: %d\r\n\r\n"

        def serve(peer: Peer) -> None:
            peer.read_request()
            peer.send(head % (prefix, kind, len(stream)) + stream)
            peer.read_to_end()

        server = ScriptedServer(serve)
        self.addCleanup(server.stop)
        toml = TOML.replace("{provider}", f"http://127.0.0.1:{server.port}")
        gateway: RunningGateway = await start_gateway(self, toml)
        body: dict[str, Any] = {"model": CLAUDE, "stream": True, "max_tokens": 9}
        if door == RESPONSES:
            body = {"model": CLAUDE, "stream": True, "input": "Hi"}
        elif door == COMPLETIONS:
            body["prompt"] = "Hi"
        else:
            body["messages"] = [{"role": "user", "content": "Hi"}]
        own = AWS if provider == "bedrock" else {"authorization": "Bearer sk-1"}
        headers = {"x-provider": provider, **own}
        return await gateway.ask(post(door, json.dumps(body).encode(), headers=headers))

    async def check(self, provider: str, stream: bytes, expected: dict[str, int]) -> None:
        """The status at each door, and that there is no stream."""
        for door, status in expected.items():
            answer = await self.ask(provider, door, stream)
            self.assertEqual(status, status_of(answer), (provider, door, answer))
            self.assertIn(b"Content-Type: application/json", answer)
            self.assertIn(b'"message":"m"', answer)

    async def test_statuses(self) -> None:
        """Whoever fails, at every door."""
        doors = (CHAT, COMPLETIONS, RESPONSES, MESSAGES)
        throttled = dict.fromkeys(doors, 429)
        await self.check("bedrock", THROTTLED, throttled)
        await self.check("bedrock", chunk(OVERLOADED), {MESSAGES: 529})
        await self.check("anthropic", sse(OVERLOADED), dict.fromkeys(doors[:3], 503))
        await self.check("local", sse(SLOW), {MESSAGES: 429, RESPONSES: 429})
        await self.check("replies", sse(FAILED), {CHAT: 429, MESSAGES: 429})

    async def test_after_a_sign_of_life(self) -> None:
        """A sign of life is no event of an answer."""
        stream = sse({"type": "ping"}, OVERLOADED)
        await self.check("anthropic", stream, {CHAT: 503, COMPLETIONS: 503, RESPONSES: 503})

    async def test_after_the_start(self) -> None:
        """As soon as an answer has begun for the caller, an error is one of its events (J59)."""
        for provider, stream in (
            ("anthropic", sse(START, OVERLOADED)),
            ("bedrock", event_frame("messageStart", {"role": "assistant"}) + THROTTLED),
        ):
            for door in (CHAT, RESPONSES):
                answer = await self.ask(provider, door, stream)
                self.assertEqual(200, status_of(answer))
                self.assertIn(b'"message":"m"', answer)
                self.assertNotIn(b"[DONE]", answer)
                self.assertNotIn(b"response.completed", answer)
