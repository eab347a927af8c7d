r"""AWS event streams (``application/vnd.amazon.eventstream``): reading and writing frames.

::

    u32 total length      whole frame, both checksums included    \
    u32 headers length                                             > prelude
    u32 prelude checksum  CRC-32 of the first 8 bytes             /
    headers               u8 name length, name, u8 type, value; again until their length is used
    payload
    u32 frame checksum    CRC-32 of everything before it

Integers are big-endian. Both checksums are enforced. What the names of headers mean is for the
dialects; nothing here reads a payload.

See: https://smithy.io/2.0/aws/amazon-eventstream.html; 2026-11.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import IntEnum
from struct import Struct, error
from types import MappingProxyType
from typing import Final
from zlib import crc32

import msgspec

MAX_HEADERS = 128 * 1024
"""Bytes of one frame's headers."""
MAX_PAYLOAD = 24 * 1024 * 1024
"""Bytes of one frame's payload: what AWS's own clients take."""

_PRELUDE: Final = Struct("!III")
_LENGTHS: Final = Struct("!II")
_U8: Final = Struct("!B")
_U16: Final = Struct("!H")
_U32: Final = Struct("!I")
_LEAST = 16
"""A frame without headers and payload."""
_REMEMBERED = 64
_REMEMBERED_BYTES = 512
"""A stream has few distinct blocks of headers; these are read once."""

HeaderValue = bool | int | bytes | str
"""As read: timestamps are milliseconds, UUIDs their 16 bytes."""


class HeaderType(IntEnum):
    """The types that a header's value may have on the wire."""

    TRUE = 0
    FALSE = 1
    INT8 = 2
    INT16 = 3
    INT32 = 4
    INT64 = 5
    BYTES = 6
    STRING = 7
    TIMESTAMP = 8
    UUID = 9


_INTEGERS: Final[Mapping[int, Struct]] = {
    HeaderType.INT8: Struct("!b"),
    HeaderType.INT16: Struct("!h"),
    HeaderType.INT32: Struct("!i"),
    HeaderType.INT64: Struct("!q"),
    HeaderType.TIMESTAMP: Struct("!q"),
}
_UUID_BYTES = 16


class FrameError(ValueError):
    """Bytes that are no frame, or values that cannot be one. Of a stream it is the end.

    Args:
        message: What is wrong.
        field: The part at fault: ``prelude checksum``, ``total length``, ``headers length``,
            ``frame checksum``, ``header``, ``payload``, ``end``.
        offset: Where in the stream that part begins, in bytes; None when writing.
    """

    def __init__(self, message: str, field: str, offset: int | None = None) -> None:
        place = "" if offset is None else f" (byte {offset} of the stream)"
        super().__init__(f"{message}{place}")
        self.field = field
        self.offset = offset


class FrameCut(FrameError):
    """A stream that ended inside a frame."""


class Frame(msgspec.Struct, frozen=True):
    """One frame. Headers that are often the same are shared between frames."""

    headers: Mapping[str, HeaderValue]
    payload: bytes

    def text(self, name: str) -> str:
        """A header's text; empty when there is none, or when it is no text."""
        value = self.headers.get(name)
        return value if isinstance(value, str) else ""


class TypedValue(msgspec.Struct, frozen=True):
    """A header's value with the type that Python's own type does not tell."""

    type: HeaderType
    value: int | bytes


