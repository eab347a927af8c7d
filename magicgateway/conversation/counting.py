"""Tokens: counts that come in parts, and an estimate where nobody counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from magicgateway.conversation.blocks import (
    Audio,
    Block,
    Document,
    Foreign,
    Hosted,
    Image,
    Inline,
    Plain,
    Refusal,
    SearchResult,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Video,
)
from magicgateway.conversation.parameters import RESPONSE_FORMAT
from magicgateway.conversation.reply import Usage
from magicgateway.conversation.request import Request, Tool

PER_TURN = 4
"""Tokens that a message costs besides its words."""
PER_IMAGE = 1600
PER_TOOL = 12
_LETTERS = 4
"""Bytes of text in a token, on average; a character outside ASCII is counted by its bytes."""
_FILE_BYTES = 24
"""Bytes of a document that is no text in a token; they are mostly layout."""
_DEEPEST = 64


def merged_usage(earlier: Usage, later: Usage) -> Usage:
    """What is known after two reports; a field of the later one that is None says nothing."""

    def last(name: str) -> int | None:
        value: int | None = getattr(later, name)
        if value is not None:
            return value
        before: int | None = getattr(earlier, name)
        return before

    return Usage(
        input=last("input"),
        cache_read=last("cache_read"),
        cache_write=last("cache_write"),
        cache_write_by_ttl=MappingProxyType(
            {**earlier.cache_write_by_ttl, **later.cache_write_by_ttl}
        ),
        output=last("output"),
        reasoning=last("reasoning"),
        searches=last("searches"),
        estimated=earlier.estimated or later.estimated,
    )


def tokens_of(text: str) -> int:
    """About how many tokens a text is; at least one where there is any."""
    if not text:
        return 0
    size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    return -(-size // _LETTERS)


def estimate(request: Request) -> int:
    """About how many tokens a request is, tools and media included; rather more than less."""
    total = sum(PER_TURN + estimated_blocks(turn.blocks) for turn in request.turns)
    for tool in request.tools:
        total += PER_TOOL + tokens_of(tool.name)
        if isinstance(tool, Tool):
            total += tokens_of(tool.description or "")
            total += _of_value(tool.schema) + _of_value(tool.grammar)
        total += _of_value(tool.raw)
    form = request.parameters.get(RESPONSE_FORMAT)
    return total + (_of_value(form.schema) if form else 0)


def estimated_blocks(blocks: Iterable[Block]) -> int:
    """About how many tokens some blocks are."""
    return sum(map(_of_block, blocks))


def _of_block(block: Block) -> int:
    match block:
        case Text() | Refusal() | Thinking():
            return tokens_of(block.text)
        case ToolCall():
            return PER_TOOL + tokens_of(block.name) + tokens_of(block.arguments)
        case ToolResult():
            return PER_TOOL + estimated_blocks(block.content)
        case Image():
            return PER_IMAGE
        case Document() | Audio() | Video():
            return _of_file(block)
        case SearchResult():
            words = tokens_of(block.title) + tokens_of(block.source)
            return words + estimated_blocks(block.content)
        case Hosted() | Foreign():
            return _of_value(block.raw)
        case _:
            return 0


def _of_file(block: Document | Audio | Video) -> int:
    content = estimated_blocks(block.content) if isinstance(block, Document) else 0
    match block.source:
        case Plain(text):
            return content + tokens_of(text)
        case Inline(_, data):
            return content + len(data) * 3 // 4 // _FILE_BYTES
        case _:
            return content + PER_IMAGE


def _of_value(value: Any, depth: int = 0) -> int:
    """Of a JSON value: its words, and about one for each name and mark."""
    if isinstance(value, str):
        return 1 + tokens_of(value)
    if value is None or depth > _DEEPEST:
        return 0
    if isinstance(value, Mapping):
        return sum(1 + tokens_of(name) + _of_value(v, depth + 1) for name, v in value.items())
    if isinstance(value, list | tuple):
        return sum(_of_value(item, depth + 1) for item in value)
    return 1
