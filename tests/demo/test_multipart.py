from __future__ import annotations

import hashlib

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.demo.multipart import Form, FormReader, boundary_of

CONTENT = b"\r\n--wrong\r\n--limi\r\n\x00\xff" * 3
BODY = (
    b"a preamble\r\n--limit\r\n"
    b'Content-Disposition: form-data; name="model"\r\n\r\ndemo\r\n--limit\r\n'
    b'content-disposition: form-data; name="file"; filename="a \\"b\\".mp3"\r\n'
    b"Content-Type: audio/mpeg\r\n\r\n" + CONTENT + b"\r\n--limit\r\n"
    b'content-disposition: form-data; name="empty"\r\n\r\n\r\n--limit--\r\nan epilogue'
)


def read(body: bytes, size: int = 1_000_000) -> Form:
    reader = FormReader(b"limit")
    for start in range(0, len(body), size):
        reader.feed(body[start : start + size])
    return reader.finish()


class BoundaryTests(SynchronousTestCase):
    def test_boundaries(self) -> None:
        """The boundary is found, quoted or not; other types have none."""
        for text, boundary in (
            ("multipart/form-data; boundary=abc", b"abc"),
            ('Multipart/Form-Data; charset=utf-8; Boundary="a b"', b"a b"),
            ("multipart/form-data; boundary=abc; x=y", b"abc"),
            ("multipart/form-data", None),
            ("application/json", None),
        ):
            with self.subTest(text=text):
                self.assertEqual(boundary, boundary_of(text))


class FormTests(SynchronousTestCase):
    def test_parts(self) -> None:
        """Fields have values, files have a size and a hash."""
        form = read(BODY)
        upload = form.file("file")
        assert upload is not None
        self.assertTrue(form.whole)
        self.assertEqual(["model", "file", "empty"], [part.name for part in form.parts])
        self.assertEqual(
            ("demo", "", "other"),
            (form.value("model"), form.value("empty", "x"), form.value("none", "other")),
        )
        self.assertEqual(('a "b".mp3', "audio/mpeg"), (upload.filename, upload.content_type))
        self.assertEqual(len(CONTENT), upload.size)
        self.assertEqual(hashlib.sha256(CONTENT).hexdigest(), upload.sha256)
        self.assertIsNone(form.file("model"))

    def test_every_cut(self) -> None:
        """The form is the same wherever its bytes are cut."""
        whole = read(BODY)
        for size in (1, 2, 3, 7, 40):
            with self.subTest(size=size):
                self.assertEqual(whole, read(BODY, size))

    def test_unfinished(self) -> None:
        """Without its last boundary a form is not whole."""
        end = BODY.index(b"--limit--") + len(b"--limit--")
        for place in range(end):
            self.assertFalse(read(BODY[:place]).whole, place)
        self.assertTrue(read(BODY[:end]).whole)

    def test_malformed(self) -> None:
        """What is no form is not whole, and does not grow without bound."""
        for body in (
            b"--limitxx",
            b"--limit\r\n" + b"x" * 10_000,
            b"--limit\r\nname\r\n",
            b"nothing of the kind",
        ):
            with self.subTest(body=body[:20]):
                self.assertFalse(read(body, 100).whole)

    def test_without_a_head(self) -> None:
        """A part without fields is a part without a name."""
        form = read(b"--limit\r\n\r\nx\r\n--limit--")
        self.assertEqual([("", "x")], [(part.name, part.value) for part in form.parts])
        self.assertTrue(form.whole)

    def test_long_value(self) -> None:
        """Of a long field the beginning is kept, its size counts all of it."""
        form = read(b'--limit\r\na: ; name="a"\r\n\r\n' + b"x" * 100_000 + b"\r\n--limit--", 9000)
        self.assertEqual((65536, 100_000), (len(form.value("a")), form.parts[0].size))
