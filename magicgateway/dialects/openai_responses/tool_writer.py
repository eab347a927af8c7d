"""Tools as Responses declares them, flat, and the choice among them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from attrs import frozen

from magicgateway.conversation.blocks import OPENAI
from magicgateway.conversation.client_tools import as_function
from magicgateway.conversation.ledger import Ledger, joined
from magicgateway.conversation.names import qualified
from magicgateway.conversation.parameters import ToolChoice, WebSearch
from magicgateway.conversation.reasons import Reason
from magicgateway.conversation.request import HostedTool, Request, Tool
from magicgateway.conversation.schema import is_strict, is_wrapped, object_schema
from magicgateway.dialects.openai_responses.client_run import CLIENT_RUN
from magicgateway.dialects.openai_responses.extras import ITEMS, SAID, give_back
from magicgateway.dialects.openai_responses.tool_reader import HOSTED, AnyTool

_CONTEXT_SIZES = ((1, "low"), (5, "medium"))
"""Of OpenAI's web search, by the most searches that Anthropic's is allowed."""


@frozen
class ToolWriter:
    """Writes tools for one request.

    Attributes:
        request: Its tools under the names that are sent.
        choice: Which of them have to be called.
        ledger: Is told of losses.
    """

    request: Request
    choice: ToolChoice | None
    ledger: Ledger

    @property
    def wrapped(self) -> frozenset[str]:
        """Names of functions whose arguments go in ``input``: their root is no plain object."""
        return frozenset(
            tool.name
            for tool in self.request.tools
            if isinstance(tool, Tool) and tool.kind == "function" and is_wrapped(tool.schema)
        )

    def tools(self) -> list[dict[str, Any]]:
        """All declarations. Tools that an item of the input brings are declared there."""
        written: list[dict[str, Any]] = []
        own = [tool for tool in self.request.tools if not tool.field.startswith("input[")]
        for group, tools in groupby(own, _group):
            if group is None:
                written += [one for tool in tools for one in self._tool(tool)]
            else:
                written.append(self._namespace(group, tools))
        return written

    def _namespace(self, group: tuple[str, str | None], tools: Iterable[AnyTool]) -> dict[str, Any]:
        name, about = group
        return {
            "type": "namespace",
            "name": name,
            "description": about or f"Tools of {name}.",
            "tools": [one for tool in tools for one in self._tool(tool)],
        }

    def _tool(self, tool: AnyTool) -> Iterator[dict[str, Any]]:
        if tool.cache is not None:
            self.ledger.drop(joined(tool.field, "cache_control"))
        if isinstance(tool, HostedTool):
            yield from self._hosted(tool)
        elif tool.raw is not None and tool.family == ITEMS:
            yield dict(tool.raw)
        elif tool.kind == "custom":
            yield self._custom(tool)
        else:
            yield self._function(tool)

    def _custom(self, tool: Tool) -> dict[str, Any]:
        written: dict[str, Any] = {"type": "custom", "name": tool.name}
        if tool.description is not None:
            written["description"] = tool.description
        if tool.grammar is not None:
            written["format"] = _flat(tool.grammar)
        give_back(written, tool.extras, self.ledger)
        return written

    def _function(self, tool: Tool) -> dict[str, Any]:
        function = as_function(tool)
        if function is None:
            raise self.ledger.unsupported(tool.field, SAID)
        if tool.kind != "function":
            self.ledger.emulate(tool.field, Reason.AS_FUNCTION)
        tool, schema = function, function.schema
        written: dict[str, Any] = {"type": "function", "name": tool.name}
        if tool.description is not None:
            written["description"] = tool.description
        if schema and not is_wrapped(schema):
            written["parameters"] = dict(schema)
        else:
            written["parameters"] = object_schema(schema)
        if is_wrapped(schema):
            self.ledger.rewrite(joined(tool.field, "parameters"), Reason.WRAPPED)
        written["strict"] = self._strict(tool, written["parameters"])
        give_back(written, tool.extras, self.ledger)
        return written

    def _strict(self, tool: Tool, schema: Mapping[str, Any]) -> bool | None:
        """Said in every case, because nothing said would mean yes."""
        if tool.strict is None:
            return None if tool.strict_by_default else False
        if tool.strict and not is_strict(schema):
            self.ledger.drop(joined(tool.field, "strict"), Reason.SCHEMA_NOT_STRICT)
            return False
        return tool.strict

    def _hosted(self, tool: HostedTool) -> Iterator[dict[str, Any]]:
        if tool.family == OPENAI:
            yield dict(tool.raw)
            return
        if tool.kind == "web_search":
            yield self._web_search(tool)
        elif tool.kind == "code_execution":
            yield {"type": "code_interpreter", "container": {"type": "auto"}}
        elif len(self.request.tools) == 1 or self._is_chosen(tool):
            raise self.ledger.unsupported(tool.field, SAID)
        else:
            self.ledger.drop(tool.field)

    def _is_chosen(self, tool: HostedTool) -> bool:
        choice = self.choice
        return (
            choice is not None and choice.mode == "tool" and choice.name in (tool.name, tool.kind)
        )

    def _web_search(self, tool: HostedTool) -> dict[str, Any]:
        """Anthropic's search as OpenAI's."""
        raw = {k: v for k, v in tool.raw.items() if k not in ("type", "name") and v is not None}
        written: dict[str, Any] = {"type": "web_search"}
        domains = raw.pop("allowed_domains", None)
        if domains:
            written["filters"] = {"allowed_domains": domains}
        location = raw.pop("user_location", None)
        if location:
            written["user_location"] = location
        most = raw.pop("max_uses", None)
        if isinstance(most, int):
            size = next((size for uses, size in _CONTEXT_SIZES if most <= uses), "high")
            written["search_context_size"] = size
            self.ledger.emulate(joined(tool.field, "max_uses"), Reason.SIZE_FOR_USES)
        for name in raw:
            self.ledger.drop(joined(tool.field, name))
        return written

    def web_search(self, search: WebSearch) -> dict[str, Any]:
        """Chat's ``web_search_options`` as a tool."""
        written: dict[str, Any] = {"type": "web_search"}
        for name, value in search.raw.items():
            if name == "user_location" and isinstance(value, dict):
                inner = value.get("approximate")
                place = inner if isinstance(inner, dict) else {}
                written[name] = {"type": "approximate", **place}
            else:
                written[name] = value
        return written

    def tool_choice(self) -> Any:
        """The ``tool_choice``; None where nothing was said."""
        choice = self.choice
        if choice is None:
            return None
        if choice.allowed is not None:
            tools = [self._reference(name) for name in choice.allowed]
            return {"type": "allowed_tools", "mode": choice.mode, "tools": tools}
        if choice.mode != "tool" or choice.name is None:
            return choice.mode
        reference = self._reference(choice.name, choice.kind)
        if reference == {"type": "web_search"}:  # cannot be named as the one tool
            return {"type": "allowed_tools", "mode": "required", "tools": [reference]}
        return reference

    def _reference(self, name: str, kind: str = "function") -> dict[str, Any]:
        for tool in self.request.tools:
            if isinstance(tool, HostedTool):
                if kind in (HOSTED, "function") and name in (tool.name, tool.kind):
                    return _hosted_reference(tool)
            elif qualified(tool.name, tool.namespace) == name:
                if tool.kind in CLIENT_RUN:
                    return {"type": tool.kind}
                kind = "custom" if tool.kind == "custom" else "function"
                return {"type": kind, "name": tool.name}
        return {"type": name} if kind == HOSTED else {"type": kind, "name": name}


def _hosted_reference(tool: HostedTool) -> dict[str, Any]:
    if tool.family != OPENAI:
        kinds = {"code_execution": "code_interpreter"}
        return {"type": kinds.get(tool.kind, tool.kind)}
    if tool.raw.get("type") == "mcp":
        return {"type": "mcp", "server_label": tool.name}
    return {"type": tool.raw.get("type", tool.kind)}


def _group(tool: AnyTool) -> tuple[str, str | None] | None:
    if isinstance(tool, HostedTool) or tool.namespace is None:
        return None
    return tool.namespace, tool.namespace_about


def _flat(grammar: Mapping[str, Any]) -> dict[str, Any]:
    """A custom tool's format: chat nests what Responses has side by side."""
    inner = grammar.get("grammar")
    return {"type": "grammar", **inner} if isinstance(inner, dict) else dict(grammar)
