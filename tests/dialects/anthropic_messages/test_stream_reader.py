from __future__ import annotations

import json
from typing import Any

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
    Ended,
    Event,
    Failed,
    Finished,
    Ping,
    Started,
    TextDelta,
    ThinkingDelta,
    TokenDelta,
    UsageCounted,
)
from magicgateway.conversation.reply import LENGTH, STOP, TOOL_CALLS, UNKNOWN, Finish, Usage
from magicgateway.dialects.anthropic_messages.stream_reader import (
    LONGEST_HELD,
    MessagesStreamReader,
    open_reader,
)
from magicgateway.dialects.grammar import Sent
from tests.dialects.anthropic_messages.test_citations import WEB

Json = dict[str, Any]
OWN = Token("anthropic", "S")


def reader() -> MessagesStreamReader:
    return open_reader(Sent(body={}, origin="anthropic"))


def begin(**usage: int) -> Json:
    counts = usage or {"input_tokens": 9, "output_tokens": 1}
    message: Json = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "content": [],
        "stop_reason": None, "stop_sequence": None, "usage": counts,
    }  # fmt: skip
    return {"type": "message_start", "message": message}


def start(index: Any, kind: str = "text", **fields: Any) -> Json:
    return {
        "type": "content_block_start",
        "index": index,
        "content_block": {"type": kind, **fields},
    }


def delta(index: Any, kind: str, **fields: Any) -> Json:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **fields}}


def words(index: int, text: str) -> Json:
    return delta(index, "text_delta", text=text)


def pieces(index: int, *texts: str) -> list[Json]:
    return [delta(index, "input_json_delta", partial_json=text) for text in texts]


def stop(index: Any) -> Json:
    return {"type": "content_block_stop", "index": index}


def end(reason: str | None = "end_turn", usage: Any = None, **fields: Any) -> Json:
    said = {"stop_reason": reason, "stop_sequence": None, **fields}
    return {"type": "message_delta", "delta": said, "usage": usage or {"output_tokens": 5}}


STOP_EVENT = {"type": "message_stop"}
TEXT = [start(0, text=""), words(0, "Hi"), stop(0)]


def read(
    *events: Json, close: bool = False, into: MessagesStreamReader | None = None
) -> list[Event]:
    made = into or reader()
    found = [event for raw in events for event in made.feed(raw["type"], json.dumps(raw).encode())]
    return found + (list(made.close()) if close else [])


def inner(*events: Json) -> list[Event]:
    """What a stream with these blocks says between its start and its end."""
    return read(begin(), *events, end(), STOP_EVENT)[2:-3]


