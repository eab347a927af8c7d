"""Heads of HTTP/1.1 answers, judged as ``heads`` judges those of requests.

A provider's answers say mostly what its last ones said. ``ResponseHeadReader`` therefore remembers
single lines; a head that consists of lines that can be read in one way only, and that has at most
one of the fields that tell how long the body is, is put together from them. Everything else is
taken apart by llhttp in ``read_response_head``, which also decides what is refused.
"""

from __future__ import annotations

import re

import httptools
import msgspec

from magicgateway.wire.heads import (
    CHUNKED,
    FIELDS,
    LENGTH,
    UNTIL_CLOSE,
    BadHead,
    Collector,
    HeadLimits,
    lower_name,
    persists,
)

_RESPONSE = re.compile(
    rb"HTTP/1\.([01]) ([1-5][0-9][0-9])(?: [\t\x20-\x7e\x80-\xff]*+)?\r\n" + FIELDS
)
_OPENING = re.compile(rb"HTTP/1\.([01]) ([2-5][0-9][0-9])(?: [\x20-\x7e]{0,64})?")
_PLAIN = re.compile(rb"([A-Za-z0-9-]{1,64}): ([\x21-\x7e](?:[\x20-\x7e]{0,300}[\x21-\x7e])?)")
_ORDINARY, _SIZE, _CODING, _CONNECTION, _TYPE = range(5)
_ROLES = {
    b"content-length": _SIZE,
    b"transfer-encoding": _CODING,
    b"connection": _CONNECTION,
    b"content-type": _TYPE,
}
_SECRET = frozenset({b"set-cookie", b"set-cookie2", b"authentication-info", b"www-authenticate"})
_LINES = 1024
_OPENINGS = 64
_NO_BODY = frozenset({204, 304})


class ResponseHead(msgspec.Struct):
    """A response's head, judged.

    ``length`` is -1 for chunked, -2 for a body that ends with the connection, else its size.
    ``content_type`` is the first one as it came, empty if there is none.
    """

    status: int
    version: int
    raw: list[tuple[bytes, bytes]]
    length: int
    keep_alive: bool
    content_type: bytes = b""


class ResponseHeadReader:
    """Reads one head after the other. It is a class because it remembers lines.

    Args:
        limits: Bounds for the number of fields and the length of a line.
    """

    __slots__ = ("_known", "_limits", "_openings")

    def __init__(self, limits: HeadLimits) -> None:
        self._limits = limits
        self._known: dict[bytes, tuple[tuple[bytes, bytes], int]] = {}
        self._openings: dict[bytes, tuple[int, int]] = {}

    def read(self, head: bytes, *, to_head_request: bool) -> ResponseHead:
        """Read a head, from its first byte through the empty line.

        Args:
            head: The bytes.
            to_head_request: The request was HEAD, so no body follows whatever the fields say.

        Raises:
            BadHead: As ``read_response_head``.
        """
        lines = head.split(b"\r\n")
        opening = self._openings.get(lines[0]) or self._learn_opening(lines[0])
        if opening is None or len(lines) - 3 > self._limits.fields:
            return read_response_head(head, to_head_request=to_head_request, limits=self._limits)
        status, version = opening
        known = self._known
        raw: list[tuple[bytes, bytes]] = []
        length = UNTIL_CLOSE
        connection: bytes | None = None
        content_type = b""
        for line in lines[1:-2]:
            entry = known.get(line) or self._learn(line)
            if entry is None:
                break
            field, role = entry
            raw.append(field)
            if role == _ORDINARY:
                continue
            value = field[1]
            if role == _TYPE:
                content_type = content_type or value
            elif role == _CONNECTION:
                connection = value if connection is None else b"%b,%b" % (connection, value)
            elif length != UNTIL_CLOSE or (role == _CODING and version == 10):
                break
            else:
                length = int(value) if role == _SIZE else CHUNKED
        else:
            keep_alive = persists(connection, version)
            if to_head_request or status in _NO_BODY:
                length = 0
            elif length == UNTIL_CLOSE:
                keep_alive = False
            return ResponseHead(status, version, raw, length, keep_alive, content_type)
        return read_response_head(head, to_head_request=to_head_request, limits=self._limits)

    def _learn_opening(self, line: bytes) -> tuple[int, int] | None:
        match = _OPENING.fullmatch(line)
        if match is None:
            return None
        opening = int(match[2]), 11 if match[1] == b"1" else 10
        if len(self._openings) >= _OPENINGS:
            self._openings.clear()
        self._openings[line] = opening
        return opening

    def _learn(self, line: bytes) -> tuple[tuple[bytes, bytes], int] | None:
        """A line taken apart; None if llhttp has to see it in its place."""
        match = _PLAIN.fullmatch(line)
        if match is None:
            return None
        name, value = match.groups()
        low = lower_name(name)
        role = _ROLES.get(low, _ORDINARY)
        if (role == _SIZE and not LENGTH.fullmatch(value)) or (
            role == _CODING and value.lower() != b"chunked"
        ):
            return None
        entry = ((name, value), role)
        if low not in _SECRET:
            if len(self._known) >= _LINES:
                self._known.clear()
            self._known[line] = entry
        return entry


