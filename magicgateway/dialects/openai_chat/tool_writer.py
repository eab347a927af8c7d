"""Tools and the choice among them, as a chat request declares them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define, field

from magicgateway.conversation.capabilities import Capabilities
from magicgateway.conversation.client_tools import as_function
from magicgateway.conversation.ledger import Ledger, invalid, joined
from magicgateway.conversation.parameters import ToolChoice, WebSearch
from magicgateway.conversation.reasons import Reason
from magicgateway.conversation.request import HostedTool, Tool
from magicgateway.conversation.schema import is_strict, is_wrapped, object_schema
from magicgateway.dialects.openai_chat.extras import put_back
from magicgateway.dialects.openai_chat.part_writer import SAID, PartWriter

_TEXT_SCHEMA = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
    "additionalProperties": False,
}
"""The arguments of a tool that takes free text."""
_CONTEXT_SIZES = ((1, "low"), (5, "medium"))
"""Of OpenAI's web search, by the most searches that Anthropic's is allowed."""


@define
class WrittenTools:
    """What became of a request's tools.

    Attributes:
        tools: As they are declared.
        wrapped: Sent names of those whose arguments go as ``{"input": …}``.
        search: Instead of a tool that searches the web.
    """

    tools: list[dict[str, Any]] = field(factory=list)
    wrapped: set[str] = field(factory=set)
    search: WebSearch | None = None


def write_tools(
    tools: tuple[Tool | HostedTool, ...],
    choice: ToolChoice | None,
    capabilities: Capabilities,
    ledger: Ledger,
) -> WrittenTools:
    """Declare all tools that the target can have.

    Args:
        tools: Under the names they are sent by.
        choice: A tool that it names cannot be left out.
        capabilities: The target's.
        ledger: Told of losses.

    Raises:
        ApiError: 400: it has no tools, or lacks the only one or the one that has to be called.
    """
    written = WrittenTools()
    if tools and (not capabilities.tools or "tools" in capabilities.chat.drops):
        raise ledger.unsupported(tools[0].field.partition("[")[0] or "tools", SAID)
    for tool in tools:
        if isinstance(tool, HostedTool):
            done = _hosted(tool, written, capabilities, ledger)
        else:
            done = _declared(tool, written, capabilities, ledger)
        if not done:
            _leave_out(tool, tools, choice, ledger)
    return written


def _leave_out(
    tool: Tool | HostedTool,
    tools: tuple[Tool | HostedTool, ...],
    choice: ToolChoice | None,
    ledger: Ledger,
) -> None:
    chosen = choice is not None and choice.mode == "tool" and choice.name in (tool.name, tool.kind)
    if chosen or len(tools) == 1:
        raise ledger.unsupported(tool.field or "tools", SAID, f"no tool of kind {tool.kind}")
    ledger.drop(tool.field)
    if isinstance(tool, Tool):
        ledger.carry(tool.extras, "")


def _hosted(
    tool: HostedTool, written: WrittenTools, capabilities: Capabilities, ledger: Ledger
) -> bool:
    if not (tool.kind.startswith("web_search") and capabilities.chat.web_search):
        return False
    written.search = WebSearch(_search_options(tool.raw))
    if "search_context_size" in written.search.raw and "search_context_size" not in tool.raw:
        ledger.emulate(joined(tool.field, "max_uses"), Reason.SIZE_FOR_USES)
    for name in ("allowed_domains", "blocked_domains", "filters"):
        if tool.raw.get(name):
            ledger.drop(joined(tool.field, name))
    if tool.cache is not None:
        ledger.drop(joined(tool.field, "cache_control"))
    return True


def _search_options(raw: Mapping[str, Any]) -> dict[str, Any]:
    """OpenAI's options of a search that Anthropic or Responses declare as a tool."""
    options: dict[str, Any] = {}
    most, size = raw.get("max_uses"), raw.get("search_context_size")
    if isinstance(size, str):
        options["search_context_size"] = size
    elif isinstance(most, int):
        sizes = (name for limit, name in _CONTEXT_SIZES if most <= limit)
        options["search_context_size"] = next(sizes, "high")
    place = raw.get("user_location")
    if isinstance(place, dict):
        where = {k: v for k, v in place.items() if k != "type" and v is not None}
        options["user_location"] = {"type": "approximate", "approximate": where}
    return options


