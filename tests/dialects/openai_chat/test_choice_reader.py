from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import Refusal, Text, Thinking, Token, ToolCall
from magicgateway.conversation.events import (
    ArgumentsDelta,
    BlockStarted,
    BlockStopped,
    CitationDelta,
    Event,
    Finished,
    TextDelta,
    ThinkingDelta,
    TokenDelta,
)
from magicgateway.conversation.reply import Finish
from magicgateway.dialects.openai_chat.choice_reader import ChoiceReader
from magicgateway.dialects.openai_chat.reply_reader import made_id
from tests.dialects.openai_chat.streams import Json, bare, delta, piece

TEXT = Text(text="")


def events(*chunks: Json, origin: str = "", end: bool = True) -> list[Event]:
    reader = ChoiceReader(0, "s", origin)
    found = [event for chunk in chunks for event in reader.feed(chunk["choices"][0])]
    return bare([*found, *(reader.end() if end else ())])


def calls(*chunks: Json) -> list[tuple[str, str, str]]:
    """The id, name and arguments of each call."""
    found: dict[int, list[str]] = {}
    for event in events(*chunks):
        if isinstance(event, BlockStarted) and isinstance(event.block, ToolCall):
            found[event.index] = [event.block.id, event.block.name, ""]
        elif isinstance(event, ArgumentsDelta):
            found[event.index][2] += event.text
    return [(call_id, name, arguments) for call_id, name, arguments in found.values()]


class BlockTests(SynchronousTestCase):
    maxDiff = None

    def test_types_change(self) -> None:
        """I.80, I.82: each kind is a block of its own, and its first delta is not lost."""
        found = events(
            delta(role="assistant", content=""),
            delta(reasoning_content="r", content=""),
            delta(content="a"),
            delta(content="b", tool_calls=[{"index": 0, "id": "c", "function":
                  {"name": "f", "arguments": "{}"}}]),
            delta("tool_calls"),
            origin="o",
        )  # fmt: skip
        self.assertEqual(
            [
                BlockStarted(0, Thinking()),
                ThinkingDelta(0, "r"),
                TokenDelta(0, Token("o", "")),
                BlockStopped(0),
                BlockStarted(1, TEXT),
                TextDelta(1, "a"),
                TextDelta(1, "b"),
                BlockStopped(1),
                BlockStarted(2, ToolCall(id="c", name="f")),
                ArgumentsDelta(2, "{}"),
                BlockStopped(2),
                Finished(Finish(reason="tool_calls", raw="tool_calls")),
            ],
            found,
        )

    def test_empty_strings(self) -> None:
        """I.81: empty strings open nothing."""
        found = events(
            delta(role="assistant", content="", refusal="", reasoning=""),
            delta(content=""),
            end=False,
        )
        self.assertEqual([], found)

    def test_refusals(self) -> None:
        """I.92: a refusal is a block, and the reason of the end."""
        found = events(delta(refusal="no"), delta("stop"))
        self.assertEqual(
            [
                BlockStarted(0, Refusal(text="")),
                TextDelta(0, "no"),
                BlockStopped(0),
                Finished(Finish(reason="refused", raw="stop")),
            ],
            found,
        )

    def test_probabilities(self) -> None:
        """Probabilities come with their words, also where they came before these."""

        def with_odds(odds: Any, **fields: Any) -> Json:
            chunk = delta(**fields)
            chunk["choices"][0]["logprobs"] = odds
            return chunk

        found = events(
            with_odds({"content": [1], "refusal": None}, content=""),
            with_odds({"content": [2]}, content="a"),
            with_odds({"content": [3]}, content="b"),
            end=False,
        )
        self.assertEqual(
            [
                BlockStarted(0, TEXT),
                TextDelta(0, "a", 0, {"content": [1, 2], "refusal": None}),
                TextDelta(0, "b", 0, {"content": [3]}),
            ],
            found,
        )

    def test_arrays(self) -> None:
        """A content that is an array has its reasoning and its words in parts."""
        thought = {"type": "thinking", "thinking": [{"type": "text", "text": "r"}]}
        found = events(delta(content=[thought, {"type": "text", "text": "a"}]), end=False)
        self.assertEqual(
            [
                BlockStarted(0, Thinking()),
                ThinkingDelta(0, "r"),
                BlockStopped(0),
                BlockStarted(1, TEXT),
                TextDelta(1, "a"),
            ],
            found,
        )

    def test_citations(self) -> None:
        """Annotations belong to the words that are open."""
        annotation = {"type": "url_citation", "url_citation": {"url": "u"}}
        found = events(delta(annotations=[annotation]), end=False)
        self.assertEqual([], found)
        found = events(delta(content="a", annotations=[annotation, 7]), end=False)
        cited = [event.citation.url for event in found if isinstance(event, CitationDelta)]
        self.assertEqual(["u"], cited)

    def test_message(self) -> None:
        """Some send a whole message where a delta belongs."""
        entry = {"index": 0, "message": {"content": "a"}, "finish_reason": "stop"}
        found = events({"choices": [entry]})
        self.assertEqual(TextDelta(0, "a"), found[1])

    def test_unfinished(self) -> None:
        """Without a reason none is made up."""
        self.assertEqual([Finished(Finish(reason="unknown"))], events(delta("")))
        reader = ChoiceReader(0, "s", "")
        self.assertFalse(reader.finished)
        list(reader.feed({"finish_reason": "stop", "stop_reason": "END"}))
        self.assertTrue(reader.finished)
        self.assertEqual("END", list(reader.end())[-1].finish.stop_sequence)  # type: ignore[union-attr] # it is the end


