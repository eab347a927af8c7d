from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import (
    Block,
    CacheMark,
    Document,
    Extras,
    Foreign,
    Hosted,
    Image,
    Inline,
    Plain,
    Remote,
    SearchResult,
    Stored,
    Text,
    Thinking,
    Token,
    ToolCall,
    ToolResult,
)
from magicgateway.conversation.ledger import Fields, Ledger
from magicgateway.conversation.sealed import seal
from magicgateway.dialects.anthropic_messages.block_reader import BlockReader
from magicgateway.errors import ApiError
from tests.dialects.anthropic_messages.bodies import lines, text
from tests.dialects.anthropic_messages.test_citations import WEB

MARK = {"type": "ephemeral", "ttl": "1h"}


def read(raw: dict[str, Any], ledger: Ledger | None = None) -> Block:
    return BlockReader(ledger or Ledger()).block(Fields(raw, "b"))


class BlockReaderTests(SynchronousTestCase):
    maxDiff = None

    def test_text(self) -> None:
        """A text keeps its mark, its citations and what nobody knows."""
        block = read(text("a", cache_control={**MARK, "scope": "s"}, citations=[WEB], odd=1))
        assert isinstance(block, Text)
        self.assertEqual(("a", CacheMark("1h")), (block.text, block.cache))
        self.assertEqual([WEB], [citation.raw for citation in block.citations])
        self.assertEqual(
            Extras("anthropic", "b", {"odd": 1, "cache_control.scope": "s"}), block.extras
        )

    def test_media(self) -> None:
        """Pictures and documents from every kind of source."""
        png = {"type": "base64", "media_type": "image/png", "data": "iVBO Rw0K"}
        url = {"type": "url", "url": "https://x.test/a"}
        stored = {"type": "file", "file_id": "file_1"}
        pdf = {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}
        words = {"type": "text", "media_type": "text/plain", "data": "words"}
        cases: list[tuple[str, dict[str, Any], Any]] = [
            ("image", png, Inline("image/png", "iVBORw0K")),
            ("image", url, Remote("https://x.test/a")),
            ("image", stored, Stored("file_1", "anthropic")),
            ("document", pdf, Inline("application/pdf", "JVBERi0=")),
            ("document", url, Remote("https://x.test/a")),
            ("document", stored, Stored("file_1", "anthropic")),
            ("document", words, Plain("words")),
        ]
        for kind, source, expected in cases:
            block = read({"type": kind, "source": source})
            assert isinstance(block, Image | Document)
            self.assertEqual(expected, block.source)

    def test_document(self) -> None:
        """A document has a title, a context, citations, and blocks for its content."""
        source = {"type": "content", "content": [text("a"), text("b")]}
        block = read({
            "type": "document", "source": source, "title": "t", "context": "c",
            "citations": {"enabled": True}, "cache_control": MARK,
        })  # fmt: skip
        assert isinstance(block, Document)
        said = (block.name, block.context, block.cited, block.cache)
        self.assertEqual(("t", "c", True, CacheMark("1h")), said)
        self.assertEqual([text("a"), text("b")], [text(b.text) for b in block.content])  # type: ignore[attr-defined]
        whole = read({"type": "document", "source": {"type": "content", "content": "words"}})
        assert isinstance(whole, Document)
        self.assertEqual((Text(text="words", field="b.source.content"),), whole.content)

    def test_search_result(self) -> None:
        """A hit of the caller's own search."""
        block = read({
            "type": "search_result", "source": "s", "title": "t", "content": [text("c")],
            "citations": {"enabled": False},
        })  # fmt: skip
        self.assertEqual(
            SearchResult(
                source="s",
                title="t",
                content=(Text(text="c", field="b.content[0]"),),
                cited=False,
                field="b",
            ),
            block,
        )

    def test_thinking(self) -> None:
        """Reasoning with its signature, without words, without a signature, and redacted."""
        own = Token("anthropic", "S")
        cases: list[tuple[dict[str, Any], Thinking]] = [
            (
                {"type": "thinking", "thinking": "t", "signature": "S"},
                Thinking(parts=("t",), token=own),
            ),
            ({"type": "thinking", "thinking": "", "signature": "S"}, Thinking(token=own)),
            ({"type": "thinking", "thinking": "t", "signature": ""}, Thinking(parts=("t",))),
            ({"type": "redacted_thinking", "data": "S"}, Thinking(redacted=True, token=own)),
        ]
        for raw, expected in cases:
            block = read(raw)
            assert isinstance(block, Thinking)
            self.assertEqual(
                (expected.parts, expected.token, expected.redacted),
                (block.parts, block.token, block.redacted),
            )

    def test_sealed(self) -> None:
        """What the gateway sealed comes out as it was; what it cannot have made loses its token."""
        foreign = Thinking(parts=("a", "b"), summary=True, token=Token("openai", "E"))
        sealed = seal(foreign)
        for raw in (
            {"type": "thinking", "thinking": "a\n\nb", "signature": sealed},
            {"type": "redacted_thinking", "data": sealed},
        ):
            block = read(raw)
            assert isinstance(block, Thinking)
            self.assertEqual(
                (("a", "b"), True, Token("openai", "E")),
                (block.parts, block.summary, block.token),
            )
        ledger = Ledger()
        block = read({"type": "thinking", "thinking": "a", "signature": "mgw1.!!"}, ledger)
        self.assertEqual(Thinking(parts=("a",), field="b"), block)
        self.assertEqual(["b.signature;dropped;unreadable"], lines(ledger))

    def test_sealed_without_words(self) -> None:
        """A token that was sealed alone gets the words that came beside it."""
        sealed = seal(Thinking(token=Token("gemini", "E")))
        block = read({"type": "thinking", "thinking": "a", "signature": sealed})
        self.assertEqual(Thinking(parts=("a",), token=Token("gemini", "E"), field="b"), block)

    def test_tools(self) -> None:
        """A call's input becomes compact text in the order of its keys; results nest blocks."""
        call = read({
            "type": "tool_use", "id": "i", "name": "n", "input": {"b": 1, "a": "é"},
            "caller": {"type": "direct"}, "cache_control": MARK,
        })  # fmt: skip
        self.assertEqual(
            ToolCall(
                id="i",
                name="n",
                arguments='{"b":1,"a":"é"}',
                cache=CacheMark("1h"),
                field="b",
                extras=Extras("anthropic", "b", {"caller": {"type": "direct"}}),
            ),
            call,
        )
        bare = read({"type": "tool_use", "id": "i", "name": "n"})
        assert isinstance(bare, ToolCall)
        self.assertEqual("{}", bare.arguments)

    def test_results(self) -> None:
        """A result has a string, blocks, or nothing; and says whether the tool failed."""
        cases: list[tuple[dict[str, Any], tuple[int, bool | None]]] = [
            ({}, (0, None)),
            ({"content": "r"}, (1, None)),
            ({"content": [text("r"), text("s")], "is_error": True}, (2, True)),
            ({"content": [], "is_error": False}, (0, False)),
        ]
        for fields, expected in cases:
            block = read({"type": "tool_result", "tool_use_id": "i", **fields})
            assert isinstance(block, ToolResult)
            self.assertEqual(expected, (len(block.content), block.is_error))

    def test_others(self) -> None:
        """Steps of hosted tools and kinds nobody knows are kept whole, without their marks."""
        raw = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}}
        block = read({**raw, "cache_control": MARK})
        assert isinstance(block, Hosted)
        self.assertEqual((raw, CacheMark("1h")), (dict(block.raw), block.cache))
        upload = {"type": "container_upload", "file_id": "f"}
        other = read({**upload, "cache_control": {"type": "ephemeral", "scope": "s"}})
        assert isinstance(other, Foreign)
        self.assertEqual((upload, CacheMark()), (dict(other.raw), other.cache))
        self.assertEqual({"cache_control.scope": "s"}, dict(other.extras.fields))

    def test_refusals(self) -> None:
        """What no reader of Messages would take is refused by its place (case I.71)."""
        cases: list[tuple[dict[str, Any], str]] = [
            ({}, "b.type"),
            ({"type": "text"}, "b.text"),
            (text("x", citations=[1]), "b.citations[0]"),
            ({"type": "image"}, "b.source"),
            ({"type": "image", "source": {"type": "odd"}}, "b.source.type"),
            ({"type": "image", "source": {"type": "text", "data": ""}}, "b.source.type"),
            ({"type": "document", "source": {"type": "odd"}}, "b.source.type"),
            (
                {"type": "image", "source": {"type": "base64", "media_type": "t", "data": "!"}},
                "b.source.data",
            ),
            ({"type": "tool_use", "id": "i", "name": "n", "input": "x"}, "b.input"),
            ({"type": "tool_result"}, "b.tool_use_id"),
            ({"type": "tool_result", "tool_use_id": "i", "content": 1}, "b.content"),
            ({"type": "tool_result", "tool_use_id": "i", "content": ["x"]}, "b.content[0]"),
            ({"type": "redacted_thinking"}, "b.data"),
        ]
        for raw, place in cases:
            refused = self.assertRaises(ApiError, read, raw)
            self.assertEqual((400, place), (refused.status, refused.param))
