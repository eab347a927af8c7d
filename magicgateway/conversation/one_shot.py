"""A whole reply as the events of a stream: for a provider that does not stream, or did not."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve

from magicgateway.conversation.blocks import Block, Refusal, Text, Thinking, ToolCall
from magicgateway.conversation.events import (
    ArgumentsDelta,
    BlockStarted,
    BlockStopped,
    CitationDelta,
    Ended,
    Event,
    Finished,
    Started,
    TextDelta,
    ThinkingDelta,
    TokenDelta,
    UsageCounted,
)
from magicgateway.conversation.reply import Reply

LONGEST_DELTA = 64 * 1024
"""Characters: readers of streams have limits for their events."""


def events_of(reply: Reply) -> Iterator[Event]:
    """What a stream would have said, in its order."""
    yield Started(reply.id, reply.model, reply.created, extras=reply.extras)
    for choice in reply.choices:
        logprobs: object = choice.logprobs
        for index, block in enumerate(choice.blocks):
            yield from _block(index, block, choice.index, logprobs)
            if isinstance(block, Text) and block.text:  # the first words take them all along
                logprobs = None
        yield Finished(choice.finish, choice.index)
    yield UsageCounted(reply.usage)
    yield Ended(reply.service_tier)


def _block(index: int, block: Block, choice: int, logprobs: object) -> Iterator[Event]:
    token = block.token
    match block:
        case Text(text=text, citations=citations):
            yield BlockStarted(index, evolve(block, text="", citations=(), token=None), choice)
            given = logprobs if isinstance(logprobs, dict) else None
            for piece in _deltas(text):
                yield TextDelta(index, piece, choice, given)
                given = None
            for citation in citations:
                yield CitationDelta(index, citation, choice)
        case Refusal(text=text):
            yield BlockStarted(index, evolve(block, text="", token=None), choice)
            for piece in _deltas(text):
                yield TextDelta(index, piece, choice)
        case Thinking(parts=parts, redacted=False):
            yield BlockStarted(index, evolve(block, parts=(), token=None), choice)
            for part, text in enumerate(parts):
                for piece in _deltas(text):
                    yield ThinkingDelta(index, piece, choice, part)
        case ToolCall(arguments=arguments):
            yield BlockStarted(index, evolve(block, arguments="", token=None), choice)
            for piece in _deltas(arguments):
                yield ArgumentsDelta(index, piece, choice)
        case _:
            yield BlockStarted(index, block, choice)
            token = None  # it came with the block
    if token is not None:
        yield TokenDelta(index, token, choice)
    yield BlockStopped(index, choice)


def _deltas(text: str) -> Iterator[str]:
    return (text[at : at + LONGEST_DELTA] for at in range(0, len(text), LONGEST_DELTA))
