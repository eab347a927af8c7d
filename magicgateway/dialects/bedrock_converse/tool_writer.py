"""Tools and the choice among them, as ``toolConfig`` has them."""

from __future__ import annotations

from typing import Any

from attrs import define, evolve, field

from magicgateway.conversation.blocks import CONVERSE
from magicgateway.conversation.capabilities import Capabilities
from magicgateway.conversation.client_tools import as_function
from magicgateway.conversation.code_container import leave_container
from magicgateway.conversation.ledger import Ledger, invalid, joined
from magicgateway.conversation.names import undeclared
from magicgateway.conversation.parameters import (
    PARALLEL_TOOL_CALLS,
    TOOL_CHOICE,
    WEB_SEARCH,
    Taking,
    ToolChoice,
)
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
from magicgateway.conversation.turns import has_calls
from magicgateway.dialects.bedrock_converse.cache_points import CachePoints
from magicgateway.dialects.bedrock_converse.extras import SAID, put_back

Written = dict[str, Any]
GROUNDING = "nova_grounding"
CODE_INTERPRETER = "nova_code_interpreter"
HOSTED_KINDS = {GROUNDING: "web_search", CODE_INTERPRETER: "code_execution"}
"""Tools that the service runs, and what they do."""
TEXT_SCHEMA: Written = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
    "additionalProperties": False,
}
"""The arguments of a tool that takes free text."""
_FORCED = ("required", "tool")


