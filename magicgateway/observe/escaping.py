"""Text that a caller chose, made harmless for a log file and for a terminal.

What must not get through: anything that ends a line for some reader (LF, CR, NEL, U+2028), starts
a terminal sequence (ESC, the C1 controls, DEL), or reorders what is shown (the Unicode bidi
controls). All of these, and lone surrogates, are what ``str.isprintable`` denies.
"""

from __future__ import annotations

import re

_UNSAFE_IN_JSON = re.compile(r"[^\x20-\x7e]")


def ascii_json(line: bytes) -> bytes:
    r"""A JSON text without a byte outside printable ASCII; the value it spells is the same.

    JSON's own rules escape only what is below U+0020, and everything outside ASCII stands inside
    strings, where ``\uXXXX`` means the same character.

    Args:
        line: Well-formed JSON, UTF-8, without white space between tokens.
    """
    if line.isascii() and b"\x7f" not in line:
        return line
    return _UNSAFE_IN_JSON.sub(_unit_escapes, line.decode()).encode()


def _unit_escapes(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def encodable(text: str) -> str:
    r"""The text with lone surrogates spelled as ``\udXXX``, so that UTF-8 can hold it."""
    return text.encode("utf-8", "backslashreplace").decode()


def printable(text: str) -> str:
    r"""The text with everything unprintable as ``\xNN``, ``\uNNNN`` or ``\UNNNNNNNN``."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else _escaped(character) for character in text
    )


def word(text: str) -> str:
    """As ``printable``, and without spaces: it cannot pass for two fields of a line."""
    if text.isprintable() and " " not in text:
        return text
    return printable(text).replace(" ", "\\x20")


def _escaped(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
