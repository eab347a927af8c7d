"""The tools of a Responses request, and which of them may be called."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import evolve

from magicgateway.conversation.blocks import OPENAI
from magicgateway.conversation.ledger import Fields, Ledger, invalid
from magicgateway.conversation.names import qualified
from magicgateway.conversation.parameters import ToolChoice
from magicgateway.conversation.request import HostedTool, Tool
from magicgateway.dialects.openai_responses.client_run import CLIENT_RUN, SHELL, TOOL_SEARCH
from magicgateway.dialects.openai_responses.extras import ITEMS, report_rest, rest_of

AnyTool = Tool | HostedTool

HOSTED = "hosted"
"""The kind of a choice that names a tool of the provider's."""
_HOSTED_KINDS = {
    "web_search_2025_08_26": "web_search",
    "web_search_preview": "web_search",
    "web_search_preview_2025_03_11": "web_search",
    "code_interpreter": "code_execution",
    "computer_use": "computer",
    "computer_use_preview": "computer",
}
"""Types of hosted tools to what they do, where that has another name across families."""


def read_tools(entries: Iterator[Fields], ledger: Ledger) -> tuple[AnyTool, ...]:
    """All declarations of a list; members of a namespace one by one."""
    return tuple(tool for entry in entries for tool in _tools(entry, ledger))


def _tools(entry: Fields, ledger: Ledger) -> Iterator[AnyTool]:
    kind = entry.needed("type")
    if kind == "function":
        yield _function(entry)
    elif kind == "custom":
        yield _custom(entry)
    elif kind == "namespace":
        yield from _namespace(entry, ledger)
    elif kind in CLIENT_RUN and _is_client_run(kind, entry):
        yield _client_run(kind, entry)
    else:
        yield _hosted(kind, entry)


def _function(entry: Fields) -> Tool:
    strict = entry.flag("strict")
    return Tool(
        name=entry.needed("name"),
        description=entry.text("description"),
        schema=entry.object("parameters"),
        strict=strict,
        strict_by_default=strict is None,
        field=entry.place,
        extras=rest_of(entry),
    )


def _custom(entry: Fields) -> Tool:
    return Tool(
        name=entry.needed("name"),
        kind="custom",
        description=entry.text("description"),
        grammar=entry.object("format"),
        field=entry.place,
        extras=rest_of(entry),
    )


def _namespace(entry: Fields, ledger: Ledger) -> Iterator[AnyTool]:
    name, about = entry.needed("name"), entry.text("description")
    for tool in read_tools(entry.each("tools"), ledger):
        if not isinstance(tool, Tool) or tool.namespace or tool.kind not in ("function", "custom"):
            raise invalid(tool.field, "must be a function or a custom tool")
        yield evolve(tool, namespace=name, namespace_about=about)
    report_rest(entry, ledger)


def _is_client_run(kind: str, entry: Fields) -> bool:
    if kind == TOOL_SEARCH:
        return bool(entry.peek("execution") == "client")
    environment = entry.peek("environment") if kind == SHELL else None
    return not isinstance(environment, dict) or environment.get("type") == "local"


def _client_run(kind: str, entry: Fields) -> Tool:
    known = CLIENT_RUN[kind]
    raw = {"type": kind, **entry.rest(ITEMS).fields}
    about, schema = raw.get("description"), raw.get("parameters")
    return Tool(
        name=kind,
        kind=kind,
        description=about if isinstance(about, str) else known.about,
        schema=schema if isinstance(schema, dict) else known.schema,
        raw=raw,
        family=ITEMS,
        field=entry.place,
    )


def _hosted(kind: str, entry: Fields) -> HostedTool:
    raw = {"type": kind, **entry.rest(OPENAI).fields}
    label = raw.get("server_label")
    return HostedTool(
        kind=_HOSTED_KINDS.get(kind, kind),
        raw=raw,
        family=OPENAI,
        name=label if isinstance(label, str) else kind,
        field=entry.place,
    )


def read_choice(
    body: Fields, tools: tuple[AnyTool, ...], ledger: Ledger
) -> tuple[ToolChoice | None, Fields | None]:
    """The ``tool_choice``, and the object it was read from, in which there may be more."""
    value = body.take("tool_choice")
    place = body.at("tool_choice")
    if value is None:
        return None, None
    if isinstance(value, str):
        if value not in ("auto", "none", "required"):
            raise invalid(place, "must be auto, none, required or an object")
        return ToolChoice(value), None
    if not isinstance(value, dict):
        raise invalid(place, "must be a string or an object")
    choice = Fields(value, place)
    if choice.peek("type") == "allowed_tools":
        choice.take("type")
        return _allowed(choice, tools, ledger), choice
    name, kind = _reference(choice, tools)
    return ToolChoice("tool", name, kind), choice


def _allowed(choice: Fields, tools: tuple[AnyTool, ...], ledger: Ledger) -> ToolChoice:
    mode = choice.needed("mode")
    if mode not in ("auto", "required"):
        raise invalid(choice.at("mode"), "must be auto or required")
    names = []
    for entry in choice.each("tools"):
        names.append(_reference(entry, tools)[0])
        report_rest(entry, ledger)
    if not names:
        raise invalid(choice.at("tools"), "must name at least one tool")
    return ToolChoice(mode, allowed=tuple(names))


def _reference(entry: Fields, tools: tuple[AnyTool, ...]) -> tuple[str, str]:
    """The name and the kind of a tool that is spoken of."""
    kind = entry.needed("type")
    if kind in ("function", "custom"):
        name = entry.needed("name")
        return qualified(name, entry.text("namespace") or _namespace_of(name, tools)), kind
    if kind == "mcp":
        return entry.needed("server_label"), HOSTED
    if any(isinstance(tool, Tool) and tool.kind == kind for tool in tools):
        return kind, kind
    return kind, HOSTED


def _namespace_of(name: str, tools: tuple[AnyTool, ...]) -> str | None:
    """The namespace of a tool that is not called by it, if it is the only one of its name."""
    found: list[Any] = [t.namespace for t in tools if isinstance(t, Tool) and t.name == name]
    return found[0] if len(found) == 1 else None
