from __future__ import annotations

import json
from typing import Any

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import (
    Citation,
    Foreign,
    Hosted,
    Image,
    Inline,
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
    Event,
    Ping,
    TextDelta,
    ThinkingDelta,
    TokenDelta,
    UsageCounted,
)
from magicgateway.conversation.reply import (
    TOOL_CALLS,
    Usage,
)
from magicgateway.conversation.sealed import seal, unseal
from magicgateway.dialects.anthropic_messages.stream_reader import MessagesStreamReader
from tests.dialects.anthropic_messages import sdk
from tests.dialects.anthropic_messages.streams import (
    FOREIGN,
    OWN,
    START,
    block,
    call,
    finished,
    inner,
    text,
    write,
)
from tests.dialects.anthropic_messages.test_citations import PAGE, WEB


class BlockTests(SynchronousTestCase):
    maxDiff = None

    def test_empty(self) -> None:
        """Blocks that say nothing are not there, and indexes stay dense (case I.81)."""
        steps = inner(
            *text(0), *block(1, Thinking()), *block(2, Thinking(redacted=True)),
            *block(3, Image(source=Inline("image/png", ""))),
            *block(4, Hosted(family="openai", kind="x", raw={})), *call(5, "f"),
        )  # fmt: skip
        self.assertEqual([(0, "content_block_start"), (0, "content_block_stop")],
                         [(step["index"], step["type"]) for step in steps])  # fmt: skip
        self.assertEqual(
            {"type": "tool_use", "id": "c5", "name": "f", "input": {}},
            steps[0]["content_block"],
        )

    def test_whole_call(self) -> None:
        """A call that comes at once has its start and its arguments (case I.82)."""
        whole = ToolCall(id="c.1", name="f", arguments='{"a":1}')
        *_, begun, arguments, _ = inner(*text(0, "a"), *block(1, whole))
        self.assertEqual("c_1", begun["content_block"]["id"])
        self.assertEqual(
            {"type": "input_json_delta", "partial_json": '{"a":1}'}, arguments["delta"]
        )

    def test_no_id(self) -> None:
        """A call without an id gets one (case I.90)."""
        steps = inner(*block(0, ToolCall(id="", name="f")), *block(1, ToolCall(id="", name="f")))
        ids = [step["content_block"]["id"] for step in steps[::2]]
        self.assertEqual(["toolu_a1_0", "toolu_a1_1"], ids)

    def test_interleaved(self) -> None:
        """Calls that come in turns are written one after the other (case I.83)."""
        stream = write(
            START,
            BlockStarted(0, ToolCall(id="a", name="f")),
            ArgumentsDelta(0, '{"x":'),
            BlockStarted(1, ToolCall(id="b", name="g")),
            ArgumentsDelta(1, '{"y":2}'),
            ArgumentsDelta(0, "1}"),
            BlockStopped(0),
            BlockStopped(1),
            *finished(TOOL_CALLS),
        )
        message = sdk.streamed(stream)
        said = [(made.id, made.input) for made in message.content if made.type == "tool_use"]
        self.assertEqual([("a", {"x": 1}), ("b", {"y": 2})], said)

    def test_custom_call(self) -> None:
        """Free text is written as an object, in pieces."""
        custom = ToolCall(id="c", name="f", kind="custom", arguments='"')
        stream = write(START, *block(0, custom, ArgumentsDelta(0, "a\n")), *finished(TOOL_CALLS))
        (made,) = sdk.streamed(stream).content
        self.assertEqual({"input": '"a\n'}, made.input)  # type: ignore[union-attr]

    def test_signatures(self) -> None:
        """Own signatures are bare; another family's token is sealed with all its words."""
        (*_, signed, _) = inner(*block(0, Thinking(), ThinkingDelta(0, "t"), TokenDelta(0, OWN)))
        self.assertEqual({"type": "signature_delta", "signature": "S"}, signed["delta"])
        summary = Thinking(summary=True, item_id="rs_1")
        steps = inner(
            *block(
                0,
                summary,
                ThinkingDelta(0, "a"),
                ThinkingDelta(0, "b"),
                ThinkingDelta(0, "c", part=1),
                TokenDelta(0, FOREIGN),
            )
        )
        shown = [step["delta"].get("thinking") for step in steps[1:-1]]
        self.assertEqual(["a", "b", "\n\nc", None], shown)
        self.assertEqual(
            evolve(summary, parts=("ab", "c"), token=FOREIGN),
            unseal(steps[-2]["delta"]["signature"]),
        )

    def test_omitted(self) -> None:
        """A token without words is a block with a signature alone."""
        for made in (
            block(0, Thinking(), TokenDelta(0, OWN)),
            block(0, Thinking(token=OWN)),
        ):
            begun, signed, _ = inner(*made)
            self.assertEqual(
                {"type": "thinking", "thinking": "", "signature": ""}, begun["content_block"]
            )
            self.assertEqual("S", signed["delta"]["signature"])

    def test_long_thinking(self) -> None:
        """Reasoning that is too long to be sealed only says whose it is; own is always signed."""
        long = ThinkingDelta(0, "x" * 2**20)
        mark = seal(Thinking(token=Token(FOREIGN.origin, "")))
        for token, expected in ((OWN, "S"), (FOREIGN, mark)):
            steps = inner(*block(0, Thinking(), long, long, TokenDelta(0, token)))
            self.assertEqual(expected, steps[-2]["delta"]["signature"])

    def test_unsigned(self) -> None:
        """E.5: reasoning that nobody signed says whose it is before its block stops."""
        own = Token(FOREIGN.origin, "")
        *_, signed, stopped = inner(
            *block(0, Thinking(), ThinkingDelta(0, "a"), TokenDelta(0, own))
        )
        self.assertEqual("content_block_stop", stopped["type"])
        self.assertEqual(
            {"type": "signature_delta", "signature": seal(Thinking(token=own))}, signed["delta"]
        )
        self.assertEqual([], inner(*block(0, Thinking(), TokenDelta(0, own))))

    def test_tokens_of_calls(self) -> None:
        """What is wanted back with a call is a block before it, or after it where it came late."""
        signed = ToolCall(id="c.1", name="f", token=FOREIGN)
        bare = evolve(signed, token=None)
        for steps, place in (
            (inner(*block(0, signed, ArgumentsDelta(0, "{}"))), 0),
            (inner(*block(0, bare, ArgumentsDelta(0, "{}"), TokenDelta(0, FOREIGN))), 1),
        ):
            begun = [s["content_block"] for s in steps if s["type"] == "content_block_start"]
            kinds = ["redacted_thinking", "tool_use"]
            self.assertEqual(kinds if place == 0 else kinds[::-1], [b["type"] for b in begun])
            self.assertEqual(Thinking(token=FOREIGN, call_id="c_1"), unseal(begun[place]["data"]))
            self.assertEqual([0, 0, 1, 1], [
                s["index"] for s in steps if s["type"] != "content_block_delta"
            ])  # fmt: skip

    def test_redacted(self) -> None:
        """Redacted reasoning comes whole, sealed where it is another family's."""
        for token in (OWN, FOREIGN):
            redacted = Thinking(redacted=True, token=token)
            begun, _ = inner(*block(0, redacted))
            data = begun["content_block"]["data"]
            self.assertEqual(redacted if token is FOREIGN else None, unseal(data))

    def test_whole_words(self) -> None:
        """Blocks that begin with their words lose none."""
        own = Citation(kind="page_location", family="anthropic", raw=PAGE)
        message = sdk.streamed(write(
            START,
            *block(0, Thinking(parts=("a", "b"), token=OWN)),
            *block(1, Text(text="x", citations=(own,))),
            *finished(),
        ))  # fmt: skip
        thinking, words = message.content
        self.assertEqual("a\n\nb", thinking.thinking)  # type: ignore[union-attr]
        self.assertEqual(("x", 1), (words.text, len(words.citations or ())))  # type: ignore[union-attr]

    def test_citations(self) -> None:
        """Citations of this family are written, others not."""
        own = Citation(kind="url", family="anthropic", raw=WEB)
        other = Citation(kind="url", family="openai")
        steps = inner(*block(
            0, Text(text=""), TextDelta(0, "x"), CitationDelta(0, own), CitationDelta(0, other)
        ))  # fmt: skip
        self.assertEqual(
            ["text_delta", "citations_delta"], [step["delta"]["type"] for step in steps[1:-1]]
        )
        bare = inner(*block(0, Thinking(), CitationDelta(0, own)))
        self.assertEqual([], bare)

    def test_own_kinds(self) -> None:
        """Steps of hosted tools and unknown kinds are whole; a call's input follows it."""
        given = {
            "type": "server_tool_use",
            "id": "s",
            "name": "web_search",
            "input": {"query": "q"},
        }
        result = {"type": "web_search_tool_result", "tool_use_id": "s", "content": []}
        odd = {"type": "compaction", "content": "c"}
        stream = write(
            START,
            *block(0, Hosted(family="anthropic", kind="server_tool_use", raw=given)),
            *block(1, Hosted(family="anthropic", kind="web_search_tool_result", raw=result)),
            *block(2, Foreign(family="anthropic", kind="compaction", raw=odd)),
            *finished(),
        )
        steps = sdk.frames(stream)[1:-2]
        self.assertEqual({**given, "input": {}}, steps[0]["content_block"])
        self.assertEqual('{"query":"q"}', steps[1]["delta"]["partial_json"])
        self.assertEqual([result, odd], [steps[3]["content_block"], steps[5]["content_block"]])
        self.assertEqual({"query": "q"}, sdk.streamed(stream, strict=False).content[0].input)  # type: ignore[union-attr]

    def test_misfits(self) -> None:
        """Deltas that do not fit the open block are nothing."""
        steps = inner(
            TokenDelta(0, OWN),
            BlockStarted(0, Text(text="")),
            ThinkingDelta(0, "x"),
            ArgumentsDelta(0, "x"),
            TextDelta(0, ""),
            BlockStopped(0),
            BlockStopped(0),
        )
        self.assertEqual([], steps)


_TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=6)
_INDEXES = st.integers(0, 3)


class PropertyTests(SynchronousTestCase):
    @settings(max_examples=40, deadline=None, derandomize=True)
    @given(
        st.lists(
            st.one_of(
                st.tuples(st.just("text"), st.lists(_TEXTS, max_size=3)),
                st.tuples(st.just("thinking"), st.lists(_TEXTS, max_size=3)),
                st.tuples(st.just("call"), st.dictionaries(_TEXTS, _TEXTS, max_size=2)),
            ),
            max_size=5,
        )
    )
    def test_any_stream(self, given_blocks: list[tuple[str, Any]]) -> None:
        """Any answer streamed is what the SDK adds up, and what our own reader reads."""
        events: list[Event] = []
        expected: list[Any] = []
        for index, (kind, content) in enumerate(given_blocks):
            if kind == "text":
                events += text(index, *content)
                expected += ["".join(content)] if content else []
            elif kind == "thinking":
                words = (ThinkingDelta(index, word) for word in content)
                events += block(index, Thinking(), *words, TokenDelta(index, OWN))
                expected.append(("".join(content), "S"))
            else:
                events += call(index, "f", json.dumps(content))
                expected.append(content)
        stream = write(START, *events, *finished())
        made = [_said(part) for part in sdk.streamed(stream).content]
        self.assertEqual(expected, made)
        reader = MessagesStreamReader("anthropic")
        again = [
            event
            for frame in sdk.frames(stream)
            for event in reader.feed(frame["type"], json.dumps(frame).encode())
        ]
        self.assertEqual(write(*again), stream)

    @settings(max_examples=40, deadline=None, derandomize=True)
    @given(
        st.lists(
            st.one_of(
                st.builds(BlockStarted, _INDEXES, st.builds(ToolCall, id=_TEXTS, name=_TEXTS)),
                st.builds(BlockStarted, _INDEXES, st.just(Text(text=""))),
                st.builds(TextDelta, _INDEXES, _TEXTS),
                st.builds(ThinkingDelta, _INDEXES, _TEXTS),
                st.builds(BlockStopped, _INDEXES),
                st.just(Ping()),
                st.just(START),
                st.builds(UsageCounted, st.just(Usage(output=1))),
            ),
            max_size=20,
        )
    )
    def test_no_illegal_order(self, events: list[Event]) -> None:
        """Whatever comes in whatever order, what is written is a stream that the SDK takes."""
        stream = write(*events, *finished())
        self.assertEqual(1, stream.count(b"event: message_start\n"))
        self.assertEqual(1, stream.count(b"event: message_stop\n"))
        sdk.streamed(stream)


def _said(part: Any) -> Any:
    match part.type:
        case "text":
            return part.text
        case "thinking":
            return part.thinking, part.signature
        case _:
            return part.input
