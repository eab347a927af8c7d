"""TOML as text: how keys and strings are written."""

from __future__ import annotations

import re

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPED = re.compile(r'["\\\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]')


def toml_string(text: str) -> str:
    """A basic string of one line. What Unicode cannot encode is replaced by U+FFFD."""
    return '"' + _ESCAPED.sub(_escape, text) + '"'


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    if character in '"\\':
        return "\\" + character
    return "\\uFFFD" if "\ud800" <= character <= "\udfff" else f"\\u{ord(character):04X}"


def dotted(path: tuple[str, ...]) -> str:
    """A dotted key, each part quoted where it must be."""
    return ".".join(part if _BARE.fullmatch(part) else toml_string(part) for part in path)
