"""Steps of tools that Anthropic runs itself, and what they say to those who cannot read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from magicgateway.conversation.blocks import ANTHROPIC, Hosted
from magicgateway.wire.jsontext import BadJson, encode

CALLS = frozenset({"server_tool_use", "mcp_tool_use"})
"""Blocks that are calls; their input is streamed like a call's of the caller's own tools."""
_RESULTS = "_tool_result"
_REFERENCE = "tool_reference"
"""In the result of a search for tools: the name of one that was found."""

_WORDS = ("title", "url", "text", "stdout", "stderr", "data", "error_code", "tool_name")
"""Fields of results with something to read, in the order in which they are told."""
_NESTED = ("content", "source", "tool_references")
_DEEPEST = 8


def is_hosted(kind: str) -> bool:
    """Whether a block of this kind is a step of a tool that the provider runs."""
    return kind in CALLS or kind.endswith(_RESULTS) or kind == _REFERENCE


def hosted(raw: Mapping[str, Any], field: str = "") -> Hosted:
    """A block of such a kind.

    Args:
        raw: The whole of it, without its cache mark.
        field: Where it stood.
    """
    kind = str(raw.get("type"))
    said = raw if kind == _REFERENCE else raw.get("content")
    text = _call_text(raw) if kind in CALLS else "\n".join(_words(said, _DEEPEST))
    return Hosted(family=ANTHROPIC, kind=kind, raw=raw, text=text, field=field)


def _call_text(raw: Mapping[str, Any]) -> str:
    """``[web_search: query]``; a call with other arguments is told with all of them."""
    given = raw.get("input")
    query = next(iter(given.values())) if isinstance(given, dict) and len(given) == 1 else given
    if not isinstance(query, str):
        try:
            query = encode(given or {}).decode()
        except BadJson:
            query = ""
    return f"[{raw.get('name') or 'tool'}: {query}]"


def _words(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        if value:
            yield value
    elif isinstance(value, list) and depth:
        for item in value:
            yield from _words(item, depth - 1)
    elif isinstance(value, dict) and depth:
        if value.get("type") == "base64":
            return
        for name in _WORDS:
            if isinstance(value.get(name), str) and value[name]:
                yield value[name]
        for name in _NESTED:
            yield from _words(value.get(name), depth - 1)
