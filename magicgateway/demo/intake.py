"""A request's body while it arrives: hashed and counted, and kept as far as it is needed."""

from __future__ import annotations

import hashlib

from magicgateway.demo.call import Call
from magicgateway.demo.multipart import FormReader, boundary_of
from magicgateway.wire.chunked import ChunkedDecoder
from magicgateway.wire.heads import CHUNKED, RequestHead

KEEP = 64 * 1024 * 1024
"""Bytes of a body that are kept to be read as JSON."""
KEEP_FORM = 64 * 1024
"""Bytes of a multipart body that are kept, for the journal alone."""


class Intake:
    """Takes one request's body. It is a class because a body may be cut anywhere.

    Args:
        head: The request's head.
    """

    __slots__ = ("_chunks", "_form", "_hash", "_keep", "_left", "_pieces", "done", "head", "size")

    def __init__(self, head: RequestHead) -> None:
        self.head = head
        self.size = 0
        """Bytes of body that have arrived, framing apart."""
        self._left = head.length
        self._chunks = ChunkedDecoder() if head.length == CHUNKED else None
        boundary = boundary_of(head.fields.get(b"content-type", b"").decode("latin-1"))
        self._form = FormReader(boundary) if boundary else None
        self._keep = KEEP_FORM if boundary else KEEP
        self._hash = hashlib.sha256()
        self._pieces: list[bytes] = []
        self.done = head.length == 0

    def feed(self, data: bytes) -> bytes:
        """Take bytes, give back those after the body's end.

        Raises:
            BadChunk: The framing is broken.
        """
        if self._chunks is not None:
            for piece in self._chunks.feed(data):
                self._take(piece)
            self.done = self._chunks.done
            return self._chunks.rest
        rest = b""
        if len(data) > self._left:
            data, rest = data[: self._left], data[self._left :]
        self._take(data)
        self._left -= len(data)
        self.done = self._left == 0
        return rest

    def call(self, at: float = 0.0, laid: str = "") -> Call:
        """The request as it stands.

        Args:
            at: What time it is, in seconds since 1970.
            laid: The script that a test has laid out for it.
        """
        head = self.head
        return Call(
            method=head.method.decode("latin-1"),
            target=head.target.decode("latin-1"),
            headers=tuple(
                (name.decode("latin-1").lower(), value.decode("latin-1"))
                for name, value in head.raw
            ),
            body=b"".join(self._pieces),
            body_size=self.size,
            body_sha256=self._hash.hexdigest(),
            form=self._form.finish() if self._form else None,
            at=at,
            laid=laid,
        )

    def _take(self, data: bytes) -> None:
        self._hash.update(data)
        if self.size < self._keep:
            self._pieces.append(data[: self._keep - self.size])
        self.size += len(data)
        if self._form is not None:
            self._form.feed(data)
