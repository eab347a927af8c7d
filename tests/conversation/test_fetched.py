"""What comes from an address: types told by bytes, base64 made piece by piece."""

from __future__ import annotations

from base64 import b64encode

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import Inline, Plain
from magicgateway.conversation.fetched import Arriving
from magicgateway.errors import ApiError

FIELD = "messages[0].content[1]"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3 and more of it"
ZIP = b"PK\x03\x04\x14\x00\x06\x00\x08\x00\x00\x00!\x00 and more of it"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(24)
WEBP = b"RIFF\x24\x00\x00\x00WEBPVP8 and more of it"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def arrived(data: bytes, name: str = "", *, image: bool = False, step: int = 0) -> Inline | Plain:
    """What some bytes are, come in pieces of ``step`` bytes."""
    arriving = Arriving(FIELD, name, image=image)
    for start in range(0, len(data), step or len(data) or 1):
        arriving.take(data[start : start + step] if step else data)
    return arriving.whole()


class ArrivingTests(SynchronousTestCase):
    """Pictures and documents."""

    def fault(self, data: bytes, name: str = "", *, image: bool = False) -> str:
        """Why it is refused, at whatever size its pieces are; always a 400 that names the field."""
        texts: set[str] = set()
        for step in (0, 1, 7):
            fault = self.assertRaises(ApiError, arrived, data, name, image=image, step=step)
            self.assertEqual((400, FIELD), (fault.status, fault.param))
            texts.add(fault.message)
        self.assertEqual(1, len(texts))
        return texts.pop()

    def test_images(self) -> None:
        """A picture's type is what its bytes say, whatever it is called."""
        table = (
            (PNG, "image/png"),
            (b"\xff\xd8\xff\xe0\x00\x10JFIF and more of it", "image/jpeg"),
            (b"GIF89a and more of it", "image/gif"),
            (WEBP, "image/webp"),
            (b"GIF87a", "image/gif"),
        )
        for data, kind in table:
            with self.subTest(kind=kind):
                expected = Inline(kind, b64encode(data).decode())
                self.assertEqual(expected, arrived(data, "cat.pdf", image=True))

    def test_no_images(self) -> None:
        """What is no picture is refused as soon as that can be told."""
        svg = b"<svg xmlns='http://www.w3.org/2000/svg'/>"
        for data in (svg, b"<!doctype html><html>Not found", b"{}", PDF, WEBP.replace(b"P", b"X")):
            with self.subTest(data=data):
                said = self.fault(data, "cat.png", image=True)
                self.assertIn(f"{FIELD} is not the address of a picture", said)
        self.assertIn("but application/pdf.", self.fault(PDF, image=True))
        arriving = Arriving(FIELD, "", image=True)
        self.assertRaises(ApiError, arriving.take, svg)

    def test_documents(self) -> None:
        """Files are told by their bytes, and by their names where types begin alike."""
        table = (
            (PDF, "a.txt", "application/pdf"),
            (ZIP, "a.docx", DOCX),
            (OLE, "a.XLS", "application/vnd.ms-excel"),
        )
        for data, name, kind in table:
            with self.subTest(kind=kind):
                self.assertEqual(Inline(kind, b64encode(data).decode()), arrived(data, name))

    def test_no_documents(self) -> None:
        """What no provider reads, or what cannot be told, is refused."""
        table = (
            (ZIP, "a.zip"),
            (ZIP, "a.xls"),
            (OLE, ""),
            (PNG, "a.pdf"),
            (WEBP, ""),
            (b"BM\x00\x00\x00\x00" + bytes(20), ""),
            (b"\xff\xfea\x00b\x00", "a.txt"),
            (b"some text that is long enough, and then \x00", "a.txt"),
            (b"caf\xe9 in another encoding than UTF-8", "a.txt"),
            (b"\x00", ""),
        )
        for data, name in table:
            with self.subTest(data=data):
                self.assertIn("of a type that can be told", self.fault(data, name))
        self.assertIn("but image/png.", self.fault(PNG))

    def test_texts(self) -> None:
        """A file that is text comes as text, of the kind that its name or beginning says."""
        long = "caf\u00e9 \u263a " * 9
        table = (
            ("BMW builds cars", "", "text/plain"),
            ("a,b\n1,2\n", "table.csv", "text/csv"),
            ("# Title\n", "readme.MD", "text/markdown"),
            (" \n<!DOCTYPE html><title>", "page", "text/html"),
            ("<html>", "page.php", "text/html"),
            (long, "notes.pdf", "text/plain"),
            ("x", "a.docx", "text/plain"),
        )
        for text, name, kind in table:
            for step in (0, 1, 5):
                with self.subTest(text=text, step=step):
                    self.assertEqual(Plain(text, kind), arrived(text.encode(), name, step=step))

    def test_long_text(self) -> None:
        """A long text comes whole, wherever it is cut; and is refused before its end if strange."""
        text = "\u263a caf\u00e9 " * 20_000
        for step in (0, 1001, 65536):
            self.assertEqual(Plain(text), arrived(text.encode(), step=step))
        for strange in (b"\xff", b"\0"):
            arriving = Arriving(FIELD, "a.txt", image=False)
            self.assertRaises(ApiError, arriving.take, text.encode() + strange + b"more")

    def test_mark(self) -> None:
        """A byte order mark is no part of a text."""
        self.assertEqual(Plain("hello"), arrived(b"\xef\xbb\xbfhello"))
        page = b"\xef\xbb\xbf<html> and more of it"
        self.assertEqual(Plain("<html> and more of it", "text/html"), arrived(page))

    def test_empty(self) -> None:
        """Nothing at all is neither."""
        for image in (True, False):
            self.assertIn("an empty file", self.fault(b"", image=image))

    @given(st.binary(max_size=300), st.lists(st.integers(1, 40), min_size=1, max_size=9))
    def test_cuts(self, rest: bytes, steps: list[int]) -> None:
        """However it is cut, the base64 is that of the whole."""
        data = PNG[:8] + rest
        arriving = Arriving(FIELD, "", image=True)
        left, turn = data, 0
        while left:
            step = steps[turn % len(steps)]
            arriving.take(left[:step])
            left, turn = left[step:], turn + 1
        self.assertEqual(Inline("image/png", b64encode(data).decode()), arriving.whole())
