"""The items of a provider's answer, whole, and what stands around them.

Everything is read leniently: what is of another type than it should be is as good as absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from attrs import evolve

from magicgateway.conversation.blocks import NO_EXTRAS, Block, Extras, Refusal, Text, Token
from magicgateway.conversation.ledger import Fields, Ledger
from magicgateway.conversation.reply import (
    LENGTH,
    NO_USAGE,
    REFUSED,
    STOP,
    TOOL_CALLS,
    UNKNOWN,
    Finish,
    Usage,
)
from magicgateway.dialects.openai_responses.block_items import (
    is_client_run,
    item_id_of,
    other_item,
    read_client_call,
    read_custom_call,
    read_function_call,
    read_reasoning,
)
from magicgateway.dialects.openai_responses.client_run import BY_CALL
from magicgateway.dialects.openai_responses.extras import ITEMS, rest_of
from magicgateway.dialects.openai_responses.part_reader import read_citation
from magicgateway.dialects.stream_tap import count

_OWN = ("object", "output_text", "incomplete_details", "error")
"""Fields of a response that say nothing that is not said elsewhere."""


def read_item(item: Mapping[str, Any], origin: str, offset: int = 0) -> list[Block]:
    """The blocks of one item: a message has several, all others have one.

    Args:
        item: As the answer has it, whole.
        origin: Whose encrypted reasoning it is.
        offset: Characters of the answer's text before it.
    """
    fields = Fields(item, lenient=True)
    match fields.peek("type"):
        case "message":
            return read_message(fields, offset)
        case "reasoning":
            thinking = read_reasoning(fields, Ledger())
            if thinking.token is None:
                thinking = evolve(thinking, token=Token(origin, ""))
            elif item.get("encrypted_content") == thinking.token.data:
                thinking = evolve(thinking, token=Token(origin, thinking.token.data))
            return [thinking]
        case "function_call":
            return [read_function_call(fields)]
        case "custom_tool_call":
            return [read_custom_call(fields)]
        case kind if isinstance(kind, str) and kind in BY_CALL and is_client_run(fields):
            return [read_client_call(fields)]
        case _:
            return [other_item(dict(item))]


def read_message(item: Fields, offset: int) -> list[Block]:
    """The parts of a message that are words."""
    item_id, phase = item_id_of(item), item.text("phase")
    blocks: list[Block] = []
    for part in item.each("content"):
        kind = part.text("type")
        if kind == "output_text":
            text = part.text("text") or ""
            citations = tuple(read_citation(one, offset) for one in part.each("annotations"))
            part.take("logprobs")
            offset += len(text)
            blocks.append(
                Text(
                    text=text, citations=citations, item_id=item_id, phase=phase,
                    extras=rest_of(part),
                )
            )  # fmt: skip
        elif kind == "refusal":
            text = part.text("refusal") or ""
            blocks.append(Refusal(text=text, item_id=item_id, extras=rest_of(part)))
    return blocks


def logprobs_of(item: Mapping[str, Any]) -> list[Any]:
    """The logprobs of all the words of a message."""
    content = item.get("content")
    return [
        entry
        for part in (content if isinstance(content, list) else ())
        if isinstance(part, dict) and isinstance(part.get("logprobs"), list)
        for entry in part["logprobs"]
    ]


def usage_of(counts: Any) -> Usage:
    """A ``usage``, whose input includes what was read from a cache and written to one."""
    read = count(counts, "input_tokens_details", "cached_tokens")
    written = count(counts, "input_tokens_details", "cache_write_tokens")
    total = count(counts, "input_tokens")
    by_ttl = {
        ttl: number for ttl in ("30m", "12h") if (number := _written(counts, ttl)) is not None
    }
    usage = Usage(
        input=None if total is None else max(total - (read or 0) - (written or 0), 0),
        cache_read=read,
        cache_write=written,
        cache_write_by_ttl=MappingProxyType(by_ttl),
        output=count(counts, "output_tokens"),
        reasoning=count(counts, "output_tokens_details", "reasoning_tokens"),
    )
    return NO_USAGE if usage == NO_USAGE else usage


def _written(counts: Any, ttl: str) -> int | None:
    path = ("input_tokens_details", "cache_write_tokens_details", f"ttl_{ttl}_tokens")
    return count(counts, *path)


def finish_of(response: Mapping[str, Any], *, has_calls: bool) -> Finish:
    """Why an answer ended."""
    status = response.get("status")
    if status == "incomplete":
        details = response.get("incomplete_details")
        reason = details.get("reason") if isinstance(details, dict) else None
        raw = reason if isinstance(reason, str) else "incomplete"
        known = {"max_output_tokens": LENGTH, "content_filter": REFUSED}
        return Finish(reason=known.get(raw, UNKNOWN), raw=raw)
    raw = status if isinstance(status, str) else "completed"
    if raw != "completed":
        return Finish(reason=UNKNOWN, raw=raw)
    return Finish(reason=TOOL_CALLS if has_calls else STOP, raw=raw)


def besides(fields: Fields) -> Extras:
    """What a response says besides what was taken of it: mostly what it was asked for."""
    for name in _OWN:
        fields.take(name)
    left = fields.rest(ITEMS).fields
    return Extras(ITEMS, "", left) if left else NO_EXTRAS
