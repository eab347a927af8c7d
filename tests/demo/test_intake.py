from __future__ import annotations

import hashlib

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.demo.intake import KEEP, KEEP_FORM, Intake
from magicgateway.wire.chunked import BadChunk
from magicgateway.wire.heads import HeadLimits, read_request_head


def intake(*fields: bytes) -> Intake:
    lines = [b"POST /v1/x?y HTTP/1.1", b"Host: demo", *fields, b"", b""]
    return Intake(read_request_head(b"\r\n".join(lines), HeadLimits()))


class IntakeTests(SynchronousTestCase):
    def test_no_body(self) -> None:
        """Without a body a request is whole at once."""
        taken = intake()
        self.assertTrue(taken.done)
        self.assertEqual(
            ("POST", "/v1/x?y", b""), (taken.call().method, taken.call().target, taken.call().body)
        )

    def test_length(self) -> None:
        """A declared length ends the body; what follows is given back."""
        for place in range(6):
            with self.subTest(place=place):
                taken = intake(b"Content-Length: 5")
                self.assertEqual(b"", taken.feed(b"hello"[:place]))
                self.assertIs(place == 5, taken.done)
                rest = b"GET" if taken.done else taken.feed(b"hello"[place:] + b"GET")
                self.assertEqual((b"hello", b"GET"), (taken.call().body, rest))
                self.assertTrue(taken.done)

    def test_chunked(self) -> None:
        """Chunks are joined; what follows the last is given back."""
        taken = intake(b"Transfer-Encoding: chunked")
        self.assertEqual(b"", taken.feed(b"2\r\nhe\r\n3\r\nl"))
        self.assertFalse(taken.done)
        self.assertEqual(b"GET", taken.feed(b"lo\r\n0\r\n\r\nGET"))
        self.assertTrue(taken.done)
        self.assertEqual(b"hello", taken.call().body)
        self.assertEqual(hashlib.sha256(b"hello").hexdigest(), taken.call().body_sha256)

    def test_bad_chunk(self) -> None:
        """Broken framing is refused."""
        self.assertRaises(BadChunk, intake(b"Transfer-Encoding: chunked").feed, b"xyz\r\n")

    def test_header_names(self) -> None:
        """Names are in lower case, values as they came, in order."""
        call = intake(b"X-B: Two", b"x-a: One").call()
        self.assertEqual((("host", "demo"), ("x-b", "Two"), ("x-a", "One")), call.headers)

    def test_large(self) -> None:
        """Of a large body the beginning is kept, all of it is counted and hashed."""
        piece, times = b"x" * 1024 * 1024, KEEP // 1024 // 1024 + 1
        taken = intake(b"Content-Length: %d" % (len(piece) * times))
        for _ in range(times):
            taken.feed(piece)
        call = taken.call()
        self.assertEqual((KEEP, KEEP + len(piece)), (len(call.body), call.body_size))

    def test_form(self) -> None:
        """A form is read while it arrives, and little of its body is kept."""
        content = b"y" * 200_000
        body = b'--b\r\na: ; name="file"; filename="f"\r\n\r\n' + content + b"\r\n--b--\r\n"
        taken = intake(
            b"Content-Type: multipart/form-data; boundary=b", b"Content-Length: %d" % len(body)
        )
        for start in range(0, len(body), 9999):
            taken.feed(body[start : start + 9999])
        call = taken.call()
        assert call.form is not None
        upload = call.form.file("file")
        assert upload is not None
        self.assertEqual((len(content), KEEP_FORM), (upload.size, len(call.body)))
        self.assertEqual(hashlib.sha256(content).hexdigest(), upload.sha256)
