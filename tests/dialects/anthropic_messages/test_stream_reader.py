from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import (
    Text,
)
from magicgateway.conversation.events import (
    BlockStarted,
    BlockStopped,
    Ended,
    Failed,
    Finished,
    Ping,
    Started,
    TextDelta,
    UsageCounted,
)
from magicgateway.conversation.reply import LENGTH, STOP, UNKNOWN, Finish, Usage
from tests.dialects.anthropic_messages.wire_events import (
    STOP_EVENT,
    TEXT,
    begin,
    end,
    read,
    reader,
)


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
        for data in (b"{", b"[1]", b"\xff", b"[DONE]"):
            (event,) = reader().feed("message_start", data)
            self.assertIsInstance(event, Failed)
        self.assertEqual([], list(reader().feed("message_start", b"")))  # only a sign of life

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

    def test_no_counts(self) -> None:
        """A stream in which nobody counts says nothing of counts."""
        opened = begin()
        del opened["message"]["usage"]
        last = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}
        events = read(opened, last, {"type": "message_delta", "delta": 1}, STOP_EVENT)
        self.assertEqual([Started, Finished, Ended], list(map(type, events)))

    def test_no_reason(self) -> None:
        """An end without a reason has an unknown one."""
        self.assertEqual(Finished(Finish(reason=UNKNOWN)), read(begin(), *TEXT, STOP_EVENT)[-2])

    def test_without_start(self) -> None:
        """A stream without its first event begins all the same; a second one is nothing."""
        for first in (TEXT[0], end()):
            self.assertEqual(Started(), read(first)[0])
        self.assertEqual([], read(STOP_EVENT, close=True))  # the end of nothing is no answer
        events = read(begin(), begin(), {"type": "message_start", "message": 1})
        self.assertEqual(1, sum(isinstance(event, Started) for event in events))
