from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation import sequence
from magicgateway.conversation.blocks import Block, Citation, Text, Thinking, Token, ToolCall
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
from magicgateway.conversation.reply import STOP, Failure, Finish, Usage
from magicgateway.conversation.sequence import Sequencer
from tests.conversation.turns_of import call

FINISH = Finished(Finish(reason=STOP))


def begun(index: int, *, kind: str = "function", choice: int = 0) -> BlockStarted:
    """A call begins."""
    return BlockStarted(index, ToolCall(id=f"c{index}", name="f", kind=kind), choice)


def sequenced(events: Iterable[Event]) -> list[list[Event]]:
    """What leaves at each event."""
    sequencer = Sequencer()
    return [list(sequencer.feed(event)) for event in events]


class SequencerTests(SynchronousTestCase):
    """Event by event."""

    def test_one_after_the_other(self) -> None:
        """Blocks that come one after the other pass as they come."""
        events: list[Event] = [
            Started("r"),
            BlockStarted(0, Thinking()),
            ThinkingDelta(0, "t"),
            TokenDelta(0, Token("anthropic", "S")),
            BlockStopped(0),
            Ping(),
            BlockStarted(1, Text(text="")),
            TextDelta(1, "x"),
            CitationDelta(1, Citation(kind="url")),
            BlockStopped(1),
            UsageCounted(Usage(output=1)),
            FINISH,
            Ended(),
        ]
        self.assertEqual([[event] for event in events], sequenced(events))

    def test_interleaved(self) -> None:
        """Of calls in turns the first passes, the second waits and then comes whole (I.83)."""
        events: list[Event] = [
            begun(0),
            ArgumentsDelta(0, '{"x":'),
            begun(1),
            ArgumentsDelta(1, '{"y":'),
            ArgumentsDelta(0, "1}"),
            ArgumentsDelta(1, "2}"),
            BlockStopped(1),
            BlockStopped(0),
            FINISH,
        ]
        self.assertEqual(
            [
                [events[0]],
                [events[1]],
                [],
                [],
                [events[4]],
                [],
                [],
                [
                    BlockStopped(0),
                    begun(1),
                    ArgumentsDelta(1, '{"y":2}'),
                    BlockStopped(1),
                ],
                [FINISH],
            ],
            sequenced(events),
        )

    def test_complete_calls_make_way(self) -> None:
        """A call whose arguments are whole is closed when the next begins, which then passes."""
        events: list[Event] = [
            begun(0),
            ArgumentsDelta(0, '{"x":"}'),
            ArgumentsDelta(0, '"}'),
            begun(1),
            ArgumentsDelta(1, "{"),
            ArgumentsDelta(0, "\n"),
            BlockStopped(0),
            ArgumentsDelta(1, "}"),
            BlockStopped(1),
        ]
        self.assertEqual(
            [
                [events[0]],
                [events[1]],
                [events[2]],
                [BlockStopped(0), events[3]],
                [events[4]],
                [],
                [],
                [events[7]],
                [events[8]],
            ],
            sequenced(events),
        )

    def test_those_that_wait_make_way(self) -> None:
        """Calls that became whole while they waited are closed when it is their turn."""
        events: list[Event] = [
            begun(0),
            begun(1),
            ArgumentsDelta(1, "{}"),
            begun(2),
            ArgumentsDelta(2, "{"),
            BlockStopped(0),
            ArgumentsDelta(2, "}"),
        ]
        self.assertEqual(
            [
                BlockStopped(0),
                begun(1),
                ArgumentsDelta(1, "{}"),
                BlockStopped(1),
                begun(2),
                ArgumentsDelta(2, "{"),
            ],
            sequenced(events)[5],
        )
        self.assertEqual([ArgumentsDelta(2, "}")], sequenced(events)[6])

    def test_the_last_that_waits_stays_open(self) -> None:
        """A call that is whole stays open while no other waits: its stop is still to come."""
        events: list[Event] = [
            begun(0), begun(1), ArgumentsDelta(1, "{}"), BlockStopped(0), BlockStopped(1),
        ]  # fmt: skip
        self.assertEqual([[BlockStopped(1)]], sequenced(events)[4:])

    def test_free_text_is_never_whole(self) -> None:
        """Of a call with free text only its stop says that it has ended."""
        events: list[Event] = [begun(0, kind="custom"), ArgumentsDelta(0, "{}"), begun(1)]
        self.assertEqual([], sequenced(events)[2])

    def test_no_object_is_whole(self) -> None:
        """What is no object may go on: it waits for its stop, and nothing of it is lost."""
        for text in ("12 ", '"a"', "[1]", "a{"):
            events: list[Event] = [
                begun(0), ArgumentsDelta(0, text), begun(1), ArgumentsDelta(0, "x"),
            ]  # fmt: skip
            self.assertEqual([[], [ArgumentsDelta(0, "x")]], sequenced(events)[2:])

    def test_arguments_at_the_start(self) -> None:
        """Arguments that come with the start count as well."""
        start = BlockStarted(0, call("c", "f", "{}"))
        self.assertEqual([BlockStopped(0), begun(1)], sequenced([start, begun(1)])[1])

    def test_left_open(self) -> None:
        """Blocks that a reader has left open are closed before the choice or the answer ends."""
        for last in (FINISH, Ended()):
            events: list[Event] = [begun(0), begun(1), ArgumentsDelta(1, "{"), last]
            self.assertEqual(
                [
                    BlockStopped(0),
                    begun(1),
                    ArgumentsDelta(1, "{"),
                    BlockStopped(1),
                    last,
                ],
                sequenced(events)[3],
            )

    def test_choices(self) -> None:
        """Each choice has an open block of its own."""
        events: list[Event] = [begun(0), begun(0, choice=1), ArgumentsDelta(0, "{", choice=1)]
        self.assertEqual([[event] for event in events], sequenced(events))

    def test_nothing_after_the_end(self) -> None:
        """After a failure or the end nothing follows."""
        failed = Failed(Failure(status=500, kind="server", message="m"))
        for last in (failed, Ended()):
            self.assertEqual([[last], [], []], sequenced([last, begun(0), FINISH]))

    def test_strangers(self) -> None:
        """What belongs to no block is not passed on."""
        events: list[Event] = [
            TextDelta(0, "x"), BlockStopped(0), begun(0), TextDelta(7, "x"), BlockStopped(7),
        ]  # fmt: skip
        self.assertEqual([[], [], [begun(0)], [], []], sequenced(events))

    def test_too_long(self) -> None:
        """What waits is limited: beyond that the answer has failed."""
        self.patch(sequence, "LONGEST_HELD", 10)
        events: list[Event] = [
            begun(0), begun(1), ArgumentsDelta(1, "x" * 10), TokenDelta(1, Token("o", "x")), FINISH,
        ]  # fmt: skip
        done = sequenced(events)
        self.assertEqual([], done[2])
        self.assertEqual([Failed], [type(event) for event in done[3]])
        self.assertEqual([], done[4])

    def test_room_is_given_back(self) -> None:
        """What no longer waits does not count."""
        self.patch(sequence, "LONGEST_HELD", 10)
        events: list[Event] = [begun(0)]
        for index in range(1, 5):
            events += [begun(index), ArgumentsDelta(index, "x" * 9), BlockStopped(index - 1)]
        self.assertEqual([ArgumentsDelta(4, "x" * 9)], sequenced(events)[-1][-1:])


