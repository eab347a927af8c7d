"""The items that stand for one block each: reasoning, calls, outputs, steps of hosted tools.

Answers consist of the same items as histories. Read from an answer the fields are lenient, and
what is missing is empty.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve

from magicgateway.conversation.blocks import (
    NO_EXTRAS,
    OPENAI,
    Extras,
    Foreign,
    Hosted,
    Text,
    Thinking,
    Token,
    ToolCall,
    ToolResult,
)
from magicgateway.conversation.ledger import Fields, Ledger, invalid
from magicgateway.conversation.reasons import Reason
from magicgateway.conversation.sealed import is_sealed, unseal
from magicgateway.dialects.openai_responses.client_run import (
    APPLY_PATCH,
    BY_CALL,
    BY_OUTPUT,
    LOCAL_SHELL,
    SHELL,
    TOOL_SEARCH,
    arguments_of,
)
from magicgateway.dialects.openai_responses.extras import ITEMS, report_rest, rest_of
from magicgateway.dialects.openai_responses.part_reader import read_content
from magicgateway.wire.jsontext import encode

REFERENCE = "item_reference"
_HOSTED = frozenset({
    "additional_tools", "code_interpreter_call", "compaction", "compaction_trigger",
    "computer_call", "computer_call_output", "configuration_update", "file_search_call",
    "image_generation_call", "mcp_approval_request", "mcp_approval_response", "mcp_call",
    "mcp_list_tools", "program", "program_output", "shell_call", "shell_call_output",
    "tool_search_call", "tool_search_output", "web_search_call",
})  # fmt: skip


def item_id_of(item: Fields) -> str | None:
    """An item's own id; that it is complete goes without saying."""
    if item.peek("status") == "completed":
        item.take("status")
    return item.text("id")


def read_reasoning(item: Fields, ledger: Ledger) -> Thinking:
    """A reasoning item, or what another family's model had thought, sealed in one."""
    item.take("type")
    item_id = item_id_of(item)
    summary = _words(item, "summary", ledger)
    content = _words(item, "content", ledger)
    data = item.text("encrypted_content") or ""
    token, words = (Token(OPENAI, data) if data else None), content or summary
    if is_sealed(data):
        sealed = unseal(data, item.place)
        if sealed is not None:
            return evolve(sealed, parts=sealed.parts or words, extras=rest_of(item))
        ledger.drop(item.at("encrypted_content"), Reason.UNREADABLE)
        token = None
    extras = rest_of(item)
    if content and summary:
        kept = [{"type": "summary_text", "text": text} for text in summary]
        extras = Extras(ITEMS, item.place, {**extras.fields, "summary": kept})
    return Thinking(
        parts=words,
        summary=not content,
        token=token,
        field=item.place,
        item_id=item_id,
        extras=extras,
    )


def _words(item: Fields, name: str, ledger: Ledger) -> tuple[str, ...]:
    words = []
    for part in item.each(name):
        part.take("type")
        words.append(part.needed("text"))
        report_rest(part, ledger)
    return tuple(words)


def read_function_call(item: Fields) -> ToolCall:
    """A call of a function."""
    item.take("type")
    if isinstance(item.peek("arguments"), dict):
        arguments = encode(item.take("arguments")).decode()
    else:
        arguments = item.text("arguments") or ""
    return ToolCall(
        id=item.needed("call_id"),
        name=item.needed("name"),
        arguments=arguments,
        namespace=item.text("namespace"),
        field=item.place,
        item_id=item_id_of(item),
        extras=rest_of(item),
    )


def read_custom_call(item: Fields) -> ToolCall:
    """A call of a tool that takes free text."""
    item.take("type")
    return ToolCall(
        id=item.needed("call_id"),
        name=item.needed("name"),
        arguments=item.text("input") or "",
        kind="custom",
        namespace=item.text("namespace"),
        field=item.place,
        item_id=item_id_of(item),
        extras=rest_of(item),
    )


def is_client_run(item: Fields) -> bool:
    """Whether an item is of a tool in ``client_run``; some types serve hosted tools as well."""
    kind = item.peek("type")
    tool = (BY_CALL.get(kind) or BY_OUTPUT.get(kind)) if isinstance(kind, str) else None
    if tool is None:
        return False
    if tool.kind == TOOL_SEARCH:
        return item.peek("execution") == "client" and "call_id" in item
    if tool.kind == SHELL:
        environment = item.peek("environment")
        return not isinstance(environment, dict) or environment.get("type") == "local"
    return True


def read_output(item: Fields) -> ToolResult:
    """What a function or a custom tool answered."""
    kind = "custom" if item.take("type") == "custom_tool_call_output" else "function"
    value = item.take("output")
    if value is None:
        raise invalid(item.at("output"), "is required")
    content, whole = read_content(value, item.at("output"))
    return ToolResult(
        call_id=item.needed("call_id"),
        content=() if whole and not value else content,
        kind=kind,
        field=item.place,
        item_id=item_id_of(item),
        extras=rest_of(item),
    )


def read_client_call(item: Fields) -> ToolCall:
    """A call of one of the tools in ``client_run``."""
    tool = BY_CALL[item.needed("type")]
    if tool.kind == TOOL_SEARCH:
        item.take("execution")
    return ToolCall(
        id=item.needed("call_id"),
        name=tool.kind,
        arguments=arguments_of(tool, item.take(tool.action)),
        kind=tool.kind,
        field=item.place,
        item_id=item_id_of(item),
        extras=rest_of(item),
    )


def read_client_output(item: Fields) -> ToolResult:
    """What one of the tools in ``client_run`` answered."""
    tool = BY_OUTPUT[item.needed("type")]
    is_error: bool | None = None
    item_id: str | None = None
    if tool.kind == LOCAL_SHELL:  # its own id is its call's
        call_id = item.text("call_id") or item.needed("id")
        item.take("id")
        item_id_of(item)
    else:
        call_id = item.needed("call_id")
        if tool.kind == APPLY_PATCH:
            is_error = item.needed("status") == "failed" or None
            item_id = item.text("id")
        else:
            item_id = item_id_of(item)
    if tool.kind == TOOL_SEARCH:
        item.take("execution")
        text = encode(item.peek("tools") or []).decode()
    else:
        output = item.take("output")
        text = output if isinstance(output, str) else encode(output or []).decode()
        text = "" if output is None else text
    extras = rest_of(item)
    if tool.kind == TOOL_SEARCH:
        left = {name: value for name, value in extras.fields.items() if name != "tools"}
        extras = Extras(ITEMS, item.place, left) if left else NO_EXTRAS
    return ToolResult(
        call_id=call_id,
        content=(Text(text=text, field=item.place),) if text else (),
        is_error=is_error,
        kind=tool.kind,
        field=item.place,
        item_id=item_id,
        extras=extras,
    )


def other_item(raw: dict[str, Any], place: str = "") -> Hosted | Foreign:
    """An item of a kind that has no other name in the hub."""
    kind = raw.get("type")
    name = kind if isinstance(kind, str) else ""
    item_id = raw.get("id")
    known = item_id if isinstance(item_id, str) else None
    make = Hosted if name in _HOSTED else Foreign
    return make(family=ITEMS, kind=name, raw=raw, field=place, item_id=known)
