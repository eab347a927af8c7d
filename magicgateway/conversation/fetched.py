"""What comes from an address: its type told by its first bytes, base64 made as it arrives.

The whole of it is never encoded or decoded at once, which would hold up everybody else.
"""

from __future__ import annotations

from base64 import b64encode
from binascii import b2a_base64
from codecs import getincrementaldecoder

from magicgateway.conversation.blocks import Inline, Plain
from magicgateway.conversation.ledger import invalid
from magicgateway.conversation.media import (
    PDF,
    is_textual,
    media_type_of_name,
    sniffed,
)
from magicgateway.errors import ApiError

_TELLING = 18
"""Bytes, of which a type can be told."""
_CONTAINERS = {b"PK\x03\x04": ("docx", "xlsx"), b"\xd0\xcf\x11\xe0": ("doc", "xls")}
"""Beginnings of office files; which of them it is only the name says."""
_WEAK = "image/bmp"
"""Told by two letters, with which a text may begin too."""
_HTML = (b"<!doctype html", b"<html")
_MARK = b"\xef\xbb\xbf"
_SLICE = 65536
"""Bytes of text that are decoded at once."""
_PER_GROUP = 3
"""Bytes that become four characters of base64."""


class Arriving:
    """One picture or document on its way. State: what has come, as base64 or as text.

    Args:
        field: Where its address stood.
        name: The last part of its address; between types that begin alike, its end decides.
        image: A picture is expected, else a document.
    """

    def __init__(self, field: str, name: str, *, image: bool) -> None:
        self._field = field
        self._image = image
        self._name = name
        self._type: str | None = None
        self._raw = bytearray()
        self._encoded = bytearray()
        self._decoder = getincrementaldecoder("utf-8-sig")()
        self._texts: list[str] = []

    def take(self, data: bytes) -> None:
        """The next piece, of any size.

        Raises:
            ApiError: 400: it is not what was expected.
        """
        self._raw += data
        if self._type is None:
            if len(self._raw) < _TELLING:
                return
            self._type = self._told()
        if not is_textual(self._type):
            self._encode(len(self._raw) - len(self._raw) % _PER_GROUP)
        elif len(self._raw) >= _SLICE:
            self._decode(final=False)

    def whole(self) -> Inline | Plain:
        """The end has come.

        Raises:
            ApiError: 400: it is not what was expected, or nothing at all.
        """
        if self._type is None:
            if not self._raw:
                raise invalid(self._field, "is the address of an empty file")
            self._type = self._told()
        if is_textual(self._type):
            self._decode(final=True)
            return Plain("".join(self._texts), self._type)
        self._encode(len(self._raw))
        return Inline(self._type, self._encoded.decode("ascii"))

    def _encode(self, size: int) -> None:
        self._encoded += b2a_base64(self._raw[:size], newline=False)
        del self._raw[:size]

    def _decode(self, *, final: bool) -> None:
        try:
            text = self._decoder.decode(self._raw, final)
        except UnicodeDecodeError:
            raise self._strange() from None
        if "\0" in text:
            raise self._strange()
        self._raw.clear()
        self._texts.append(text)

    def _told(self) -> str:
        """The media type; one of text where the bytes do not say that it is something else."""
        start = bytes(self._raw[:_TELLING])
        kind = sniffed(Inline("", b64encode(start).decode("ascii")))
        if self._image:
            if kind is None or not kind.startswith("image/"):
                raise self._strange(kind)
            return kind
        if kind == PDF:
            return kind
        named = media_type_of_name(self._name)
        for magic, forms in _CONTAINERS.items():
            if start.startswith(magic):
                if named in [media_type_of_name(form) for form in forms]:
                    assert named is not None
                    return named
                raise self._strange()
        if kind is not None and (kind != _WEAK or b"\0" in start):
            raise self._strange(kind)
        if named is not None and is_textual(named):
            return named
        beginning = start.removeprefix(_MARK).lstrip().lower()
        return "text/html" if beginning.startswith(_HTML) else "text/plain"

    def _strange(self, kind: str | None = None) -> ApiError:
        expected = "picture" if self._image else "document of a type that can be told"
        found = f" but {kind}" if kind else ""
        return invalid(self._field, f"is not the address of a {expected}{found}")
