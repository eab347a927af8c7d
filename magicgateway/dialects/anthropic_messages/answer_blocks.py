"""Blocks of answers, as Messages callers know them."""

from __future__ import annotations

from typing import Any

from magicgateway.conversation.arguments import INPUT, parsed_arguments
from magicgateway.conversation.blocks import (
    ANTHROPIC,
    Block,
    Foreign,
    Hosted,
    Refusal,
    Text,
    Thinking,
    Token,
    ToolCall,
)
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.names import safe_id
from magicgateway.conversation.sealed import seal
from magicgateway.dialects.anthropic_messages.citations import write_citations
from magicgateway.dialects.grammar import Asked

Json = dict[str, Any]


def message_id(given: str, asked: Asked) -> str:
    """The id of an answer: the provider's under Anthropic's prefix, ours where it gave none."""
    if given.startswith("msg_"):
        return given
    return f"msg_{safe_id(given) if given else asked.answer_id}"


def call_id(given: str, asked: Asked, count: int) -> str:
    """The id of a call, in the letters that are allowed; made up where there is none."""
    return safe_id(given) if given else f"toolu_{asked.answer_id}_{count}"


def signature_of(thinking: Thinking) -> str:
    """What a caller has to bring back with reasoning.

    Another family's is sealed, signed or not, so that it is known when it returns. Where that is
    too long it says no more than whose it is.
    """
    token = thinking.token
    if token is None:
        return ""
    if token.origin == ANTHROPIC:
        return token.data
    return seal(thinking) or seal(Thinking(token=Token(token.origin, ""))) or ""


def thinking_block(thinking: Thinking) -> Json | None:
    """A block of reasoning; None for what says nothing and that nobody wants back."""
    signed = thinking.token is not None and bool(thinking.token.data)
    if not signed and (thinking.redacted or not thinking.text):
        return None
    signature = signature_of(thinking)
    if thinking.redacted:
        return {"type": "redacted_thinking", "data": signature}
    return {"type": "thinking", "thinking": thinking.text, "signature": signature}


def call_token_block(call_id: str, token: Token | None) -> Json | None:
    """What a call's maker wants back with it, as a block that callers bring back as it is.

    A ``tool_use`` has no place for it. None where there is nothing, or too much to be sealed.
    """
    sealed = None if token is None else seal(Thinking(token=token, call_id=call_id))
    return None if sealed is None else {"type": "redacted_thinking", "data": sealed}


def call_block(call: ToolCall, asked: Asked, count: int) -> Json:
    """A call as a whole; ``count`` calls came before it."""
    custom = call.kind == "custom"
    return {
        "type": "tool_use",
        "id": call_id(call.id, asked, count),
        "name": call.name,
        "input": {INPUT: call.arguments} if custom else parsed_arguments(call.arguments),
    }


def own_block(block: Block) -> Json | None:
    """A block that only this family can be given, as it was."""
    if isinstance(block, Hosted | Foreign) and block.family == ANTHROPIC:
        return dict(block.raw)
    return None


def answer_block(block: Block, asked: Asked, count: int, ledger: Ledger) -> Json | None:
    """One block of a whole answer; None for what has no form here, which is reported.

    Args:
        block: Whatever it is.
        asked: What is answered.
        count: How many calls came before it.
        ledger: Told of losses.
    """
    match block:
        case Text(text=text) | Refusal(text=text):
            if not text:
                return None
            written: Json = {"type": "text", "text": text}
            if isinstance(block, Text) and block.citations:
                cited = write_citations(block.citations, block.field, ledger)
                if cited:
                    written["citations"] = cited
            return written
        case Thinking():
            return thinking_block(block)
        case ToolCall():
            return call_block(block, asked, count)
        case _:
            own = own_block(block)
            if own is None:
                ledger.drop(block.field or "content")
            return own


def sealed_token(thinking: Thinking, words: tuple[str, ...], token: Token) -> str:
    """The signature of reasoning whose words and token came in pieces."""
    return signature_of(
        Thinking(
            parts=words,
            summary=thinking.summary,
            redacted=thinking.redacted,
            token=token,
            item_id=thinking.item_id,
        )
    )
