"""Every piece of a streamed answer is with the caller before the provider says the next one.

The provider says a piece only when the caller has the one before it. So a gateway that kept one
back, for whatever reason, would keep everybody waiting.
"""

from __future__ import annotations

import json
import socket
import threading
from base64 import b64encode
from typing import Any

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from magicgateway.dialects.bedrock_converse.frames import event_frame
from magicgateway.wire.chunked import LAST_CHUNK, frame
from tests.gateway import RunningGateway, post, start_gateway
from tests.sockets import Peer, ScriptedServer

CHAT, MESSAGES, RESPONSES = "/v1/chat/completions", "/v1/messages", "/v1/responses"
COMPLETIONS = "/v1/completions"
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
DOORS = (CHAT, RESPONSES, MESSAGES)
THOUGHTS, WORDS = ("think-1", "think-2"), ("word-1", "word-2", "word-3")
ARGUMENTS = ('{"a":"argument-1', "argument-2", 'argument-3"}')
PIECES = (*THOUGHTS, *WORDS, "argument-1", "argument-2", "argument-3")
SECONDS = 5
Json = dict[str, Any]


def sse(event: Json) -> bytes:
    """An event with its name, if it has a type."""
    name = f"event: {event['type']}\n" if "type" in event else ""
    return f"{name}data: {json.dumps(event)}\n\n".encode()


