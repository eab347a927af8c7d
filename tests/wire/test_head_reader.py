"""Heads that say what the last one said are not read again, and no other is taken for one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.wire.head_reader import HeadReader
from magicgateway.wire.heads import BadHead, HeadLimits, RequestHead, read_request_head

LIMITS = HeadLimits()
FIELDS = b"Host: h\r\nAuthorization: Bearer 120\r\n%bX-Count: 120\r\n\r\n"


def head(length: bytes, method: bytes = b"POST") -> bytes:
    return b"%b /v1/120 HTTP/1.1\r\n" % method + FIELDS % length


def content(read: RequestHead) -> tuple[object, ...]:
    """What a head says, without what was concluded from it."""
    return (
        read.method,
        read.target,
        read.version,
        read.raw,
        read.fields,
        read.length,
        read.keep_alive,
        read.expects_continue,
    )


def outcome(read: object, raw: bytes) -> object:
    """What a reader makes of a head, refusal included."""
    assert callable(read)
    try:
        return content(read(raw))
    except BadHead as fault:
        return (fault.status, fault.code)


class HeadReaderTests(SynchronousTestCase):
    def test_equal(self) -> None:
        """An equal head is the same object, conclusions and all."""
        reader = HeadReader(LIMITS)
        raw = head(b"Content-Length: 5\r\n")
        first = reader.read(raw)
        first.standing = "concluded"
        self.assertIs(first, reader.read(bytes(bytearray(raw))))

    def test_other_length(self) -> None:
        """One that differs in the body's length only keeps the conclusions, and says its length."""
        for spelled in (
            b"Content-Length: %b\r\n",
            b"content-length:%b\r\n",
            b"CONTENT-LENGTH: \t %b \r\n",
        ):
            reader = HeadReader(LIMITS)
            reader.read(head(spelled % b"120")).standing = "concluded"
            for digits in (b"7", b"120", b"99999", b"0", b"007"):
                raw = head(spelled % digits)
                read = reader.read(raw)
                self.assertEqual(content(read_request_head(raw, LIMITS)), content(read))
                self.assertEqual("concluded", read.standing)

    def test_anything_else(self) -> None:
        """One that differs anywhere else is read, and nothing was concluded from it."""
        known = head(b"Content-Length: 120\r\n")
        others = [
            known.replace(b"Bearer 120", b"Bearer 121"),
            known.replace(b"/v1/120", b"/v1/121"),
            known.replace(b"X-Count: 120", b"X-Count: 7"),
            head(b"Content-Length: 120\r\n", b"PUT"),
            head(b""),
            head(b"Transfer-Encoding: chunked\r\n"),
        ]
        for raw in others:
            reader = HeadReader(LIMITS)
            reader.read(known).standing = "concluded"
            read = reader.read(raw)
            self.assertEqual(content(read_request_head(raw, LIMITS)), content(read))
            self.assertIsNone(read.standing)

    def test_refused(self) -> None:
        """What is no plain length is refused as ever, and the next good one is read."""
        for bad in (b"+5", b"-5", b"5,5", b"0x5", b"", b"5 5", b"1" * 19, b"\xb2"):
            reader = HeadReader(LIMITS)
            reader.read(head(b"Content-Length: 120\r\n"))
            raw = head(b"Content-Length: %b\r\n" % bad)
            self.assertRaises(BadHead, reader.read, raw)
            self.assertEqual(5, reader.read(head(b"Content-Length: 5\r\n")).length)

    @given(
        st.lists(
            st.sampled_from(
                [
                    head(b"Content-Length: 120\r\n"),
                    head(b"Content-Length: 1\r\n"),
                    head(b""),
                    head(b"content-length: 1\r\n"),
                    head(b"Content-Length: 1\r\nX: 1\r\n"),
                    head(b"Content-Length: 1\r\nContent-Length: 1\r\n"),
                    head(b"Transfer-Encoding: chunked\r\n"),
                    head(b"Content-Length: 1 \r\n"),
                ]
            ),
            max_size=8,
        )
    )
    def test_any_order(self, raws: list[bytes]) -> None:
        """In whatever order heads come, each says what it says on a connection of its own."""
        reader = HeadReader(LIMITS)
        for raw in raws:
            expected = outcome(lambda data: read_request_head(data, LIMITS), raw)
            self.assertEqual(expected, outcome(reader.read, raw))