class FrameReader:
    """Cuts a byte stream into frames; one per stream, fed bytes as they come.

    What waits for the rest of its frame is never copied again before the frame is whole, so a
    frame of any size costs linear time however finely it is cut.

    Args:
        max_payload: Bytes; a frame that announces more is refused before it is waited for.
    """

    __slots__ = ("_broken", "_held", "_most", "_need", "_remembered", "_start")

    def __init__(self, max_payload: int = MAX_PAYLOAD) -> None:
        self._most = max_payload
        self._held = bytearray()
        self._need = _PRELUDE.size
        """Bytes of the frame at hand after which there is something to do."""
        self._start = 0
        """Where in the stream the frame at hand begins."""
        self._remembered: dict[bytes, Mapping[str, HeaderValue]] = {}
        self._broken: FrameError | None = None

    @property
    def held(self) -> int:
        """Bytes kept back; where the stream ends, anything but 0 means inside a frame."""
        return len(self._held)

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are whole now.

        The data are taken at once. The frames before one that is wrong are given before the error
        is raised; from then on it is raised again.

        Raises:
            FrameError: While iterating: what comes next is no frame.
        """
        self._held += data
        return self._frames()

    def finish(self) -> None:
        """The stream has ended.

        Raises:
            FrameCut: It ended inside a frame.
            FrameError: It was no stream of frames.
        """
        if self._broken is not None:
            raise self._broken
        if self._held:
            self._broken = FrameCut(
                "the stream ended inside a frame", "end", self._start + len(self._held)
            )
            raise self._broken

    def _frames(self) -> Iterator[Frame]:
        if self._broken is not None:
            raise self._broken
        try:
            while len(self._held) >= self._need:
                total, headers_length, checksum = _PRELUDE.unpack_from(self._held)
                if self._need == _PRELUDE.size:
                    self._check_prelude(total, headers_length, checksum)
                    if len(self._held) < total:
                        self._need = total
                        return
                yield self._next(total, _PRELUDE.size + headers_length)
        except FrameError as wrong:
            self._broken = wrong
            self._held.clear()
            raise

    def _check_prelude(self, total: int, headers_length: int, checksum: int) -> None:
        """The lengths can be believed, and are worth waiting for."""
        if crc32(self._held[:8]) != checksum:
            raise self._wrong("the prelude's checksum is another's", "prelude checksum", 8)
        payload_length = total - _LEAST - headers_length
        if payload_length < 0:
            raise self._wrong(f"{total} bytes cannot hold the frame's parts", "total length", 0)
        if headers_length > MAX_HEADERS:
            raise self._wrong(
                f"{headers_length} bytes of headers are too many", "headers length", 4
            )
        if payload_length > self._most:
            raise self._wrong(f"{payload_length} bytes of payload are too many", "total length", 0)

    def _next(self, total: int, payload_at: int) -> Frame:
        """Take the frame that begins what is held, which is whole."""
        held = self._held
        end = total - _U32.size
        with memoryview(held) as view:
            if crc32(view[:end]) != _U32.unpack_from(held, end)[0]:
                raise self._wrong("the frame's checksum is another's", "frame checksum", end)
            raw = bytes(view[_PRELUDE.size : payload_at])
            payload = bytes(view[payload_at:end])
        headers = self._remembered.get(raw)
        if headers is None:
            headers = self._read(raw)
        del held[:total]
        self._start += total
        self._need = _PRELUDE.size
        return Frame(headers, payload)

    def _read(self, raw: bytes) -> Mapping[str, HeaderValue]:
        headers = MappingProxyType(_headers(raw, self._start + _PRELUDE.size))
        if len(raw) <= _REMEMBERED_BYTES and len(self._remembered) < _REMEMBERED:
            self._remembered[raw] = headers
        return headers

    def _wrong(self, message: str, field: str, within: int) -> FrameError:
        return FrameError(message, field, self._start + within)


def encode_frame(
    headers: Mapping[str, HeaderValue | TypedValue] = MappingProxyType({}), payload: bytes = b""
) -> bytes:
    """One frame as it goes on the wire.

    Args:
        headers: Values of Python's own types become true, false, int64, bytes and string; any
            other type takes a ``TypedValue``.
        payload: Its bytes.

    Raises:
        FrameError: A header or the payload is more than a frame can hold.
    """
    block = b"".join(_encode_header(name, value) for name, value in headers.items())
    if len(block) > MAX_HEADERS:
        raise FrameError(f"{len(block)} bytes of headers are too many", "headers length")
    if len(payload) > MAX_PAYLOAD:
        raise FrameError(f"{len(payload)} bytes of payload are too many", "payload")
    lengths = _LENGTHS.pack(_LEAST + len(block) + len(payload), len(block))
    message = b"".join((lengths, _U32.pack(crc32(lengths)), block, payload))
    return message + _U32.pack(crc32(message))


def _headers(raw: bytes, start: int) -> dict[str, HeaderValue]:
    """A block of headers; ``start`` is its place in the stream."""
    headers: dict[str, HeaderValue] = {}
    at = 0
    while at < len(raw):
        try:
            name, value, end = _header(raw, at)
        except (IndexError, error):
            raise FrameError("a header is longer than the headers", "header", start + at) from None
        except UnicodeDecodeError:
            raise FrameError("a header is not UTF-8", "header", start + at) from None
        except ValueError:
            raise FrameError("a header has an unknown type", "header", start + at) from None
        if end > len(raw):
            raise FrameError("a header is longer than the headers", "header", start + at)
        if name in headers:
            raise FrameError("a header comes twice", "header", start + at)
        headers[name] = value
        at = end
    return headers


def _header(raw: bytes, at: int) -> tuple[str, HeaderValue, int]:
    """The name and value of the header that begins at ``at``, and where it ends.

    The end may lie behind that of ``raw``; then the value means nothing.
    """
    at, name_at = at + 1 + raw[at], at + 1
    name = raw[name_at:at].decode()
    kind = HeaderType(raw[at])
    at += 1
    if kind in (HeaderType.TRUE, HeaderType.FALSE):
        return name, kind is HeaderType.TRUE, at
    integer = _INTEGERS.get(kind)
    if integer is not None:
        return name, integer.unpack_from(raw, at)[0], at + integer.size
    if kind is HeaderType.UUID:
        return name, raw[at : at + _UUID_BYTES], at + _UUID_BYTES
    value_at = at + _U16.size
    end = value_at + _U16.unpack_from(raw, at)[0]
    value = raw[value_at:end]
    return name, value.decode() if kind is HeaderType.STRING else value, end


def _encode_header(name: str, value: HeaderValue | TypedValue) -> bytes:
    typed = value if isinstance(value, TypedValue) else _typed(value)
    raw_name = name.encode()
    try:
        return _U8.pack(len(raw_name)) + raw_name + _U8.pack(typed.type) + _encode_value(typed)
    except error:
        raise FrameError(
            f"the header {name[:40]!r} does not fit the type {typed.type.name}", "header"
        ) from None


def _typed(value: HeaderValue) -> TypedValue:
    match value:
        case bool():
            return TypedValue(HeaderType.TRUE if value else HeaderType.FALSE, value)
        case int():
            return TypedValue(HeaderType.INT64, value)
        case str():
            return TypedValue(HeaderType.STRING, value.encode())
        case bytes():
            return TypedValue(HeaderType.BYTES, value)


def _encode_value(typed: TypedValue) -> bytes:
    """What follows the type.

    Raises:
        struct.error: The value does not fit.
    """
    kind, value = typed.type, typed.value
    if kind in (HeaderType.TRUE, HeaderType.FALSE):
        return b""
    integer = _INTEGERS.get(kind)
    if integer is not None:
        return integer.pack(value)
    if isinstance(value, int) or (kind is HeaderType.UUID and len(value) != _UUID_BYTES):
        raise error
    return value if kind is HeaderType.UUID else _U16.pack(len(value)) + value
