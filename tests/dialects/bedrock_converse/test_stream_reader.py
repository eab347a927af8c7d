from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import (
    ANTHROPIC,
    CONVERSE,
    Extras,
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
    Ended,
    Event,
    Finished,
    Started,
    TextDelta,
    ThinkingDelta,
    TokenDelta,
    UsageCounted,
)
from magicgateway.conversation.reply import LENGTH, STOP, TOOL_CALLS, Finish, Usage
from magicgateway.dialects.grammar import Sent
from magicgateway.wire.event_stream import FrameError
from tests.dialects.bedrock_converse.streams import (
    METADATA,
    START,
    Json,
    call,
    delta,
    end,
    kinds,
    opened,
    read,
    read_bytes,
    stopped,
)

V2 = "000000760000005296d5fade0b3a6576656e742d7479706507000c6d65737361676553746172740d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d747970650700056576656e747b22726f6c65223a22617373697374616e74227d6fa8c599"  # noqa: E501 - a vector
V3 = "000000950000005789cbb35e0b3a6576656e742d74797065070011636f6e74656e74426c6f636b44656c74610d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d747970650700056576656e747b22636f6e74656e74426c6f636b496e646578223a302c2264656c7461223a7b2274657874223a2248c3a9227d7ddae7d374"  # noqa: E501 - a vector
V4 = "0000007a00000051ca2c46650b3a6576656e742d7479706507000b6d65737361676553746f700d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d747970650700056576656e747b2273746f70526561736f6e223a22656e645f7475726e227d5fbf09fc"  # noqa: E501 - a vector
V5 = "000000b40000004e11011d2a0b3a6576656e742d747970650700086d657461646174610d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d747970650700056576656e747b227573616765223a7b22696e707574546f6b656e73223a332c226f7574707574546f6b656e73223a312c22746f74616c546f6b656e73223a347d2c226d657472696373223a7b226c6174656e63794d73223a377d7d8dcde088"  # noqa: E501 - a vector
VECTORS = bytes.fromhex(V2 + V3 + V4 + V5)
USED = UsageCounted(Usage(input=3, output=1))


def finished(reason: str = STOP, raw: str = "end_turn", **fields: Any) -> Finished:
    """The event that a message's end is."""
    return Finished(Finish(reason=reason, raw=raw, **fields))


