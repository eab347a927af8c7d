"""JSON text that arrives in pieces, cut anywhere: where a value ends, and what a string says.

Nothing here judges the text; what is not JSON comes out as it can be understood.
"""

from __future__ import annotations

import re

from magicgateway.wire.jsontext import BadJson, decode

_STRING_MARK = re.compile(r'["\\]')
_MARK = re.compile(r'["{}\[\]]')
_TOP_MARK = re.compile(r'["{}\[\], \t\n\r]')
_HEX = re.compile(r"[0-9a-fA-F]{4}")
_SIMPLE = {
    '"': '"', "\\": "\\", "/": "/", "n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f",
}  # fmt: skip
_REPLACEMENT = "\ufffd"
_STRING = re.compile(r'[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
LONG = 4096
"""Characters from which on it is worth a look whether a string can be read at once."""


class ValueScan:
    """Finds the end of one JSON value. State: how deep in it, and whether in a string.

    Attributes:
        complete: The end was seen.
        is_object: It begins with a brace.
    """

    __slots__ = ("_begun", "_depth", "_escaped", "_in_string", "complete", "is_object")

    def __init__(self) -> None:
        self.complete = False
        self.is_object = False
        self._begun = False
        self._depth = 0
        self._in_string = False
        self._escaped = False

    def feed(self, text: str, start: int = 0) -> int:
        """The position one past what belongs to the value, from ``start`` on."""
        at = start
        while at < len(text) and not self.complete:
            at = self._string(text, at) if self._in_string else self._outside(text, at)
        return at

    def _string(self, text: str, at: int) -> int:
        if self._escaped:
            self._escaped = False
            return at + 1
        found = _STRING_MARK.search(text, at)
        if found is None:
            return len(text)
        if found[0] == "\\":
            self._escaped = True
        else:
            self._in_string = False
            self.complete = self._depth == 0
        return found.end()

    def _outside(self, text: str, at: int) -> int:
        found = (_MARK if self._depth else _TOP_MARK).search(text, at)
        if found is None:
            self._begun = True
            return len(text)
        mark = found[0]
        self._begun = self._begun or found.start() > at
        if mark.isspace() and not self._begun:
            return found.end()
        if mark == '"' and (self._depth or not self._begun):
            self._in_string = self._begun = True
        elif mark in "{[" and (self._depth or not self._begun):
            self.is_object = self.is_object or (mark == "{" and not self._begun)
            self._begun = True
            self._depth += 1
        elif self._depth:
            self._depth -= 1
            self.complete = self._depth == 0
        else:
            self.complete = True
            return found.start()
        return found.end()


class StringText:
    """Reads what stands after the opening quote of a JSON string.

    State: an escape that is not yet whole.

    Attributes:
        complete: The closing quote was seen; what follows it is not looked at.
    """

    __slots__ = ("_held", "complete")

    def __init__(self) -> None:
        self.complete = False
        self._held = ""

    def feed(self, text: str) -> str:
        """All that the string says so far and has not yet been told."""
        return self._read(self._held + text, last=False)

    def close(self) -> str:
        """What is left of a string that was cut."""
        return self._read(self._held, last=True)

    def _read(self, text: str, *, last: bool) -> str:
        self._held = ""
        if self.complete:
            return ""
        at, quote = 0, text.find('"')
        if len(text) >= LONG and "\\" in text and (said := _decoded(text)) is not None:
            self.complete = True
            return said
        parts: list[str] = []
        while (mark := text.find("\\", at, quote if quote >= 0 else len(text))) >= 0:
            parts.append(text[at:mark])
            said, taken = _escape(text, mark, last=last)
            if not taken:
                self._held = text[mark:]
                return "".join(parts)
            parts.append(said)
            at = mark + taken
            if 0 <= quote < at:
                quote = text.find('"', at)
        self.complete = quote >= 0
        parts.append(text[at:quote] if self.complete else text[at:])
        return "".join(parts)


def _decoded(text: str) -> str | None:
    """What a string says that ends in this text and is as JSON wants it; else None."""
    end = _STRING.match(text)
    if end is None:
        return None
    try:
        value: str = decode(b'"%b' % end[0].encode())
    except (BadJson, UnicodeEncodeError):
        return None
    return value


def _escape(text: str, at: int, *, last: bool) -> tuple[str, int]:
    """What the escape at a place says, and its length; 0 where more has to come first.

    One that means nothing is a backslash, as models write it in regular expressions. A surrogate
    without its other half cannot be written as UTF-8 and is replaced.
    """
    kind = text[at + 1 : at + 2]
    if kind in _SIMPLE:
        return _SIMPLE[kind], 2
    if kind and kind != "u":
        return "\\", 1
    unit = _unit(text, at)
    if unit is None:
        whole = last or len(text) >= at + 6 or not _may_be_unit(text[at:])
        return ("\\", 1) if whole else ("", 0)
    if not 0xD800 <= unit <= 0xDFFF:
        return chr(unit), 6
    if unit >= 0xDC00:
        return _REPLACEMENT, 6
    low = _unit(text, at + 6)
    if low is None and not last and _may_be_unit(text[at + 6 : at + 12]):
        return "", 0
    if low is not None and 0xDC00 <= low <= 0xDFFF:
        return chr(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00)), 12
    return _REPLACEMENT, 6


def _unit(text: str, at: int) -> int | None:
    """The UTF-16 code unit that a whole escape of one at a place stands for."""
    if text[at : at + 2] != "\\u" or _HEX.fullmatch(text, at + 2, at + 6) is None:
        return None
    return int(text[at + 2 : at + 6], 16)


def _may_be_unit(start: str) -> bool:
    """Whether a beginning of less than six characters can still become one."""
    digits = start[2:]
    return len(start) < 6 and "\\u".startswith(start[:2]) and _is_hex(digits)


def _is_hex(digits: str) -> bool:
    return all(digit in "0123456789abcdefABCDEF" for digit in digits)
