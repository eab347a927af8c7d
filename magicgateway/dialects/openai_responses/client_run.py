"""Tools that Responses declares by a type alone and that the caller runs.

Towards other dialects each is a function, with the schema and the words given here; its calls come
back as items of its own type. ``namespace`` and ``custom`` tools have names of their own and are
not in this table.

See: https://platform.openai.com/docs/guides/tools-local-shell, tools-apply-patch, tools-shell,
tools-tool-search; openai 3.57 (Python), 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from attrs import frozen

from magicgateway.wire.jsontext import BadJson, decode, encode

LOCAL_SHELL = "local_shell"
SHELL = "shell"
APPLY_PATCH = "apply_patch"
TOOL_SEARCH = "tool_search"


@frozen(kw_only=True)
class ClientRun:
    """One kind of tool.

    Attributes:
        kind: The type of its declaration, which is also the name of the function.
        call: The type of the item that calls it.
        output: The type of the item with its result.
        prefix: How ids of its call items begin.
        action: The field of a call item that holds what is to be done.
        about: What a model is told of it.
        schema: Of what is to be done.
    """

    kind: str
    call: str
    output: str
    prefix: str
    action: str
    about: str
    schema: Mapping[str, Any]


def _object(required: list[str], **properties: Any) -> Mapping[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


_TEXTS = {"type": "array", "items": {"type": "string"}}
_MILLISECONDS = {"type": "integer", "description": "When to give up, in milliseconds."}

CLIENT_RUN: Mapping[str, ClientRun] = MappingProxyType({
    tool.kind: tool
    for tool in (
        ClientRun(
            kind=LOCAL_SHELL,
            call="local_shell_call",
            output="local_shell_call_output",
            prefix="lsh",
            action="action",
            about="Runs a command on the user's computer and returns what it prints.",
            schema=_object(
                ["command"],
                command={**_TEXTS, "description": "The program and its arguments."},
                env={"type": "object", "additionalProperties": {"type": "string"}},
                timeout_ms=_MILLISECONDS,
                user={"type": "string"},
                working_directory={"type": "string"},
            ),
        ),
        ClientRun(
            kind=SHELL,
            call="shell_call",
            output="shell_call_output",
            prefix="sh",
            action="action",
            about="Runs commands in a shell on the user's computer and returns what they print.",
            schema=_object(
                ["commands"],
                commands={**_TEXTS, "description": "Command lines, each run on its own."},
                timeout_ms=_MILLISECONDS,
                max_output_length={"type": "integer", "description": "In characters."},
            ),
        ),
        ClientRun(
            kind=APPLY_PATCH,
            call="apply_patch_call",
            output="apply_patch_call_output",
            prefix="apc",
            action="operation",
            about="Creates, updates or deletes one file in the user's workspace. "
            "A diff is in V4A format: @@ lines tell where, and each line after them begins with "
            "a space, - or +; a new file's diff has only lines that begin with +.",
            schema=_object(
                ["type", "path"],
                type={"type": "string", "enum": ["create_file", "update_file", "delete_file"]},
                path={"type": "string", "description": "Relative to the workspace."},
                diff={"type": "string", "description": "Of a file that is not deleted."},
            ),
        ),
        ClientRun(
            kind=TOOL_SEARCH,
            call="tool_search_call",
            output="tool_search_output",
            prefix="tsc",
            action="arguments",
            about="Finds further tools, which can be called from then on.",
            schema=_object(["query"], query={"type": "string"}),
        ),
    )
})  # fmt: skip
BY_CALL: Mapping[str, ClientRun] = MappingProxyType({t.call: t for t in CLIENT_RUN.values()})
BY_OUTPUT: Mapping[str, ClientRun] = MappingProxyType({t.output: t for t in CLIENT_RUN.values()})


def arguments_of(tool: ClientRun, action: Any) -> str:
    """What a call item says is to be done, as the arguments of a function."""
    if tool.kind == LOCAL_SHELL and isinstance(action, dict):
        action = {k: v for k, v in action.items() if k != "type" and (k != "env" or v)}
    return encode({} if action is None else action).decode()


def action_of(tool: ClientRun, arguments: str) -> dict[str, Any] | None:
    """What a call item says for a function's arguments; None where they do not fit the schema."""
    try:
        given = decode(arguments.encode()) if arguments.strip() else {}
    except (BadJson, UnicodeEncodeError):
        return None
    return _FITTED[tool.kind](given) if isinstance(given, dict) else None


def _texts(value: Any) -> list[str] | None:
    fits = isinstance(value, list) and all(isinstance(part, str) for part in value)
    return value if fits else None


def _local_shell(given: dict[str, Any]) -> dict[str, Any] | None:
    command = given.get("command")
    words = ["bash", "-lc", command] if isinstance(command, str) else _texts(command)
    env = given.get("env") or {}
    if words is None or not isinstance(env, dict):
        return None
    return {"type": "exec", **given, "command": words, "env": env}


def _shell(given: dict[str, Any]) -> dict[str, Any] | None:
    commands = given.get("commands")
    lines = [commands] if isinstance(commands, str) else _texts(commands)
    return None if lines is None else {**given, "commands": lines}


def _apply_patch(given: dict[str, Any]) -> dict[str, Any] | None:
    kind, path, diff = given.get("type"), given.get("path"), given.get("diff")
    known = kind == "delete_file" or (
        kind in ("create_file", "update_file") and isinstance(diff, str)
    )
    return given if known and isinstance(path, str) else None


def _tool_search(given: dict[str, Any]) -> dict[str, Any] | None:
    return given


_FITTED = {
    LOCAL_SHELL: _local_shell,
    SHELL: _shell,
    APPLY_PATCH: _apply_patch,
    TOOL_SEARCH: _tool_search,
}