def chat() -> list[bytes]:
    """What a provider of chat says."""
    call: Json = {"index": 0, "id": "c", "type": "function", "function": {"name": "f"}}
    deltas: list[Json] = [
        {"role": "assistant"},
        *({"reasoning_content": text} for text in THOUGHTS),
        *({"content": text} for text in WORDS),
        {"tool_calls": [call]},
        *({"tool_calls": [{"index": 0, "function": {"arguments": a}}]} for a in ARGUMENTS),
    ]
    chunks = [{"id": "r", "model": "m", "choices": [{"index": 0, "delta": d}]} for d in deltas]
    last: Json = {"id": "r", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    return [*map(sse, [*chunks, last]), b"data: [DONE]\n\n"]


def messages() -> list[Json]:
    """What Anthropic says."""
    usage = {"input_tokens": 5, "output_tokens": 1}
    blocks: list[tuple[Json, str, str, tuple[str, ...]]] = [
        ({"type": "thinking", "thinking": "", "signature": ""},
         "thinking_delta", "thinking", THOUGHTS),
        ({"type": "text", "text": ""}, "text_delta", "text", WORDS),
        ({"type": "tool_use", "id": "c", "name": "f", "input": {}},
         "input_json_delta", "partial_json", ARGUMENTS),
    ]  # fmt: skip
    events: list[Json] = [{"type": "message_start", "message": {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [],
        "stop_reason": None, "stop_sequence": None, "usage": usage,
    }}]  # fmt: skip
    for index, (block, kind, name, texts) in enumerate(blocks):
        events.append({"type": "content_block_start", "index": index, "content_block": block})
        for text in texts:
            delta = {"type": kind, name: text}
            events.append({"type": "content_block_delta", "index": index, "delta": delta})
        events.append({"type": "content_block_stop", "index": index})
    last = {"stop_reason": "tool_use", "stop_sequence": None}
    return [
        *events,
        {"type": "message_delta", "delta": last, "usage": usage},
        {"type": "message_stop"},
    ]


def replies() -> list[bytes]:
    """What a provider of the Responses API says."""
    call = {"type": "function_call", "id": "fc", "call_id": "c", "name": "f", "arguments": ""}
    message = {"type": "message", "id": "m", "role": "assistant", "content": []}
    reasoning: Json = {"type": "reasoning", "id": "rs", "summary": []}
    kinds: tuple[tuple[Json, str, Json, tuple[str, ...]], ...] = (
        (reasoning, "reasoning_summary_text", {"summary_index": 0}, THOUGHTS),
        (message, "output_text", {"content_index": 0}, WORDS),
        (call, "function_call_arguments", {}, ARGUMENTS),
    )
    events: list[Json] = [{"type": "response.created", "response": {"id": "r", "model": "m"}}]
    for place, (item, kind, fields, texts) in enumerate(kinds):
        at: Json = {"output_index": place, "item_id": item["id"], **fields}
        events.append({"type": "response.output_item.added", "output_index": place, "item": item})
        events += [{"type": f"response.{kind}.delta", **at, "delta": text} for text in texts]
        events.append({"type": "response.output_item.done", "output_index": place, "item": item})
    whole = {"id": "r", "status": "completed", "output": []}
    return [*map(sse, [*events, {"type": "response.completed", "response": whole}])]


def converse() -> list[bytes]:
    """What ConverseStream says."""
    blocks: list[list[Json]] = [
        [{"reasoningContent": {"text": text}} for text in THOUGHTS],
        [{"text": text} for text in WORDS],
        [{"toolUse": {"input": text}} for text in ARGUMENTS],
    ]
    call = {"toolUse": {"toolUseId": "c", "name": "f"}}
    frames = []
    for place, deltas in enumerate(blocks):
        at: Json = {"contentBlockIndex": place}
        if "toolUse" in deltas[0]:
            frames.append(event_frame("contentBlockStart", {**at, "start": call}))
        frames += [event_frame("contentBlockDelta", {**at, "delta": delta}) for delta in deltas]
        frames.append(event_frame("contentBlockStop", at))
    return [
        event_frame("messageStart", {"role": "assistant"}),
        *frames,
        event_frame("messageStop", {"stopReason": "tool_use"}),
        event_frame("metadata", {"usage": {"inputTokens": 1, "outputTokens": 1}}),
    ]


def invoke() -> list[bytes]:
    """What InvokeModel says of a Claude."""
    raw = (json.dumps(event).encode() for event in messages())
    return [event_frame("chunk", {"bytes": b64encode(text).decode()}) for text in raw]


def answer_to(path: str) -> tuple[str, list[bytes]]:
    """The type of a provider's answer, and its pieces."""
    if path.endswith("/converse-stream"):
        return "application/vnd.amazon.eventstream", converse()
    if path.startswith("/model/"):
        return "application/vnd.amazon.eventstream", invoke()
    if path == MESSAGES:
        return "text/event-stream", [sse(event) for event in messages()]
    return "text/event-stream", replies() if path == RESPONSES else chat()


class SameTurnTests(TestCase):
    async def setUp(self) -> None:  # type: ignore[override] # trial awaits it
        self.told = {piece: threading.Event() for piece in PIECES}

        def serve(peer: Peer) -> None:
            while True:
                self.say(peer, peer.read_request().split(b" ", 2)[1].decode())

        server = ScriptedServer(serve)
        self.addCleanup(server.stop)
        toml = TOML.replace("{provider}", f"http://127.0.0.1:{server.port}")
        self.gateway: RunningGateway = await start_gateway(self, toml)

    def say(self, peer: Peer, path: str) -> None:
        """Answer, each piece when the caller has the one before."""
        kind, pieces = answer_to(path)
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n"
        peer.send(head.encode())
        coded = path.endswith("/invoke-with-response-stream")
        for piece in pieces:
            peer.send(frame(piece))
            plain = repr(messages()[pieces.index(piece)]).encode() if coded else piece
            for name, told in self.told.items():
                if name.encode() in plain and not told.wait(SECONDS):
                    raise AssertionError(f"the caller does not get {name}")
        peer.send(LAST_CHUNK)

    def follow(self, request: bytes, pieces: tuple[str, ...]) -> bytes:
        """Read an answer, and say of each of these pieces when it has come."""
        seen = b""
        with socket.create_connection(("127.0.0.1", self.gateway.port), SECONDS) as caller:
            caller.sendall(request)
            for piece in PIECES:
                while piece in pieces and piece.encode() not in seen:
                    more = caller.recv(65536)
                    if not more:
                        raise AssertionError(f"{piece} does not come: {seen[-400:]!r}")
                    seen += more
                self.told[piece].set()
            while more := caller.recv(65536):
                seen += more
        return seen

    async def check(self, door: str, provider: str, pieces: tuple[str, ...] = PIECES) -> None:
        """One pair of a door and a provider."""
        for told in self.told.values():
            told.clear()
        model = CLAUDE if provider == "bedrock" else "m"
        body: Json = {"model": model, "stream": True, "max_tokens": 99}
        if door == COMPLETIONS:
            body["prompt"] = "Hi"
        elif door == RESPONSES:
            body = {"model": model, "stream": True, "input": "Hi"}
        else:
            body["messages"] = [{"role": "user", "content": "Hi"}]
        own = AWS if provider == "bedrock" else {"authorization": "Bearer sk-1"}
        request = post(door, json.dumps(body).encode(), headers={"x-provider": provider, **own})
        seen = await deferToThread(self.follow, request, pieces)
        self.assertEqual("completed", self.gateway.facts[-1].outcome, (door, provider, seen))

    async def test_chat(self) -> None:
        """From a provider of chat, at every door."""
        for door in DOORS:
            await self.check(door, "local")

    async def test_responses(self) -> None:
        """From a provider of the Responses API."""
        for door in DOORS:
            await self.check(door, "replies")

    async def test_messages(self) -> None:
        """From Anthropic."""
        for door in DOORS:
            await self.check(door, "anthropic")

    async def test_bedrock(self) -> None:
        """From Bedrock: by Converse, and at the Messages door by InvokeModel."""
        for door in DOORS:
            await self.check(door, "bedrock")

    async def test_completions(self) -> None:
        """Words also where they become legacy completions."""
        for provider in ("replies", "anthropic", "bedrock"):
            await self.check(COMPLETIONS, provider, WORDS)
