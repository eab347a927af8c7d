from __future__ import annotations

import base64

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation import media
from magicgateway.conversation.blocks import (
    Block,
    Document,
    Image,
    Inline,
    Media,
    Plain,
    Remote,
    Stored,
    Text,
    ToolResult,
)
from magicgateway.conversation.capabilities import Capabilities
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.media import Wanted
from magicgateway.errors import ApiError
from tests.conversation.turns_of import asking, placed, turn

PNG = "iVBORw0KGgo="
JPEG = "/9j/4A=="


def base64_of(raw: bytes) -> str:
    """Base64 as text."""
    return base64.b64encode(raw).decode()


class DataUrlTests(SynchronousTestCase):
    """What data URLs hold."""

    def test_contents(self) -> None:
        """Type and content come out in one spelling (I.41, J37)."""
        cases: list[tuple[str, Media]] = [
            ("data:image/png;base64,AA==", Inline("image/png", "AA==")),
            (f"data:image/jpg;base64,{JPEG}", Inline("image/jpeg", JPEG)),
            (f"DATA:IMAGE/JPEG;BASE64,{JPEG}", Inline("image/jpeg", JPEG)),
            ("data:image/png;charset=utf-8;x=y; base64,AA==", Inline("image/png", "AA==")),
            ("data:image/png;base64,A\nA =\t=", Inline("image/png", "AA==")),
            ("data:image/png;base64,AA", Inline("image/png", "AA==")),
            ("data:image/svg+xml,%3Csvg/%3E", Inline("image/svg+xml", "PHN2Zy8+")),
            ("data:application/pdf;base64,JVBERi0=", Inline("application/pdf", "JVBERi0=")),
            ("data:text/plain;base64,w6k=", Plain("\u00e9")),
            ("data:text/csv;charset=utf-8,a%2Cb%0A", Plain("a,b\n", "text/csv")),
            ("data:application/json;base64,e30=", Plain("{}", "application/json")),
            ("data:,x%20y", Plain("x y")),
            ("data:;base64,eA==", Plain("x")),
            ("data:text/plain;base64,/w==", Inline("text/plain", "/w==")),
            ("data:text/plain,%FF", Inline("text/plain", "/w==")),
        ]
        for url, expected in cases:
            with self.subTest(url):
                self.assertTrue(media.is_data_url(url))
                self.assertEqual(expected, media.read_data_url(url, "f"))

    def test_refusals(self) -> None:
        """What is no data URL, or not base64 where it says so, is a 400 that names the field."""
        cases = [
            "data:image/png;base64",
            "data:" + "x" * 1000 + ",",
            "https://x.test/",
            "data:image/png;base64,",
            "data:image/png;base64,A",
            "data:image/png;base64,AAAAA",
            "data:image/png;base64,A=A=",
            "data:image/png;base64,A===",
            "data:image/png;base64,====",
            "data:image/png;base64,AA-_",
            "data:image/png;base64,\u00e9\u00e9\u00e9\u00e9",
            "data:image/png;base64,AA==AA==",
            "data:image/png;base64,AAA==",
        ]
        for url in cases:
            with self.subTest(url[:40]):
                error = self.assertRaises(ApiError, media.read_data_url, url, "the.field")
                self.assertEqual((400, "the.field"), (error.status, error.param))

    @given(st.binary(min_size=1))
    def test_any_bytes(self, raw: bytes) -> None:
        """Any bytes arrive, in base64 with or without padding, or percent-encoded."""
        text = base64_of(raw)
        expected = Inline("image/png", text)
        for data in (text, text.rstrip("="), "\n".join(text)):
            self.assertEqual(expected, media.read_data_url(f"data:image/png;base64,{data}", "f"))
        percent = "".join(f"%{byte:02x}" for byte in raw)
        self.assertEqual(expected, media.read_data_url(f"data:image/png,{percent}", "f"))

    def test_not_copied(self) -> None:
        """Base64 that is well as it is stays the same string."""
        data = "A" * 4096
        self.assertIs(data, media.checked_base64(data, "f"))


class TypeTests(SynchronousTestCase):
    """Media types, told by name and by content."""

    def test_names(self) -> None:
        """The end of a file's name says its type, from a table of our own."""
        cases = [
            ("a.pdf", "application/pdf"),
            ("A.B.JPG", "image/jpeg"),
            ("x.md", "text/markdown"),
            ("x.htm", "text/html"),
            ("x.docx", media.MEDIA_TYPE_OF_FORMAT["docx"]),
            ("x.unknown", None),
            ("", None),
            (None, None),
        ]
        for name, expected in cases:
            self.assertEqual(expected, media.media_type_of_name(name))

    def test_tables(self) -> None:
        """Formats and types lead to each other."""
        self.assertEqual("jpeg", media.FORMAT_OF_MEDIA_TYPE["image/jpeg"])
        self.assertEqual("md", media.FORMAT_OF_MEDIA_TYPE["text/markdown"])
        self.assertEqual(len(media.MEDIA_TYPE_OF_FORMAT), len(media.FORMAT_OF_MEDIA_TYPE))
        self.assertEqual("audio/mpeg", media.media_type(" Audio/MP3 ; rate=1"))

    def test_sniffed(self) -> None:
        """The first bytes tell a type, where they are known."""
        cases = [
            (base64_of(b"\xff\xd8\xff\xe0"), "image/jpeg"),
            (PNG, "image/png"),
            (base64_of(b"GIF89a......"), "image/gif"),
            (base64_of(b"GIF87a"), "image/gif"),
            (base64_of(b"RIFF....WEBPVP8 "), "image/webp"),
            (base64_of(b"RIFF....WAVEfmt "), "audio/wav"),
            (base64_of(b"RIFF....AVI "), None),
            (base64_of(b"%PDF-1.7 and so on"), "application/pdf"),
            (base64_of(b"BM......"), "image/bmp"),
            (base64_of(b"II*\x00"), "image/tiff"),
            ("AA==", None),
            ("A", None),
            ("\u00e9", None),
            ("", None),
        ]
        for data, expected in cases:
            with self.subTest(data):
                self.assertEqual(expected, media.sniffed(Inline("image/png", data)))