def _declared(
    tool: Tool, written: WrittenTools, capabilities: Capabilities, ledger: Ledger
) -> bool:
    if tool.kind == "custom":
        declared = _custom(tool, written, capabilities, ledger)
    else:
        function = as_function(tool)
        if function is None:
            return False
        if function is not tool:
            ledger.emulate(tool.field, Reason.AS_FUNCTION)
        declared = _function(function, written, ledger)
    put_back(declared, tool.extras, ledger)
    PartWriter(capabilities, ledger).mark_whole(declared, tool.cache, tool.field)
    written.tools.append(declared)
    return True


def _custom(
    tool: Tool, written: WrittenTools, capabilities: Capabilities, ledger: Ledger
) -> dict[str, Any]:
    said = {} if tool.description is None else {"description": tool.description}
    if capabilities.chat.custom_tools:
        form = {} if tool.grammar is None else {"format": dict(tool.grammar)}
        return {"type": "custom", "custom": {"name": tool.name, **said, **form}}
    written.wrapped.add(tool.name)
    if tool.grammar is not None and tool.grammar.get("type") != "text":
        ledger.emulate(joined(tool.field, "format"), Reason.NOT_ENFORCED)
    inner = {"name": tool.name, **said, "parameters": _TEXT_SCHEMA}
    return {"type": "function", "function": inner}


def _function(tool: Tool, written: WrittenTools, ledger: Ledger) -> dict[str, Any]:
    inner: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        inner["description"] = tool.description
    if is_wrapped(tool.schema):
        written.wrapped.add(tool.name)
        ledger.rewrite(joined(tool.field, "parameters"), Reason.WRAPPED)
    inner["parameters"] = object_schema(tool.schema)
    if tool.strict or (tool.strict is None and tool.strict_by_default):
        if is_strict(tool.schema):
            inner["strict"] = True
        elif tool.strict:
            ledger.drop(joined(tool.field, "strict"), Reason.SCHEMA_NOT_STRICT)
    return {"type": "function", "function": inner}


def write_choice(
    choice: ToolChoice,
    place: str,
    written: WrittenTools,
    capabilities: Capabilities,
    ledger: Ledger,
) -> Any:
    """The ``tool_choice``; None where nothing has to be said. It may take tools away.

    Raises:
        ApiError: 400: it names a tool that is not there, or the target cannot be forced.
    """
    if not written.tools:
        if choice.mode in ("auto", "none"):
            return None
        raise invalid(place, "needs a tool that can be called")
    if "tool_choice" in capabilities.chat.drops:
        return _unsaid(choice, place, written, ledger)
    if choice.allowed is not None:
        return _allowed(choice, place, written, capabilities, ledger)
    if choice.mode == "tool":
        return _named(choice.name, place, written)
    if choice.mode != "required" or capabilities.chat.required_choice:
        return _mode(choice.mode, capabilities)
    if len(written.tools) == 1:
        return _called(written.tools[0])
    raise ledger.unsupported(place, SAID, "no call can be demanded of the model")


def _mode(mode: str, capabilities: Capabilities) -> str:
    return capabilities.chat.required_choice if mode == "required" else mode


def _unsaid(choice: ToolChoice, place: str, written: WrittenTools, ledger: Ledger) -> None:
    """The choice of a target that has none: no call is to be had by there being no tool."""
    if choice.mode == "none":
        written.tools.clear()
        ledger.rewrite(place, Reason.TOOLS_LEFT_OUT)
    elif choice.mode != "auto" or choice.allowed is not None:
        raise ledger.unsupported(place, SAID, "no call can be demanded of the model")


def _name_of(tool: Mapping[str, Any]) -> str:
    name: str = tool[tool["type"]]["name"]
    return name


def _called(tool: Mapping[str, Any]) -> dict[str, Any]:
    kind = tool["type"]
    return {"type": kind, kind: {"name": _name_of(tool)}}


def _named(name: str | None, place: str, written: WrittenTools) -> dict[str, Any]:
    for tool in written.tools:
        if _name_of(tool) == name:
            return _called(tool)
    raise invalid(place, f"names a tool that is not there: {name}")


def _allowed(
    choice: ToolChoice,
    place: str,
    written: WrittenTools,
    capabilities: Capabilities,
    ledger: Ledger,
) -> Any:
    named = [_named(name, place, written) for name in choice.allowed or ()]
    if capabilities.chat.allowed_tools:
        return {
            "type": "allowed_tools",
            "allowed_tools": {"mode": choice.mode, "tools": named},
        }
    names = set(choice.allowed or ())
    written.tools[:] = [tool for tool in written.tools if _name_of(tool) in names]
    ledger.rewrite(place, Reason.OTHER_TOOLS_LEFT_OUT)
    return _mode(choice.mode, capabilities)
