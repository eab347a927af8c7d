"""How heads are put together and read in tests."""

from __future__ import annotations

from hypothesis import strategies as st

from magicgateway.wire.heads import BadHead, HeadLimits, RequestHead, read_request_head

LIMITS = HeadLimits()

FRAGMENTS = st.lists(
    st.sampled_from(
        [
            b"GET", b"POST", b" ", b"/", b"/v1/x?y", b"*", b"http://a/", b"HTTP/1.1", b"HTTP/1.0",
            b"\r\n", b"\r", b"\n", b"\t", b"\x00", b"Host: a\r\n", b"Host: b\r\n", b":", b"X: y",
            b"Content-Length: 1\r\n", b"Content-Length", b"Transfer-Encoding: chunked\r\n", b"5",
            b"Connection: upgrade\r\n", b"Upgrade: h2c\r\n", b"Expect: 100-continue\r\n", b"\xff",
        ]
    ),
    max_size=14,
).map(b"".join)  # fmt: skip
"""Pieces of heads, good and bad, at random."""


def request(
    *fields: bytes, line: bytes = b"POST /v1/x HTTP/1.1", host: bytes = b"Host: a"
) -> bytes:
    """A request head with these field lines, and a Host unless that is empty."""
    lines = [line, host, *fields] if host else [line, *fields]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def read(head: bytes, limits: HeadLimits = LIMITS) -> RequestHead:
    return read_request_head(head, limits)


def verdict(head: bytes, limits: HeadLimits = LIMITS) -> int:
    """The status with which a head is refused, 0 if it is taken."""
    try:
        read_request_head(head, limits)
    except BadHead as fault:
        return fault.status
    return 0
