from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.wire.heads import CHUNKED, UNTIL_CLOSE, BadHead, HeadLimits
from magicgateway.wire.response_heads import (
    ResponseHead,
    ResponseHeadReader,
    read_response_head,
)
from tests.wire.head_cases import FRAGMENTS

LIMITS = HeadLimits()


class ResponseTests(SynchronousTestCase):
    @staticmethod
    def _read(
        *fields: bytes, line: bytes = b"HTTP/1.1 200 OK", to_head: bool = False
    ) -> ResponseHead:
        head = b"\r\n".join([line, *fields]) + b"\r\n\r\n"
        return read_response_head(head, to_head_request=to_head, limits=LIMITS)

    def test_nothing_is_shown(self) -> None:
        """What is said of a malformed head, and logged, holds none of its bytes."""
        for line, field, said in (
            (b"SSH-2.0-SECRET", b"a: b", "malformed response head: no HTTP/1.1"),
            (b"HTTP/1.1 200 OK", b"SECRET Bearer SECRET", "malformed response head: a line"),
        ):
            error = self.assertRaises(BadHead, self._read, field, line=line)
            self.assertEqual(said, error.message)

    def test_status_lines(self) -> None:
        """Three digits from 100 to 599, with any reason or none."""
        cases = [
            (200, 11, b"HTTP/1.1 200 OK"),
            (200, 11, b"HTTP/1.1 200 "),
            (200, 11, b"HTTP/1.1 200"),
            (200, 10, b"HTTP/1.0 200 \xe9\t"),
            (599, 11, b"HTTP/1.1 599 x"),
            (103, 11, b"HTTP/1.1 103 Early Hints"),
        ]
        for status, version, line in cases:
            head = self._read(line=line)
            with self.subTest(line=line):
                self.assertEqual((status, version), (head.status, head.version))

    def test_bad_status_lines(self) -> None:
        """Rows 20: what is no HTTP/1 answer is refused, whatever other readers make of it."""
        for line in (
            b"HTTP/1.1 +200 OK", b"HTTP/1.1 2_00 OK", b"HTTP/1.1 99999 x", b"HTTP/1.1 099 x",
            b"HTTP/1.1 600 x", b"HTTP/1.1 20 x", b"HTTP/1.1 2000 x", b"HTTP/1.1  200 OK",
            b"HTTP/1.1 200\tOK", b"HTTP/1.1 OK", b"HTTP/1.1", b"HTTP/2.0 200 OK",
            b"http/1.1 200 OK", b"HTTP/0.9 200 OK", b"ICY 200 OK", b"ICY/1.1 200 OK",
            b"RTSP/1.0 200 OK", b"HTTP/1.1 200 O\x00K", b"HTTP/1.1 200 O\rK", b"HTTP/1.1 200 O\nK",
            b"", b"HTTP/1.1 101 Switching Protocols",
        ):  # fmt: skip
            with self.subTest(line=line):
                self.assertRaises(BadHead, self._read, line=line)

    def test_framing(self) -> None:
        """Length, chunked, or until the connection closes, which then cannot be reused."""
        cases: list[tuple[int, bool, tuple[bytes, ...]]] = [
            (UNTIL_CLOSE, False, ()),
            (UNTIL_CLOSE, False, (b"Connection: keep-alive",)),
            (0, True, (b"Content-Length: 0",)),
            (5, True, (b"Content-Length: 5\t",)),
            (CHUNKED, True, (b"Transfer-Encoding: Chunked",)),
            (5, False, (b"Content-Length: 5", b"Connection: Close")),
            (5, False, (b"Content-Length: 5", b"Connection: close, x")),
            (5, False, (b"Content-Length: 5", b"Connection: x", b"connection: close")),
            (5, True, (b"Content-Length: 5", b"Connection: Upgrade", b"Upgrade: h2c")),
        ]
        for length, keep_alive, fields in cases:
            head = self._read(*fields)
            with self.subTest(fields=fields):
                self.assertEqual((length, keep_alive), (head.length, head.keep_alive))

    def test_old_versions_close(self) -> None:
        """Row 14: HTTP/1.0 closes unless it says otherwise."""
        old = b"HTTP/1.0 200 OK"
        self.assertFalse(self._read(b"Content-Length: 5", line=old).keep_alive)
        kept = self._read(b"Content-Length: 5", b"Connection: keep-alive", line=old)
        self.assertTrue(kept.keep_alive)

    def test_no_body(self) -> None:
        """An answer to HEAD, an interim one, 204 and 304 have no body, whatever they declare."""
        self.assertEqual(0, self._read(b"Content-Length: 5", to_head=True).length)
        self.assertEqual(0, self._read(b"Transfer-Encoding: chunked", to_head=True).length)
        for status in (b"100", b"103", b"204", b"304"):
            head = self._read(line=b"HTTP/1.1 " + status + b" x")
            self.assertEqual((0, True), (head.length, head.keep_alive))
        self.assertEqual(0, self._read(b"Content-Length: 5", line=b"HTTP/1.1 304 x").length)

    def test_doubtful_framing(self) -> None:
        """Rows 17 and 18: a length or coding in doubt is never trusted."""
        cases: list[tuple[bytes, ...]] = [
            (b"Content-Length: 5", b"Content-Length: 5"),
            (b"Content-Length: 5", b"Content-Length: 6"),
            (b"Content-Length: 5, 5",),
            (b"Content-Length: +2",),
            (b"Content-Length: -2",),
            (b"Content-Length:",),
            (b"Content-Length: " + b"9" * 19,),
            (b"Content-Length: 5", b"Transfer-Encoding: chunked"),
            (b"Transfer-Encoding: chunked", b"Content-Length: 5"),
            (b"Transfer-Encoding: gzip, chunked",),
            (b"Transfer-Encoding: gzip",),
            (b"Transfer-Encoding: identity",),
            (b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"),
        ]
        for fields in cases:
            with self.subTest(fields=fields):
                self.assertRaises(BadHead, self._read, *fields)
        self.assertRaises(
            BadHead, self._read, b"Transfer-Encoding: chunked", line=b"HTTP/1.0 200 OK"
        )

    def test_malformed_fields(self) -> None:
        """Row 20: bytes that could split an answer further down never get in."""
        for field in (b"X: a\x00b", b"X: a\rb", b"X: a\nb", b"X: a\r\n b", b"X : a", b": a", b"X"):
            with self.subTest(field=field):
                self.assertRaises(BadHead, self._read, field)

    def test_limits(self) -> None:
        """Row 21: a line of 16 KiB and 100 fields are taken, a byte or a field more is not."""
        self.assertEqual(100, len(self._read(*[b"X: y"] * 100).raw))
        self.assertRaises(BadHead, self._read, *[b"X: y"] * 101)
        self.assertEqual(1, len(self._read(b"X: " + b"x" * (16384 - 3)).raw))
        self.assertRaises(BadHead, self._read, b"X: " + b"x" * (16384 - 2))

    @given(st.one_of(FRAGMENTS, st.binary(max_size=60)))
    def test_nothing_but_bad_head(self, junk: bytes) -> None:
        """Whatever a provider answers, nothing is raised but BadHead."""
        for head in (junk, b"HTTP/1.1 200 OK\r\n" + junk + b"\r\n\r\n", b"HTTP/1.1 " + junk):
            try:
                read_response_head(head, to_head_request=False, limits=LIMITS)
            except BadHead as fault:
                self.assertEqual(502, fault.status)


LINES = st.lists(
    st.sampled_from(
        [
            b"Content-Type: application/json", b"content-type: text/plain", b"Date: now",
            b"Content-Length: 5", b"content-length: 5", b"Content-Length: +5", b"Content-Length: ",
            b"Content-Length: 99999999999999999999", b"Transfer-Encoding: chunked", b"X:no-space",
            b"transfer-encoding: Chunked", b"Transfer-Encoding: gzip", b"Connection: close",
            b"Connection: keep-alive, x", b"connection: Keep-Alive", b"Upgrade: h2c", b"x: \xff",
            b"X-A: trailing ", b"X-B:  two", b"x: " + b"y" * 400, b" folded", b"", b"X", b"X: \x00",
            b"X: a\nb", b"Set-Cookie: a=b", b"X_y: z", b"x: a\tb", b"Keep-Alive: timeout=5",
        ]
    ),
    max_size=7,
)  # fmt: skip
OPENINGS = st.sampled_from(
    [
        b"HTTP/1.1 200 OK", b"HTTP/1.1 200", b"HTTP/1.0 200 OK", b"HTTP/1.1 204 No Content",
        b"HTTP/1.1 304 ", b"HTTP/1.1 503 \xe9", b"HTTP/1.1 100 Continue", b"HTTP/2 200", b"",
    ]
)  # fmt: skip


class RememberingTests(SynchronousTestCase):
    """The quick way to the same heads."""

    def setUp(self) -> None:
        self.reader = ResponseHeadReader(HeadLimits(fields=5))

    def _both(self, head: bytes, *, to_head: bool) -> tuple[object, object]:
        answers: list[object] = []
        for read in (
            lambda: read_response_head(head, to_head_request=to_head, limits=HeadLimits(fields=5)),
            lambda: self.reader.read(head, to_head_request=to_head),
        ):
            try:
                answers.append(read())
            except BadHead as fault:
                answers.append(fault.message)
        return answers[0], answers[1]

    @given(st.lists(st.tuples(OPENINGS, LINES, st.booleans()), max_size=6))
    def test_same(self, heads: list[tuple[bytes, list[bytes], bool]]) -> None:
        """What was seen before changes nothing: llhttp alone would say the same."""
        for line, fields, to_head in heads:
            whole = b"\r\n".join([line, *fields]) + b"\r\n\r\n"
            head = whole[: whole.index(b"\r\n\r\n") + 4]
            expected, read = self._both(head, to_head=to_head)
            self.assertEqual(expected, read)

    def test_bounded(self) -> None:
        """However many lines a provider thinks of, few are remembered, and no cookie is."""
        for number in range(5000):
            line = b"HTTP/1.1 200 x%d" % number
            head = b"%b\r\nX-Id: %d\r\nSet-Cookie: s=secret\r\n\r\n" % (line, number)
            self.reader.read(head, to_head_request=False)
        self.assertLessEqual(len(self.reader._known), 1024)
        self.assertLessEqual(len(self.reader._openings), 64)
        self.assertNotIn(b"secret", b"".join(self.reader._known))
