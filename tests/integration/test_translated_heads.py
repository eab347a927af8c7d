"""What a caller learns from the head of an answer that was translated: limits, ids, attempts."""

from __future__ import annotations

import json
from collections.abc import Mapping

from twisted.trial.unittest import TestCase

from tests.gateway import post, start_gateway
from tests.serving.test_channel import status_of
from tests.serving.test_translated_relay import header
from tests.sockets import Peer, ScriptedServer

MESSAGES = "/v1/messages"
CHAT = "/v1/chat/completions"
TOML = """
[providers.asks-chat]
dialect = "openai"
base_url = "{demo}/v1"
api_key = "env:OPERATORS"
[providers.asks-messages]
dialect = "anthropic"
base_url = "{demo}/v1"
api_key = "env:OPERATORS"
"""
OPENAI = {
    "x-request-id": "req_openai",
    "x-ratelimit-limit-requests": "60",
    "x-ratelimit-remaining-requests": "59",
    "x-ratelimit-reset-requests": "6m0s",
    "x-ratelimit-remaining-tokens": "149984",
    "retry-after": "1.5",
    "etag": '"of-another-body"',
}
ANTHROPIC = {
    "request-id": "req_anthropic",
    "anthropic-ratelimit-requests-limit": "50",
    "anthropic-ratelimit-requests-reset": "2020-01-01T00:00:00Z",
    "anthropic-ratelimit-input-tokens-remaining": "7",
    "retry-after": "7",
}
CHAT_REPLY = {
    "id": "c",
    "object": "chat.completion",
    "model": "m",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}
    ],
}
MESSAGES_REPLY = {
    "id": "m",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": "hi"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 1, "output_tokens": 1},
}
FAILED = {"error": {"type": "rate_limit_error", "message": "Slow down."}}
ASKED = {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "x"}]}


class HeadTests(TestCase):
    async def ask(
        self, door: str, status: int, fields: Mapping[str, str], *, own: bool = True
    ) -> bytes:
        """Ask at a door a provider of the other family, which answers so."""
        good = CHAT_REPLY if door == MESSAGES else MESSAGES_REPLY
        text = json.dumps(good if status == 200 else FAILED)
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        head = f"HTTP/1.1 {status} x\r\nContent-Type: application/json\r\n{lines}"
        reply = f"{head}Content-Length: {len(text)}\r\n\r\n{text}".encode()

        def serve(peer: Peer) -> None:
            peer.read_request()
            peer.send(reply)

        server = ScriptedServer(serve)
        self.addCleanup(server.stop)
        toml = TOML.replace("{demo}", f"http://127.0.0.1:{server.port}")
        gateway = await start_gateway(self, toml, {"OPERATORS": "sk-operator"})
        headers = {"x-provider": "asks-chat" if door == MESSAGES else "asks-messages"}
        if own:
            headers["authorization"] = "Bearer sk-1"
        return await gateway.ask(post(door, json.dumps(ASKED).encode(), headers=headers))

    async def test_openai_to_anthropic(self) -> None:
        """Limits have Anthropic's names and times, on a success as on a failure."""
        for status in (200, 429):
            reply = await self.ask(MESSAGES, status, OPENAI)
            self.assertEqual(status, status_of(reply), reply)
            limits = {
                name: header(reply, f"anthropic-ratelimit-{name}")
                for name in ("requests-limit", "requests-remaining", "tokens-remaining")
            }
            self.assertEqual(
                {
                    "requests-limit": ["60"],
                    "requests-remaining": ["59"],
                    "tokens-remaining": ["149984"],
                },
                limits,
            )
            (reset,) = header(reply, "anthropic-ratelimit-requests-reset")
            self.assertRegex(reset, r"\A20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z")
            self.assertNotIn(b"x-ratelimit", reply)
            self.assertEqual(["req_openai"], header(reply, "request-id"))
            self.assertEqual([], header(reply, "x-request-id"))
            self.assertEqual([], header(reply, "etag"))
            self.assertEqual(["1"], header(reply, "x-magicgateway-attempts"))
            self.assertEqual(["1.5"] if status == 200 else ["2"], header(reply, "retry-after"))

    async def test_anthropic_to_openai(self) -> None:
        """Limits have OpenAI's names and durations; what it has no name for keeps its own."""
        for status in (200, 429):
            reply = await self.ask(CHAT, status, ANTHROPIC)
            self.assertEqual(status, status_of(reply), reply)
            self.assertEqual(["50"], header(reply, "x-ratelimit-limit-requests"))
            self.assertEqual(["0s"], header(reply, "x-ratelimit-reset-requests"))
            self.assertEqual(["7"], header(reply, "anthropic-ratelimit-input-tokens-remaining"))
            self.assertEqual([], header(reply, "anthropic-ratelimit-requests-limit"))
            self.assertEqual(["req_anthropic"], header(reply, "x-request-id"))
            self.assertEqual(["7"], header(reply, "retry-after"))

    async def test_operators(self) -> None:
        """The limits of the operator's credential are nobody else's affair."""
        for status in (200, 429):
            reply = await self.ask(MESSAGES, status, OPENAI, own=False)
            self.assertEqual(status, status_of(reply), reply)
            self.assertNotIn(b"ratelimit", reply)
            self.assertEqual(["req_openai"], header(reply, "request-id"))

    async def test_no_id(self) -> None:
        """A provider that gives no id leaves ours."""
        for status in (200, 429):
            reply = await self.ask(CHAT, status, {})
            ours = header(reply, "x-magicgateway-request-id")
            self.assertEqual(1, len(ours))
            self.assertEqual(ours, header(reply, "x-request-id"))
