from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import (
    Audio,
    Block,
    CacheMark,
    Document,
    Extras,
    Foreign,
    Image,
    Inline,
    Plain,
    Refusal,
    Remote,
    Stored,
    Text,
    Thinking,
    Token,
    Video,
)
from magicgateway.conversation.ledger import Fields, Ledger
from magicgateway.dialects.openai_chat.part_reader import read_content
from magicgateway.errors import ApiError

AT = "m.content[0]"


def content(value: Any) -> tuple[tuple[Block, ...], bool]:
    return read_content(Fields({"content": value}, "m"), Ledger())


PARTS: list[tuple[Any, Block]] = [
    ("bare", Text(text="bare")),
    ({"type": "text", "text": "t"}, Text(text="t")),
    ({"text": "t"}, Text(text="t")),
    ({"type": "refusal", "refusal": "no"}, Refusal(text="no")),
    (
        {"type": "image_url", "image_url": {"url": "https://x.test/a", "detail": "low"}},
        Image(source=Remote("https://x.test/a"), detail="low"),
    ),
    (
        {"type": "image_url", "image_url": "http://x.test/a"},
        Image(source=Remote("http://x.test/a")),
    ),
    (
        {"type": "image_url", "image_url": {"url": "data:image/jpg;base64,/9j/ AAAA"}},
        Image(source=Inline("image/jpeg", "/9j/AAAA")),
    ),
    (
        {"type": "image_url", "image_url": {"url": "data:application/pdf;base64,JVBERi0x"}},
        Document(source=Inline("application/pdf", "JVBERi0x")),
    ),
    (
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
        Audio(source=Inline("audio/mp3", "AAAA"), form="mp3"),
    ),
    (
        {"type": "file", "file": {"file_data": "JVBERi0x", "filename": "a.pdf"}},
        Document(source=Inline("application/pdf", "JVBERi0x"), name="a.pdf"),
    ),
    (
        {"type": "file", "file": {"file_data": "aGk=", "filename": "a.md"}},
        Document(source=Plain("hi", "text/markdown"), name="a.md"),
    ),
    (
        {"type": "file", "file": {"file_data": "data:image/png;base64,iVBORw0KGgo="}},
        Image(source=Inline("image/png", "iVBORw0KGgo=")),
    ),
    (
        {"type": "file", "file": {"file_data": "AAAA"}},
        Document(source=Inline("application/octet-stream", "AAAA")),
    ),
    (
        {"type": "file", "file": {"file_id": "file-1"}},
        Document(source=Stored("file-1", "openai")),
    ),
    (
        {"type": "file", "file": {"file_id": "file_1"}},
        Document(source=Stored("file_1", "anthropic")),
    ),
    (
        {"type": "file", "file": {"file_url": "https://x.test/a.pdf"}},
        Document(source=Remote("https://x.test/a.pdf")),
    ),
    (
        {"type": "thinking", "thinking": "w", "signature": "S"},
        Thinking(parts=("w",), token=Token("anthropic", "S")),
    ),
    (
        {"type": "hologram", "x": 1},
        Foreign(family="openai_chat", kind="hologram", raw={"type": "hologram", "x": 1}),
    ),
    (
        {"type": "video_url", "video_url": {"url": "s3://b/k.mp4"}},
        Video(source=Remote("s3://b/k.mp4")),
    ),
    (
        {"type": "video_url", "video_url": "data:video/mp4;base64,AAAA"},
        Video(source=Inline("video/mp4", "AAAA")),
    ),
]


class ContentTests(SynchronousTestCase):
    maxDiff = None

    def test_strings(self) -> None:
        """A string is one text, nothing is none, and it is remembered which it was."""
        self.assertEqual(((Text(text="hi", field="m.content"),), True), content("hi"))
        self.assertEqual(((), False), content(None))

    def test_parts(self) -> None:
        """Each kind of part is the block that it says."""
        for given, expected in PARTS:
            blocks, whole = content([given])
            found = [(type(b), _without_place(b)) for b in blocks]
            self.assertEqual(([(type(expected), expected)], False), (found, whole), given)
            self.assertEqual([AT], [block.field for block in blocks])

    def test_marks(self) -> None:
        """Either spelling of a cache mark is one, and other fields of a part are kept."""
        for name, mark in (
            ("cache_control", {"type": "ephemeral", "ttl": "1h"}),
            ("prompt_cache_breakpoint", {"mode": "explicit", "ttl": "1h"}),
        ):
            ((block,), _) = content([{"type": "text", "text": "t", name: mark, "x": 1}])
            self.assertEqual(CacheMark("1h"), block.cache)
            self.assertEqual(Extras("openai_chat", AT, {"x": 1}), block.extras)

    def test_inner_extras(self) -> None:
        """Fields in the object of a part are kept with their path."""
        for part in (
            {"type": "image_url", "image_url": {"url": "https://x.test/a", "x": 1}},
            {"type": "input_audio", "input_audio": {"data": "AAAA", "x": 1}},
            {"type": "file", "file": {"file_id": "i", "x": 1}},
        ):
            ((block,), _) = content([part])
            self.assertEqual({f"{part['type']}.x": 1}, dict(block.extras.fields))

    def test_refusals(self) -> None:
        """What no reader of the API would take is refused by its path."""
        cases: list[tuple[Any, str]] = [
            (7, "m.content"),
            ([7], AT),
            ([{}], AT + ".type"),
            ([{"type": "text"}], AT + ".text"),
            ([{"type": "image_url"}], AT + ".image_url"),
            ([{"type": "image_url", "image_url": {"url": "ftp://x"}}], AT + ".image_url.url"),
            ([{"type": "input_audio"}], AT + ".input_audio"),
            ([{"type": "file"}], AT + ".file"),
            ([{"type": "video_url"}], AT + ".video_url"),
            ([{"type": "file", "file": {}}], AT + ".file"),
            ([{"type": "text", "text": "t", "cache_control": {"type": "x"}}],
             AT + ".cache_control.type"),
        ]  # fmt: skip
        for given, place in cases:
            refused = self.assertRaises(ApiError, content, given)
            self.assertEqual((400, place), (refused.status, refused.param))


def _without_place(block: Block) -> Block:
    return evolve(block, field="")
