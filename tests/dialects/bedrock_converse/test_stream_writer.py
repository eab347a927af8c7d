from __future__ import annotations

from typing import Any

from botocore.eventstream import EventStreamBuffer
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import (
    ANTHROPIC,
    CONVERSE,
    Citation,
    Extras,
    Foreign,
    Hosted,
    Refusal,
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
from magicgateway.conversation.reply import STOP, STOP_SEQUENCE, Failure, Finish, Usage
from magicgateway.conversation.request import Request
from magicgateway.conversation.sealed import unseal
from magicgateway.dialects.bedrock_converse.stream_writer import open_writer
from magicgateway.dialects.grammar import Asked
from magicgateway.wire.jsontext import decode
from tests.dialects.bedrock_converse.bodies import judge_output
from tests.dialects.bedrock_converse.streams import (
    METADATA,
    START,
    Json,
    Wire,
    call,
    delta,
    end,
    framed,
    opened,
    read,
    read_bytes,
    stopped,
)

ASKED = Asked(request=Request(model="m"), model="m", answer_id="x", now=1)
_SHAPES = {
    "messageStart": "MessageStartEvent",
    "contentBlockStart": "ContentBlockStartEvent",
    "contentBlockDelta": "ContentBlockDeltaEvent",
    "contentBlockStop": "ContentBlockStopEvent",
    "messageStop": "MessageStopEvent",
    "metadata": "ConverseStreamMetadataEvent",
}


def write(*events: Event) -> list[Wire]:
    """What a stream is written as, as botocore reads its frames and judges its events."""
    writer = open_writer(ASKED)
    buffer: Any = EventStreamBuffer()
    buffer.add_data(b"".join(writer.write(event) for event in events))
    wire = []
    for message in buffer:
        headers = message.headers
        name = headers.get(":event-type") or f"exception:{headers[':exception-type']}"
        payload = decode(message.payload)
        if name in _SHAPES:
            judge_output(_SHAPES[name], payload)
        wire.append((name, payload))
    return wire


def last(wire: list[Wire]) -> tuple[Json, Json]:
    """The payloads of the two last events."""
    return wire[-2][1], wire[-1][1]


class StreamTests(SynchronousTestCase):
    maxDiff = None

    def test_identity(self) -> None:
        """What is read of a stream is written as it was, its blocks numbered in order."""
        hosted = {"toolUse": {"toolUseId": "h", "name": "n", "type": "server_tool_use"}}
        result = {"toolResult": {"toolUseId": "h", "type": "t"}}
        more = {
            "delta": {"stop_sequence": "END"},
            "usage": {"output_tokens_details": {"thinking_tokens": 9}},
        }
        metadata = {**METADATA[1], "serviceTier": {"type": "flex"}, "metrics": {"latencyMs": 0}}
        wire: list[Wire] = [
            START,
            delta(0, reasoningContent={"text": "T"}),
            delta(0, reasoningContent={"signature": "S"}),
            stopped(0),
            delta(1, text="Hé"),
            delta(1, citation={"title": "t"}),
            stopped(1),
            call(2),
            delta(2, toolUse={"input": '{"a":'}),
            delta(2, toolUse={"input": "1}"}),
            stopped(2),
            delta(3, reasoningContent={"redactedContent": "UlhV"}),
            stopped(3),
            opened(4, hosted),
            delta(4, toolUse={"input": '{"q":1}'}),
            stopped(4),
            opened(5, result),
            delta(5, toolResult=[{"text": "x"}]),
            stopped(5),
            end("tool_use", additionalModelResponseFields=more),
            ("metadata", metadata),
        ]
        self.assertEqual(wire, write(*read(*wire)))
        self.assertEqual(read(*wire), read_bytes([framed(*wire)]))

    def test_least(self) -> None:
        """A stream that begins at once, and has nothing to say, has all that it must."""
        wire = write(Ended())
        self.assertEqual(["messageStart", "messageStop", "metadata"], [name for name, _ in wire])
        self.assertEqual("end_turn", wire[1][1]["stopReason"])
        usage = {"inputTokens": 0, "outputTokens": 0, "totalTokens": 0}
        self.assertEqual(usage, wire[2][1]["usage"])

    def test_whole_blocks(self) -> None:
        """Blocks that come with their words have them; those without words are not told."""
        wire = write(
            Started("x", "m"),
            BlockStarted(0, Refusal(text="no")),
            BlockStopped(0),
            BlockStarted(1, Text(text="")),
            BlockStopped(1),
            BlockStarted(2, ToolCall(id="a", name="f", arguments="{}")),
            BlockStopped(2),
            BlockStarted(3, Thinking(parts=("T",), token=Token(ANTHROPIC, "S"))),
            BlockStopped(3),
            BlockStarted(4, Foreign(family=ANTHROPIC, kind="k", raw={})),
            BlockStopped(4),
            Ping(),
        )
        self.assertEqual(
            [
                START,
                delta(0, text="no"),
                stopped(0),
                call(1),
                delta(1, toolUse={"input": "{}"}),
                stopped(1),
                delta(2, reasoningContent={"text": "T"}),
                delta(2, reasoningContent={"signature": "S"}),
                stopped(2),
            ],
            wire,
        )

    def test_sealed(self) -> None:
        """A signature of another family's goes sealed, with the words it signs."""
        wire = write(
            BlockStarted(0, Thinking()),
            ThinkingDelta(0, "T"),
            TokenDelta(0, Token("openai", "D")),
            BlockStopped(0),
        )
        sealed = unseal(wire[2][1]["delta"]["reasoningContent"]["signature"])
        assert sealed is not None
        self.assertEqual((("T",), Token("openai", "D")), (sealed.parts, sealed.token))
        long = Token("openai", "D" * (1 << 20))
        self.assertEqual([START], write(BlockStarted(0, Thinking()), TokenDelta(0, long)))
        text = write(BlockStarted(0, Text(text="")), TokenDelta(0, Token("gemini", "x")))
        self.assertEqual([START], text)

    def test_hosted_text(self) -> None:
        """A step whose arguments were no JSON is told as it was."""
        raw = {"toolUse": {"toolUseId": "h", "name": "n", "input": "{"}}
        wire = write(BlockStarted(0, Hosted(family=CONVERSE, kind="toolUse", raw=raw)))
        self.assertEqual({"toolUse": {"input": "{"}}, wire[-1][1]["delta"])

    def test_left_out(self) -> None:
        """Other choices, unknown blocks and what has no words are nothing."""
        page = Citation(kind="page_location", family=ANTHROPIC)
        wire = write(
            TextDelta(9, "x"),
            BlockStopped(9),
            BlockStarted(0, Text(text=""), choice=1),
            BlockStarted(0, Text(text="")),
            CitationDelta(0, page),
            ArgumentsDelta(9, "x"),
        )
        self.assertEqual([START], wire)

    def test_end(self) -> None:
        """The end has its reason, what it cost, and what the provider said besides."""
        stop, metadata = last(
            write(
                UsageCounted(Usage(input=1, output=2)),
                UsageCounted(Usage(cache_read=3)),
                Finished(Finish(reason=STOP_SEQUENCE, stop_sequence="END")),
                Ended("flex", Extras(CONVERSE, "", {"trace": {"promptRouter": {}}})),
                TextDelta(0, "late"),
            )
        )
        self.assertEqual("stop_sequence", stop["stopReason"])
        self.assertEqual({"delta": {"stop_sequence": "END"}}, stop["additionalModelResponseFields"])
        self.assertEqual(6, metadata["usage"]["totalTokens"])
        self.assertEqual(
            ({"type": "flex"}, {"promptRouter": {}}), (metadata["serviceTier"], metadata["trace"])
        )

    def test_failures(self) -> None:
        """A failure is an exception of its kind, after which nothing follows."""
        cases = {
            "invalid_request": "validationException",
            "rate_limit": "throttlingException",
            "overloaded": "serviceUnavailableException",
            "server": "internalServerException",
            "timeout": "modelStreamErrorException",
        }
        for kind, name in cases.items():
            failure = Failure(status=504, kind=kind, message="m")
            wire = write(Started(), Failed(failure), Finished(Finish(reason=STOP)), Ended())
            self.assertEqual(["messageStart", f"exception:{name}"], [name for name, _ in wire])
            self.assertEqual("m", wire[1][1]["message"])
        self.assertEqual(504, wire[1][1]["originalStatusCode"])
