"""A JSON answer while it passes: small ones are kept to be read, large ones at most checked."""

from __future__ import annotations

from magicgateway.errors import ApiError
from magicgateway.wire.json_scan import JsonScanner
from magicgateway.wire.jsontext import BadJson, decode

READ_LIMIT = 256 * 1024
"""JSON answers up to this size are looked at for their usage."""


class JsonAnswer:
    """One body. State: its pieces, or a scanner once they are too many.

    Args:
        until_close: Nothing but the end of the connection says where the body ends, so its text
            has to tell whether it is whole.
    """

    __slots__ = ("_broken", "_pieces", "_scanner", "_size", "_until_close")

    def __init__(self, *, until_close: bool) -> None:
        self._until_close = until_close
        self._pieces: list[bytes] | None = []
        self._size = 0
        self._scanner: JsonScanner | None = None
        self._broken = False

    def add(self, data: bytes) -> None:
        """Take a piece of it."""
        self._size += len(data)
        pieces = self._pieces
        if pieces is not None:
            pieces.append(data)
            if self._size > READ_LIMIT:
                self._pieces = None
                if self._until_close and b"".join(pieces).lstrip()[:1] == b"{":
                    self._scanner = JsonScanner()
                    for piece in pieces:
                        self._scan(piece)
        elif self._scanner is not None:
            self._scan(data)

    def _scan(self, data: bytes) -> None:
        assert self._scanner is not None
        if not self._broken:
            try:
                self._scanner.feed(data)
            except ApiError:
                self._broken = True

    @property
    def text(self) -> bytes:
        """All of it, empty if it was too large to be kept."""
        return b"".join(self._pieces or ())

    def is_whole(self) -> bool:
        """Whether what came is one whole JSON text.

        A large one that is no object is taken for it: no API answers with one that ends with its
        connection.
        """
        if self._pieces is not None:
            try:
                decode(self.text)
            except BadJson:
                return False
            return True
        if self._scanner is None:
            return True
        if self._broken:
            return False
        try:
            self._scanner.finish()
        except ApiError as fault:
            return fault.code != "invalid_json"  # what a request may not say, an answer may
        return True