class ReasoningTests(SynchronousTestCase):
    maxDiff = None

    def test_details(self) -> None:
        """Details in pieces are given back whole when the reasoning ends, words or not."""
        data = '[{"type":"reasoning.text","text":"ab"}]'
        found = events(
            delta(reasoning_details=[{"type": "reasoning.text", "text": "a"}]),
            delta(reasoning_details=[{"type": "reasoning.text", "text": "b"}]),
            delta(content="x"),
            origin="o",
            end=False,
        )
        self.assertEqual(
            [BlockStarted(0, Thinking()), TokenDelta(0, Token("o", data)), BlockStopped(0)],
            found[:3],
        )

    def test_late_details(self) -> None:
        """Details that come after the words are not lost."""
        late = [{"type": "reasoning.encrypted", "data": "D"}]
        found = events(delta(content="x"), delta(reasoning_details=late), origin="o")
        token = Token("o", '[{"type":"reasoning.encrypted","data":"D"}]')
        self.assertIn(TokenDelta(1, token), found)

    def test_signed_blocks(self) -> None:
        """Anthropic's blocks that another gateway streams keep their signatures."""
        found = events(
            delta(reasoning_content="r", thinking_blocks=[{"type": "thinking", "thinking": "r"}]),
            delta(thinking_blocks=[{"type": "thinking", "thinking": "", "signature": "S"}]),
            delta(thinking_blocks=[{"type": "redacted_thinking", "data": "D"}, 7]),
            end=False,
        )
        redacted = Thinking(redacted=True, token=Token("anthropic", "D"))
        self.assertEqual(
            [
                BlockStarted(0, Thinking()),
                ThinkingDelta(0, "r"),
                TokenDelta(0, Token("anthropic", "S")),
                BlockStopped(0),
                BlockStarted(1, redacted),
                BlockStopped(1),
            ],
            found,
        )


class CallTests(SynchronousTestCase):
    maxDiff = None

    def test_interleaved(self) -> None:
        """I.83: pieces of several calls find their own."""
        found = calls(
            piece(0, id="a", name="f", arguments='{"x":'),
            piece(1, id="b", name="g", arguments='{"y":2}'),
            piece(0, arguments="1}"),
        )
        self.assertEqual([("a", "f", '{"x":1}'), ("b", "g", '{"y":2}')], found)

    def test_tolerated(self) -> None:
        """Missing and repeated indexes, ids and names are understood."""
        one = [("a", "f", '{"x":1}')]
        two = [("a", "f", "{}"), ("b", "f", "{}")]
        cases: list[tuple[list[Json], list[tuple[str, str, str]]]] = [
            ([piece(0, id="a", name="f", arguments='{"x":'),
              piece(0, id="a", name="f", arguments="1}")], one),
            ([piece(None, id="a", name="f", arguments='{"x":'), piece(None, arguments="1}")], one),
            ([piece(None, id="a", name="f", arguments='{"x":'),
              piece(None, id="a", arguments="1}")], one),
            ([piece(0, id="a", arguments='{"x":'), piece(0, name="f", arguments="1}")], one),
            ([piece(3, id="a", name="f", arguments={"x": 1})], one),
            ([piece(0, id="a", name="f", arguments=None), piece(0, arguments='{"x":1}')], one),
            ([piece(None, id="a", name="f", arguments="{}"),
              piece(None, id="b", name="f", arguments="{}")], two),
            ([piece(0, id="a", name="f", arguments="{}"),
              piece(0, id="b", name="f", arguments="{}")], two),
            ([piece(0, id="a", arguments="{}")], []),
            ([delta(tool_calls=[7, {"index": True}])], []),
        ]  # fmt: skip
        for chunks, expected in cases:
            self.assertEqual(expected, calls(*chunks), chunks)

    def test_without_ids(self) -> None:
        """I.90: a call without an id gets one, the same for the same answer."""
        both = [piece(0, name="f", arguments="{}"), piece(1, name="f", arguments="{}")]
        expected = [(made_id("s", 0), "f", "{}"), (made_id("s", 1), "f", "{}")]
        self.assertEqual(expected, calls(*both))
        self.assertNotEqual(expected[0][0], expected[1][0])

    def test_legacy(self) -> None:
        """A function call of old is a call."""
        found = calls(
            delta(function_call={"name": "f", "arguments": ""}),
            delta(function_call={"arguments": "{}"}),
        )
        self.assertEqual([(made_id("s", 0), "f", "{}")], found)

    def test_custom(self) -> None:
        """Free text of a custom tool is its arguments."""
        found = events(
            delta(tool_calls=[{"index": 0, "id": "c", "type": "custom", "custom":
                  {"name": "f", "input": ""}}]),
            delta(tool_calls=[{"index": 0, "custom": {"input": "go"}}]),
            end=False,
        )  # fmt: skip
        self.assertEqual(
            [
                BlockStarted(0, ToolCall(id="c", name="f", kind="custom")),
                ArgumentsDelta(0, "go"),
            ],
            found,
        )

    def test_signatures(self) -> None:
        """What a provider wants back with a call comes with it, early or late, once."""
        extra = {"google": {"s": "S"}}
        token = Token("o", '{"google":{"s":"S"}}')
        inner = {"name": "f", "arguments": "{}"}
        early = delta(tool_calls=[{"index": 0, "id": "c", "function": inner,
                                   "extra_content": extra}])  # fmt: skip
        late = delta(tool_calls=[{"index": 0, "extra_content": extra}])
        for chunks in ((early,), (piece(0, id="c", name="f", arguments="{}"), late)):
            found = events(*chunks, origin="o")
            tokens = [e.token for e in found if isinstance(e, TokenDelta)]
            starts = [e.block.token for e in found if isinstance(e, BlockStarted)]
            self.assertEqual([token], [one for one in (*tokens, *starts) if one is not None])
