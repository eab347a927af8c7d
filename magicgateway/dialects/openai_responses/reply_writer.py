"""Whole answers as the Responses API gives them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import evolve

from magicgateway.conversation.blocks import Block, Refusal, Text, Thinking
from magicgateway.conversation.events import (
    BlockStarted,
    BlockStopped,
    CitationDelta,
    Event,
    Finished,
    TextDelta,
    ThinkingDelta,
    TokenDelta,
)
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.reply import Choice, Reply
from magicgateway.dialects.grammar import Asked
from magicgateway.dialects.openai_responses.assembly import Assembly
from magicgateway.dialects.openai_responses.extras import give_back, own
from magicgateway.dialects.openai_responses.response_object import (
    open_envelope,
    outcome,
    usage_object,
)

_LOST = "no-such-item"


def write_reply(reply: Reply, asked: Asked, ledger: Ledger) -> dict[str, Any]:
    """A whole answer for the caller."""
    assembly = Assembly(asked)
    for choice in reply.choices[:1]:
        for event in _events_of(choice):
            for _ in assembly.feed(event):
                pass
        ledger.carry(choice.extras, "")
    for kind in assembly.lost:
        ledger.drop(f"output.{kind}", _LOST)
    status, details = outcome(assembly.finish)
    tier = {} if reply.service_tier is None else {"service_tier": reply.service_tier}
    written = open_envelope(asked, reply.id, reply.created).wrap(
        status,
        assembly.output,
        incomplete_details=details,
        usage=usage_object(reply.usage),
        **tier,
    )
    for name, value in own(reply.extras).items():
        if name in written and name not in _FIXED:
            written[name] = value
    give_back(written, reply.extras, ledger)
    return written


_FIXED = frozenset({"id", "object", "created_at", "status", "model", "output", "usage", "error"})


def _events_of(choice: Choice) -> Iterator[Event]:
    """A whole answer as a stream in large pieces."""
    logprobs = choice.logprobs
    for index, block in enumerate(choice.blocks):
        yield BlockStarted(index, _bare(block))
        match block:
            case Text(text=text) if text:
                listed, logprobs = _split(logprobs, text)
                yield TextDelta(index, text, logprobs=listed)
            case Refusal(text=text) if text:
                yield TextDelta(index, text)
            case Thinking(parts=parts):
                for number, text in enumerate(parts):
                    yield ThinkingDelta(index, text, part=number)
                if block.token is not None:
                    yield TokenDelta(index, block.token)
            case _:
                pass
        if isinstance(block, Text):
            for citation in block.citations:
                yield CitationDelta(index, citation)
        yield BlockStopped(index)
    yield Finished(choice.finish)


def _bare(block: Block) -> Block:
    """A block as it begins."""
    match block:
        case Text():
            return evolve(block, text="", citations=())
        case Refusal():
            return evolve(block, text="")
        case Thinking():
            return evolve(block, parts=(), token=None)
        case _:
            return block


def _split(logprobs: Any, text: str) -> tuple[Any, Any]:
    """The logprobs of a text's tokens, and those of the texts after it."""
    listed = logprobs.get("content") if logprobs else None
    if not isinstance(listed, list):
        return None, None
    count = length = 0
    while count < len(listed) and length < len(text):
        token = listed[count].get("token") if isinstance(listed[count], dict) else None
        length += len(token) if isinstance(token, str) else 1
        count += 1
    return {"content": listed[:count]}, {"content": listed[count:]}
