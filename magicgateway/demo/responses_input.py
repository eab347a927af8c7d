"""A request of OpenAI's Responses, read and checked as strictly as the real one does."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from magicgateway.demo.attachments import attachments
from magicgateway.demo.call import Call, Refusal
from magicgateway.demo.reading import MISSING_MODEL, content_text, model_of, text_of
from magicgateway.demo.reply import ANY_TOOL, AUTO, NO_TOOL, Ask, Tool
from magicgateway.demo.signing import unsealed
from magicgateway.demo.wording import measure

_FIELDS = frozenset(
    {
        "background", "context_management", "conversation", "include", "input", "instructions",
        "max_output_tokens", "max_tool_calls", "metadata", "model", "moderation",
        "parallel_tool_calls", "previous_response_id", "prompt", "prompt_cache_key",
        "prompt_cache_options", "prompt_cache_retention", "reasoning", "safety_identifier",
        "service_tier", "store", "stream", "stream_options", "temperature", "text", "tool_choice",
        "tools", "top_logprobs", "top_p", "truncation", "user",
    }
)  # fmt: skip
_INCLUDABLE = frozenset(
    {
        "code_interpreter_call.outputs", "computer_call_output.output.image_url",
        "file_search_call.results", "message.input_image.image_url", "message.output_text.logprobs",
        "reasoning.encrypted_content", "web_search_call.action.sources", "web_search_call.results",
    }
)  # fmt: skip
_HOSTED = frozenset(
    {
        "apply_patch", "code_interpreter", "computer", "computer_use_preview", "file_search",
        "image_generation", "local_shell", "mcp", "namespace", "shell", "tool_search",
        "web_search", "web_search_2025_08_26", "web_search_preview",
    }
)  # fmt: skip
_ROLES = ("user", "assistant", "system", "developer")
_PARTS = frozenset(
    {"input_text", "input_image", "input_file", "input_audio", "output_text", "refusal"}
)
_OUTPUTS = frozenset(
    {
        "function_call_output", "custom_tool_call_output", "local_shell_call_output",
        "shell_call_output", "apply_patch_call_output", "tool_search_output",
    }
)  # fmt: skip
_CALLS = frozenset(
    {
        "function_call", "custom_tool_call", "local_shell_call", "shell_call", "apply_patch_call",
        "tool_search_call",
    }
)  # fmt: skip
_OTHER_ITEMS = frozenset(
    {
        "additional_tools", "compaction", "computer_call_output", "configuration_update",
        "mcp_approval_request", "mcp_approval_response", "mcp_list_tools",
    }
)  # fmt: skip
_LEAST_OUTPUT = 16
_PLAIN = re.compile(r"gpt-(?:3\.5|4o|4\.1|4|5-chat)(?:-|$)")
"""Models that do not reason."""
_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max", None)


def ask_of(fields: Mapping[str, Any], call: Call) -> Ask:
    """What the request asks for.

    Raises:
        Refusal: It is not one that the real API would take.
    """
    for name in fields:
        if name not in _FIELDS:
            raise _bad(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
    _check_kinds(fields)
    items = _items(fields.get("input"))
    _check_items(items)
    if _PLAIN.match(model_of(fields)):
        _check_plain(fields, items)
    answered = bool(items) and items[-1].get("type") in _OUTPUTS
    spoken = _last_user(items)
    return Ask(
        model=model_of(fields),
        prompt=content_text(spoken),
        size=sum(
            measure(fields[name]) for name in ("input", "instructions", "tools") if name in fields
        ),
        limit=fields.get("max_output_tokens"),
        tools=tuple(_tools(fields.get("tools") or [])),
        choice=_tool_choice(fields.get("tool_choice")),
        parallel=fields.get("parallel_tool_calls") is not False,
        answered=answered,
        reasoning=reasoning_of(fields).get("effort") not in (None, "none", "minimal"),
        schema=_schema(fields.get("text")),
        seen=attachments(spoken),
        script=call.script,
    )


def _check_plain(fields: Mapping[str, Any], items: list[Any]) -> None:
    """See whether a model that does not reason is asked for no reasoning, and given none."""
    if "reasoning.encrypted_content" in (fields.get("include") or ()):
        raise _bad("Encrypted content is not supported with this model.", "include")
    if any(item.get("type") == "reasoning" for item in items):
        said = "Reasoning input items can only be provided to a reasoning or computer use model."
        raise _bad(said, "input")


def _bad(message: str, param: str | None, code: str | None = None) -> Refusal:
    return Refusal(400, message, param=param, code=code)


def reasoning_of(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """The field ``reasoning``, empty where it is absent."""
    value: Mapping[str, Any] = fields.get("reasoning") or {}
    return value


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_KINDS: tuple[tuple[str, Callable[[Any], bool], str], ...] = (
    ("stream", lambda v: isinstance(v, bool), "a boolean"),
    ("store", lambda v: isinstance(v, bool), "a boolean"),
    ("background", lambda v: isinstance(v, bool), "a boolean"),
    ("parallel_tool_calls", lambda v: isinstance(v, bool), "a boolean"),
    ("instructions", lambda v: isinstance(v, str), "a string"),
    ("previous_response_id", lambda v: isinstance(v, str), "a string"),
    ("tools", lambda v: isinstance(v, list), "an array"),
    ("include", lambda v: isinstance(v, list), "an array"),
    ("metadata", lambda v: isinstance(v, dict), "an object"),
    ("reasoning", lambda v: isinstance(v, dict), "an object"),
    ("text", lambda v: isinstance(v, dict), "an object"),
    ("temperature", lambda v: _is_number(v) and 0 <= v <= 2, "a number from 0 to 2"),
    ("top_p", lambda v: _is_number(v) and 0 <= v <= 1, "a number from 0 to 1"),
    ("top_logprobs", lambda v: _is_whole(v) and 0 <= v <= 20, "an integer from 0 to 20"),
    (
        "max_output_tokens",
        lambda v: _is_whole(v) and v >= _LEAST_OUTPUT,
        f"an integer of at least {_LEAST_OUTPUT}",
    ),
    ("truncation", lambda v: v in ("auto", "disabled"), "'auto' or 'disabled'"),
)


def _check_kinds(fields: Mapping[str, Any]) -> None:
    for name, fits, what in _KINDS:
        if fields.get(name) is not None and not fits(fields[name]):
            raise _bad(f"Invalid value for '{name}': expected {what}.", name, "invalid_type")
    for value in fields.get("include") or ():
        if value not in _INCLUDABLE:
            known = ", ".join(sorted(_INCLUDABLE))
            raise _bad(f"Invalid value: '{value}'. Supported values are: {known}.", "include[0]")
    if reasoning_of(fields).get("effort") not in _EFFORTS:
        raise _bad("Invalid value for 'reasoning.effort'.", "reasoning.effort", "invalid_value")
    previous = fields.get("previous_response_id")
    if previous is not None and fields.get("conversation") is not None:
        message = "Mutually exclusive parameters: 'previous_response_id' and 'conversation'."
        raise _bad(message, None, "mutually_exclusive_parameters")
    if previous is not None and not is_stored(previous):
        message = f"Previous response with id '{previous}' not found."
        raise _bad(message, "previous_response_id", "previous_response_not_found")


def response_id(seed: str, *, stored: bool) -> str:
    """A response's id; its end says whether the response can be asked for later."""
    return f"resp_{seed}{'1' if stored else '0'}"


