"""The tools of a chat request, and which of them is to be called."""

from __future__ import annotations

import re
from typing import Any

from magicgateway.conversation.blocks import ANTHROPIC, OPENAI
from magicgateway.conversation.ledger import Fields, invalid
from magicgateway.conversation.parameters import ToolChoice
from magicgateway.conversation.request import HostedTool, Tool
from magicgateway.dialects.openai_chat.extras import rest_of
from magicgateway.dialects.openai_chat.reasoning import read_cache

_DATED = re.compile(r"(.+)_(\d{8})")
"""How Anthropic names the kinds of its tools, which callers send to Claude as they are."""
_CLIENT_RUN = ("bash", "text_editor", "memory", "computer")


def read_tools(body: Fields) -> tuple[Tool | HostedTool, ...]:
    """All of ``tools``."""
    return tuple(_tool(entry) for entry in body.each("tools"))


def _tool(entry: Fields) -> Tool | HostedTool:
    kind = entry.text("type") or ("custom" if "custom" in entry else "function")
    if kind == "custom":
        return _custom(entry)
    if kind == "function":
        return _function(entry)
    raw = {"type": kind, **entry.rest(OPENAI).fields}
    dated = _DATED.fullmatch(kind)
    name = raw.get("name")
    known = name if isinstance(name, str) else ""
    if dated is None:
        return HostedTool(kind=kind, raw=raw, family=OPENAI, name=known, field=entry.place)
    if dated[1] in _CLIENT_RUN:
        name = known or dated[1]
        return Tool(name=name, kind=kind, raw=raw, family=ANTHROPIC, field=entry.place)
    return HostedTool(kind=dated[1], raw=raw, family=ANTHROPIC, name=known, field=entry.place)


def _function(entry: Fields) -> Tool:
    inner = entry.fields("function")
    if inner is None:
        raise invalid(entry.at("function"), "is required")
    return Tool(
        name=inner.needed("name"),
        description=inner.text("description"),
        schema=inner.object("parameters"),
        strict=inner.flag("strict"),
        cache=read_cache(entry) or read_cache(inner),
        field=entry.place,
        extras=rest_of(entry, function=inner),
    )


def _custom(entry: Fields) -> Tool:
    inner = entry.fields("custom")
    if inner is None:
        raise invalid(entry.at("custom"), "is required")
    return Tool(
        name=inner.needed("name"),
        kind="custom",
        description=inner.text("description"),
        grammar=inner.object("format"),
        cache=read_cache(entry),
        field=entry.place,
        extras=rest_of(entry, custom=inner),
    )


def read_functions(body: Fields) -> tuple[Tool, ...]:
    """All of ``functions``, as there were before ``tools``."""
    return tuple(
        Tool(
            name=entry.needed("name"),
            description=entry.text("description"),
            schema=entry.object("parameters"),
            field=entry.place,
            extras=rest_of(entry),
        )
        for entry in body.each("functions")
    )


def read_choice(body: Fields) -> ToolChoice | None:
    """The ``tool_choice``."""
    value = body.take("tool_choice")
    place = body.at("tool_choice")
    if value is None:
        return None
    if isinstance(value, str):
        if value == "any":  # what some providers call it
            value = "required"
        if value not in ("auto", "none", "required"):
            raise invalid(place, "must be auto, none, required or an object")
        return ToolChoice(value)
    if not isinstance(value, dict):
        raise invalid(place, "must be a string or an object")
    choice = Fields(value, place)
    kind = choice.needed("type")
    if kind == "allowed_tools":
        return _allowed(choice)
    if kind in ("function", "custom"):
        return ToolChoice("tool", _named(choice, kind), kind)
    return ToolChoice("tool", kind, "hosted")


def _named(choice: Fields, kind: str) -> str:
    inner = choice.fields(kind)
    if inner is None:  # the flat form of Responses
        return choice.needed("name")
    return inner.needed("name")


def _allowed(choice: Fields) -> ToolChoice:
    inner = choice.fields("allowed_tools")
    if inner is None:
        raise invalid(choice.at("allowed_tools"), "is required")
    mode = inner.text("mode") or "auto"
    if mode not in ("auto", "required"):
        raise invalid(inner.at("mode"), "must be auto or required")
    names = tuple(_named(tool, tool.text("type") or "function") for tool in inner.each("tools"))
    if not names:
        raise invalid(inner.at("tools"), "must name at least one tool")
    return ToolChoice(mode, allowed=names)


def read_function_choice(body: Fields) -> ToolChoice | None:
    """The ``function_call`` of a request, as there was before ``tool_choice``."""
    value: Any = body.take("function_call")
    if value is None:
        return None
    if value in ("auto", "none"):
        return ToolChoice(value)
    if not isinstance(value, dict):
        raise invalid(body.at("function_call"), "must be auto, none or an object")
    return ToolChoice("tool", Fields(value, body.at("function_call")).needed("name"))
