from __future__ import annotations

from typing import Any

import anthropic
from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import (
    Extras,
    Foreign,
    Refusal,
    Text,
    Thinking,
    ToolCall,
)
from magicgateway.conversation.events import (
    ArgumentsDelta,
    BlockStarted,
    BlockStopped,
    Ended,
    Event,
    Failed,
    Finished,
    Ping,
    Started,
    TextDelta,
    ThinkingDelta,
    UsageCounted,
)
from magicgateway.conversation.reply import (
    LENGTH,
    REFUSED,
    STOP,
    STOP_SEQUENCE,
    TOOL_CALLS,
    Failure,
    Finish,
    Usage,
)
from magicgateway.conversation.sequence import LONGEST_HELD
from magicgateway.dialects.anthropic_messages.stream_writer import open_writer
from tests.dialects.anthropic_messages import sdk
from tests.dialects.anthropic_messages.streams import (
    ASKED,
    START,
    block,
    call,
    finished,
    frames,
    text,
    write,
)


class MessageTests(SynchronousTestCase):
    maxDiff = None

    def test_order(self) -> None:
        """Reasoning, then words: each a block, in the order that SDKs need (case I.80)."""
        stream = write(
            START,
            *block(0, Thinking(), ThinkingDelta(0, "r")),
            *text(1, "a"),
            UsageCounted(Usage(input=3, output=2)),
            *finished(),
        )
        self.assertEqual(
            [
                "message_start",
                "content_block_start",
                "content_block_delta",
                "content_block_delta",
                "content_block_stop",
                "content_block_start",
                "content_block_delta",
                "content_block_stop",
                "message_delta",
                "message_stop",
            ],
            [frame["type"] for frame in sdk.frames(stream)],
        )
        self.assertEqual(
            {"type": "signature_delta", "signature": ""}, sdk.frames(stream)[3]["delta"]
        )
        message = sdk.streamed(stream)
        self.assertEqual(
            ("msg_1", "asked", "end_turn"), (message.id, message.model, message.stop_reason)
        )
        self.assertEqual(["thinking", "text"], [made.type for made in message.content])

    def test_counts(self) -> None:
        """An estimate at the start, and the true counts at the end (cases I.85, I.86)."""
        first, *_, last, _ = frames(
            START, *text(0, "a"), UsageCounted(Usage(input=40, cache_read=60, output=9)),
            *finished(),
        )  # fmt: skip
        self.assertTrue(first["message"]["usage"]["input_tokens"] > 0)
        zero = {"cache_creation_input_tokens": 0}
        self.assertEqual(
            {"input_tokens": 40, "cache_read_input_tokens": 60, "output_tokens": 9, **zero},
            last["usage"],
        )

    def test_known_counts(self) -> None:
        """Counts that come with the start stand in the start."""
        first, *_ = frames(START, UsageCounted(Usage(input=7, output=1)), *text(0, "a"))
        self.assertEqual((7, 1), (
            first["message"]["usage"]["input_tokens"], first["message"]["usage"]["output_tokens"]
        ))  # fmt: skip

    def test_no_counts(self) -> None:
        """Where nobody counts, both counts are estimates."""
        *_, last, _ = frames(START, *text(0, "four words of text"), *finished())
        self.assertTrue(last["usage"]["input_tokens"] > 0)
        self.assertEqual(5, last["usage"]["output_tokens"])

    def test_held_start(self) -> None:
        """The start is written with what follows it, so that an error may still be an answer."""
        writer = open_writer(ASKED)
        self.assertEqual(b"", writer.write(START))
        self.assertEqual(b"", writer.write(Started("2")))
        self.assertEqual(2, len(sdk.frames(writer.write(Ping()))))
        self.assertEqual(b"", writer.write(Started("3")))

    def test_before_start(self) -> None:
        """Pings and counts before the start wait; blocks begin the message (case I.66)."""
        writer = open_writer(ASKED)
        self.assertEqual(b"", writer.write(Ping()))
        self.assertEqual(b"", writer.write(UsageCounted(Usage(input=7))))
        out = writer.write(BlockStarted(0, ToolCall(id="c", name="f")))
        first, second = sdk.frames(out)
        self.assertEqual(("msg_a1", 7), (
            first["message"]["id"], first["message"]["usage"]["input_tokens"]
        ))  # fmt: skip
        self.assertEqual("content_block_start", second["type"])

    def test_nothing(self) -> None:
        """An answer without anything is a message without content."""
        for events in ((START, *finished()), finished(), (Ended(),)):
            stream = write(*events)
            self.assertEqual(
                ["message_start", "message_delta", "message_stop"],
                [frame["type"] for frame in sdk.frames(stream)],
            )
            self.assertEqual([], sdk.streamed(stream).content)

    def test_reasons(self) -> None:
        """Why it ended: calls before all but a cut, a refusal's words, a stop (I.84, I.92)."""
        refusal = block(0, Refusal(text=""), TextDelta(0, "no"))
        cases: list[tuple[list[Event], tuple[Event, Event], str]] = [
            (text(0, "a"), finished(), "end_turn"),
            (call(0, "f", "{}"), finished(), "tool_use"),
            (call(0, "f", "{"), finished(LENGTH), "max_tokens"),
            (refusal, finished(), "refusal"),
            (text(0, "a"), finished(REFUSED, explanation="E"), "refusal"),
            (text(0, "a"), finished(STOP_SEQUENCE, stop_sequence="X"), "stop_sequence"),
            (text(0, "a"), finished(TOOL_CALLS), "tool_use"),
        ]
        for events, last, expected in cases:
            message = sdk.streamed(write(START, *events, *last))
            self.assertEqual(expected, message.stop_reason)

    def test_end_once(self) -> None:
        """After the end, or an error, nothing is written."""
        writer = open_writer(ASKED)
        for event in (START, *text(0, "a"), *finished()):
            writer.write(event)
        failure = Failure(status=500, kind="server", message="m")
        for event in (*text(1, "b"), Ping(), Ended(), Failed(failure)):
            self.assertEqual(b"", writer.write(event))

    def test_errors(self) -> None:
        """An error ends the stream without a message_stop, and SDKs raise it (I.88, I.89)."""
        for kind, status, expected in (
            ("rate_limit", 429, "rate_limit_error"),
            ("overloaded", 503, "overloaded_error"),
            ("server", 500, "api_error"),
        ):
            failure = Failure(status=status, kind=kind, message="m")
            stream = write(START, *text(0, "a")[:2], Failed(failure), *finished())
            last = sdk.frames(stream)[-1]
            self.assertEqual(("error", expected), (last["type"], last["error"]["type"]))
            self.assertNotIn(b"message_stop", stream)
            self.assertRaises(anthropic.APIStatusError, sdk.streamed, stream)

    def test_too_much_held(self) -> None:
        """Calls in turns that are too long to be held back end the stream with an error."""
        long = ArgumentsDelta(1, "x" * (LONGEST_HELD + 1))
        stream = write(
            START,
            BlockStarted(0, ToolCall(id="a", name="f")),
            BlockStarted(1, ToolCall(id="b", name="f")),
            long,
            *finished(),
        )
        self.assertEqual("error", sdk.frames(stream)[-1]["type"])

    def test_extras(self) -> None:
        """What Anthropic said besides is written where it was; other families' is not."""
        container = {"id": "c", "expires_at": "2026-11-25T00:00:00Z"}
        first, *_, last, _ = frames(
            evolve(START, extras=Extras("anthropic", "", {"container": container, "usage.odd": 1})),
            Finished(Finish(reason=STOP)),
            Ended(
                service_tier="default",
                extras=Extras("anthropic", "", {"delta.container": container, "usage.odd": 2}),
            ),
        )
        message = first["message"]
        self.assertEqual((container, 1), (message["container"], message["usage"]["odd"]))
        self.assertEqual(
            (container, 2, "standard"),
            (last["delta"]["container"], last["usage"]["odd"], last["usage"]["service_tier"]),
        )
        first, *_ = frames(evolve(START, extras=Extras("openai", "", {"a": 1})), *finished())
        self.assertNotIn("a", first["message"])

    def test_odd_kinds(self) -> None:
        """A block whose kind is no word is passed on as it is; it was the provider's fault."""
        odd: dict[str, Any] = {"type": ["x"], "input": {"a": 1}}
        block = Foreign(family="anthropic", kind="", raw=odd)
        written = frames(START, BlockStarted(0, block), BlockStopped(0), *finished())
        self.assertIn(odd, [frame.get("content_block") for frame in written])

    def test_other_choices(self) -> None:
        """Only the first choice is written."""
        one: list[Event] = [
            BlockStarted(0, Text(text=""), 1),
            TextDelta(0, "b", 1),
            BlockStopped(0, 1),
        ]
        message = sdk.streamed(write(START, *text(0, "a"), *one, *finished()))
        self.assertEqual(1, len(message.content))
