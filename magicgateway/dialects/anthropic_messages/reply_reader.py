"""Whole answers of Anthropic's Messages API.

See: https://docs.anthropic.com/en/api/messages; anthropic 2.13 (Python), 2026-11.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from magicgateway.conversation.blocks import (
    ANTHROPIC,
    Block,
    Foreign,
    Text,
    Thinking,
    Token,
    ToolCall,
)
from magicgateway.conversation.ledger import Fields
from magicgateway.conversation.reply import NO_USAGE, Choice, Reply
from magicgateway.dialects.anthropic_messages.citations import read_citation
from magicgateway.dialects.anthropic_messages.extras import rest_of
from magicgateway.dialects.anthropic_messages.failures import failure_of
from magicgateway.dialects.anthropic_messages.finishes import read_finish
from magicgateway.dialects.anthropic_messages.hosted import hosted, is_hosted
from magicgateway.dialects.anthropic_messages.token_counts import Nested, read_counts
from magicgateway.dialects.grammar import FailedReply, NoAnswer, Sent
from magicgateway.wire.jsontext import encode


def read_reply(body: Mapping[str, Any], sent: Sent) -> Reply:
    """A whole answer.

    Raises:
        NoAnswer: It is none.
        FailedReply: It is an error under a status of success.
    """
    if body.get("type") == "error" or body.get("error"):
        raise FailedReply(failure_of(body))
    fields = Fields(body, lenient=True)
    fields.text("type")
    fields.text("role")
    if not isinstance(fields.peek("content"), list):
        raise NoAnswer("the message has no content")
    blocks = read_answer(fields.each("content"), sent.origin)
    nested: Nested = {}
    calls = any(isinstance(block, ToolCall) for block in blocks)
    finish = read_finish(fields, nested, calls=calls)
    usage = nested["usage"] = fields.fields("usage")
    counts, tier = (NO_USAGE, None) if usage is None else read_counts(usage, nested)
    return Reply(
        id=fields.text("id") or "",
        model=fields.text("model") or "",
        choices=(Choice(blocks=blocks, finish=finish),),
        usage=counts,
        service_tier=tier,
        extras=rest_of(fields, **nested),
    )


def read_answer(content: Iterable[Fields], origin: str) -> tuple[Block, ...]:
    """The blocks of an answer.

    Args:
        content: Their objects.
        origin: Whose the signatures in it are.
    """
    blocks: list[Block] = []
    length = 0
    for fields in content:
        kind = fields.text("type") or ""
        if kind == "text":
            blocks.append(_text(fields, length))
            length += len(blocks[-1].text)  # type: ignore[attr-defined]
        else:
            blocks.append(_block(kind, fields, origin))
    return tuple(blocks)


def _text(fields: Fields, start: int) -> Text:
    text = fields.text("text") or ""
    cited = fields.list("citations") or ()
    return Text(
        text=text,
        citations=tuple(
            read_citation(raw, start, start + len(text)) for raw in cited if isinstance(raw, dict)
        ),
        field=fields.place,
        extras=rest_of(fields),
    )


def _block(kind: str, fields: Fields, origin: str) -> Block:
    match kind:
        case "thinking":
            words, signature = fields.text("thinking") or "", fields.text("signature") or ""
            return Thinking(
                parts=(words,) if words else (),
                token=Token(origin, signature) if signature else None,
                field=fields.place,
                extras=rest_of(fields),
            )
        case "redacted_thinking":
            token = Token(origin, fields.text("data") or "")
            return Thinking(redacted=True, token=token, field=fields.place, extras=rest_of(fields))
        case "tool_use":
            return ToolCall(
                id=fields.text("id") or "",
                name=fields.text("name") or "",
                arguments=encode(fields.take("input") or {}).decode(),
                field=fields.place,
                extras=rest_of(fields),
            )
        case _:
            raw = {"type": kind, **fields.rest(ANTHROPIC).fields}
            if is_hosted(kind):
                return hosted(raw, fields.place)
            return Foreign(family=ANTHROPIC, kind=kind, raw=raw, field=fields.place)
