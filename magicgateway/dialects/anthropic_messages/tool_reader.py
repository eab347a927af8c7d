"""The tools of a Messages request, and which of them is to be called."""

from __future__ import annotations

import re
from collections.abc import Iterator

from magicgateway.conversation.blocks import ANTHROPIC
from magicgateway.conversation.ledger import Fields, invalid
from magicgateway.conversation.parameters import (
    PARALLEL_TOOL_CALLS,
    TOOL_CHOICE,
    Parameters,
    ToolChoice,
)
from magicgateway.conversation.request import HostedTool, Tool
from magicgateway.dialects.anthropic_messages.extras import rest_of, take_mark

_DATE = re.compile(r"_\d{8}$")
_CLIENT_RUN = frozenset({"bash", "text_editor", "memory", "computer"})
"""Kinds, without their dates, of tools that Anthropic defines and the caller runs."""
_KINDS = {
    "tool_search_tool_bm25": "tool_search",
    "tool_search_tool_regex": "tool_search",
    "mcp_toolset": "mcp",
    "computer_toolset": "computer",
    "browser_toolset": "browser",
}
_MODES = {"auto": "auto", "none": "none", "any": "required"}

AnyTool = Tool | HostedTool


def read_tools(body: Fields) -> tuple[AnyTool, ...]:
    """All of ``tools``."""
    return tuple(_tool(entry) for entry in body.each("tools"))


def _tool(entry: Fields) -> AnyTool:
    kind = entry.text("type") or "custom"
    cache, mark = take_mark(entry)
    if kind == "custom":
        return Tool(
            name=entry.needed("name"),
            description=entry.text("description"),
            schema=entry.object("input_schema"),
            strict=entry.flag("strict"),
            cache=cache,
            field=entry.place,
            extras=rest_of(entry, cache_control=mark),
        )
    more = {} if mark is None else mark.rest(ANTHROPIC).fields
    raw = {"type": kind, **entry.rest(ANTHROPIC).fields}
    if more:
        raw["cache_control"] = more
    undated = _DATE.sub("", kind)
    name = raw.get("name")
    name = name if isinstance(name, str) else ""
    if undated in _CLIENT_RUN:
        return Tool(
            name=name or undated,
            kind=kind,
            raw=raw,
            family=ANTHROPIC,
            cache=cache,
            field=entry.place,
        )
    return HostedTool(
        kind=_KINDS.get(undated, undated),
        raw=raw,
        family=ANTHROPIC,
        name=name,
        cache=cache,
        field=entry.place,
    )


def read_choice(body: Fields, tools: tuple[AnyTool, ...], parameters: Parameters) -> Fields | None:
    """Set which tools are to be called.

    Returns:
        The ``tool_choice``, in which there may be more.

    Raises:
        ApiError: 400: it is none, or there are no tools.
    """
    choice = body.fields("tool_choice")
    if choice is None:
        return None
    kind = choice.needed("type")
    if kind == "tool":
        given = _named(choice.needed("name"), tools)
    elif kind in _MODES:
        given = ToolChoice(_MODES[kind])
    else:
        raise invalid(choice.at("type"), "must be auto, any, tool or none")
    if not tools:
        raise invalid("tool_choice", "is allowed only where there are tools")
    parameters.give(TOOL_CHOICE, given, "tool_choice")
    alone = choice.flag("disable_parallel_tool_use")
    if alone is not None:
        place = choice.at("disable_parallel_tool_use")
        parameters.give(PARALLEL_TOOL_CALLS, not alone, place)
    return choice


def _named(name: str, tools: tuple[AnyTool, ...]) -> ToolChoice:
    for tool in _hosted(tools):
        if tool.name == name:
            return ToolChoice("tool", tool.kind, "hosted")
    kinds = (tool.kind for tool in tools if isinstance(tool, Tool) and tool.name == name)
    return ToolChoice("tool", name, next(kinds, "function"))


def _hosted(tools: tuple[AnyTool, ...]) -> Iterator[HostedTool]:
    return (tool for tool in tools if isinstance(tool, HostedTool))
