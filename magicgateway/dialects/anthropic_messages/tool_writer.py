"""Tools and the choice among them, as a Messages request declares them."""

from __future__ import annotations

from typing import Any

from attrs import define, field

from magicgateway.conversation.blocks import ToolCall
from magicgateway.conversation.capabilities import Capabilities
from magicgateway.conversation.ledger import Ledger, invalid, joined
from magicgateway.conversation.parameters import ToolChoice
from magicgateway.conversation.reasons import Reason
from magicgateway.conversation.request import HostedTool, Request, Tool
from magicgateway.conversation.schema import (
    MOST_OPTIONAL,
    MOST_STRICT_TOOLS,
    MOST_UNIONS,
    Inexpressible,
    Restricted,
    is_wrapped,
    object_schema,
    restricted,
)
from magicgateway.dialects.anthropic_messages.block_writer import Json, mark_of
from magicgateway.dialects.anthropic_messages.extras import SAID, put_back
from magicgateway.dialects.anthropic_messages.tool_choosing import CODE, SEARCH

TEXT_SCHEMA = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
    "additionalProperties": False,
}
"""The arguments of a tool that takes free text."""
_MODES = {"auto": "auto", "none": "none", "required": "any"}


@define
class Strictness:
    """What the limits of a whole request still allow. State: what is used up."""

    tools: int = 0
    optional: int = 0
    unions: int = 0

    def admits(self, schema: Restricted, *, tool: bool = True) -> bool:
        """Whether one more schema is within the limits, of which it is then a part."""
        optional, unions = self.optional + schema.optional, self.unions + schema.unions
        fits = optional <= MOST_OPTIONAL and unions <= MOST_UNIONS
        if not fits or self.tools + tool > MOST_STRICT_TOOLS:
            return False
        self.tools, self.optional, self.unions = self.tools + tool, optional, unions
        return True


@define
class WrittenTools:
    """What became of a request's tools.

    Attributes:
        tools: As they are declared.
        wrapped: Sent names of those whose arguments go as ``{"input": …}``.
        hosted: Sent names of hosted tools by their kinds.
        choice: Which has to be called.
    """

    tools: list[Json] = field(factory=list)
    wrapped: set[str] = field(factory=set)
    hosted: dict[str, str] = field(factory=dict)
    choice: Json | None = None

    @property
    def forced(self) -> bool:
        """Some tool has to be called."""
        return self.choice is not None and self.choice["type"] in ("any", "tool")


def write_tools(
    request: Request, capabilities: Capabilities, strictness: Strictness, ledger: Ledger
) -> WrittenTools:
    """Declare all tools.

    Args:
        request: With the tools that are to be sent, under the names that they are sent by.
        capabilities: The target's.
        strictness: What a response format has left of the limits.
        ledger: Told of losses.

    Raises:
        ApiError: 400: two tools have one name.
    """
    written = WrittenTools()
    names: set[str] = set()
    for tool in request.tools:
        if tool.name and tool.name in names:
            raise invalid(tool.field or "tools", f"has the name of another tool, {tool.name}")
        names.add(tool.name)
        if isinstance(tool, HostedTool):
            declared: Json = dict(tool.raw)
            written.hosted[tool.kind] = tool.name
        elif tool.raw is not None:
            declared = {**tool.raw, "name": tool.name}
        else:
            declared = _declared(tool, written, capabilities, strictness, ledger)
        if tool.cache is not None:
            mark = mark_of(tool.cache, tool.field, ledger)
            declared["cache_control"] = {**declared.get("cache_control", {}), **mark}
        if isinstance(tool, Tool):
            put_back(declared, tool.extras, ledger)
        written.tools.append(declared)
    return written


def _declared(
    tool: Tool,
    written: WrittenTools,
    capabilities: Capabilities,
    strictness: Strictness,
    ledger: Ledger,
) -> Json:
    declared: Json = {"name": tool.name}
    if tool.description:
        declared["description"] = tool.description
    if tool.kind == "custom":
        written.wrapped.add(tool.name)
        if tool.grammar is not None and tool.grammar.get("type") != "text":
            ledger.emulate(joined(tool.field, "format"), Reason.NOT_ENFORCED)
        declared["input_schema"] = TEXT_SCHEMA
        return declared
    if is_wrapped(tool.schema):
        written.wrapped.add(tool.name)
        ledger.rewrite(joined(tool.field, "parameters"), Reason.WRAPPED)
    declared["input_schema"] = object_schema(tool.schema)
    if tool.strict:
        _make_strict(declared, tool, capabilities, strictness, ledger)
    return declared


def _make_strict(
    declared: Json, tool: Tool, capabilities: Capabilities, strictness: Strictness, ledger: Ledger
) -> None:
    place = joined(tool.field, "strict")
    if not capabilities.claude.structured_outputs:
        ledger.drop(place)
        return
    try:
        schema = restricted(declared["input_schema"])
    except Inexpressible:
        ledger.drop(place, Reason.SCHEMA_NOT_STRICT)
        return
    if not strictness.admits(schema):
        ledger.drop(place, Reason.TOO_MANY_STRICT)
        return
    if schema.changed:
        ledger.rewrite(joined(tool.field, "parameters"), Reason.RESTRICTED_SCHEMA)
        declared["input_schema"] = schema.schema
    declared["strict"] = True


def write_choice(
    choice: ToolChoice | None,
    place: str,
    *,
    parallel: bool | None,
    written: WrittenTools,
    capabilities: Capabilities,
    ledger: Ledger,
) -> None:
    """Say which tools have to be called, and whether several may be.

    Raises:
        ApiError: 400: the choice names a tool that is not there, or the model cannot be forced.
    """
    if not written.tools:
        if choice is not None and choice.mode not in ("auto", "none"):
            raise invalid(place, "needs a tool that can be called")
        return
    if choice is None:
        if parallel is False:
            written.choice = {"type": "auto", "disable_parallel_tool_use": True}
        return
    made: dict[str, Any] = {"type": _MODES.get(choice.mode, "tool")}
    if choice.mode == "tool":
        made["name"] = _name_of(choice, place, written)
    if made["type"] in ("any", "tool") and not capabilities.claude.forced_tools:
        raise ledger.unsupported(place, SAID, "this model cannot be made to call a tool")
    if parallel is False and made["type"] != "none":
        made["disable_parallel_tool_use"] = True
    written.choice = made


def _name_of(choice: ToolChoice, place: str, written: WrittenTools) -> str:
    wanted = choice.name or ""
    if choice.kind == "hosted" and wanted.startswith(SEARCH):  # OpenAI's has several names
        wanted = SEARCH
    if choice.kind == "hosted" and wanted == "code_interpreter":
        wanted = CODE
    name = written.hosted.get(wanted, wanted)
    if any(tool.get("name") == name for tool in written.tools):
        return name
    raise invalid(place, f"names a tool that is not there: {choice.name}")


def stubs(request: Request) -> list[Json]:
    """Declarations of tools that were called before and are no longer declared."""
    names = dict.fromkeys(
        block.name for turn in request.turns for block in turn.blocks if isinstance(block, ToolCall)
    )
    return [{"name": name, "input_schema": {"type": "object"}} for name in names]
