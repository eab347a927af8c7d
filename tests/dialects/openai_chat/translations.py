"""Answers on their way between chat and Messages, with what surrounds them."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import httpx2
from anthropic.types import Message

from magicgateway.conversation.capabilities import Capabilities
from magicgateway.dialects.anthropic_messages import grammar as messages_grammar
from magicgateway.dialects.openai_chat import grammar as chat_grammar
from magicgateway.dialects.translation import Translation
from magicgateway.providers.envelopes import SSE
from tests.dialects.openai_chat.bodies import Json, chat, says

CLAUDE = Capabilities(origin="anthropic")
PLAIN = Capabilities(origin="plain", efforts=("low", "high"))
USAGE = {"input_tokens": 12, "output_tokens": 4}
SYNTHETIC = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}


def from_claude(body: Json | None = None) -> Translation:
    """A chat caller's request that Claude answers."""
    translation = Translation(chat_grammar, messages_grammar, model="asked", answer_id="a1", now=9)
    return _sent(translation, body or chat(), CLAUDE)


def from_chat(body: Json | None = None) -> Translation:
    """A Messages caller's request that a chat provider answers."""
    translation = Translation(messages_grammar, chat_grammar, model="asked", answer_id="a1", now=9)
    usual = {"model": "asked", "max_tokens": 9, "messages": [says("user", "hi")]}
    return _sent(translation, {**usual, **(body or {})}, PLAIN)


def _sent(translation: Translation, body: Json, capabilities: Capabilities) -> Translation:
    request = translation.read(json.dumps(body).encode(), "up")
    translation.write(request, capabilities)
    return translation


def text(words: str, **fields: Any) -> Json:
    return {"type": "text", "text": words, **fields}


def uses(call_id: str, name: str, given: Json) -> Json:
    return {"type": "tool_use", "id": call_id, "name": name, "input": given}


def claude(*content: Json, stop: str | None = "end_turn", **fields: Any) -> Json:
    """A whole answer of Claude's."""
    return {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x",
        "content": list(content), "stop_reason": stop, "stop_sequence": None, "usage": USAGE,
        **fields,
    }  # fmt: skip


def framed(*events: Json) -> bytes:
    """Anthropic's events on the wire."""
    return b"".join(
        b"event: %b\ndata: %b\n\n" % (event["type"].encode(), json.dumps(event).encode())
        for event in events
    )


def begun(**usage: Any) -> Json:
    return {"type": "message_start", "message": claude(stop=None, usage=usage or USAGE)}


def block(index: int, start: Json, *deltas: Json) -> list[Json]:
    return [
        {"type": "content_block_start", "index": index, "content_block": start},
        *({"type": "content_block_delta", "index": index, "delta": d} for d in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def said(index: int, *texts: str) -> list[Json]:
    return block(index, text(""), *({"type": "text_delta", "text": t} for t in texts))


def called(index: int, call_id: str, name: str, *pieces: str) -> list[Json]:
    parts = ({"type": "input_json_delta", "partial_json": p} for p in pieces)
    return block(index, uses(call_id, name, {}), *parts)


def ended(stop: str = "end_turn", **usage: Any) -> list[Json]:
    return [
        {"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": None},
         "usage": usage or {"output_tokens": 4}},
        {"type": "message_stop"},
    ]  # fmt: skip


def poured(translation: Translation, stream: bytes, cut: int = 0) -> tuple[bytes, bool]:
    """What the caller gets of a stream, and whether it ended well.

    Args:
        translation: Of its request.
        stream: The provider's.
        cut: Bytes in a piece; 0: all at once.
    """
    work = translation.open_stream(SSE)
    step = cut or max(1, len(stream))
    out = [work.feed(stream[at : at + step]) for at in range(0, len(stream), step)]
    return b"".join((*out, work.end())), work.finished


def provider(*given: Any) -> bytes:
    """Chunks of a chat provider on the wire."""
    return b"".join(
        b"data: %b\n\n" % (item if isinstance(item, str) else json.dumps(item)).encode()
        for item in given
    )


def accumulated_message(stream: bytes) -> Message:
    """What Anthropic's SDK adds up from a stream."""

    def answer(_: httpx2.Request) -> httpx2.Response:
        headers = {"content-type": "text/event-stream"}
        return httpx2.Response(200, headers=headers, content=stream)

    transport = httpx2.Client(transport=httpx2.MockTransport(answer))
    client = anthropic.Anthropic(api_key="k", max_retries=0, http_client=transport)
    with client.messages.stream(model="m", max_tokens=9, messages=[]) as opened:
        return opened.get_final_message()
