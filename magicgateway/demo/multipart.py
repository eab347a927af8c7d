"""``multipart/form-data``, read while it arrives: files are measured and hashed, never kept.

See: RFC 7578, RFC 2046 section 5.1.1.
"""

from __future__ import annotations

import hashlib
import re

from attrs import frozen

_BOUNDARY = re.compile(
    r'multipart/form-data\s*;.*?\bboundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))', re.IGNORECASE
)
_NAME = re.compile(rb'(?<![\w*])name="((?:[^"\\]|\\.)*)"', re.IGNORECASE)
_FILENAME = re.compile(rb'(?<![\w*])filename="((?:[^"\\]|\\.)*)"', re.IGNORECASE)
_TYPE = re.compile(rb"\r\ncontent-type:[ \t]*([^\r]*)", re.IGNORECASE)
_HEAD_LIMIT = 8 * 1024
_VALUE_LIMIT = 64 * 1024
_BEFORE, _AFTER, _HEAD, _BODY, _DONE = range(5)


@frozen
class Part:
    """One field or file; ``value`` is its first 64 KiB as text, empty for a file."""

    name: str
    filename: str | None
    content_type: str
    size: int
    sha256: str
    value: str


@frozen
class Form:
    """All parts of a body; ``whole`` says that its closing boundary was there."""

    parts: tuple[Part, ...]
    whole: bool

    def value(self, name: str, default: str = "") -> str:
        """The text of the first field of that name."""
        return next((part.value for part in self.parts if part.name == name), default)

    def file(self, name: str) -> Part | None:
        """The first file of that name."""
        found = (part for part in self.parts if part.name == name and part.filename is not None)
        return next(found, None)


def boundary_of(content_type: str) -> bytes | None:
    """The boundary that a content type names, None if it is no ``multipart/form-data``."""
    match = _BOUNDARY.match(content_type)
    return (match[1] or match[2]).encode("latin-1") if match else None


class FormReader:
    """Reads one body. It is a class because a part may be cut anywhere.

    Args:
        boundary: What separates the parts, without the two leading hyphens.
    """

    def __init__(self, boundary: bytes) -> None:
        self._delimiter = b"\r\n--" + boundary
        self._buffer = b"\r\n"
        self._state = _BEFORE
        self._parts: list[Part] = []
        self._broken = False
        self._head = b""
        self._size = 0
        self._hash = hashlib.sha256()
        self._value = b""

    def feed(self, data: bytes) -> None:
        """Take bytes; what is malformed ends the reading, and the form is not whole."""
        self._buffer += data
        while self._state != _DONE and self._step():
            pass
        if self._state == _DONE:
            self._buffer = b""

    def finish(self) -> Form:
        """What was read."""
        return Form(tuple(self._parts), self._state == _DONE and not self._broken)

    def _step(self) -> bool:
        """Go on by one piece; False if more bytes are needed."""
        if self._state in {_BEFORE, _BODY}:
            return self._read_content()
        if self._state == _AFTER:
            return self._read_ending()
        return self._read_head()

    def _read_ending(self) -> bool:
        """What follows a delimiter: a line end, or the hyphens of the last one."""
        if len(self._buffer) < 2:
            return False
        ending, self._buffer = self._buffer[:2], self._buffer[2:]
        self._state = _HEAD if ending == b"\r\n" else _DONE
        self._broken = ending not in {b"\r\n", b"--"}
        return True

    def _read_head(self) -> bool:
        # The line end before a head makes one rule of heads with and without fields.
        head, found, rest = (b"\r\n" + self._buffer).partition(b"\r\n\r\n")
        if not found:
            if len(head) > _HEAD_LIMIT:
                self._broken, self._state = True, _DONE
            return False
        self._head, self._buffer, self._state = head, rest, _BODY
        return True

    def _read_content(self) -> bool:
        at = self._buffer.find(self._delimiter)
        end = at if at >= 0 else max(0, len(self._buffer) - len(self._delimiter) + 1)
        if self._state == _BODY:
            self._take(self._buffer[:end])
        if at < 0:
            self._buffer = self._buffer[end:]
            return False
        self._buffer = self._buffer[at + len(self._delimiter) :]
        if self._state == _BODY:
            self._close_part()
        self._state = _AFTER
        return True

    def _take(self, data: bytes) -> None:
        self._size += len(data)
        self._hash.update(data)
        if len(self._value) < _VALUE_LIMIT:
            self._value += data[: _VALUE_LIMIT - len(self._value)]

    def _close_part(self) -> None:
        filename = _FILENAME.search(self._head)
        content_type = _TYPE.search(self._head)
        name = _NAME.search(self._head)
        self._parts.append(
            Part(
                name=_quoted(name[1]) if name else "",
                filename=_quoted(filename[1]) if filename else None,
                content_type=_text(content_type[1]) if content_type else "text/plain",
                size=self._size,
                sha256=self._hash.hexdigest(),
                value="" if filename else _text(self._value),
            )
        )
        self._head, self._size, self._value = b"", 0, b""
        self._hash = hashlib.sha256()


def _quoted(data: bytes) -> str:
    return re.sub(r"\\(.)", r"\1", _text(data))


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
