"""Answers for callers of Converse."""

from __future__ import annotations

from typing import Any

from magicgateway.conversation.arguments import parsed_arguments
from magicgateway.conversation.blocks import (
    CONVERSE,
    Block,
    Citation,
    Foreign,
    Hosted,
    Image,
    Refusal,
    Text,
    Thinking,
    ToolCall,
)
from magicgateway.conversation.ledger import Ledger, joined
from magicgateway.conversation.reply import (
    CONTEXT_WINDOW,
    LENGTH,
    REFUSED,
    STOP_SEQUENCE,
    TOOL_CALLS,
    Finish,
    Reply,
    Usage,
)
from magicgateway.conversation.sealed import seal
from magicgateway.dialects.bedrock_converse.citations import write_citation
from magicgateway.dialects.bedrock_converse.content_reader import redacted_content
from magicgateway.dialects.bedrock_converse.extras import put_back
from magicgateway.dialects.bedrock_converse.media import write_image
from magicgateway.dialects.bedrock_converse.reply_reader import MORE, REASONS
from magicgateway.dialects.bedrock_converse.request_writer import fitting_id
from magicgateway.dialects.grammar import Asked
from magicgateway.errors import ApiError

Written = dict[str, Any]
_REASONS = {
    TOOL_CALLS: "tool_use",
    LENGTH: "max_tokens",
    STOP_SEQUENCE: "stop_sequence",
    REFUSED: "content_filtered",
    CONTEXT_WINDOW: "model_context_window_exceeded",
}
_LONGEST_ID = 64
NATIVE = ("anthropic", CONVERSE)
"""Origins whose tokens Converse has a place for as they are; others are sealed."""


def write_reply(reply: Reply, asked: Asked, ledger: Ledger) -> Written:
    """A whole answer for the caller; of several choices the first."""
    del asked
    choice = reply.choices[0] if reply.choices else None
    content = [
        written
        for block in (() if choice is None else choice.blocks)
        for written in _block(block, ledger)
    ]
    finish = Finish(reason="stop") if choice is None else choice.finish
    body: Written = {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": stop_reason(finish),
        "usage": write_usage(reply.usage),
        "metrics": {"latencyMs": 0},
    }
    more = more_fields(finish, reply.usage)
    if more:
        body[MORE] = more
    if reply.service_tier is not None:
        body["serviceTier"] = {"type": reply.service_tier}
    put_back(body, reply.extras, ledger, grow=True)
    return body


def stop_reason(finish: Finish) -> str:
    """Why an answer ended; Converse's own word where it was one."""
    raw = finish.raw or ""
    if REASONS.get(raw) == finish.reason:
        return raw
    return _REASONS.get(finish.reason, "end_turn")


def more_fields(finish: Finish, usage: Usage) -> Written:
    """What Converse has no field for and models of it say in their own."""
    more: Written = {}
    if finish.stop_sequence is not None:
        more["stop_sequence"] = finish.stop_sequence
    if usage.reasoning is not None:
        more["usage"] = {"output_tokens_details": {"thinking_tokens": usage.reasoning}}
    return more


def write_usage(usage: Usage) -> Written:
    """What an answer cost; the counts that Converse demands are 0 where nobody knows them."""
    written: Written = {
        "inputTokens": usage.input or 0,
        "outputTokens": usage.output or 0,
        "totalTokens": usage.total or 0,
    }
    if usage.cache_read is not None:
        written["cacheReadInputTokens"] = usage.cache_read
    if usage.cache_write is not None:
        written["cacheWriteInputTokens"] = usage.cache_write
    if usage.cache_write_by_ttl:
        written["cacheDetails"] = [
            {"ttl": ttl, "inputTokens": count} for ttl, count in usage.cache_write_by_ttl.items()
        ]
    return written


def _block(block: Block, ledger: Ledger) -> list[Written]:
    match block:
        case Text() | Refusal():
            written = _text(block)
        case Thinking():
            written = {"reasoningContent": reasoning_content(block)}
        case ToolCall():
            if block.token is not None:
                ledger.drop(joined(block.field or "toolUse", "signature"))
            use = {"input": parsed_arguments(block.arguments)}
            written = {"toolUse": {"toolUseId": call_id(block.id), "name": block.name, **use}}
        case Hosted(family=family) | Foreign(family=family) if family == CONVERSE:
            written = dict(block.raw)
        case Image():
            return _image(block, ledger)
        case _:
            ledger.drop(block.field or type(block).__name__.lower())
            return []
    put_back(written, block.extras, ledger)
    return [written]


def _text(block: Text | Refusal) -> Written:
    citations = block.citations if isinstance(block, Text) else ()
    cited = written_citations(citations)
    if not cited:
        return {"text": block.text}
    return {"citationsContent": {"content": [{"text": block.text}], "citations": cited}}


def written_citations(citations: tuple[Citation, ...]) -> list[Written]:
    """Those that Converse has words for."""
    return [written for one in citations if (written := write_citation(one)) is not None]


def _image(block: Image, ledger: Ledger) -> list[Written]:
    try:
        written = {"image": write_image(block, ledger)}
    except ApiError:
        ledger.drop(block.field or "image")
        return []
    put_back(written, block.extras, ledger)
    return [written]


def reasoning_content(block: Thinking) -> Written:
    """A reasoning block; what is not of Converse's own models comes back sealed."""
    token = block.token
    native = token is None or token.origin in NATIVE
    if token is not None and block.redacted and native:
        return {"redactedContent": redacted_content(token)}
    words: Written = {"text": block.text}
    signature = token.data if token is not None and native else seal(block)
    if signature:
        words["signature"] = signature
    return {"reasoningText": words}


def call_id(id: str) -> str:  # noqa: A002 - it is an id
    """A call's id as Converse can have it."""
    return id if 0 < len(id) <= _LONGEST_ID else fitting_id(id)