def is_stored(name: str) -> bool:
    """Whether a response of that id can be asked for."""
    return name.startswith("resp_") and name.endswith("1") and MISSING_MODEL not in name


def _items(value: Any) -> list[Any]:
    if isinstance(value, str):
        return [{"type": "message", "role": "user", "content": value}]
    if not isinstance(value, list):
        raise _bad("Missing required parameter: 'input'.", "input", "missing_required_parameter")
    return value


def _check_items(items: list[Any]) -> None:
    calls: set[str] = set()
    answers: set[str] = set()
    for number, item in enumerate(items):
        place = f"input[{number}]"
        if not isinstance(item, dict):
            raise _bad(f"Invalid type for '{place}': expected an object.", place, "invalid_type")
        kind = text_of(item.get("type", "message"))
        if kind in _CALLS:
            calls.add(_call_id(item, place))
            needed = {"function_call": "arguments", "custom_tool_call": "input"}.get(kind)
            if needed and not isinstance(item.get(needed), str):
                raise _missing(f"{place}.{needed}")
        elif kind in _OUTPUTS:
            name = _call_id(item, place)
            answers.add(name)
            if name not in calls:
                message = f"No tool call found for function call output with call_id {name}."
                raise _bad(message, "input")
        else:
            _check_item(kind, item, place)
    if unanswered := sorted(calls - answers):
        raise _bad(f"No tool output found for function call {unanswered[0]}.", "input")


