"""Tools that a family defines and the caller runs, declared as functions to everybody else.

Models of the family know such a tool by its kind alone; others are told what it takes. What they
then call is answered to the caller as a call of its own tool.

See: https://docs.anthropic.com/en/docs/agents-and-tools/tool-use; 2026-10.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from attrs import evolve

from magicgateway.conversation.request import Tool

_STRING = {"type": "string"}
_NUMBER = {"type": "integer"}


def _object(required: tuple[str, ...], **properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


def _command(*commands: str) -> dict[str, Any]:
    return {"type": "string", "enum": list(commands)}


_PAIR = {"type": "array", "items": _NUMBER, "minItems": 2, "maxItems": 2}
_FUNCTIONS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "bash": (
        "Run a command in a shell that stays open between calls.",
        _object((), command=_STRING, restart={"type": "boolean"}),
    ),
    "text_editor": (
        "Look at, create and change text files.",
        _object(
            ("command", "path"),
            command=_command("view", "create", "str_replace", "insert"),
            path=_STRING,
            file_text=_STRING,
            old_str=_STRING,
            new_str=_STRING,
            insert_line=_NUMBER,
            insert_text=_STRING,
            view_range=_PAIR,
        ),
    ),
    "memory": (
        "Keep notes in files below /memories.",
        _object(
            ("command",),
            command=_command("view", "create", "str_replace", "insert", "delete", "rename"),
            path=_STRING,
            view_range=_PAIR,
            file_text=_STRING,
            old_str=_STRING,
            new_str=_STRING,
            insert_line=_NUMBER,
            insert_text=_STRING,
            old_path=_STRING,
            new_path=_STRING,
        ),
    ),
    "computer": (
        "Use a computer's screen, mouse and keyboard.",
        _object(
            ("action",),
            action=_command(
                "key", "type", "mouse_move", "left_click", "left_click_drag", "right_click",
                "middle_click", "double_click", "triple_click", "left_mouse_down",
                "left_mouse_up", "scroll", "hold_key", "wait", "screenshot", "cursor_position",
            ),
            coordinate=_PAIR,
            start_coordinate=_PAIR,
            text=_STRING,
            duration={"type": "number"},
            scroll_direction=_command("up", "down", "left", "right"),
            scroll_amount=_NUMBER,
        ),
    ),
}  # fmt: skip
_DATE = re.compile(r"_\d{8}$")


def as_function(tool: Tool) -> Tool | None:
    """A tool of a family's kind as a function; None where nobody knows what it takes.

    Args:
        tool: Of any kind but ``custom``, which has no arguments but text.
    """
    if tool.kind == "function":
        return tool
    if tool.schema is not None:
        return evolve(tool, kind="function", raw=None)
    known = _FUNCTIONS.get(_DATE.sub("", tool.kind))
    if known is None:
        return None
    description, schema = known
    return evolve(
        tool, kind="function", raw=None, schema=schema, description=tool.description or description
    )