KINDS: list[Block] = [
    Text(text=""),
    Thinking(),
    ToolCall(id="c", name="f"),
    ToolCall(id="c", name="f", kind="custom"),
]


@st.composite
def streams(draw: st.DrawFn) -> list[Event]:
    """A legal stream of one choice, whose blocks overlap as they like."""
    events: list[Event] = [Started("r")]
    open_blocks: dict[int, Block] = {}
    begun_blocks = 0
    for _ in range(draw(st.integers(0, 25))):
        action = draw(st.sampled_from(["start", "delta", "delta", "stop"]))
        if action == "start" or not open_blocks:
            block = draw(st.sampled_from(KINDS))
            open_blocks[begun_blocks] = block
            events.append(BlockStarted(begun_blocks, block))
            begun_blocks += 1
            continue
        index = draw(st.sampled_from(sorted(open_blocks)))
        if action == "stop":
            del open_blocks[index]
            events.append(BlockStopped(index))
        else:
            events.append(_delta(open_blocks[index], index, draw(st.sampled_from("ab{"))))
    events += [BlockStopped(index) for index in open_blocks]
    return [*events, FINISH, UsageCounted(Usage(output=1)), Ended()]


def _delta(block: Block, index: int, text: str) -> Event:
    match block:
        case Text():
            return TextDelta(index, text)
        case Thinking():
            return ThinkingDelta(index, text)
        case _:
            return ArgumentsDelta(index, text)


class PropertyTests(SynchronousTestCase):
    """What holds for any stream."""

    @given(streams())
    def test_lawful_and_complete(self, events: list[Event]) -> None:
        """One block is open at a time, indexes are dense, and all that came leaves."""
        done = [event for events_ in sequenced(events) for event in events_]
        open_index: int | None = None
        begun_blocks = 0
        for event in done:
            match event:
                case BlockStarted():
                    self.assertIsNone(open_index)
                    self.assertEqual(begun_blocks, event.index)
                    open_index, begun_blocks = event.index, begun_blocks + 1
                case BlockStopped():
                    self.assertEqual(open_index, event.index)
                    open_index = None
                case TextDelta() | ThinkingDelta() | ArgumentsDelta():
                    self.assertEqual(open_index, event.index)
                case Finished() | Ended():
                    self.assertIsNone(open_index)
                case _:
                    pass
        self.assertEqual(_words(events), _words(done))
        self.assertEqual(
            [event for event in events if not hasattr(event, "index")],
            [event for event in done if not hasattr(event, "index")],
        )

    @given(streams())
    def test_the_open_block_is_never_held_back(self, events: list[Event]) -> None:
        """A delta of the block that is open leaves in the call in which it came."""
        sequencer = Sequencer()
        open_index: int | None = None
        for event in events:
            leaving = list(sequencer.feed(event))
            if isinstance(event, TextDelta | ThinkingDelta | ArgumentsDelta):
                self.assertEqual([event] if event.index == open_index else [], leaving)
            for left in leaving:
                if isinstance(left, BlockStarted):
                    open_index = left.index
                elif isinstance(left, BlockStopped):
                    open_index = None


def _words(events: Iterable[Event]) -> dict[int, str]:
    """What each block of a stream says."""
    words: dict[int, str] = {}
    for event in events:
        if isinstance(event, BlockStarted):
            words[event.index] = ""
        elif isinstance(event, TextDelta | ThinkingDelta | ArgumentsDelta):
            words[event.index] += event.text
    return words