def _check_item(kind: str, item: Mapping[str, Any], place: str) -> None:
    """An item that neither calls a tool of the caller's nor answers one."""
    if kind == "message":
        _check_message(item, place)
    elif kind == "reasoning":
        _check_reasoning(item, place)
    elif kind == "item_reference":
        if MISSING_MODEL in text_of(item.get("id")):
            raise Refusal(404, f"Item with id '{item['id']}' not found.", param="input")
    elif kind not in _OTHER_ITEMS and not kind.endswith("_call"):
        raise _bad(f"Invalid value: '{kind}'.", place, "invalid_value")


def _missing(place: str) -> Refusal:
    return _bad(f"Missing required parameter: '{place}'.", place, "missing_required_parameter")


def _call_id(item: Mapping[str, Any], place: str) -> str:
    name = text_of(item.get("call_id"))
    if not name:
        raise _missing(f"{place}.call_id")
    return name


def _check_message(item: Mapping[str, Any], place: str) -> None:
    role, content = item.get("role"), item.get("content")
    if role not in _ROLES:
        known = ", ".join(f"'{name}'" for name in _ROLES)
        message = f"Invalid value: '{role}'. Supported values are: {known}."
        raise _bad(message, f"{place}.role", "invalid_value")
    if isinstance(content, str):
        return
    if not isinstance(content, list):
        raise _missing(f"{place}.content")
    for number, part in enumerate(content):
        kind = part.get("type") if isinstance(part, dict) else None
        wrong = kind in ("output_text", "refusal") if role != "assistant" else kind == "input_text"
        if kind not in _PARTS or wrong:
            known = "'output_text' and 'refusal'" if role == "assistant" else "'input_text', …"
            message = f"Invalid value: '{kind}'. Supported values are: {known}."
            raise _bad(message, f"{place}.content[{number}]", "invalid_value")


def _check_reasoning(item: Mapping[str, Any], place: str) -> None:
    if not isinstance(item.get("summary"), list):
        raise _missing(f"{place}.summary")
    sealed = item.get("encrypted_content")
    if sealed is not None and unsealed(text_of(sealed)) is None:
        message = f"The encrypted content for item {item.get('id')} could not be verified."
        raise _bad(message, None, "invalid_encrypted_content")


def _last_user(items: list[Any]) -> Any:
    for item in reversed(items):
        if item.get("role") == "user":
            return item.get("content")
    return ""


def _tools(values: list[Any]) -> list[Tool]:
    found = []
    for number, tool in enumerate(values):
        kind = tool.get("type") if isinstance(tool, dict) else None
        if kind in _HOSTED:
            continue
        if kind not in ("function", "custom"):
            raise _bad(f"Invalid value: '{kind}'.", f"tools[{number}].type", "invalid_value")
        if not isinstance(tool.get("name"), str):
            raise _missing(f"tools[{number}].name")
        found.append(Tool(tool["name"], tool.get("parameters"), free=kind == "custom"))
    return found


def _tool_choice(value: Any) -> str:
    if isinstance(value, dict):
        if value.get("type") in ("function", "custom"):
            return "=" + text_of(value.get("name"))
        return ANY_TOOL if value.get("mode") == "required" else AUTO
    return {"none": NO_TOOL, "required": ANY_TOOL}.get(text_of(value), AUTO)


def _schema(value: Any) -> Any:
    form = (value or {}).get("format") or {}
    kind = form.get("type")
    if kind not in (None, "text", "json_object", "json_schema"):
        raise _bad(f"Invalid value: '{kind}'.", "text.format.type", "invalid_value")
    if kind == "json_schema":
        for name in ("name", "schema"):
            if name not in form:
                raise _missing(f"text.format.{name}")
        return form["schema"]
    answer = {"type": "object", "properties": {"answer": {"type": "string"}}}
    return answer if kind == "json_object" else None