def read_response_head(head: bytes, *, to_head_request: bool, limits: HeadLimits) -> ResponseHead:
    """Read a response's head, from its first byte through the empty line.

    Args:
        head: The bytes.
        to_head_request: The request was HEAD, so no body follows whatever the fields say.
        limits: Bounds for the number of fields and the length of a line.

    Raises:
        BadHead: The head is malformed or its framing is in doubt; the status means nothing here.
    """
    match = _RESPONSE.fullmatch(head)
    if match is None:
        # Not a byte of it is shown: it may hold what the provider was sent.
        place = "a line" if head.startswith((b"HTTP/1.1 ", b"HTTP/1.0 ")) else "no HTTP/1.1"
        raise BadHead(502, "bad_response_head", f"malformed response head: {place}")
    if len(head) > limits.line_bytes and max(map(len, head.split(b"\r\n"))) > limits.line_bytes:
        raise BadHead(502, "bad_response_head", "a line of the response head is too long")
    collector = Collector()
    try:
        httptools.HttpResponseParser(collector).feed_data(head)
    except httptools.HttpParserUpgrade:
        pass  # judged by the status: 101 was never asked for
    except httptools.HttpParserError as error:
        raise BadHead(502, "bad_response_head", f"malformed response head: {error}") from None
    raw = collector.fields
    if b" \r\n" in head or b"\t\r\n" in head:  # llhttp leaves white space after values
        raw = [(name, value.rstrip(b" \t")) for name, value in raw]
    if len(raw) > limits.fields:
        raise BadHead(502, "bad_response_head", "too many fields in the response head")
    version = 11 if match[1] == b"1" else 10
    status = int(match[2])
    length, keep_alive = _framing(raw, version)
    if to_head_request or status < 200 or status in _NO_BODY:
        length = 0
    elif length == UNTIL_CLOSE:
        keep_alive = False
    return ResponseHead(status, version, raw, length, keep_alive, _content_type(raw))


def _content_type(raw: list[tuple[bytes, bytes]]) -> bytes:
    return next((value for name, value in raw if lower_name(name) == b"content-type"), b"")


def _framing(raw: list[tuple[bytes, bytes]], version: int) -> tuple[int, bool]:
    """Body length and persistence of a response; refuses what is in doubt (RFC 9112 6.3)."""
    length = UNTIL_CLOSE
    connection: bytes | None = None
    for name, value in raw:
        low = lower_name(name)
        if low == b"content-length":
            if length != UNTIL_CLOSE or not LENGTH.fullmatch(value):
                raise BadHead(502, "bad_response_head", "the response's length is in doubt")
            length = int(value)
        elif low == b"transfer-encoding":
            if length != UNTIL_CLOSE or value.lower() != b"chunked" or version == 10:
                raise BadHead(502, "bad_response_head", "the response's framing is in doubt")
            length = CHUNKED
        elif low == b"connection":
            connection = value if connection is None else connection + b"," + value
    return length, persists(connection, version)
