from __future__ import annotations

import base64

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import (
    Audio,
    Document,
    Image,
    Inline,
    Plain,
    Remote,
    Stored,
    Text,
    Video,
)
from magicgateway.conversation.ledger import Fields, Ledger
from magicgateway.dialects.bedrock_converse.media import (
    DocumentNames,
    read_source,
    s3_location,
    type_of,
    write_audio,
    write_document,
    write_image,
    write_video,
)
from magicgateway.errors import ApiError
from tests.dialects.bedrock_converse.bodies import chat, from_chat, lines, says

S3 = "s3://bucket/key"


class ReadTests(SynchronousTestCase):
    def test_types(self) -> None:
        """A format's type is of the kind it stands in."""
        cases = {
            ("image", "jpeg"): "image/jpeg",
            ("video", "mp4"): "video/mp4",
            ("audio", "mp4"): "audio/mp4",
            ("audio", "opus"): "audio/opus",
            ("document", "md"): "text/markdown",
            ("document", "?"): "",
        }
        for (kind, form), expected in cases.items():
            self.assertEqual(expected, type_of(kind, form))

    def test_sources(self) -> None:
        """Each kind of source is read; another is none."""
        bytes_ = read_source(Fields({"bytes": "iVBO"}), "image/png")
        self.assertEqual((Inline("image/png", "iVBO"), {}), bytes_)
        located, inner = read_source(Fields({"s3Location": {"uri": S3}}), "image/png")
        self.assertEqual(Remote(S3, "image/png"), located)
        self.assertEqual({"s3Location"}, inner.keys())
        self.assertEqual((Plain("x"), {}), read_source(Fields({"text": "x"}), ""))
        self.assertEqual((None, {}), read_source(Fields({"other": 1}), ""))


class WriteTests(SynchronousTestCase):
    maxDiff = None

    def test_pictures(self) -> None:
        """J37: a picture goes under the type that it has; others than four are refused."""
        ledger = Ledger()
        image = Image(source=Inline("image/jpg", "/9j/4A=="), field="f", detail="high")
        self.assertEqual(
            {"format": "jpeg", "source": {"bytes": "/9j/4A=="}}, write_image(image, ledger)
        )
        self.assertEqual(["f.detail;dropped"], lines(ledger))
        for source in (Inline("image/svg+xml", "PHN2Zz4="), Inline("image/bmp", "Qk0=")):
            self.assertRaises(ApiError, write_image, Image(source=source), Ledger())

    def test_addresses(self) -> None:
        """J38: an address in S3 passes, with the format that it tells; no other does."""
        image = Image(source=Remote(f"{S3}.jpg"))
        expected = {"format": "jpeg", "source": {"s3Location": {"uri": f"{S3}.jpg"}}}
        self.assertEqual(expected, write_image(image, Ledger()))
        video = Video(source=Remote(S3, "video/mp4"))
        self.assertEqual("mp4", write_video(video)["format"])
        audio = Audio(source=Remote(f"{S3}.wav"))
        self.assertEqual("wav", write_audio(audio)["format"])
        document = Document(source=Remote(f"{S3}.pdf"))
        self.assertEqual("pdf", write_document(document, "d")["format"])
        self.assertIsNone(s3_location(Remote("https://x.test/a.png")))
        for source in (Remote("https://x.test/a.png"), Stored("file-1", "openai"), Remote(S3)):
            self.assertRaises(ApiError, write_image, Image(source=source), Ledger())
        body = chat(
            says("user", [{"type": "image_url", "image_url": {"url": "http://169.254.169.254/x"}}])
        )
        with self.assertRaises(ApiError) as caught:
            from_chat(body)
        self.assertEqual("messages[0].content[0]", caught.exception.param)

    def test_films_and_sound(self) -> None:
        """Films and sound go under their formats."""
        film = Video(source=Inline("video/quicktime", "AAAA"))
        self.assertEqual({"format": "mov", "source": {"bytes": "AAAA"}}, write_video(film))
        sound = Audio(source=Inline("audio/mpeg", "AAAA"), form="mp3")
        self.assertEqual({"format": "mp3", "source": {"bytes": "AAAA"}}, write_audio(sound))
        self.assertEqual("wav", write_audio(Audio(source=Inline("audio/x-wav", "AAAA")))["format"])
        self.assertRaises(ApiError, write_audio, Audio(source=Inline("audio/midi", "AAAA")))
        self.assertRaises(ApiError, write_video, Video(source=Inline("video/x", "AAAA")))

    def test_documents(self) -> None:
        """A document goes under the format of its type, of its name, or as text."""
        cases: list[tuple[Document, str]] = [
            (Document(source=Inline("application/pdf", "AAAA")), "pdf"),
            (Document(source=Inline("application/octet-stream", "AAAA"), name="a.docx"), "docx"),
            (Document(source=Inline("text/x-python", "AAAA")), "txt"),
            (Document(source=Plain("a,b", "text/csv")), "csv"),
            (Document(source=Plain("{}", "application/json")), "txt"),
        ]
        for document, form in cases:
            written = write_document(document, "d")
            self.assertEqual((form, "d"), (written["format"], written["name"]))
        raw = write_document(Document(source=Plain("é")), "d")["source"]["bytes"]
        self.assertEqual("é", base64.b64decode(raw).decode())
        for kind in ("application/zip", "image/png"):
            self.assertRaises(ApiError, write_document, Document(source=Inline(kind, "A")), "d")

    def test_content(self) -> None:
        """A document of blocks is one of texts, or refused."""
        source = Plain("")
        texts = Document(source=source, content=(Text(text="a"), Text(text="b")))
        self.assertEqual(
            {"name": "d", "source": {"content": [{"text": "a"}, {"text": "b"}]}},
            write_document(texts, "d"),
        )
        other = Document(source=source, content=(Image(source=Inline("image/png", "A")),))
        self.assertRaises(ApiError, write_document, other, "d")


class NameTests(SynchronousTestCase):
    def test_names(self) -> None:
        """J39: names are legal and differ; those that already are stay as they are."""
        ledger = Ledger()
        names = DocumentNames()
        cases = [
            (None, "doc-1"),
            ("Q3 report.final.pdf", "Q3 report final"),
            ("Q3 report.final.pdf", "Q3 report final (2)"),
            ("fine [1] (a)-_", "fine [1] (a)-_"),
            ("two  spaces\u3000.pdf", "two spaces"),
            ("...", "doc-6"),
            ("x" * 250, "x" * 200),
            ("x" * 250, "x" * 196 + " (2)"),
            ("archive.tar.gz", "archive tar gz"),
        ]
        for given, expected in cases:
            document = Document(source=Plain(""), name=given, field="d")
            self.assertEqual(expected, names.name(document, ledger), given)
        self.assertEqual(["d.name;rewritten;renamed"], lines(ledger))
        unnamed = Ledger()
        DocumentNames().name(Document(source=Plain("")), unnamed)
        self.assertEqual([], lines(unnamed))
