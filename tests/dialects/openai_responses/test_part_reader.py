from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import (
    Audio,
    Block,
    CacheMark,
    Document,
    Foreign,
    Image,
    Inline,
    Plain,
    Refusal,
    Remote,
    Stored,
    Text,
)
from magicgateway.errors import ApiError
from tests.dialects.openai_responses.judge import Json, body, read, says

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
PDF = "JVBERi0xLjQK"


class ReadContentTests(SynchronousTestCase):
    def block(self, part: Any) -> Block:
        request, notes = read(body(says("user", [part])))
        self.assertEqual([], notes)
        return request.turns[0].blocks[0]

    def test_parts(self) -> None:
        """G.2: every kind of part, and every way in which its bytes are given."""
        url = f"data:image/png;base64,{PNG}"
        cases: list[tuple[Json, type[Block], Any]] = [
            ({"type": "input_text", "text": "a"}, Text, None),
            ({"type": "output_text", "text": "a", "annotations": [], "logprobs": []}, Text, None),
            ({"type": "refusal", "refusal": "no"}, Refusal, None),
            ({"type": "input_image", "image_url": url}, Image, Inline("image/png", PNG)),
            ({"type": "input_image", "image_url": "https://x.test/a.png"}, Image,
             Remote("https://x.test/a.png")),
            ({"type": "input_image", "file_id": "file-1"}, Image, Stored("file-1", "openai")),
            ({"type": "input_image", "image_url": f"data:application/pdf;base64,{PDF}"}, Document,
             Inline("application/pdf", PDF)),
            ({"type": "input_image", "image_url": "data:,hi"}, Document, Plain("hi")),
            ({"type": "input_file", "file_data": f"data:application/pdf;base64,{PDF}"}, Document,
             Inline("application/pdf", PDF)),
            ({"type": "input_file", "file_data": PDF}, Document, Inline("application/pdf", PDF)),
            ({"type": "input_file", "file_data": "aGk=", "filename": "a.md"}, Document,
             Plain("hi", "text/markdown")),
            ({"type": "input_file", "file_data": PNG}, Image, Inline("image/png", PNG)),
            ({"type": "input_file", "file_data": "AAAA"}, Document,
             Inline("application/octet-stream", "AAAA")),
            ({"type": "input_file", "file_id": "file_a"}, Document, Stored("file_a", "anthropic")),
            ({"type": "input_file", "file_url": "https://x.test/a.pdf"}, Document,
             Remote("https://x.test/a.pdf")),
            ({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}}, Audio,
             Inline("audio/mp3", "AAAA")),
            ({"type": "hologram", "x": 1}, Foreign, None),
        ]  # fmt: skip
        for part, kind, source in cases:
            block = self.block(part)
            self.assertIsInstance(block, kind, part)
            self.assertEqual(source, getattr(block, "source", None))
            self.assertEqual("input[0].content[0]", block.field)

    def test_citation(self) -> None:
        """Citations of an earlier answer are kept with its words."""
        note = {"type": "url_citation", "url": "u", "title": "t", "start_index": 0, "end_index": 1}
        block = self.block({"type": "output_text", "text": "a", "annotations": [note]})
        assert isinstance(block, Text)
        (citation,) = block.citations
        self.assertEqual(("url", "u", "t", 0, 1),
                         (citation.kind, citation.url, citation.title, citation.start,
                          citation.end))  # fmt: skip
        self.assertEqual(note, dict(citation.raw))

    def test_cache_mark(self) -> None:
        """A breakpoint of the prompt's cache is a mark after the part."""
        mark = {"mode": "explicit", "ttl": "12h"}
        block = self.block({"type": "input_text", "text": "a", "prompt_cache_breakpoint": mark})
        self.assertEqual(CacheMark("12h"), block.cache)

    def test_extras(self) -> None:
        """What nobody knows of a part is kept with it."""
        block = self.block({"type": "input_audio", "odd": 1, "input_audio": {
            "data": "AAAA", "format": "wav", "odd": 2}})  # fmt: skip
        self.assertEqual({"odd": 1, "input_audio.odd": 2}, dict(block.extras.fields))

    def test_refused(self) -> None:
        """Parts that lack what they are about are refused."""
        cases: list[tuple[Any, str]] = [
            (7, ""),
            ({}, ".type"),
            ({"type": "input_text"}, ".text"),
            ({"type": "input_image"}, ""),
            ({"type": "input_image", "image_url": "ftp://x"}, ".image_url"),
            ({"type": "input_file"}, ""),
            ({"type": "input_audio"}, ".input_audio"),
            ({"type": "input_text", "text": "a", "prompt_cache_breakpoint": {"mode": "x"}},
             ".prompt_cache_breakpoint.mode"),
        ]  # fmt: skip
        for part, field in cases:
            error = self.assertRaises(ApiError, read, body(says("user", [part])))
            self.assertEqual(f"input[0].content[0]{field}", error.param)
        error = self.assertRaises(ApiError, read, body(says("user", 7)))
        self.assertEqual("input[0].content", error.param)
