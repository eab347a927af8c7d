"""Large JSON texts to values and back, in slices, for threads beside one that must not wait.

The library holds the interpreter from the first byte to the last, so a thread alone helps nobody
who waits for it. What makes a body large is a few long strings or very many small values. Long
strings are taken out and read or written in slices; what is left is read and written member by
member. Between any two of these steps other threads have their turn.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from magicgateway.wire import jsontext
from magicgateway.wire.jsontext import BadJson, Raw

SLICE = 256 * 1024
"""Bytes or characters of one step; strings that are not longer stay where they are."""

_FEW = 64
"""Members of an array that are looked into, each of which may be large itself."""
_DEPTH = 5
"""How deep they are looked into: the text of a part of a message's content is at the fifth."""

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
T = TypeVar("T")
_read_object = jsontext.reader(dict[str, Raw])
_read_array = jsontext.reader(list[Raw])


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
        value = _by_members(skeleton)
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
        skeleton = b"".join(_members(_taken_out(value, strings)))
    except (_AtOnce, BadJson, RecursionError):
        return jsontext.encode(value)
    if not strings:
        return skeleton
    pieces = _PLACE.split(skeleton)
    if [int(number) for number in pieces[1::2]] != list(range(len(strings))):
        return jsontext.encode(value)
    out: list[bytes] = [pieces[0]]
    for text, rest in zip(strings, pieces[2::2], strict=True):
        out.append(b'"')
        out += _written(text)
        out += (b'"', rest)
    return b"".join(out)


def _by_members(text: bytes | Raw) -> Any:
    """The value of a text without long strings, large objects and arrays in it one by one."""
    if len(text) <= SLICE:
        return jsontext.decode(text)
    start = bytes(memoryview(text)[:_FIRST_STEP]).lstrip()[:1]
    if start == b"{":
        return {name: _by_members(held) for name, held in _read(_read_object, text).items()}
    if start == b"[":
        return [_by_members(item) for item in _read(_read_array, text)]
    return jsontext.decode(text)


def _read(reader: Callable[[bytes | Raw], T], text: bytes | Raw) -> T:
    try:
        return reader(text)
    except jsontext.REFUSALS:
        raise _AtOnce from None


def _members(value: Any, depth: int = _DEPTH) -> Iterator[bytes]:
    """The text of a value in pieces: members of objects, and of arrays that may be large."""
    if not depth or not isinstance(value, dict | list):
        yield jsontext.encode(value)
    elif isinstance(value, dict):
        before = b"{"
        for name, held in value.items():
            yield before + jsontext.encode({name: None})[1:-5]
            yield from _members(held, depth - 1)
            before = b","
        yield b"}" if value else b"{}"
    else:
        before = b"["
        # So many are not each made of many, or they would not have come in one body.
        deeper = depth - 1 if len(value) <= _FEW else 0
        for item in value:
            yield before
            yield from _members(item, deeper)
            before = b","
        yield b"]" if value else b"[]"


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
        if _WRITTEN_MARK in part or not _is_text(part):
            raise _AtOnce
        parts.append(part)
        at = end
    return (b"".join(parts) if strings else data), strings


def _is_text(part: bytes) -> bool:
    """Whether it is UTF-8; skipped values, as the first of two of one name, are not read."""
    if part.isascii():
        return True
    try:
        part.decode()
    except UnicodeDecodeError:
        return False
    return True


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
