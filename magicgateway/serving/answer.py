"""The heads of our answers, as bytes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from http import HTTPStatus

from magicgateway.conversation.notes import header_lines

_REASONS = {status.value: status.phrase.encode() for status in HTTPStatus}
_STATUS_LINES = {
    status: b"HTTP/1.1 %d %b\r\n" % (status, reason) for status, reason in _REASONS.items()
}
CLOSE = b"Connection: close\r\n"
KEEP_ALIVE = b"Connection: keep-alive\r\n"
"""For HTTP/1.0 only, where it has to be said."""
JSON = b"Content-Type: application/json\r\n"
NO_STORE = b"Cache-Control: no-store\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
warnings = header_lines
"""The lines that report differences."""
_SERVER = b"Server: MagicGateway\r\nX-Content-Type-Options: nosniff\r\n"


def status_line(status: int) -> bytes:
    """The first line of an answer."""
    return _STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status


def length_line(length: int) -> bytes:
    """The field that says how long the body is."""
    return b"Content-Length: %d\r\n" % length


class OwnFields:
    """``Server``, ``Date`` and ``X-Content-Type-Options``, made once a second.

    Args:
        wall_clock: Seconds since the epoch.
    """

    def __init__(self, wall_clock: Callable[[], float] = time.time) -> None:
        self._clock = wall_clock
        self._second = -1
        self._lines = b""

    def __call__(self) -> bytes:
        second = int(self._clock())
        if second != self._second:
            self._second = second
            date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(second))
            self._lines = b"Date: %b\r\n%b" % (date.encode(), _SERVER)
        return self._lines


def whole(
    status: int, own: bytes, lines: Sequence[bytes], body: bytes, *, send_body: bool = True
) -> bytes:
    """A complete answer with a body we made."""
    length = length_line(len(body)) if status != 204 else b""  # RFC 9110 8.6
    head = b"".join((status_line(status), own, *lines, length, b"\r\n"))
    return head + body if send_body else head
