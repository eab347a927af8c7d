"""Which of a caller's tools are sent, before they get the names that they are sent by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve

from magicgateway.conversation.blocks import ANTHROPIC, OPENAI
from magicgateway.conversation.capabilities import Capabilities
from magicgateway.conversation.client_tools import as_function
from magicgateway.conversation.code_container import leave_container
from magicgateway.conversation.ledger import Ledger, invalid, joined
from magicgateway.conversation.names import qualified
from magicgateway.conversation.parameters import TOOL_CHOICE, WEB_SEARCH, ToolChoice
from magicgateway.conversation.reasons import Reason
from magicgateway.conversation.request import HostedTool, Request, Tool
from magicgateway.dialects.anthropic_messages.extras import SAID

SEARCH = "web_search"
CODE = "code_execution"
_CODE = {"type": "code_execution_20250825", "name": CODE}
_FREE = frozenset({"tool_search", "computer", "browser", "mcp"})
"""Hosted kinds of Anthropic's that run nothing at the operator's cost."""
_MOST_USES = {"low": 1, "medium": 5, "high": 10}
"""Searches by OpenAI's ``search_context_size``."""

AnyTool = Tool | HostedTool


def permitted(capabilities: Capabilities) -> frozenset[str]:
    """Kinds of hosted tools that the model has and the operator lets callers use."""
    return capabilities.claude.hosted_tools & capabilities.hosted_tools


def chosen_tools(request: Request, capabilities: Capabilities, ledger: Ledger) -> Request:
    """The request with those tools that the target can have, as it declares them.

    Raises:
        ApiError: 400: it lacks the only one, or the one that has to be called; or a tool is named
            that is not there.
    """
    choice = request.parameters.get(TOOL_CHOICE)
    tools = request.tools
    if tools and not capabilities.tools:
        raise ledger.unsupported("tools", SAID, "the model calls no tools")
    if choice is not None and choice.allowed is not None:
        tools = _allowed(tools, choice, request, ledger)
    kept: list[AnyTool] = []
    for tool in tools:
        fits = _fitting(tool, capabilities, ledger)
        if fits is not None:
            kept.append(fits)
            continue
        named = choice is not None and choice.name in (tool.name, tool.kind)
        if named or len(tools) == 1:
            raise ledger.unsupported(tool.field or "tools", SAID, f"no tool of kind {tool.kind}")
        ledger.drop(tool.field)
        if isinstance(tool, Tool):
            ledger.carry(tool.extras, "")
    search = request.parameters.get(WEB_SEARCH)
    if search is not None and SEARCH in permitted(capabilities):
        kept.append(_search(search.raw, request.parameters.named(WEB_SEARCH), ledger))
    return request if tuple(kept) == request.tools else evolve(request, tools=tuple(kept))


def _allowed(
    tools: tuple[AnyTool, ...], choice: ToolChoice, request: Request, ledger: Ledger
) -> tuple[AnyTool, ...]:
    """The tools that a choice names, which alone are declared."""
    place = request.parameters.named(TOOL_CHOICE)
    wanted = set(choice.allowed or ())
    kept = tuple(tool for tool in tools if wanted & _names(tool))
    known = {name for tool in tools for name in _names(tool)}
    missing = sorted(wanted - known)
    if missing:
        raise invalid(place, f"names a tool that is not there: {missing[0]}")
    if len(kept) < len(tools):
        ledger.rewrite(place, Reason.OTHER_TOOLS_LEFT_OUT)
    return kept


def _names(tool: AnyTool) -> set[str]:
    if isinstance(tool, HostedTool):
        return {tool.name, tool.kind} - {""}
    return {tool.name, qualified(tool.name, tool.namespace)}


def _fitting(tool: AnyTool, capabilities: Capabilities, ledger: Ledger) -> AnyTool | None:
    if isinstance(tool, Tool):
        own = tool.family == ANTHROPIC and tool.raw is not None
        if own or tool.kind == "custom":
            return tool
        function = as_function(tool)
        if function is not None and function is not tool:
            ledger.emulate(tool.field, Reason.AS_FUNCTION)
        return function
    allowed = tool.kind in permitted(capabilities)
    if tool.family == ANTHROPIC:
        return tool if allowed or tool.kind in _FREE else None
    if tool.family == OPENAI and allowed and tool.kind == CODE:
        leave_container(tool, ledger, SAID)
        return HostedTool(
            kind=CODE, raw=dict(_CODE), family=ANTHROPIC, name=CODE, field=tool.field,
            cache=tool.cache,
        )  # fmt: skip
    if tool.family == OPENAI and tool.kind.startswith(SEARCH) and SEARCH in permitted(capabilities):
        return evolve(_search(tool.raw, tool.field, ledger), cache=tool.cache)
    return None


def _search(given: Mapping[str, Any], field: str, ledger: Ledger) -> HostedTool:
    """OpenAI's options of a search, or its tool, as Anthropic's tool."""
    raw: dict[str, Any] = {"type": "web_search_20250305", "name": SEARCH}
    for name, value in given.items():
        if name == "type" or value is None:
            continue
        if name == "search_context_size" and isinstance(value, str) and value in _MOST_USES:
            raw["max_uses"] = _MOST_USES[value]
            ledger.emulate(joined(field, name), Reason.SIZE_FOR_USES)
        elif name == "user_location" and isinstance(value, dict):
            place = value.get("approximate", value)
            place = place if isinstance(place, dict) else {}
            raw["user_location"] = {
                "type": "approximate",
                **{k: v for k, v in place.items() if k != "type" and v is not None},
            }
        elif name == "filters" and isinstance(value, dict):
            for key, domains in value.items():
                if key in ("allowed_domains", "blocked_domains"):
                    raw[key] = domains
                elif domains is not None:
                    ledger.drop(joined(field, f"filters.{key}"))
        else:
            ledger.drop(joined(field, name))
    return HostedTool(kind=SEARCH, raw=raw, family=ANTHROPIC, name=SEARCH, field=field)