class ImageTests(SynchronousTestCase):
    """Pictures that are sent as bytes."""

    def test_accepted(self) -> None:
        """A picture goes under the type that it has; another one declared is reported."""
        cases = [
            ("image/png", PNG, "image/png", []),
            ("image/png", "AA==", "image/png", []),
            ("image/jpg", JPEG, "image/jpeg", []),
            ("image/png", JPEG, "image/jpeg", ["f;rewritten;media-type-corrected"]),
            ("", JPEG, "image/jpeg", ["f;rewritten;media-type-corrected"]),
        ]
        for declared, data, expected, notes in cases:
            with self.subTest(declared, data=data):
                ledger = Ledger()
                checked = media.checked_image(Inline(declared, data), "f", ledger)
                self.assertEqual(Inline(expected, data), checked)
                self.assertEqual(notes, [note.line() for note in ledger.notes])

    def test_unchanged(self) -> None:
        """A picture that is well as it is stays the same value; nobody has to be told."""
        source = Inline("image/png", PNG)
        self.assertIs(source, media.checked_image(source, "f"))
        jpeg = media.checked_image(Inline("image/png", JPEG), "f")
        self.assertEqual("image/jpeg", jpeg.media_type)

    def test_refused(self) -> None:
        """A type that the target does not take is a 400, whatever it was declared as (I.41)."""
        cases = [
            Inline("image/svg+xml", "PHN2Zy8+"),
            Inline("image/heic", "AAAA"),
            Inline("image/png", base64_of(b"BM......")),
            Inline("", "AAAA"),
        ]
        for source in cases:
            with self.subTest(source):
                error = self.assertRaises(ApiError, media.checked_image, source, "the.field")
                self.assertEqual((400, "the.field"), (error.status, error.param))
        with_bmp = media.IMAGE_TYPES | {"image/bmp"}
        self.assertEqual("image/bmp", media.checked_image(cases[2], "f", None, with_bmp).media_type)


URL = "https://x.test/a.png"


class FetchingTests(SynchronousTestCase):
    """What has to be fetched before a request can be written."""

    def test_wanted(self) -> None:
        """What the target does not fetch itself is wanted, each address once."""
        image = Image(source=Remote(URL))
        document = Document(source=Remote("HTTPS://x.test/a.pdf"))
        inside = Document(source=Plain(""), content=(Image(source=Remote("https://x.test/b")),))
        others: list[Block] = [
            Image(source=Remote("s3://bucket/a.png")),
            Image(source=Inline("image/png", PNG)),
            Document(source=Stored("file_1", "anthropic")),
            Text(text=URL),
        ]
        given_request = asking(
            *placed(turn("u", image, document, *others), turn("u", image, inside)),
            *placed(turn("t", ToolResult(call_id="c", content=(Image(source=Remote(URL + "2")),)))),
        )
        cases = [
            (True, True, []),
            (True, False, ["HTTPS://x.test/a.pdf"]),
            (False, True, [URL, "https://x.test/b", URL + "2"]),
            (False, False, [URL, "HTTPS://x.test/a.pdf", "https://x.test/b", URL + "2"]),
        ]
        for image_urls, document_urls, expected in cases:
            capabilities = Capabilities(image_urls=image_urls, document_urls=document_urls)
            wanted = media.remote_sources(given_request, capabilities)
            self.assertEqual(expected, [one.url for one in wanted])
        self.assertEqual(Wanted(URL, "messages[0].content[0]", image=True), wanted[0])
        self.assertEqual((False, "messages[0].content[1]"), (wanted[1].image, wanted[1].field))

    def test_http(self) -> None:
        """An address that is not https is a 400, unless the target takes it itself (J38)."""
        request = asking(*placed(turn("u", Image(source=Remote("http://169.254.169.254/latest")))))
        error = self.assertRaises(
            ApiError, media.remote_sources, request, Capabilities(image_urls=False)
        )
        self.assertEqual((400, "messages[0].content[0]"), (error.status, error.param))
        self.assertEqual((), media.remote_sources(request, Capabilities(image_urls=True)))

    def test_replaced(self) -> None:
        """What was fetched stands where its address stood, everywhere."""
        image, other = Image(source=Remote(URL)), Image(source=Remote("https://y.test/"))
        inline = Inline("image/png", PNG)
        put = evolve(image, source=inline)
        request = asking(
            turn("u", image, other, "x", Document(source=Remote(URL + "2"), content=(image,))),
            turn("t", ToolResult(call_id="c", content=(image,))),
        )
        done = media.with_fetched(request, {URL: inline, URL + "2": Plain("words")})
        self.assertEqual(
            asking(
                turn("u", put, other, "x", Document(source=Plain("words"), content=(put,))),
                turn("t", ToolResult(call_id="c", content=(put,))),
            ),
            done,
        )
        self.assertIs(request, media.with_fetched(request, {}))
