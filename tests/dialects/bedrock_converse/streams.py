"""Streams of ConverseStream in tests: frames, and what is read of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from magicgateway.conversation.events import Event
from magicgateway.dialects.bedrock_converse.frames import event_frame, exception_frame, named
from magicgateway.dialects.bedrock_converse.stream_reader import open_reader
from magicgateway.dialects.grammar import Sent
from magicgateway.wire.event_stream import FrameReader, encode_frame
from magicgateway.wire.jsontext import encode

Json = dict[str, Any]
Wire = tuple[str, Json]

SENT = Sent(body={}, origin="anthropic", stream=True)
START: Wire = ("messageStart", {"role": "assistant"})
USAGE = {"inputTokens": 3, "outputTokens": 1, "totalTokens": 4}
METADATA: Wire = ("metadata", {"usage": USAGE, "metrics": {"latencyMs": 7}})


def opened(index: int, start: Json) -> Wire:
    """A block begins."""
    return "contentBlockStart", {"contentBlockIndex": index, "start": start}


def call(index: int, call_id: str = "a", name: str = "f") -> Wire:
    """A call begins."""
    return opened(index, {"toolUse": {"toolUseId": call_id, "name": name}})


def delta(index: int, **content: Any) -> Wire:
    """More of a block."""
    return "contentBlockDelta", {"contentBlockIndex": index, "delta": content}


def stopped(index: int) -> Wire:
    """A block ends."""
    return "contentBlockStop", {"contentBlockIndex": index}


def end(reason: str = "end_turn", **fields: Any) -> Wire:
    """The message ends."""
    return "messageStop", {"stopReason": reason, **fields}


def read(*wire: Wire, sent: Sent = SENT, close: bool = True) -> list[Event]:
    """What is read of a stream's events, and of its end."""
    reader = open_reader(sent)
    events: list[Event] = []
    for name, payload in wire:
        events += reader.feed(name, encode(payload))
    if close:
        events += reader.close()
    return events


def framed(*wire: Wire) -> bytes:
    """A stream's bytes; a prefix of a name says that it is an exception's or an error's."""
    return b"".join(_frame(*event) for event in wire)


def _frame(name: str, payload: Json) -> bytes:
    kind, _, bare = name.rpartition(":")
    if kind == "exception":
        return exception_frame(bare, payload)
    if kind == "error":
        words = {":error-code": bare, ":error-message": payload["message"]}
        return encode_frame({":message-type": "error", **words})
    return event_frame(name, payload)


def read_bytes(pieces: Iterable[bytes], sent: Sent = SENT) -> list[Event]:
    """What is read of bytes as they come, and of their end.

    Raises:
        FrameError: They are no frames, or end inside one.
    """
    frames, reader = FrameReader(), open_reader(sent)
    events: list[Event] = []
    for piece in pieces:
        for frame in frames.feed(piece):
            events += reader.feed(*named(frame))
    frames.finish()
    events += reader.close()
    return events


def kinds(events: Iterable[Event]) -> list[str]:
    """The names of events."""
    return [type(event).__name__ for event in events]
