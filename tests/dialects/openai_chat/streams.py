"""Streams of chunks in tests: put together, read, written."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from attrs import evolve

from magicgateway.conversation.blocks import Block, Text, ToolCall
from magicgateway.conversation.events import (
    ArgumentsDelta,
    BlockStarted,
    BlockStopped,
    Ended,
    Event,
    Finished,
    Started,
    TextDelta,
)
from magicgateway.conversation.reply import Finish
from magicgateway.conversation.request import Request
from magicgateway.dialects.grammar import Asked, Sent
from magicgateway.dialects.openai_chat.stream_reader import open_reader
from magicgateway.dialects.openai_chat.stream_writer import open_writer
from magicgateway.wire import sse

Json = dict[str, Any]
HEAD = {"id": "r", "object": "chat.completion.chunk", "created": 5, "model": "m"}
DONE = "[DONE]"


def delta(finish: str | None = None, index: int = 0, **fields: Any) -> Json:
    """A chunk with one choice."""
    choice = {"index": index, "delta": fields, "finish_reason": finish}
    return {**HEAD, "choices": [choice]}


def piece(index: int | None = 0, **fields: Any) -> Json:
    """A chunk with a piece of a call: ``id``, ``name``, ``arguments``."""
    call: Json = {} if index is None else {"index": index}
    inner = {name: fields[name] for name in ("name", "arguments") if name in fields}
    if "id" in fields:
        call["id"] = fields["id"]
    return delta(tool_calls=[{**call, "function": inner}])


def read(*chunks: Any, origin: str = "", close: bool = True, name: str = "") -> list[Event]:
    """The events of some chunks, and of the end of the body."""
    reader = open_reader(Sent(body={}, origin=origin, stream=True))
    found: list[Event] = []
    for chunk in chunks:
        data = chunk if isinstance(chunk, str) else json.dumps(chunk)
        found += reader.feed(name, data.encode())
    if close:
        found += reader.close()
    return found


def answered(**fields: Any) -> Asked:
    """A request whose answer is written."""
    return Asked(
        request=Request(model="up", stream=True, **fields), model="asked", answer_id="a1", now=9
    )


def written(*events: Event, **fields: Any) -> bytes:
    """The stream of some events, for a request with such fields."""
    writer = open_writer(answered(**fields))
    return b"".join(map(writer.write, events))


def payloads(stream: bytes) -> list[Any]:
    """The data of a stream's events, decoded but for the last marker."""
    splitter = sse.EventSplitter()
    found = sse.events(splitter.feed(stream))
    return [json.loads(data) if data[:1] == b"{" else data.decode() for _, data in found]


def words(index: int, *texts: str, choice: int = 0) -> list[Event]:
    """A whole block of text."""
    return [
        BlockStarted(index, Text(text=""), choice),
        *(TextDelta(index, text, choice) for text in texts),
        BlockStopped(index, choice),
    ]


def called(index: int, block: ToolCall, *arguments: str) -> list[Event]:
    """A whole block of a call."""
    return [
        BlockStarted(index, block),
        *(ArgumentsDelta(index, text) for text in arguments),
        BlockStopped(index),
    ]


def told(events: Iterable[Event], finish: str = "stop", **ended: Any) -> list[Event]:
    """Blocks as a whole answer."""
    return [Started("r", "served"), *events, Finished(Finish(reason=finish)), Ended(**ended)]


def bare(events: Iterable[Event]) -> list[Event]:
    """Events without the places of their blocks."""
    return [
        evolve(event, block=_bare(event.block)) if isinstance(event, BlockStarted) else event
        for event in events
    ]


def _bare(block: Block) -> Block:
    return evolve(block, field="")