class StreamTests(SynchronousTestCase):
    maxDiff = None

    def test_vectors(self) -> None:
        """J56, J57: the reference's bytes are read alike however they are cut."""
        expected = [
            Started(),
            BlockStarted(0, Text(text="")),
            TextDelta(0, "Hé"),
            BlockStopped(0),
            finished(),
            USED,
            Ended(),
        ]
        self.assertEqual(expected, read_bytes([VECTORS]))
        for size in (1, 7):
            cut = [VECTORS[at : at + size] for at in range(0, len(VECTORS), size)]
            self.assertEqual(expected, read_bytes(cut))
        for at in range(len(VECTORS)):
            self.assertEqual(expected, read_bytes([VECTORS[:at], VECTORS[at:]]))

    def test_text(self) -> None:
        """Words leave as they come; empty ones and an absent start are nothing."""
        self.assertEqual(
            [
                Started(),
                BlockStarted(0, Text(text="")),
                TextDelta(0, "a"),
                TextDelta(0, "b"),
                BlockStopped(0),
                finished(),
                USED,
                Ended(),
            ],
            read(
                START,
                opened(0, {}),
                delta(0, text=""),
                delta(0, text="a"),
                delta(0, text="b"),
                stopped(0),
                end(),
                METADATA,
            ),
        )

    def test_calls(self) -> None:
        """J63: calls are numbered on their own, in parallel too."""
        self.assertEqual(
            [
                Started(),
                BlockStarted(0, Text(text="")),
                TextDelta(0, "x"),
                BlockStarted(1, ToolCall(id="a", name="f")),
                BlockStarted(2, ToolCall(id="b", name="g")),
                ArgumentsDelta(2, "{}"),
                ArgumentsDelta(1, '{"a":'),
                ArgumentsDelta(1, "1}"),
                BlockStopped(2),
                BlockStopped(1),
                BlockStopped(0),
                finished(TOOL_CALLS, "tool_use"),
                Ended(),
            ],
            read(
                START,
                delta(0, text="x"),
                call(1),
                call(5, "b", "g"),
                delta(5, toolUse={"input": "{}"}),
                delta(1, toolUse={"input": '{"a":'}),
                delta(1, toolUse={"input": ""}),
                delta(1, toolUse={"input": "1}"}),
                stopped(5),
                stopped(1),
                end("tool_use"),
            ),
        )

    def test_arguments(self) -> None:
        """J64: a call without arguments has empty ones; what was cut stays cut."""
        events = read(START, call(0), stopped(0), end("tool_use"))
        self.assertIn(ArgumentsDelta(0, "{}"), events)
        events = read(START, call(0), delta(0, toolUse={"input": '{"a":'}), end("max_tokens"))
        self.assertEqual(
            [ArgumentsDelta(0, '{"a":'), BlockStopped(0), finished(LENGTH, "max_tokens"), Ended()],
            events[2:],
        )
        self.assertEqual(TOOL_CALLS, _finish(read(START, call(0), stopped(0), end())).reason)

    def test_reasoning(self) -> None:
        """Reasoning comes with its signature, which is told whole before it ends."""
        self.assertEqual(
            [
                Started(),
                BlockStarted(0, Thinking()),
                ThinkingDelta(0, "T"),
                TokenDelta(0, Token(ANTHROPIC, "S1S2")),
                BlockStopped(0),
                BlockStarted(1, Text(text="")),
                TextDelta(1, "x"),
                BlockStopped(1),
                finished(),
                Ended(),
            ],
            read(
                START,
                delta(0, reasoningContent={"text": "T"}),
                delta(0, reasoningContent={"text": ""}),
                delta(0, reasoningContent={"signature": "S1"}),
                delta(0, reasoningContent={"signature": "S2"}),
                stopped(0),
                delta(1, text="x"),
                stopped(1),
                end(),
            ),
        )

    def test_redacted(self) -> None:
        """J55: redacted reasoning is told whole."""
        piece = {"redactedContent": "Ulh"}
        block = Thinking(redacted=True, token=Token(ANTHROPIC, "RXU"))
        self.assertEqual(
            [BlockStarted(0, block), BlockStopped(0)],
            read(
                START,
                delta(0, reasoningContent=piece),
                delta(0, reasoningContent={"redactedContent": "V"}),
                stopped(0),
            )[1:],
        )
        unknown = read(START, delta(0, reasoningContent=piece), stopped(0), sent=Sent(body={}))
        self.assertIn(
            BlockStarted(0, Thinking(redacted=True, token=Token(CONVERSE, "Ulh"))), unknown
        )

    def test_unsigned(self) -> None:
        """Reasoning that nobody signed says whose it is, as far as that is known."""
        thought = (START, delta(0, reasoningContent={"text": "T"}), stopped(0))
        for origin, expected in (("bedrock", [TokenDelta(0, Token("bedrock", ""))]), ("", [])):
            events = read(*thought, sent=Sent(body={}, origin=origin))
            found = [event for event in events if isinstance(event, TokenDelta)]
            self.assertEqual(expected or [TokenDelta(0, Token(CONVERSE, ""))], found)

    def test_changes(self) -> None:
        """A block that turns into another kind is two."""
        events = read(
            START,
            delta(0, text="a"),
            delta(0, reasoningContent={"text": "T"}),
            delta(0, reasoningContent={"redactedContent": "UlhV"}),
            end(),
        )
        self.assertEqual(
            [
                "Started",
                "BlockStarted",
                "TextDelta",
                "BlockStopped",
                "BlockStarted",
                "ThinkingDelta",
                "TokenDelta",
                "BlockStopped",
                "BlockStarted",
                "BlockStopped",
                "Finished",
                "Ended",
            ],
            kinds(events),
        )

    def test_citations(self) -> None:
        """A citation is of the words of its block so far."""
        citation: Json = {"title": "t", "location": {"web": {"url": "https://x.test"}}}
        events = read(
            START,
            delta(0, text="ab"),
            stopped(0),
            delta(1, text="cd"),
            delta(1, citation=citation),
            end(),
        )
        (found,) = (event for event in events if isinstance(event, CitationDelta))
        self.assertEqual((1, 2, 4), (found.index, found.citation.start, found.citation.end))
        self.assertEqual(citation, found.citation.raw)

    def test_hosted(self) -> None:
        """J54: steps of the service's own tools are told whole, and are no calls."""
        use = {"toolUseId": "a", "name": "n", "type": "server_tool_use"}
        result = {"toolUseId": "a", "type": "x"}
        events = read(
            START,
            opened(0, {"toolUse": use}),
            delta(0, toolUse={"input": '{"q":'}),
            delta(0, toolUse={"input": "1}"}),
            stopped(0),
            opened(1, {"toolResult": result}),
            delta(1, toolResult=[{"text": "x"}]),
            stopped(1),
            opened(2, {"toolUse": use}),
            delta(2, toolUse={"input": "{"}),
            stopped(2),
            opened(3, {"toolUse": use}),
            end(),
        )
        raws = [
            e.block.raw
            for e in events
            if isinstance(e, BlockStarted) and isinstance(e.block, Hosted)
        ]
        self.assertEqual(
            [
                {"toolUse": {**use, "input": {"q": 1}}},
                {"toolResult": {**result, "content": [{"text": "x"}]}},
                {"toolUse": {**use, "input": "{"}},
                {"toolUse": {**use, "input": {}}},
            ],
            raws,
        )
        self.assertEqual(STOP, _finish(events).reason)

    def test_own_calls(self) -> None:
        """A call that says it is one is the caller's, as Nova's are beside its own tools."""
        use = {"toolUseId": "a", "name": "n", "type": "tool_use"}
        events = read(START, opened(0, {"toolUse": use}), stopped(0), end("tool_use"))
        self.assertIn(BlockStarted(0, ToolCall(id="a", name="n")), events)
        self.assertEqual(TOOL_CALLS, _finish(events).reason)

    def test_pictures(self) -> None:
        """A picture is told whole."""
        start = {"image": {"format": "png"}}
        half: Json = {"source": {"bytes": "iV"}}
        events = read(
            START,
            opened(0, start),
            delta(0, image=half),
            delta(0, image=half),
            delta(0, image={"error": {}}),
            stopped(0),
        )
        block = Image(source=Inline("image/png", "iViV"))
        self.assertEqual([BlockStarted(0, block), BlockStopped(0)], events[1:])
        empty = read(START, opened(0, start), stopped(0), delta(1, image=half))
        self.assertEqual([Started()], empty)

    def test_ignored(self) -> None:
        """J65: padding, unknown events and unknown deltas are nothing."""
        self.assertEqual(
            [Started(), finished(), Ended()],
            read(
                ("messageStart", {"role": "assistant", "p": "abc"}),
                ("foo", {"a": 1}),
                ("", {}),
                delta(0, brandNew=1),
                opened(0, {"brandNew": {}}),
                stopped(0),
                end(),
            ),
        )

    def test_without_start(self) -> None:
        """A stream that does not say that it begins, begins."""
        self.assertEqual(["Started", "Finished", "Ended"], kinds(read(end())))

    def test_end(self) -> None:
        """J62: what an answer cost may be missing; what comes besides is kept."""
        self.assertEqual([finished(), Ended()], read(START, end())[1:])
        more = {
            "delta": {"stop_sequence": "END"},
            "usage": {"output_tokens_details": {"thinking_tokens": 9}},
        }
        trace = {"promptRouter": {"invokedModelId": "x"}}
        metadata = {**METADATA[1], "serviceTier": {"type": "flex"}, "trace": trace}
        self.assertEqual(
            [
                UsageCounted(Usage(reasoning=9)),
                finished("stop_sequence", "stop_sequence", stop_sequence="END"),
                USED,
                Ended("flex", Extras(CONVERSE, "", {"trace": trace})),
            ],
            read(
                START,
                end("stop_sequence", additionalModelResponseFields=more),
                ("metadata", metadata),
                ("metadata", metadata),
            )[1:],
        )

    def test_early_metadata(self) -> None:
        """Counts that come before the end are not the end."""
        events = read(START, METADATA, end(), ("metadata", {}))
        self.assertEqual([Started(), USED, finished(), Ended()], events)

    def test_too_many(self) -> None:
        """Blocks that nobody closes are not without end."""
        long = {"title": "x" * (1 << 22)}
        self.assertEqual("Failed", kinds(read(START, *[delta(0, citation=long)] * 4))[-1])
        texts = [delta(place, text="a") for place in range(1025)]
        self.assertNotIn("Failed", kinds(read(START, *texts[:-1])))
        self.assertEqual("Failed", kinds(read(START, *texts))[-1])

    def test_cut(self) -> None:
        """J60: a stream that stops before its end has none."""
        for wire in ((), (START,), (START, delta(0, text="a")), (START, call(0), stopped(0))):
            self.assertNotIn("Ended", kinds(read(*wire)))
        self.assertRaises(FrameError, read_bytes, [bytes.fromhex(V2 + V3)[:-9]])

    def test_flipped(self) -> None:
        """J61: a flipped bit is an error, and what came before it arrives."""
        raw = bytearray(bytes.fromhex(V2 + V3))
        raw[-20] ^= 1
        self.assertRaises(FrameError, read_bytes, [bytes(raw)])


def _finish(events: list[Event]) -> Finish:
    (found,) = (event.finish for event in events if isinstance(event, Finished))
    return found