class MessageTests(SynchronousTestCase):
    maxDiff = None

    def test_text(self) -> None:
        """A whole stream, event by event."""
        self.assertEqual(
            [
                Started("msg_1", "claude-x"),
                UsageCounted(Usage(input=9, output=1)),
                BlockStarted(0, Text(text="")),
                TextDelta(0, "Hi"),
                BlockStopped(0),
                UsageCounted(Usage(output=5)),
                Finished(Finish(reason=STOP, raw="end_turn")),
                Ended(),
            ],
            read(begin(), *TEXT, end(), STOP_EVENT),
        )

    def test_counts(self) -> None:
        """Later counts are totals; several message_deltas are one end (cases I.60, I.61)."""
        events = read(
            begin(input_tokens=9, cache_read_input_tokens=1),
            end(None, {"output_tokens": 3}),
            end("max_tokens", {"input_tokens": 9, "output_tokens": 16, "service_tier": "standard"}),
            STOP_EVENT,
        )
        self.assertEqual(
            [Usage(input=9, cache_read=1), Usage(output=3), Usage(input=9, output=16)],
            [event.usage for event in events if isinstance(event, UsageCounted)],
        )
        self.assertEqual(
            [Finished(Finish(reason=LENGTH, raw="max_tokens")), Ended(service_tier="default")],
            events[-2:],
        )

    def test_unknown(self) -> None:
        """What nobody knows of the message, its end and its counts is kept with its path."""
        opened = begin(input_tokens=1, odd=2)
        opened["message"]["container"] = {"id": "c"}
        started, *_, ended = read(
            opened,
            end(container={"id": "d"}, stop_details={"type": "refusal", "odd": 3},
                usage={"output_tokens": 1, "odd": 4, "output_tokens_details": {"odd": 5}}),
            STOP_EVENT,
        )  # fmt: skip
        assert isinstance(started, Started)
        assert isinstance(ended, Ended)
        self.assertEqual({"container": {"id": "c"}, "usage.odd": 2}, dict(started.extras.fields))
        self.assertEqual(
            {
                "delta.container": {"id": "d"},
                "delta.stop_details.odd": 3,
                "usage.odd": 4,
                "usage.output_tokens_details.odd": 5,
            },
            dict(ended.extras.fields),
        )

    def test_pings(self) -> None:
        """A ping is a sign of life; unknown events are nothing (case I.66)."""
        made = reader()
        self.assertEqual([Ping()], list(made.feed("ping", b'{"type":"ping"}')))
        for name, data in (
            ("ping", b""),
            ("odd", b'{"type":"odd"}'),
            ("odd", b"{}"),
            ("", b'{"type":7}'),
        ):
            self.assertEqual([], list(made.feed(name, data)))

    def test_names(self) -> None:
        """An event without its type has the name of its frame."""
        self.assertEqual([Ping()], list(reader().feed("ping", b"{}")))

    def test_errors(self) -> None:
        """An error is the end, as first event and later (cases I.63, I.64)."""
        failed = {"type": "error", "error": {"type": "overloaded_error", "message": "m"}}
        for before in ([], [begin(), *TEXT[:2]]):
            made = reader()
            read(*before, into=made)
            (event,) = read(failed, into=made)
            assert isinstance(event, Failed)
            self.assertEqual((529, "overloaded", "m"), (
                event.failure.status, event.failure.kind, event.failure.message
            ))  # fmt: skip
            self.assertEqual([], read(*TEXT, STOP_EVENT, into=made))
        (event,) = reader().feed("odd", b'{"error":{"message":"m"}}')
        self.assertIsInstance(event, Failed)

    def test_no_json(self) -> None:
        """An event that is no object is the end."""
        for data in (b"{", b"[1]", b"", b"\xff", b"[DONE]"):
            (event,) = reader().feed("message_start", data)
            self.assertIsInstance(event, Failed)

    def test_ends(self) -> None:
        """A stream that has said why it ends is complete, others are cut (case I.65)."""
        self.assertEqual(
            [Finished(Finish(reason=STOP, raw="end_turn")), Ended()],
            read(begin(), *TEXT, end(), close=True)[-2:],
        )
        for events in ([], [begin()], [begin(), *TEXT], [begin(), end(None)]):
            made = reader()
            read(*events, into=made)
            self.assertEqual([], list(made.close()))
        made = reader()
        read(begin(), end(), STOP_EVENT, into=made)
        self.assertEqual([], [*made.close(), *read(*TEXT, into=made)])

    def test_no_reason(self) -> None:
        """An end without a reason has an unknown one."""
        self.assertEqual(Finished(Finish(reason=UNKNOWN)), read(begin(), *TEXT, STOP_EVENT)[-2])

    def test_without_start(self) -> None:
        """A stream without its first event begins all the same; a second one is nothing."""
        for first in (TEXT[0], end(), STOP_EVENT):
            self.assertEqual(Started(), read(first)[0])
        events = read(begin(), begin(), {"type": "message_start", "message": 1})
        self.assertEqual(1, sum(isinstance(event, Started) for event in events))


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
        read(*pieces(0, *[piece] * 4), into=made)
        (event,) = read(*pieces(0, "x"), into=made)
        self.assertIsInstance(event, Failed)


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
