"""Events of a Messages stream in few words, and what is read of them."""

from __future__ import annotations

import json
from typing import Any

from magicgateway.conversation.blocks import (
    Token,
)
from magicgateway.conversation.events import (
    Event,
)
from magicgateway.dialects.anthropic_messages.stream_reader import (
    MessagesStreamReader,
    open_reader,
)
from magicgateway.dialects.grammar import Sent

Json = dict[str, Any]
OWN = Token("anthropic", "S")


def reader() -> MessagesStreamReader:
    return open_reader(Sent(body={}, origin="anthropic"))


def begin(**usage: int) -> Json:
    counts = usage or {"input_tokens": 9, "output_tokens": 1}
    message: Json = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "content": [],
        "stop_reason": None, "stop_sequence": None, "usage": counts,
    }  # fmt: skip
    return {"type": "message_start", "message": message}


def start(index: Any, kind: str = "text", **fields: Any) -> Json:
    return {
        "type": "content_block_start",
        "index": index,
        "content_block": {"type": kind, **fields},
    }


def delta(index: Any, kind: str, **fields: Any) -> Json:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **fields}}


def words(index: int, text: str) -> Json:
    return delta(index, "text_delta", text=text)


def pieces(index: int, *texts: str) -> list[Json]:
    return [delta(index, "input_json_delta", partial_json=text) for text in texts]


def stop(index: Any) -> Json:
    return {"type": "content_block_stop", "index": index}


def end(reason: str | None = "end_turn", usage: Any = None, **fields: Any) -> Json:
    said = {"stop_reason": reason, "stop_sequence": None, **fields}
    return {"type": "message_delta", "delta": said, "usage": usage or {"output_tokens": 5}}


STOP_EVENT = {"type": "message_stop"}
TEXT = [start(0, text=""), words(0, "Hi"), stop(0)]


def read(
    *events: Json, close: bool = False, into: MessagesStreamReader | None = None
) -> list[Event]:
    made = into or reader()
    found = [event for raw in events for event in made.feed(raw["type"], json.dumps(raw).encode())]
    return found + (list(made.close()) if close else [])


def inner(*events: Json) -> list[Event]:
    """What a stream with these blocks says between its start and its end."""
    return read(begin(), *events, end(), STOP_EVENT)[2:-3]
