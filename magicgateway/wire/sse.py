"""Server-sent events: cutting a byte stream at event boundaries, and reading events.

Lines end with LF, CR LF or CR, in any mixture; an empty line ends an event. Nothing is decoded, so
no character is ever cut, and U+2028 and its kin stay data.

See: https://html.spec.whatwg.org/multipage/server-sent-events.html, section 9.2.6; 2026-07.
"""

from __future__ import annotations

from collections.abc import Iterator

LIMIT = 8 * 1024 * 1024
"""Bytes that an unfinished event may take."""

_BOM = b"\xef\xbb\xbf"
_USUAL_ENDS = (b"\n\n", b"\r\n\r\n")
_CR = ord("\r")
_SMALL = 4096
"""Pieces are collected up to this size, so that a trickle is not kept as a list of bytes."""


class EventTooLong(ValueError):
    """An event did not end within the limit."""


class EventSplitter:
    """Holds back what follows the last whole event; one per stream.

    What is held stays a list of pieces, so a line of any length costs linear time.

    Args:
        limit: Bytes that may be held.
    """

    __slots__ = ("_limit", "_pieces", "held")

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._pieces: list[bytes] = []
        self.held = 0
        """Bytes kept back."""

    def feed(self, data: bytes) -> bytes:
        """Everything up to the last event boundary; the data itself where all of it is whole.

        A boundary is known at its first byte: the LF of a CR LF that is cut there comes along
        with what follows.

        Raises:
            EventTooLong: The unfinished event exceeds the limit.
        """
        if not self.held and data.endswith(_USUAL_ENDS):
            return data
        end = self._boundary(data)
        if end == 0:
            self._keep(data)
            if self.held > self._limit:
                raise EventTooLong(f"an event is longer than {self._limit} bytes")
            return b""
        whole = data if end == len(data) else data[:end]
        if self.held:
            self._pieces.append(whole)
            whole = self.take_held()
        if end < len(data):
            self._keep(data[end:])
        return whole

    def take_held(self) -> bytes:
        """The bytes kept back, which are then forgotten."""
        held = b"".join(self._pieces)
        self._pieces.clear()
        self.held = 0
        return held

    def _keep(self, data: bytes) -> None:
        if data:
            pieces = self._pieces
            if pieces and len(pieces[-1]) + len(data) <= _SMALL:
                pieces[-1] += data
            else:
                pieces.append(data)
            self.held += len(data)

    def _boundary(self, data: bytes) -> int:
        """Offset after the last event's end in ``data``, 0 if none ends there."""
        end = data.rfind(b"\n\n") + 2
        if _CR in data:
            # Two line ends in a row, the second of which may go on as CR LF.
            end = max(end, data.rfind(b"\n\r") + 2, data.rfind(b"\r\r") + 2)
        if end < 2:
            if data[:1] not in {b"\n", b"\r"}:
                return 0
            before = self._pieces[-1][-1:] if self._pieces else b"\n"
            # An LF after a held CR belongs to that CR's line end.
            if before != b"\n" and (before != b"\r" or data[:1] != b"\r"):
                return 0
            end = 1
        if data[end - 1 : end + 1] == b"\r\n":
            end += 1
        return end


def events(block: bytes) -> Iterator[tuple[str, bytes]]:
    """The name and data of every whole event in a block; comments and other fields are left out.

    Args:
        block: Whole events, as ``EventSplitter.feed`` returns them. A byte order mark before the
            first is dropped.

    Yields:
        The event's name (``message`` if it has none) and its data lines, joined by LF.
    """
    name = ""
    data: list[bytes] = []
    for line in block.removeprefix(_BOM).splitlines():
        if not line:
            if data:
                yield name or "message", b"\n".join(data)
                data = []
            name = ""
            continue
        field, _, value = line.partition(b":")
        if field == b"data":
            data.append(value.removeprefix(b" "))
        elif field == b"event":
            name = value.removeprefix(b" ").decode("utf-8", "replace")
