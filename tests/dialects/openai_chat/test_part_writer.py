from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import (
    Audio,
    Block,
    CacheMark,
    Citation,
    Document,
    Extras,
    Foreign,
    Hosted,
    Image,
    Inline,
    Plain,
    Refusal,
    Remote,
    SearchResult,
    Stored,
    Text,
    Thinking,
    Token,
    Video,
)
from magicgateway.conversation.capabilities import Capabilities, ChatAbilities
from magicgateway.conversation.ledger import Ledger
from magicgateway.dialects.openai_chat.part_writer import PartWriter, content_of, text_part
from magicgateway.errors import ApiError
from tests.dialects.openai_chat.bodies import lines

PNG = Inline("image/png", "iVBORw0KGgo=")
PDF = Inline("application/pdf", "JVBERi0x")


def parts(block: Block, **able: Any) -> tuple[list[dict[str, Any]], list[str]]:
    ledger = Ledger()
    written = PartWriter(Capabilities(**able), ledger).part(evolve(block, field="b"))
    return written, lines(ledger)


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def image(url: str, **fields: Any) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url, **fields}}


class PartTests(SynchronousTestCase):
    maxDiff = None

    def test_blocks(self) -> None:
        """I.71 among others: each block is the part that says it."""
        cases: list[tuple[Block, dict[str, Any], list[dict[str, Any]]]] = [
            (Text(text="t"), {}, [text("t")]),
            (Text(text=""), {}, []),
            (Refusal(text="no"), {}, [text("no")]),
            (Image(source=PNG), {}, [image("data:image/png;base64,iVBORw0KGgo=")]),
            (Image(source=Inline("image/jpg", "/9j/AAAA")), {},
             [image("data:image/jpeg;base64,/9j/AAAA")]),
            (Image(source=Remote("https://x.test/a"), detail="low"), {},
             [image("https://x.test/a", detail="low")]),
            (Document(source=PDF), {},
             [{"type": "file", "file": {"filename": "document.pdf",
               "file_data": "data:application/pdf;base64,JVBERi0x"}}]),
            (Document(source=Plain("w"), name="a b"), {},
             [text("<document title='a b'>\nw\n</document>")]),
            (Document(source=Remote("https://x.test/a"), name="n"), {"document_urls": True},
             [{"type": "file", "file": {"file_url": "https://x.test/a", "filename": "n"}}]),
            (Document(source=Stored("i", "openai")), {},
             [{"type": "file", "file": {"file_id": "i"}}]),
            (SearchResult(source="u", title="T", content=(Text(text="w"),)), {},
             [text("T\nu\nw")]),
            (Video(source=Inline("video/mp4", "AAAA")), {},
             [{"type": "video_url", "video_url": {"url": "data:video/mp4;base64,AAAA"}}]),
            (Video(source=Remote("https://x.test/a")), {},
             [{"type": "video_url", "video_url": {"url": "https://x.test/a"}}]),
            (Audio(source=Inline("audio/mpeg", "AAAA")), {"audio": True},
             [{"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}}]),
            (Foreign(family="openai_chat", kind="v", raw={"type": "v"}), {}, [{"type": "v"}]),
        ]  # fmt: skip
        for block, able, expected in cases:
            written, notes = parts(block, **able)
            self.assertEqual((expected, []), (written, notes))

    def test_losses(self) -> None:
        """What a part has no place for is reported."""
        hosted = Hosted(family="anthropic", kind="web_search_tool_result", raw={}, text="found")
        cases: list[tuple[Block, list[dict[str, Any]], list[str]]] = [
            (Text(text="t", citations=(Citation(kind="url"),)), [text("t")],
             ["b.citations;dropped"]),
            (Text(text="t", token=Token("gemini", "S")), [text("t")],
             ["b.signature;dropped;foreign-reasoning"]),
            (Text(text="t", cache=CacheMark()), [text("t")], ["b.cache_control;dropped"]),
            (Text(text="", cache=CacheMark()), [], ["b.cache_control;dropped"]),
            (Text(text=" \n"), [], ["b;dropped;blank"]),
            (Image(source=PNG, name="n"), [image("data:image/png;base64,iVBORw0KGgo=")],
             ["b.filename;dropped"]),
            (Text(text="t", extras=Extras("anthropic", "b", {"x": 1})), [text("t")],
             ["b.x;dropped"]),
            (hosted, [text("found")], ["b;rewritten;told-as-text"]),
            (evolve(hosted, text=""), [], ["b;dropped"]),
            (Thinking(parts=("w",)), [], ["b;dropped;foreign-reasoning"]),
            (Document(source=Plain("w"), context="c", cited=True),
             [text("<document>\nw\n</document>")], ["b.context;dropped", "b.citations;dropped"]),
            (Document(source=Plain(""), content=(Text(text="w"), Image(source=PNG))),
             [text("<document>"), text("w"), image("data:image/png;base64,iVBORw0KGgo="),
              text("</document>")], ["b;rewritten;document-as-parts"]),
            (SearchResult(source="u", title="T", cited=True), [text("T\nu")],
             ["b.citations;dropped"]),
        ]  # fmt: skip
        for block, expected, expected_notes in cases:
            written, notes = parts(block)
            self.assertEqual((expected, expected_notes), (written, notes))

    def test_refusals(self) -> None:
        """What an answer would be wrong without is refused, never left out."""
        cases: list[tuple[Block, dict[str, Any]]] = [
            (Image(source=PNG), {"images": False}),
            (Image(source=Remote("https://x.test/a")), {"image_urls": False}),
            (Image(source=Stored("i", "anthropic")), {}),
            (Image(source=Inline("image/svg+xml", "AAAA")), {}),
            (Document(source=PDF), {"documents": False}),
            (Document(source=Remote("https://x.test/a")), {}),
            (Document(source=Stored("i", "anthropic")), {}),
            (Audio(source=Inline("audio/wav", "AAAA")), {}),
            (Audio(source=Stored("i", "openai")), {"audio": True}),
            (Video(source=Stored("i", "openai")), {}),
            (Foreign(family="anthropic", kind="container_upload", raw={}), {}),
        ]
        for block, able in cases:
            refused = self.assertRaises(ApiError, parts, block, **able)
            self.assertEqual((400, "b"), (refused.status, refused.param))

    def test_marks(self) -> None:
        """A cache mark is written as the target spells it, with a lifetime that it knows."""
        cases: list[tuple[str, str | None, dict[str, Any]]] = [
            ("prompt_cache_breakpoint", None, {"mode": "explicit"}),
            ("prompt_cache_breakpoint", "5m", {"mode": "explicit"}),
            ("prompt_cache_breakpoint", "1h", {"mode": "explicit", "ttl": "30m"}),
            ("prompt_cache_breakpoint", "12h", {"mode": "explicit", "ttl": "12h"}),
            ("cache_control", None, {"type": "ephemeral"}),
            ("cache_control", "5m", {"type": "ephemeral", "ttl": "5m"}),
            ("cache_control", "30m", {"type": "ephemeral", "ttl": "1h"}),
        ]
        for name, ttl, expected in cases:
            able = {"chat": ChatAbilities(cache_marks=name)}
            written, notes = parts(Text(text="t", cache=CacheMark(ttl)), **able)
            lost = (
                []
                if ttl == expected.get("ttl") or (ttl, name) == ("30m", "cache_control")
                else ["b.cache_control.ttl;rewritten;nearest-lifetime"]
            )
            self.assertEqual(([{**text("t"), name: expected}], lost), (written, notes))

    def test_whole_marks(self) -> None:
        """Calls and tools have marks only where a provider took that over from Anthropic."""
        for name, written, notes in (
            ("", {}, ["b.cache_control;dropped"]),
            ("prompt_cache_breakpoint", {}, ["b.cache_control;dropped"]),
            ("cache_control", {"cache_control": {"type": "ephemeral"}}, []),
        ):
            ledger = Ledger()
            able = Capabilities(chat=ChatAbilities(cache_marks=name))
            target: dict[str, Any] = {}
            PartWriter(able, ledger).mark_whole(target, CacheMark(), "b")
            PartWriter(able, ledger).mark_whole(target, None, "c")
            self.assertEqual((written, notes), (target, lines(ledger)))

    def test_content(self) -> None:
        """Plain texts are one string where that says the same."""
        two = [text_part("a"), text_part("b")]
        self.assertEqual("a", content_of(two[:1], None))
        self.assertEqual(two, content_of(two, None))
        self.assertEqual("a\nb", content_of(two, "\n"))
        marked = [{**text_part("a"), "x": 1}]
        self.assertEqual(marked, content_of(marked, "\n"))
