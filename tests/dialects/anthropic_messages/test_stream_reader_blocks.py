from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import (
    Citation,
    Extras,
    Foreign,
    Hosted,
    Text,
    Thinking,
    Token,
    ToolCall,
)
from magicgateway.conversation.events import (
    ArgumentsDelta,
    BlockStarted,
    BlockStopped,
    CitationDelta,
    Failed,
    Finished,
    TextDelta,
    ThinkingDelta,
    TokenDelta,
)
from magicgateway.conversation.reply import STOP, TOOL_CALLS, Finish
from magicgateway.dialects.anthropic_messages.stream_reader import (
    LONGEST_HELD,
    MOST_OPEN,
)
from tests.dialects.anthropic_messages.test_citations import WEB
from tests.dialects.anthropic_messages.wire_events import (
    OWN,
    STOP_EVENT,
    TEXT,
    Json,
    begin,
    delta,
    end,
    inner,
    pieces,
    read,
    reader,
    start,
    stop,
    words,
)


class BlockTests(SynchronousTestCase):
    maxDiff = None

    def test_thinking(self) -> None:
        """Words, then the signature, whole, when the block ends (case I.67)."""
        self.assertEqual(
            [
                BlockStarted(0, Thinking()),
                ThinkingDelta(0, "Let"),
                ThinkingDelta(0, " me"),
                TokenDelta(0, OWN),
                BlockStopped(0),
                BlockStarted(1, Thinking(redacted=True, token=Token("anthropic", "D"))),
                BlockStopped(1),
            ],
            inner(
                start(0, "thinking", thinking="", signature=""),
                delta(0, "thinking_delta", thinking="Let"),
                delta(0, "thinking_delta", thinking=" me"),
                delta(0, "signature_delta", signature="S"),
                stop(0),
                start(1, "redacted_thinking", data="D"),
                stop(1),
            ),
        )

    def test_omitted(self) -> None:
        """Reasoning that is not shown has a signature alone."""
        self.assertEqual(
            [BlockStarted(0, Thinking()), TokenDelta(0, OWN), BlockStopped(0)],
            inner(
                start(0, "thinking", thinking="", signature=""),
                delta(0, "thinking_delta", thinking=""),
                delta(0, "signature_delta", signature="S"),
                stop(0),
            ),
        )

    def test_started_with_words(self) -> None:
        """Blocks that begin with their words or their signature lose nothing."""
        self.assertEqual(
            [
                BlockStarted(0, Thinking()),
                ThinkingDelta(0, "t"),
                TokenDelta(0, OWN),
                BlockStopped(0),
                BlockStarted(1, Text(text="")),
                TextDelta(1, "x"),
                CitationDelta(1, _cited(0, 1)),
                BlockStopped(1),
            ],
            inner(
                start(0, "thinking", thinking="t", signature="S"),
                stop(0),
                start(1, text="x", citations=[WEB, 1]),
                stop(1),
            ),
        )

    def test_citations(self) -> None:
        """Citations are told when the end of their text is known."""
        self.assertEqual(
            [
                BlockStarted(0, Text(text="")),
                TextDelta(0, "ab"),
                BlockStopped(0),
                BlockStarted(1, Text(text="")),
                TextDelta(1, "cde"),
                CitationDelta(1, _cited(2, 5)),
                BlockStopped(1),
            ],
            inner(
                start(0, text=""),
                words(0, "ab"),
                stop(0),
                start(1, text=""),
                delta(1, "citations_delta", citation=WEB),
                words(1, "cde"),
                delta(1, "citations_delta", citation=7),
                stop(1),
            ),
        )

    def test_calls(self) -> None:
        """Arguments come as they are written, and an empty piece is none (cases I.56, I.58)."""
        caller = {"type": "direct"}
        events = read(
            begin(),
            start(0, "tool_use", id="t1", name="f", input={}, caller=caller),
            *pieces(0, "", '{"l', '":1}'),
            stop(0),
            start(1, "tool_use", id="t2", name="g", input={}),
            *pieces(1, '{"x":1}'),
            stop(1),
            end("end_turn"),
            STOP_EVENT,
        )
        extras = Extras("anthropic", "", {"caller": caller})
        self.assertEqual(
            [
                BlockStarted(0, ToolCall(id="t1", name="f", extras=extras)),
                ArgumentsDelta(0, '{"l'),
                ArgumentsDelta(0, '":1}'),
                BlockStopped(0),
                BlockStarted(1, ToolCall(id="t2", name="g")),
                ArgumentsDelta(1, '{"x":1}'),
                BlockStopped(1),
            ],
            events[2:-3],
        )
        self.assertEqual(Finished(Finish(reason=TOOL_CALLS, raw="end_turn")), events[-2])

    def test_whole_calls(self) -> None:
        """A call without pieces has what it began with, or nothing (case I.57)."""
        for given, expected in (({}, "{}"), ({"a": 1}, '{"a":1}'), (None, "{}")):
            events = inner(start(0, "tool_use", id="t", name="f", input=given), stop(0))
            self.assertEqual(ArgumentsDelta(0, expected), events[1])

    def test_hosted(self) -> None:
        """Steps of hosted tools come whole and are no calls (case I.62)."""
        call = {"type": "server_tool_use", "id": "s", "name": "web_search"}
        result = {"type": "web_search_tool_result", "tool_use_id": "s", "content": []}
        events = read(
            begin(),
            {"type": "content_block_start", "index": 0, "content_block": {**call, "input": {}}},
            *pieces(0, '{"query"', ':"q"}'),
            stop(0),
            {"type": "content_block_start", "index": 1, "content_block": result},
            stop(1),
            end(),
            STOP_EVENT,
        )
        said = [e.block for e in events if isinstance(e, BlockStarted)]
        self.assertEqual(
            [
                Hosted(
                    family="anthropic",
                    kind="server_tool_use",
                    raw={**call, "input": {"query": "q"}},
                    text="[web_search: q]",
                ),
                Hosted(family="anthropic", kind="web_search_tool_result", raw=result),
            ],
            said,
        )
        self.assertEqual(Finished(Finish(reason=STOP, raw="end_turn")), events[-2])

    def test_hosted_whole(self) -> None:
        """A hosted call whose input comes at the start keeps it."""
        given = {"type": "server_tool_use", "id": "s", "name": "n", "input": {"a": 1}}
        begun = {"type": "content_block_start", "index": 0, "content_block": given}
        (block, _) = inner(begun, stop(0))
        assert isinstance(block, BlockStarted)
        assert isinstance(block.block, Hosted)
        self.assertEqual(given, block.block.raw)

    def test_unknown_kinds(self) -> None:
        """A kind that nobody knows comes whole, with what its deltas brought."""
        block, stopped = inner(
            start(0, "compaction"),
            delta(0, "compaction_delta", content="c", encrypted_content="e"),
            stop(0),
        )
        raw = {"type": "compaction", "content": "c", "encrypted_content": "e"}
        self.assertEqual(
            [
                BlockStarted(0, Foreign(family="anthropic", kind="compaction", raw=raw)),
                BlockStopped(0),
            ],
            [block, stopped],
        )

    def test_sloppy(self) -> None:
        """Blocks that are not stopped, or begin again, are stopped; indexes are dense."""
        events = inner(start(3, text=""), words(3, "a"), start(3, text=""), words(3, "b"))
        self.assertEqual(
            [
                BlockStarted(0, Text(text="")),
                TextDelta(0, "a"),
                BlockStopped(0),
                BlockStarted(1, Text(text="")),
                TextDelta(1, "b"),
            ],
            events[:5],
        )
        stopped = read(begin(), *TEXT[:2], end(), STOP_EVENT)
        self.assertIn(BlockStopped(0), stopped)

    def test_odd(self) -> None:
        """Deltas that fit no block, or say nothing, are nothing."""
        self.assertEqual(
            [BlockStarted(0, Text(text="")), BlockStopped(0)],
            inner(
                start("0", text="x"),
                {"type": "content_block_start", "index": 0, "content_block": 1},
                words(0, "lost"),
                start(0, text=""),
                words(7, "lost"),
                delta([], "text_delta", text="lost"),
                {"type": "content_block_delta", "index": 0, "delta": 1},
                delta(0, "text_delta", text=1),
                delta(0, "text_delta", text=""),
                delta(0, "thinking_delta", thinking="lost"),
                delta(0, "input_json_delta", partial_json=None),
                delta(0, "odd", text="lost"),
                stop(5),
                stop("x"),
                stop(0),
            ),
        )

    def test_too_long(self) -> None:
        """What is held back has a limit."""
        made = reader()
        read(begin(), start(0, "server_tool_use", id="s", name="n", input={}), into=made)
        piece = "x" * (LONGEST_HELD // 4)
        self.assertEqual([], read(*pieces(0, *[piece] * 3), into=made))
        (event,) = read(*pieces(0, piece), into=made)
        self.assertIsInstance(event, Failed)

    def test_too_much(self) -> None:
        """Whatever is kept of an answer counts, until its block is told."""
        long = "x" * (LONGEST_HELD // 4)
        cited = {"type": "web_search_result_location", "url": long}
        odd = [delta(0, "odd_delta", **{f"k{n}": long}) for n in range(4)]
        cases: tuple[list[Json], ...] = (
            [start(0), *[delta(0, "citations_delta", citation=cited)] * 4],
            [start(0, "odd"), *odd],
            [start(n, "odd", data=long) for n in range(4)],
            [{"type": "message_delta", "delta": {f"k{n}": long}} for n in range(4)],
        )
        for events in cases:
            self.assertIsInstance(read(begin(), *events)[-1], Failed)
        told = [e for n in range(5) for e in (start(n, "odd", data=long), stop(n))]
        self.assertIsInstance(read(begin(), *told)[-1], BlockStopped)

    def test_too_many(self) -> None:
        """And so have blocks that nobody closes."""
        starts = [start(index) for index in range(MOST_OPEN + 1)]
        events = read(begin(), *starts)
        self.assertEqual(MOST_OPEN, sum(isinstance(event, BlockStarted) for event in events))
        self.assertIsInstance(events[-1], Failed)
        closed = [event for index in range(MOST_OPEN + 1) for event in (start(index), stop(index))]
        self.assertNotIsInstance(read(begin(), *closed)[-1], Failed)


def _cited(begin_: int, end_: int) -> Citation:
    return Citation(
        kind="url",
        url=WEB["url"],
        title="X",
        quote="hi",
        start=begin_,
        end=end_,
        family="anthropic",
        raw=WEB,
    )
