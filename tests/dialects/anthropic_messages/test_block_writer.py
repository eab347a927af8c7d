from __future__ import annotations

from typing import Any

from attrs import evolve
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
    Remote,
    SearchResult,
    Stored,
    Text,
    Thinking,
    Token,
    ToolCall,
    ToolResult,
)
from magicgateway.conversation.capabilities import Capabilities
from magicgateway.conversation.ledger import Fields, Ledger
from magicgateway.dialects.anthropic_messages.block_reader import BlockReader
from magicgateway.dialects.anthropic_messages.block_writer import (
    BlockWriter,
    content_of,
    mark_of,
    text_block,
)
from magicgateway.errors import ApiError
from tests.dialects.anthropic_messages.bodies import ABLE, lines, text
from tests.dialects.anthropic_messages.test_citations import WEB

PNG = "iVBORw0KGgo="


def write(block: Block, capabilities: Capabilities = ABLE) -> tuple[dict[str, Any], list[str]]:
    ledger = Ledger()
    writer = BlockWriter(capabilities, {"w"}, ledger)
    return writer.block(evolve(block, field="b")), lines(ledger)


class BlockWriterTests(SynchronousTestCase):
    maxDiff = None

    def test_there_and_back(self) -> None:
        """What was read of a block is written as it was, unknown fields included."""
        mark = {"type": "ephemeral", "ttl": "1h", "scope": "s"}
        image = {"type": "base64", "media_type": "image/png", "data": PNG, "odd": 1}
        pdf = {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}
        blocks: list[dict[str, Any]] = [
            text("a", cache_control=mark, citations=[WEB], odd=1),
            {"type": "image", "source": image, "transformations": {}},
            {"type": "image", "source": {"type": "url", "url": "https://x.test"}},
            {"type": "image", "source": {"type": "file", "file_id": "file_1"}},
            {
                "type": "document",
                "source": pdf,
                "title": "t",
                "context": "c",
                "citations": {"enabled": True, "odd": 1},
            },
            {
                "type": "document",
                "source": {"type": "text", "media_type": "text/plain", "data": "d"},
            },
            {"type": "document", "source": {"type": "url", "url": "https://x.test"}},
            {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
            {"type": "document", "source": {"type": "content", "content": [text("a"), text("b")]}},
            {
                "type": "search_result",
                "source": "s",
                "title": "t",
                "content": [text("c")],
                "citations": {"enabled": False},
            },
            {"type": "search_result", "source": "s", "title": "t", "content": [text("c")]},
            {"type": "thinking", "thinking": "t", "signature": "S"},
            {"type": "redacted_thinking", "data": "D"},
            {
                "type": "tool_use",
                "id": "i",
                "name": "f",
                "input": {"b": [1, None], "a": 1.5},
                "caller": {"type": "direct"},
            },
            {"type": "tool_result", "tool_use_id": "i"},
            {"type": "tool_result", "tool_use_id": "i", "content": "r", "is_error": True},
            {
                "type": "tool_result",
                "tool_use_id": "i",
                "content": [text("r"), {"type": "tool_reference", "tool_name": "f"}],
                "cache_control": mark,
            },
            {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}, "odd": 1},
            {"type": "container_upload", "file_id": "f", "cache_control": mark},
        ]
        for raw in blocks:
            ledger = Ledger()
            block = BlockReader(ledger).block(Fields(raw, "b"))
            self.assertEqual(raw, BlockWriter(ABLE, (), ledger).block(block))
            self.assertEqual([], lines(ledger))

    def test_marks(self) -> None:
        """Lifetimes that only others have become the long one."""
        for ttl, expected, notes in (
            (None, {"type": "ephemeral"}, []),
            ("5m", {"type": "ephemeral", "ttl": "5m"}, []),
            ("1h", {"type": "ephemeral", "ttl": "1h"}, []),
            ("30m", {"type": "ephemeral", "ttl": "1h"}, []),
            (
                "12h",
                {"type": "ephemeral", "ttl": "1h"},
                ["b.cache_control.ttl;rewritten;nearest-lifetime"],
            ),
        ):
            ledger = Ledger()
            self.assertEqual(expected, mark_of(CacheMark(ttl), "b", ledger))
            self.assertEqual(notes, lines(ledger))

    def test_calls(self) -> None:
        """Arguments are objects; free text and arguments that are none are wrapped (I.16, I.17)."""
        for call, expected in (
            (ToolCall(id="i", name="f", arguments=""), {}),
            (ToolCall(id="i", name="f", arguments="{bad"), {"_raw_arguments": "{bad"}),
            (ToolCall(id="i", name="f", arguments="x y", kind="custom"), {"input": "x y"}),
            (ToolCall(id="i", name="w", arguments="[1]"), {"input": [1]}),
        ):
            self.assertEqual(expected, write(call)[0]["input"])

    def test_pictures(self) -> None:
        """A picture goes under its real type; one named a file is a picture too (case I.41)."""
        jpeg = Inline("image/png", "/9j/4AAQ")
        written, notes = write(Image(source=jpeg, detail="high"))
        self.assertEqual(
            {"type": "base64", "media_type": "image/jpeg", "data": "/9j/4AAQ"}, written["source"]
        )
        self.assertEqual(["b.detail;dropped", "b;rewritten;media-type-corrected"], notes)
        written, notes = write(Document(source=Inline("image/png", PNG), name="a.png"))
        self.assertEqual(("image", ["b.filename;dropped"]), (written["type"], notes))
        _, notes = write(Document(source=Inline("image/png", PNG)))
        self.assertEqual([], notes)

    def test_results(self) -> None:
        """A result that is one plain text is a string, and nothing where it says nothing (I.18)."""
        for content, expected in (
            ((), None),
            ((Text(text="r"),), "r"),
            (
                (Text(text="r", cache=CacheMark()),),
                [text("r", cache_control={"type": "ephemeral"})],
            ),
            ((Text(text="r"), Text(text="s")), [text("r"), text("s")]),
        ):
            written, _ = write(ToolResult(call_id="i", content=content))
            self.assertEqual(expected, written.get("content"))

    def test_other_texts(self) -> None:
        """Any text is sent as plain text, whatever its type; several parts of reasoning as one."""
        written, _ = write(Document(source=Plain("a,b", "text/csv"), name="a.csv"))
        self.assertEqual(
            {
                "type": "document",
                "source": {"type": "text", "media_type": "text/plain", "data": "a,b"},
                "title": "a.csv",
            },
            written,
        )
        written, _ = write(Thinking(parts=("a", "b"), token=Token("anthropic", "S")))
        self.assertEqual("a\n\nb", written["thinking"])

    def test_refusals(self) -> None:
        """What the model cannot be given is refused by its place."""
        blind = evolve(ABLE, images=False, documents=False)
        near = evolve(ABLE, image_urls=False, document_urls=False)
        pdf = Inline("application/pdf", "JVBERi0=")
        far = Remote("https://x.test")
        cases: list[tuple[Block, Capabilities]] = [
            (Image(source=Inline("image/png", PNG)), blind),
            (Image(source=Inline("image/bmp", "AAAA")), ABLE),
            (Image(source=Plain("<svg>", "image/svg+xml")), ABLE),
            (Image(source=far), near),
            (Image(source=Remote("http://x.test")), ABLE),
            (Image(source=Stored("file-1", "openai")), ABLE),
            (Document(source=pdf), blind),
            (Document(source=Inline("application/zip", "AAAA")), ABLE),
            (Document(source=far), near),
            (Document(source=Remote("ftp://x.test")), ABLE),
            (Document(source=Stored("file-1", "openai")), ABLE),
            (Audio(source=pdf), ABLE),
        ]
        for block, capabilities in cases:
            refused = self.assertRaises(ApiError, write, block, capabilities)
            self.assertEqual((400, "b"), (refused.status, refused.param))

    def test_content(self) -> None:
        """One text without anything is a string; all else stays blocks."""
        self.assertEqual("a", content_of([text_block("a")]))
        for blocks in ([], [text("a", odd=1)], [text("a"), text("b")]):
            self.assertEqual(blocks, content_of(blocks))

    def test_unknown(self) -> None:
        """A block of a kind that only this family knows is given as it was."""
        raw = {"type": "odd", "a": 1}
        written, _ = write(Foreign(family="anthropic", kind="odd", raw=raw))
        self.assertEqual(raw, written)
        hit = SearchResult(source="s", title="t", cited=True)
        self.assertEqual({"enabled": True}, write(hit)[0]["citations"])
