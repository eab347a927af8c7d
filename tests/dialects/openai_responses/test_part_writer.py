from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import (
    ANTHROPIC,
    OPENAI,
    Audio,
    Block,
    CacheMark,
    Document,
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
    Video,
)
from magicgateway.conversation.capabilities import Capabilities
from magicgateway.conversation.ledger import Ledger
from magicgateway.dialects.openai_responses.part_writer import PartWriter
from magicgateway.errors import ApiError
from tests.dialects.openai_responses.judge import ABLE, Json, again, body, says
from tests.judging import unjudged

URL = "data:image/png;base64,AAAA"
PARTS: list[Json] = [
    {"type": "input_text", "text": "a"},
    {"type": "input_text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}},
    {"type": "input_image", "detail": "low", "image_url": URL},
    {"type": "input_image", "detail": "auto", "image_url": "https://x.test/a.png",
     "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "12h"}},
    {"type": "input_image", "detail": "auto", "file_id": "file-1"},
    {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"},
    {"type": "input_file", "filename": "a.md", "file_data": "data:text/markdown;base64,aGk="},
    {"type": "input_file", "file_url": "https://x.test/a.pdf"},
    {"type": "input_file", "file_id": "file-1", "detail": "high"},
]  # fmt: skip


def parts(block: Block, capabilities: Capabilities = ABLE) -> tuple[list[Json], list[str]]:
    ledger = Ledger()
    written = PartWriter(capabilities, ledger).parts([block])
    return written, [note.line() for note in ledger.notes]


class PartWriterTests(SynchronousTestCase):
    @unjudged("parts that the SDK does not know")
    def test_there_and_back(self) -> None:
        """Parts of every kind are the same after they were read."""
        given = body(says("user", PARTS))
        self.assertEqual(given["input"], again(given)["input"])
        sound = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
        odd = {"type": "hologram", "x": 1}
        unjudged = body(says("user", [sound, odd]))
        self.assertEqual(unjudged["input"], again(unjudged, judged=False)["input"])

    def test_from_elsewhere(self) -> None:
        """Blocks that only other APIs have are said in words or as files."""
        plain = Document(source=Plain("hi"), field="f")
        cases: list[tuple[Block, list[Any], list[str]]] = [
            (Refusal(text="no"), ["no"], []),
            (SearchResult(source="s", title="t", content=(Text(text="w"),)), ["t\ns\nw"], []),
            (Document(source=Plain(""), name="n", content=(Text(text="w"),), field="f"),
             ["n", "w"], ["f;rewritten;document-as-parts"]),
            (Hosted(family=ANTHROPIC, kind="k", raw={}, text="w", field="f"), ["w"],
             ["f;rewritten;told-as-text"]),
            (plain, [None], []),
            (Thinking(parts=("x",), field="f"), [], ["f;dropped;unsupported-by-target"]),
            (Hosted(family=ANTHROPIC, kind="k", raw={}, field="f"), [],
             ["f;dropped;unsupported-by-target"]),
            (Foreign(family=OPENAI, kind="k", raw={"type": "k"}), [None], []),
        ]  # fmt: skip
        for block, texts, lost in cases:
            written, notes = parts(block)
            self.assertEqual((texts, lost), ([part.get("text") for part in written], notes))
        self.assertEqual("document.txt", parts(plain)[0][0]["filename"])
        unknown = Document(source=Inline("application/x", "AAAA"))
        self.assertEqual("document.bin", parts(unknown)[0][0]["filename"])

    def test_unknown(self) -> None:
        """What an answer would be wrong without is refused, never left out."""
        for block in (
            Video(source=Remote("u"), field="f"),
            Foreign(family=ANTHROPIC, kind="k", raw={}, field="f"),
        ):
            refused = self.assertRaises(ApiError, parts, block)
            self.assertEqual((400, "f"), (refused.status, refused.param))

    def test_attributes(self) -> None:
        """What a part has no place for is reported."""
        cases: list[tuple[Block, list[str]]] = [
            (Document(source=Remote("u"), context="c", cited=True, field="f"),
             ["f.context", "f.citations"]),
            (SearchResult(source="s", title="t", cited=True, field="f"), ["f.citations"]),
            (Text(text="a", cache=CacheMark("1h"), field="f"), ["f.cache_control.ttl"]),
        ]  # fmt: skip
        for block, lost in cases:
            self.assertEqual(lost, [note.partition(";")[0] for note in parts(block)[1]])

    def test_cache_marks(self) -> None:
        """A mark that a provider does not take is reported, whatever it stands on."""
        cases: list[tuple[Block, list[str]]] = [
            (Text(text="a", cache=CacheMark(), field="f"), []),
            (Document(source=Plain(""), content=(Text(text="w"),), cache=CacheMark(), field="f"),
             ["f;rewritten;document-as-parts"]),
            (Hosted(family=ANTHROPIC, kind="k", raw={}, cache=CacheMark(), field="f"),
             ["f;dropped;unsupported-by-target"]),
        ]  # fmt: skip
        for block, others in cases:
            _, notes = parts(block, Capabilities())
            self.assertEqual(
                {"f.cache_control;dropped;unsupported-by-target", *others}, set(notes), block
            )

    def test_refused(self) -> None:
        """What a model cannot take is refused rather than left out."""
        blind = Capabilities(images=False, documents=False)
        stored = Stored("file_1", ANTHROPIC)
        cases: list[tuple[Block, Capabilities]] = [
            (Image(source=Inline("image/png", "AAAA"), field="f"), blind),
            (Document(source=Inline("application/pdf", "AAAA"), field="f"), blind),
            (Audio(source=Inline("audio/wav", "AAAA"), field="f"), blind),
            (Image(source=stored, field="f"), ABLE),
            (Document(source=stored, field="f"), ABLE),
        ]
        for block, capabilities in cases:
            error = self.assertRaises(ApiError, parts, block, capabilities)
            self.assertEqual((400, "f"), (error.status, error.param))
