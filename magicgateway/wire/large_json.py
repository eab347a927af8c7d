"""Large JSON texts to values and back, in slices, for threads beside one that must not wait.

The library holds the interpreter from the first byte to the last, so a thread alone helps nobody
who waits for it. What makes a body large is nearly always a few long strings: these are taken out
and read or written in slices, between which other threads have their turn.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from magicgateway.wire import jsontext
from magicgateway.wire.jsontext import BadJson

SLICE = 256 * 1024
"""Bytes or characters of one step; strings that are not longer stay where they are."""

_MARK = "\0"
_WRITTEN_MARK = b'"\\u0000'
"""How the mark is written, always; it stands before the number of a string that was taken out."""
_PLACE = re.compile(rb'"\\u0000(\d+)"')
_PLAIN = re.compile(rb'(?:[^"]++|"[^"]*+(?<!\\)")*+')
"""What is between strings, and strings in which no quote is escaped."""
_BACKSLASH, _QUOTE = b"\\", b'"'
_LOW_HALF = re.compile(rb"\\u[dD][c-fC-F]")
_FIRST_STEP = 512
"""Bytes that are searched first for a string's end: most strings are short."""
_LONGEST_ESCAPE = 12
"""Bytes of a character that is written as a pair of escapes."""


class _AtOnce(Exception):
    """It cannot be done in slices."""


def decode(data: bytes) -> Any:
    """As ``jsontext.decode``.

    Raises:
        BadJson: As there.
    """
    if len(data) <= SLICE:
        return jsontext.decode(data)
    try:
        skeleton, strings = _taken_apart(data)
        value = jsontext.decode(skeleton)
    except (_AtOnce, BadJson):  # the text itself has the right words for what is wrong in it
        return jsontext.decode(data)
    if strings and not _put_back(value, strings):
        return jsontext.decode(data)
    return value


def encode(value: Any) -> bytes:
    """As ``jsontext.encode``; the value is not changed.

    Raises:
        BadJson: As there.
    """
    strings: list[str] = []
    try:
        skeleton = jsontext.encode(_taken_out(value, strings))
    except (_AtOnce, RecursionError):
        return jsontext.encode(value)
    pieces = _PLACE.split(skeleton)
    if [int(number) for number in pieces[1::2]] != list(range(len(strings))):
        return jsontext.encode(value)
    out: list[bytes] = [pieces[0]]
    for text, rest in zip(strings, pieces[2::2], strict=True):
        out.append(b'"')
        out += _written(text)
        out += (b'"', rest)
    return b"".join(out)


def _taken_apart(data: bytes) -> tuple[bytes, list[str]]:
    """The text with marks in place of its long strings, and these."""
    parts: list[bytes] = []
    strings: list[str] = []
    at, size = 0, len(data)
    while at < size:
        plain = _PLAIN.match(data, at, min(at + SLICE, size))
        end = plain.end() if plain else at
        if end == at:
            close = _closing(data, at + 1)
            end = close + 1
            if close - at > SLICE:
                pieces = [jsontext.decode(b'"%b"' % piece) for piece in _cut(data, at + 1, close)]
                parts.append(_WRITTEN_MARK + b'%d"' % len(strings))
                strings.append("".join(pieces))
                at = end
                continue
        part = data[at:end]
        if _WRITTEN_MARK in part:
            raise _AtOnce
        parts.append(part)
        at = end
    return (b"".join(parts) if strings else data), strings


def _closing(data: bytes, start: int) -> int:
    """Where the string ends whose first byte is at ``start``."""
    at, size, step = start, len(data), _FIRST_STEP
    while at < size:
        end = min(at + step, size)
        if data.find(_BACKSLASH, at, end) < 0:
            quote = data.find(_QUOTE, at, end)
        else:
            piece = data[at:end].replace(b"\\\\", b"..")
            if piece.endswith(_BACKSLASH):
                end += 1  # what it escapes
                piece += data[end - 1 : end]
            found = piece.replace(b'\\"', b"..").find(_QUOTE)
            quote = at + found if found >= 0 else found
        if quote >= 0:
            return quote
        at = end
        step = min(2 * step, SLICE)
    raise _AtOnce


def _cut(data: bytes, start: int, close: int) -> Iterator[bytes]:
    """A string's text in slices, none of which ends within a character, however it is written."""
    while close - start > SLICE:
        end = start + SLICE
        while data[end] & 0xC0 == 0x80 and end > start:
            end -= 1
        if data.find(_BACKSLASH, max(start, end - _LONGEST_ESCAPE), end) >= 0:
            end = _escape_before(data, start, end)
        if end <= start:
            raise _AtOnce
        yield data[start:end]
        start = end
    yield data[start:close]


def _escape_before(data: bytes, start: int, end: int) -> int:
    """Where an escape begins that is not the second half of a pair; ``start`` if there is none."""
    while (last := data.rfind(_BACKSLASH, start, end)) > start:
        end = last
        while end > start and data[end - 1] == _BACKSLASH[0]:
            end -= 1
        if end == start:
            # All are backslashes so far, and two of them are one.
            return start + (last + 1 - start) // 2 * 2
        # The first of several in a row is not escaped itself.
        if not _LOW_HALF.match(data, end):
            return end
    return start


def _put_back(value: Any, strings: list[str]) -> bool:
    """Put the long strings where their marks are; whether all had a place."""
    left = len(strings)
    waiting: list[Any] = [value]
    while waiting:
        holder = waiting.pop()
        if isinstance(holder, dict):
            items: Any = holder.items()
        elif isinstance(holder, list):
            items = enumerate(holder)
        else:
            continue
        for key, held in items:
            if isinstance(held, str):
                if held.startswith(_MARK):
                    holder[key] = strings[int(held[1:])]
                    left -= 1
            else:
                waiting.append(held)
    return not left


def _taken_out(value: Any, strings: list[str]) -> Any:
    """A value with marks in place of its long strings; what has none is the value itself."""
    if isinstance(value, str):
        if value.startswith(_MARK):
            raise _AtOnce
        if len(value) <= SLICE:
            return value
        strings.append(value)
        return f"{_MARK}{len(strings) - 1}"
    if isinstance(value, dict):
        new = {name: _taken_out(held, strings) for name, held in value.items()}
        return new if any(new[name] is not held for name, held in value.items()) else value
    if isinstance(value, list):
        items = [_taken_out(held, strings) for held in value]
        same = all(new is held for new, held in zip(items, value, strict=True))
        return value if same else items
    return value


def _written(text: str) -> Iterator[bytes]:
    """What stands between a string's quotes."""
    for start in range(0, len(text), SLICE):
        yield jsontext.encode(text[start : start + SLICE])[1:-1]
