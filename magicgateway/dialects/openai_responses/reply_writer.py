"""Whole answers as the Responses API gives them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import evolve

from magicgateway.conversation.blocks import ToolCall
from magicgateway.conversation.events import BlockStarted, Event, TokenDelta
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.one_shot import events_of
from magicgateway.conversation.reply import Reply
from magicgateway.dialects.grammar import Asked
from magicgateway.dialects.openai_responses.assembly import Assembly
from magicgateway.dialects.openai_responses.extras import FAMILY, give_back, own
from magicgateway.dialects.openai_responses.response_object import (
    open_envelope,
    outcome,
    served_tier,
    usage_object,
)


def write_reply(reply: Reply, asked: Asked, ledger: Ledger) -> dict[str, Any]:
    """A whole answer for the caller."""
    assembly = Assembly(asked)
    for event in _events(reply):
        if not getattr(event, "choice", None):  # there is one answer
            for _ in assembly.feed(event):
                pass
    for choice in reply.choices[:1]:
        ledger.carry(choice.extras, "")
    for lost in assembly.lost:
        ledger.drop(lost)
    status, details = outcome(assembly.finish)
    written = open_envelope(asked, reply.id, reply.created).wrap(
        status,
        assembly.output,
        incomplete_details=details,
        usage=usage_object(reply.usage),
        **served_tier(reply.service_tier),
    )
    for name, value in own(reply.extras).items():
        if name in written and name not in _FIXED:
            written[name] = value
    extras = reply.extras
    if extras.family == FAMILY and _PROMPT in extras.fields:
        ledger.drop(_PROMPT)
        left = {name: value for name, value in extras.fields.items() if name != _PROMPT}
        extras = evolve(extras, fields=left)
    give_back(written, extras, ledger)
    return written


def _events(reply: Reply) -> Iterator[Event]:
    """What a stream would have said; as there, a call's token comes with the call's start."""
    signed = {
        (choice.index, index): block
        for choice in reply.choices
        for index, block in enumerate(choice.blocks)
        if isinstance(block, ToolCall) and block.token is not None
    }
    for event in events_of(reply):
        if isinstance(event, BlockStarted | TokenDelta):
            call = signed.get((event.choice, event.index))
            if call is not None:
                if isinstance(event, BlockStarted):
                    yield evolve(event, block=evolve(event.block, token=call.token))
                continue
        yield event


_PROMPT = "prompt"
"""Together's answers to chats have one: here it would be something else."""
_FIXED = frozenset({"id", "object", "created_at", "status", "model", "output", "usage", "error"})
