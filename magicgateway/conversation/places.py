"""Where a field stands in the caller's own body.

Writers name what they cannot say in the hub's words. Callers have others for some of it, and these
depend on what they sent: a schema is ``parameters``, ``function.parameters`` or ``input_schema``.
So the body itself is asked, once there is something to tell.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_STEP = re.compile(r"([^.\[\]]+)|\[(\d{1,9})\]")
_ALSO: Mapping[str, tuple[str, ...]] = {
    "arguments": ("function.arguments", "custom.input", "input", "action"),
    "cache_control": (
        "prompt_cache_breakpoint",
        "function.cache_control",
        "prompt_cache_options",
    ),
    "detail": ("image_url.detail",),
    "filename": ("file.filename", "title"),
    "format": ("custom.format",),
    "json_schema": ("",),
    "messages": ("input",),
    "name": ("filename", "file.filename", "title", "document.name"),
    "parallel_tool_calls": ("functions",),
    "parameters": ("function.parameters", "input_schema"),
    "strict": ("function.strict",),
}
"""The hub's words, and what callers may have said instead; empty where it has no level there."""


def spelled(place: str, body: Mapping[str, Any]) -> str:
    """A place in the words of the body; unchanged where it has none of them.

    Args:
        place: ``tools[0].strict``.
        body: The caller's, decoded.
    """
    at: Any = body
    above: tuple[str, Any] = ("", body)
    path = ""
    for step in _STEP.finditer(place):
        name, index = step.groups()
        if index is not None:
            if not isinstance(at, list) or int(index) >= len(at):
                return place
            at, path = at[int(index)], f"{path}[{index}]"
        else:
            if isinstance(at, str):  # it stands beside a text, on what that is the text of
                path, at = above
            if not isinstance(at, Mapping):
                return place
            above = (path, at)
            word = _word(name, at)
            if word is None:
                return place
            path = f"{path}.{word}" if path and word else path or word
            at = _found(at, word)
    return path


def _word(name: str, at: Mapping[str, Any]) -> str | None:
    """What the caller calls it at this place, None where there is nothing of the kind."""
    if name in at:
        return name
    words = _ALSO.get(name, ())
    there = next((word for word in words if _found(at, word) is not None), None)
    if there is not None:
        return there
    # What was not said at all would stand in the object that is there for its like; and whoever
    # has no messages speaks Responses.
    absent = (word for word in words if "." in word and word.partition(".")[0] in at)
    return next(absent, words[0] if name == "messages" else None)


def _found(at: Mapping[str, Any], word: str) -> Any:
    """What stands at a word, or below its first part."""
    value: Any = at
    for part in word.split(".") if word else ():
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
