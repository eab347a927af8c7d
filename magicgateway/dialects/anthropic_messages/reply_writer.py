"""Whole answers as Messages callers know them.

See: https://docs.anthropic.com/en/api/messages; anthropic 2.13 (Python), 2026-11.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from magicgateway.conversation.blocks import Block, Refusal, ToolCall
from magicgateway.conversation.counting import estimate, estimated_blocks
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.reasons import Reason
from magicgateway.conversation.reply import STOP, Choice, Finish, Reply
from magicgateway.dialects.anthropic_messages.answer_blocks import (
    answer_block,
    call_id,
    call_token_block,
    message_id,
)
from magicgateway.dialects.anthropic_messages.extras import put_back
from magicgateway.dialects.anthropic_messages.finishes import write_finish
from magicgateway.dialects.anthropic_messages.token_counts import (
    complete,
    write_counts,
    written_tier,
)
from magicgateway.dialects.grammar import Asked


def write_reply(reply: Reply, asked: Asked, ledger: Ledger) -> dict[str, Any]:
    """A whole answer for the caller; a message has place for the first choice alone."""
    choice = next(iter(reply.choices), Choice(blocks=(), finish=Finish(reason=STOP)))
    for other in reply.choices[1:]:
        ledger.drop(f"choices[{other.index}]")
    blocks = choice.blocks
    body: dict[str, Any] = {
        "id": message_id(reply.id, asked),
        "type": "message",
        "role": "assistant",
        "model": asked.model,
        "content": _content(blocks, asked, ledger),
        **write_finish(
            choice.finish,
            calls=any(isinstance(block, ToolCall) for block in blocks),
            refused=any(isinstance(block, Refusal) and block.text for block in blocks),
        ),
        "usage": _usage(reply, blocks, asked, ledger),
    }
    if choice.logprobs is not None:
        ledger.drop("logprobs")
    put_back(body, choice.extras, ledger)
    put_back(body, reply.extras, ledger)
    complete(body["usage"])
    return body


def _content(blocks: Sequence[Block], asked: Asked, ledger: Ledger) -> list[dict[str, Any]]:
    content = []
    calls = 0
    for block in blocks:
        written = answer_block(block, asked, calls, ledger)
        if isinstance(block, ToolCall):
            token = call_token_block(call_id(block.id, asked, calls), block.token)
            if token is not None:
                content.append(token)
            elif block.token is not None:
                ledger.drop(f"content[{len(content)}].signature")
            calls += 1
        if written is None:
            ledger.carry(block.extras, "")
        else:
            put_back(written, block.extras, ledger)
            content.append(written)
    return content


def _usage(reply: Reply, blocks: Sequence[Block], asked: Asked, ledger: Ledger) -> dict[str, Any]:
    usage = reply.usage
    known = usage.prompt is not None and usage.output is not None
    if usage.estimated or not known:
        ledger.emulate("usage", Reason.ESTIMATED)
    prompt = estimate(asked.request) if usage.prompt is None else 0
    output = estimated_blocks(blocks) if usage.output is None else 0
    return {**write_counts(usage, prompt, output), **written_tier(reply.service_tier)}
