"""Hub streams in few words, and what is written of them."""

from __future__ import annotations

from typing import Any

from magicgateway.conversation.blocks import (
    Block,
    Text,
    Token,
    ToolCall,
)
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
from magicgateway.conversation.reply import (
    STOP,
    Finish,
)
from magicgateway.dialects.anthropic_messages.stream_writer import open_writer
from magicgateway.dialects.grammar import Asked
from tests.dialects.anthropic_messages import sdk
from tests.dialects.anthropic_messages.bodies import messages, read, says

Json = dict[str, Any]
ASKED = Asked(
    request=read(messages(says("user", "some words to be counted")))[0],
    model="asked",
    answer_id="a1",
    now=0,
)
START = Started("1", "served")
OWN, FOREIGN = Token("anthropic", "S"), Token("openai", "E")


def write(*events: Event) -> bytes:
    writer = open_writer(ASKED)
    return b"".join(map(writer.write, events))


def frames(*events: Event) -> list[Json]:
    return sdk.frames(write(*events))


def finished(reason: str = STOP, **fields: Any) -> tuple[Event, Event]:
    return Finished(Finish(reason=reason, **fields)), Ended()


def block(index: int, begun: Block, *deltas: Event) -> list[Event]:
    return [BlockStarted(index, begun), *deltas, BlockStopped(index)]


def text(index: int, *words: str) -> list[Event]:
    return block(index, Text(text=""), *(TextDelta(index, word) for word in words))


def call(index: int, name: str, *pieces: str, id: str = "c") -> list[Event]:  # noqa: A002 - it is an id
    deltas = (ArgumentsDelta(index, piece) for piece in pieces)
    return block(index, ToolCall(id=f"{id}{index}", name=name), *deltas)


def inner(*events: Event) -> list[Json]:
    """The frames between the message's start and its end."""
    return frames(START, *events, *finished())[1:-2]
