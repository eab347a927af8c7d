"""What the mock provider says in each dialect: whole frames, made once. Pure.

All but the chat's own streams serve translations alone. They have nothing of the gateway's code, so
that a mistake of its writers cannot hide one of its readers.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from functools import lru_cache
from struct import Struct
from time import monotonic_ns
from typing import Any

import msgspec
from attrs import frozen

from bench import events, mock_plan

SIGNED = b"\r\nauthorization: aws4-hmac-sha256 credential="
REFUSAL = b"HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
_U32 = Struct("!I")
_PRELUDE = Struct("!II")
_STRING = 7
"""The type of a frame's header whose value is text."""


@frozen
class Speech:
    """One dialect.

    Args:
        head: Of a streamed answer, up to its body.
        opening: What stands before a stream's first event.
        event: One event by its place in the stream, from 0: 200 bytes.
        closing: What stands after the last.
        reply: The JSON for a request's body.
        signed: Whether a request without AWS's signature is refused.
        hashed: Whether a large body is hashed as it comes, and not read.
    """

    head: bytes
    opening: bytes
    event: Callable[[int], bytes]
    closing: bytes
    reply: Callable[[bytes], bytes]
    signed: bool = False
    hashed: bool = False


def speech_of(head: bytes) -> Speech:
    """The dialect that a request's path is one of."""
    target = target_of(head)
    if target == b"/v1/messages":
        return MESSAGES
    return CONVERSE if target.startswith(b"/model/") else CHAT


def target_of(head: bytes) -> bytes:
    """What a request's first line asks for."""
    return head.split(b" ", 2)[1]


def said(body: bytes) -> str:
    """What a request tells the model, all in one: its texts and, as base64, its pictures."""
    words: list[str] = []
    for message in msgspec.json.decode(body)["messages"]:
        content = message["content"]
        if isinstance(content, str):
            words.append(content)
        else:
            words += map(_words, content)
    return "".join(words)


def _words(part: dict[str, Any]) -> str:
    if "text" in part:
        return str(part["text"])
    if "source" in part:
        return str(part["source"]["data"])
    return str(part["image_url"]["url"]).partition(",")[2]


def receipt(words: str) -> str:
    """How an answer begins: by this a caller knows that all of its words arrived."""
    return f"{zlib.crc32(words.encode()):08x} {len(words)} "


def _padded(make: Callable[[str], str], start: str, size: int) -> bytes:
    """What ``make`` makes of a text that makes it ``size`` bytes long."""
    return make(start + "." * (size - len(make(start)))).encode("ascii")


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


# -- Anthropic's Messages ---------------------------------------------------------------------


def _named(event: dict[str, Any]) -> str:
    return f"event: {event['type']}\ndata: {_text(event)}\n\n"


def _message(content: list[dict[str, str]], stop: str | None) -> dict[str, Any]:
    return {
        "id": "msg_bench",
        "type": "message",
        "role": "assistant",
        "model": "bench",
        "content": content,
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": {"input_tokens": 120, "output_tokens": 60},
    }


@lru_cache(maxsize=4096)
def _messages_event(sequence: int) -> bytes:
    def make(text: str) -> str:
        delta = {"type": "text_delta", "text": text}
        return _named({"type": "content_block_delta", "index": 0, "delta": delta})

    return _padded(make, events.mark(sequence), events.SIZE)


@lru_cache(maxsize=64)
def _messages_reply(body: bytes) -> bytes:
    def make(text: str) -> str:
        return _text(_message([{"type": "text", "text": text}], "end_turn"))

    return _padded(make, receipt(said(body)), mock_plan.REPLY_SIZE)


_MESSAGES_OPENING: tuple[dict[str, Any], ...] = (
    {"type": "message_start", "message": _message([], None)},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
)
_MESSAGES_CLOSING: tuple[dict[str, Any], ...] = (
    {"type": "content_block_stop", "index": 0},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 60},
    },
    {"type": "message_stop"},
)


# -- Bedrock's Converse -----------------------------------------------------------------------

_COUNTED: dict[str, Any] = {
    "usage": {"inputTokens": 120, "outputTokens": 60, "totalTokens": 180},
    "metrics": {"latencyMs": 1},
}


def frame(kind: str, payload: bytes) -> bytes:
    """An event as AWS frames it, its headers in the order of the real service."""
    fields = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    headers = b"".join(
        b"%c%b%c\x00%c%b" % (len(name), name.encode(), _STRING, len(value), value.encode())
        for name, value in fields.items()
    )
    lengths = _PRELUDE.pack(len(headers) + len(payload) + 16, len(headers))
    start = lengths + _U32.pack(zlib.crc32(lengths)) + headers + payload
    return start + _U32.pack(zlib.crc32(start))


def _frames(*told: tuple[str, dict[str, Any]]) -> bytes:
    return b"".join(frame(kind, _text(payload).encode()) for kind, payload in told)


@lru_cache(maxsize=4096)
def _converse_event(sequence: int) -> bytes:
    """Its text has the place of its number; AWS pads the rest, so that sizes tell nothing."""

    def make(padding: str) -> bytes:
        delta = {"text": events.mark(sequence) + "..."}
        payload = {"contentBlockIndex": 0, "delta": delta, "p": padding}
        return frame("contentBlockDelta", _text(payload).encode())

    return make("a" * (events.SIZE - len(make(""))))


@lru_cache(maxsize=64)
def _converse_reply(body: bytes) -> bytes:
    def make(text: str) -> str:
        message = {"role": "assistant", "content": [{"text": text}]}
        return _text({"output": {"message": message}, "stopReason": "end_turn", **_COUNTED})

    return _padded(make, receipt(said(body)), mock_plan.REPLY_SIZE)


# -- all --------------------------------------------------------------------------------------

CHAT = Speech(
    head=mock_plan.STREAM_HEAD,
    opening=b"",
    event=lambda sequence: events.event(sequence, monotonic_ns() // 1000),
    closing=events.DONE,
    reply=lru_cache(maxsize=64)(mock_plan.reply),
    hashed=True,
)
MESSAGES = Speech(
    head=mock_plan.STREAM_HEAD,
    opening="".join(map(_named, _MESSAGES_OPENING)).encode(),
    event=_messages_event,
    closing="".join(map(_named, _MESSAGES_CLOSING)).encode(),
    reply=_messages_reply,
)
CONVERSE = Speech(
    head=mock_plan.STREAM_HEAD.replace(b"text/event-stream", b"application/vnd.amazon.eventstream"),
    opening=_frames(("messageStart", {"role": "assistant"})),
    event=_converse_event,
    closing=_frames(
        ("contentBlockStop", {"contentBlockIndex": 0}),
        ("messageStop", {"stopReason": "end_turn"}),
        ("metadata", _COUNTED),
    ),
    reply=_converse_reply,
    signed=True,
)