@define
class ToolWriter:
    """Writes one request's ``toolConfig``. State: what is declared, and what was made of it.

    Attributes:
        request: With names as they are sent.
        wrapped: Sent names of tools whose arguments go as ``{"input": …}``.
        tools: What is declared, cache points among them.
        choice: ``toolChoice``; None where nothing is said.
        forced: The caller demands a call.
    """

    request: Request
    capabilities: Capabilities
    ledger: Ledger
    points: CachePoints
    wrapped: set[str] = field(factory=set)
    tools: list[Written] = field(factory=list)
    choice: Written | None = None
    forced: bool = False
    _strict: list[Restricted] = field(factory=list)

    def write(self, taking: Taking) -> None:
        """Declare all tools that the target can have, and say which is to be called.

        Raises:
            ApiError: 400: it lacks the only one or the one that has to be called.
        """
        request = self.request
        if request.tools and not self.capabilities.tools:
            place = request.tools[0].field.partition("[")[0] or "tools"
            raise self.ledger.unsupported(place, "This model", "it takes no tools")
        choice = taking.take(TOOL_CHOICE)
        self.forced = choice is not None and choice.mode in _FORCED
        allowed = None if choice is None else choice.allowed
        for tool in request.tools:
            if allowed is not None and tool.name not in allowed:
                self._lose(tool)
            elif not self._declare(tool):
                self._leave_out(tool, choice)
        self._search(taking)
        if choice is not None:
            self._choose(choice, request.parameters.named(TOOL_CHOICE))
        if not self.tools:
            self._stand_in()

    @property
    def names(self) -> list[str]:
        """Names of what the caller runs, in order."""
        return [tool["toolSpec"]["name"] for tool in self.tools if "toolSpec" in tool]

    def add(self, name: str, description: str, schema: Written) -> None:
        """Declare a tool of the gateway's own."""
        spec = {"name": name, "description": description, "inputSchema": {"json": schema}}
        self.tools.append({"toolSpec": spec})

    def config(self) -> Written | None:
        """The ``toolConfig``; None where there are no tools."""
        if not self.tools:
            return None
        choice = {} if self.choice is None else {"toolChoice": self.choice}
        return {"tools": self.tools, **choice}

    def alone(self, taking: Taking) -> Written | None:
        """What the model's own fields say where calls may not come in parallel."""
        if not self.names:
            taking.take(PARALLEL_TOOL_CALLS)
            return None
        if not self.capabilities.converse.parallel_control:
            return None
        if taking.take(PARALLEL_TOOL_CALLS) is not False:
            return None
        kind = {} if self.choice is not None else {"type": "auto"}
        return {**kind, "disable_parallel_tool_use": True}

    def can_force(self, form: str) -> bool:
        """Whether ``toolChoice`` may be ``any`` or ``tool``."""
        abilities = self.capabilities
        return form in abilities.converse.tool_choice and abilities.claude.forced_tools

    def _declare(self, tool: Tool | HostedTool) -> bool:
        if isinstance(tool, HostedTool):
            written = self._hosted(tool)
        elif tool.kind == "custom":
            written = self._custom(tool)
        else:
            function = as_function(tool)
            written = None if function is None else self._function(function)
            if function is not None and function is not tool:
                self.ledger.emulate(tool.field, Reason.AS_FUNCTION)
        if written is None:
            return False
        self.tools.append(written)
        if isinstance(tool, Tool):
            put_back(written, tool.extras, self.ledger)
        self.tools += self.points.after(tool.cache, tool.field)
        return True

    def _hosted(self, tool: HostedTool) -> Written | None:
        if tool.family == CONVERSE:
            return dict(tool.raw)
        abilities = self.capabilities.converse
        if tool.kind.startswith("web_search") and abilities.grounding:
            name = GROUNDING
        elif tool.kind.startswith("code_") and abilities.code_interpreter:
            name = CODE_INTERPRETER
        else:
            return None
        leave_container(tool, self.ledger, SAID)
        return {"systemTool": {"name": name}}

    def _custom(self, tool: Tool) -> Written:
        self.wrapped.add(tool.name)
        if tool.grammar is not None and tool.grammar.get("type") != "text":
            self.ledger.emulate(joined(tool.field, "format"), Reason.NOT_ENFORCED)
        return {"toolSpec": {**_head(tool), "inputSchema": {"json": TEXT_SCHEMA}}}

    def _function(self, tool: Tool) -> Written:
        spec: Written = _head(tool)
        if is_wrapped(tool.schema):
            self.wrapped.add(tool.name)
            self.ledger.rewrite(joined(tool.field, "parameters"), Reason.WRAPPED)
        spec["inputSchema"] = {"json": object_schema(tool.schema)}
        if tool.strict:
            narrow = self._restricted(tool)
            if isinstance(narrow, Reason):
                self.ledger.drop(joined(tool.field, "strict"), narrow)
            else:
                self._strict.append(narrow)
                spec["inputSchema"] = {"json": narrow.schema}
                spec["strict"] = True
        return {"toolSpec": spec}

    def _restricted(self, tool: Tool) -> Restricted | Reason:
        """A strict tool's schema, or why the target does not keep to it."""
        if not self.capabilities.converse.strict_tools:
            return Reason.UNSUPPORTED
        if is_wrapped(tool.schema):
            return Reason.SCHEMA_NOT_STRICT
        try:
            narrow = restricted(object_schema(tool.schema))
        except Inexpressible:
            return Reason.SCHEMA_NOT_STRICT
        if narrow.changed:
            return Reason.SCHEMA_NOT_STRICT
        kept = [*self._strict, narrow]
        optional, unions = sum(one.optional for one in kept), sum(one.unions for one in kept)
        if len(kept) > MOST_STRICT_TOOLS or optional > MOST_OPTIONAL or unions > MOST_UNIONS:
            return Reason.TOO_MANY_STRICT
        return narrow

    def _leave_out(self, tool: Tool | HostedTool, choice: ToolChoice | None) -> None:
        named = choice is not None and choice.mode == "tool"
        if named and choice is not None and choice.name in (tool.name, tool.kind):
            raise self.ledger.unsupported(tool.field, SAID, f"no tool of kind {tool.kind}")
        if len(self.request.tools) == 1:
            raise self.ledger.unsupported(tool.field, SAID, f"no tool of kind {tool.kind}")
        self.ledger.drop(tool.field)
        self._lose(tool)

    def _lose(self, tool: Tool | HostedTool) -> None:
        if isinstance(tool, Tool):
            self.ledger.carry(tool.extras, "")

    def _search(self, taking: Taking) -> None:
        """OpenAI's search beside the tools, where the service has one of its own."""
        if not self.capabilities.converse.grounding:
            return
        given = taking.take(WEB_SEARCH)
        if given is None:
            return
        for name in given.raw:
            self.ledger.drop(joined(WEB_SEARCH.name, name))
        if {"systemTool": {"name": GROUNDING}} not in self.tools:
            self.tools.append({"systemTool": {"name": GROUNDING}})

    def _choose(self, choice: ToolChoice, place: str) -> None:
        if choice.allowed is not None:
            self._check_allowed(choice.allowed, place)
        if not self.tools:
            if choice.mode in _FORCED:
                raise invalid(place, "needs a tool that can be called")
            return
        match choice.mode:
            case "none":
                self._none(place)
            case "required":
                self._demand(place)
            case "tool":
                self._name(choice, place)
            case _ if "auto" in self.capabilities.converse.tool_choice:
                self.choice = {"auto": {}}

    def _check_allowed(self, allowed: tuple[str, ...], place: str) -> None:
        missing = [name for name in allowed if name not in self.names]
        if missing:
            raise invalid(place, f"names a tool that is not there: {missing[0]}")
        if len(allowed) < len(self.request.tools):
            self.ledger.rewrite(place, Reason.OTHER_TOOLS_LEFT_OUT)

    def _none(self, place: str) -> None:
        """No tool is to be called: then there is none, if the history needs none either."""
        if has_calls(self.request.turns):
            self.ledger.drop(place, Reason.TOOLS_IN_HISTORY)
        else:
            self.tools.clear()
            self.ledger.rewrite(place, Reason.TOOLS_LEFT_OUT)

    def _demand(self, place: str) -> None:
        if self.can_force("any"):
            self.choice = {"any": {}}
        elif self.can_force("tool") and len(self.names) == 1:
            self.choice = {"tool": {"name": self.names[0]}}
        else:
            raise self._unforced(place)

    def _name(self, choice: ToolChoice, place: str) -> None:
        if choice.name not in self.names:
            raise invalid(place, f"names a tool that is not there: {choice.name}")
        if self.can_force("tool"):
            self.choice = {"tool": {"name": choice.name}}
        elif self.can_force("any") and len(self.names) == 1:
            self.choice = {"any": {}}
        else:
            raise self._unforced(place)

    def _unforced(self, place: str) -> Exception:
        return self.ledger.unsupported(place, "This model", "no call can be demanded of it")

    def _stand_in(self) -> None:
        """Declare the tools of the history: Converse takes no calls without declarations."""
        if not has_calls(self.request.turns):
            return
        for name in undeclared(evolve(self.request, tools=())):
            schema = {"type": "object", "properties": {}}
            self.tools.append({"toolSpec": {"name": name, "inputSchema": {"json": schema}}})
        if self.tools:
            self.ledger.emulate("tools", Reason.DECLARED_FROM_HISTORY)


def _head(tool: Tool) -> Written:
    head: Written = {"name": tool.name}
    if tool.description:
        head["description"] = tool.description
    return head
