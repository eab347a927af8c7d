"""Reads HTTP/1.1 messages off a connection, piece by piece: just enough for the bench's ends."""

from __future__ import annotations

import re
from collections.abc import Callable

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_BODYLESS = re.compile(rb"HTTP/1\.1 (?:1\d\d|204|304)")
_HEAD_LIMIT = 65_536
_LINE_LIMIT = 4_096


class BadMessage(Exception):
    """The peer sent something that is not HTTP/1.1."""


class MessageReader:
    """One direction of one connection; owns what has arrived and is not yet understood.

    Args:
        on_head: Called with a whole head, start line first, without the empty line.
        on_body: Called with every piece of the body, framing removed.
        on_end: Called after the last piece.
        until_close: Whether a head without a length is followed by a body that ends with the
            connection (an answer) or by none (a request).
    """

    def __init__(
        self,
        on_head: Callable[[bytes], None],
        on_body: Callable[[bytes], None],
        on_end: Callable[[], None],
        *,
        until_close: bool,
    ) -> None:
        self._on_head = on_head
        self._on_body = on_body
        self._on_end = on_end
        self._until_close = until_close
        self._pending = b""
        self._left = 0
        self._step = self._head

    def feed(self, data: bytes) -> None:
        """Take what arrived.

        Raises:
            BadMessage: when it cannot be HTTP/1.1.
        """
        if self._pending:
            data = self._pending + data
            self._pending = b""
        while data:
            rest = self._step(data)
            if rest is None:
                self._pending = data
                return
            data = rest

    def close(self) -> bool:
        """The peer closed; whether it did so between two messages, or so as to end one."""
        if self._step == self._to_close:
            self._step = self._head
            self._on_end()
            return True
        return self._step == self._head and not self._pending

    def _head(self, data: bytes) -> bytes | None:
        end = data.find(b"\r\n\r\n")
        if end < 0:
            if len(data) > _HEAD_LIMIT:
                raise BadMessage(f"a head of more than {_HEAD_LIMIT} bytes")
            return None
        head = data[:end]
        length = _LENGTH.search(head)
        if length is not None:
            self._left = int(length[1])
            self._step = self._of_length
        elif _CHUNKED.search(head):
            self._step = self._chunk_size
        elif self._until_close and not _BODYLESS.match(head):
            self._step = self._to_close
        else:
            self._left = 0
            self._step = self._of_length
        self._on_head(head)
        if self._step == self._of_length and not self._left:
            self._end()
        return data[end + 4 :]

    def _of_length(self, data: bytes) -> bytes:
        piece = data if len(data) <= self._left else data[: self._left]
        self._left -= len(piece)
        self._on_body(piece)
        if not self._left:
            self._end()
        return data[len(piece) :]

    def _to_close(self, data: bytes) -> bytes:
        self._on_body(data)
        return b""

    def _chunk_size(self, data: bytes) -> bytes | None:
        line, rest = _line(data)
        if line is None:
            return None
        try:
            self._left = int(line.partition(b";")[0], 16)
        except ValueError:
            raise BadMessage(f"chunk size {line[:20]!r}") from None
        self._step = self._chunk if self._left else self._trailer
        return rest

    def _chunk(self, data: bytes) -> bytes:
        piece = data if len(data) <= self._left else data[: self._left]
        self._left -= len(piece)
        self._on_body(piece)
        if not self._left:
            self._step = self._chunk_end
        return data[len(piece) :]

    def _chunk_end(self, data: bytes) -> bytes | None:
        if len(data) == 1:
            return None
        if not data.startswith(b"\r\n"):
            raise BadMessage(f"a chunk ends with {data[:2]!r}")
        self._step = self._chunk_size
        return data[2:]

    def _trailer(self, data: bytes) -> bytes | None:
        line, rest = _line(data)
        if line == b"":
            self._end()
        return None if line is None else rest

    def _end(self) -> None:
        self._step = self._head
        self._on_end()


def _line(data: bytes) -> tuple[bytes | None, bytes]:
    end = data.find(b"\r\n")
    if end < 0:
        if len(data) > _LINE_LIMIT:
            raise BadMessage(f"a line of more than {_LINE_LIMIT} bytes")
        return None, data
    return data[:end], data[end + 2 :]
