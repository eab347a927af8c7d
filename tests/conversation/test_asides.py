from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.asides import LONGEST_HELD, Asides, without_asides
from magicgateway.conversation.blocks import Citation, Refusal, Text, Thinking, ToolCall
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
    TextDelta,
    ThinkingDelta,
)
from magicgateway.conversation.reply import STOP, Failure, Finish
from tests.conversation.turns_of import call

JSON = call("1", "json", "")
OTHER = call("2", "f", "")
EMPTY = Text(text="")
DONE = Finished(Finish(reason=STOP))


def is_json(found: ToolCall) -> bool:
    return found.name == "json"


def told(*events: Event) -> list[Event]:
    """What comes of a stream."""
    asides = Asides(is_json)
    return [new for event in events for new in asides.feed(event)]


class WithoutAsidesTests(SynchronousTestCase):
    def test_whole(self) -> None:
        """Words go where a call is the answer; thoughts and refusals stay, as do other answers."""
        thought, refusal = Thinking(parts=("t",)), Refusal(text="no")
        blocks = (Text(text="a"), thought, JSON, refusal, OTHER, Text(text="b"))
        self.assertEqual((thought, JSON, refusal, OTHER), without_asides(blocks, is_json))
        for kept in ((Text(text="a"), OTHER), (Text(text="a"),), ()):
            self.assertEqual(kept, without_asides(kept, is_json))


class AsidesTests(SynchronousTestCase):
    maxDiff = None

    def test_before_the_answer(self) -> None:
        """Words before the call that is the answer are not told, and leave no gap behind."""
        events = told(
            BlockStarted(0, Thinking()),
            ThinkingDelta(0, "t"),
            BlockStopped(0),
            BlockStarted(1, EMPTY),
            TextDelta(1, "Let me"),
            CitationDelta(1, Citation(kind="url")),
            Ping(),
            BlockStopped(1),
            BlockStarted(2, JSON),
            ArgumentsDelta(2, "{}"),
            BlockStopped(2),
            BlockStarted(3, EMPTY),
            TextDelta(3, "done"),
            BlockStopped(3),
            BlockStarted(4, OTHER),
            BlockStopped(4),
            DONE,
            Ended(),
        )
        expected = [
            BlockStarted(0, Thinking()),
            ThinkingDelta(0, "t"),
            BlockStopped(0),
            Ping(),
            BlockStarted(1, JSON),
            ArgumentsDelta(1, "{}"),
            BlockStopped(1),
            BlockStarted(2, OTHER),
            BlockStopped(2),
            DONE,
            Ended(),
        ]
        self.assertEqual(expected, events)

    def test_at_once(self) -> None:
        """Nothing but words is held."""
        asides = Asides(is_json)
        for event in (BlockStarted(0, JSON), ArgumentsDelta(0, "{"), ArgumentsDelta(0, "}")):
            self.assertEqual([event], list(asides.feed(event)))

    def test_words_as_answer(self) -> None:
        """Words that turn out to be the answer are all told: before another call, or at the end."""
        words: list[Event] = [BlockStarted(0, EMPTY), TextDelta(0, "a"), BlockStopped(0)]
        other = BlockStarted(1, OTHER)
        failed = Failed(Failure(status=500, kind="server", message="x"))
        for last in (other, DONE, Ended(), failed):
            with self.subTest(last=last):
                self.assertEqual([*words, last], told(*words, last))

    def test_words_that_go_on(self) -> None:
        """Words that another call begins in the middle of go on as they come."""
        events: list[Event] = [
            BlockStarted(0, EMPTY),
            TextDelta(0, "a"),
            BlockStarted(1, OTHER),
            TextDelta(0, "b"),
            BlockStopped(0),
            BlockStopped(1),
        ]
        self.assertEqual(events, told(*events))

    def test_choices(self) -> None:
        """Each choice is looked at for itself."""
        events = told(
            BlockStarted(0, EMPTY, choice=0),
            BlockStarted(0, EMPTY, choice=1),
            BlockStarted(1, JSON, choice=1),
            Finished(Finish(reason=STOP), choice=1),
            Finished(Finish(reason=STOP), choice=0),
        )
        expected = [
            BlockStarted(0, JSON, choice=1),
            Finished(Finish(reason=STOP), choice=1),
            BlockStarted(0, EMPTY, choice=0),
            Finished(Finish(reason=STOP), choice=0),
        ]
        self.assertEqual(expected, events)

    def test_too_long(self) -> None:
        """What is held has a limit; once it is told, it is held no more."""
        long = TextDelta(0, "x" * (LONGEST_HELD // 4))
        self.assertEqual([], told(BlockStarted(0, EMPTY), *[long] * 4))
        told_first: list[Event] = [BlockStarted(0, EMPTY), *[long] * 4, BlockStarted(1, OTHER)]
        events = told(*told_first, BlockStarted(2, EMPTY), TextDelta(2, "x"))
        self.assertNotIn(Failed, map(type, events))
        self.assertEqual(
            [Failed],
            [type(e) for e in told(BlockStarted(0, EMPTY), *[long] * 4, TextDelta(0, "x"))],
        )
