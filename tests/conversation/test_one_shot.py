"""A whole reply, told as a stream."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import (
    Citation,
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
    Finished,
    Started,
    TextDelta,
    ThinkingDelta,
    TokenDelta,
    UsageCounted,
)
from magicgateway.conversation.one_shot import LONGEST_DELTA, events_of
from magicgateway.conversation.reply import STOP, Choice, Finish, Reply, Usage

END = Finish(reason=STOP)


class OneShotTests(SynchronousTestCase):
    def test_everything(self) -> None:
        """Each block is started, told and stopped, in order, and the end comes once."""
        signature = Token("anthropic", "S")
        citation = Citation(kind="url", url="https://x.test")
        hosted = Hosted(family="anthropic", kind="server_tool_use", raw={"a": 1}, token=signature)
        reply = Reply(
            id="r",
            model="m",
            created=7,
            service_tier="flex",
            usage=Usage(input=1),
            choices=(
                Choice(
                    blocks=(
                        Thinking(parts=("a", "", "b"), token=signature),
                        Text(text="hi", citations=(citation,)),
                        ToolCall(id="c", name="f", arguments="{}"),
                        Refusal(text="no"),
                        hosted,
                        Text(text=""),
                    ),
                    finish=END,
                    logprobs={"content": []},
                ),
            ),
        )
        expected = [
            Started("r", "m", 7),
            BlockStarted(0, Thinking()),
            ThinkingDelta(0, "a", part=0),
            ThinkingDelta(0, "b", part=2),
            TokenDelta(0, signature),
            BlockStopped(0),
            BlockStarted(1, Text(text="")),
            TextDelta(1, "hi", logprobs={"content": []}),
            CitationDelta(1, citation),
            BlockStopped(1),
            BlockStarted(2, ToolCall(id="c", name="f")),
            ArgumentsDelta(2, "{}"),
            BlockStopped(2),
            BlockStarted(3, Refusal(text="")),
            TextDelta(3, "no"),
            BlockStopped(3),
            BlockStarted(4, hosted),
            BlockStopped(4),
            BlockStarted(5, Text(text="")),
            BlockStopped(5),
            Finished(END),
            UsageCounted(Usage(input=1)),
            Ended("flex"),
        ]
        self.assertEqual(expected, list(events_of(reply)))

    def test_probabilities(self) -> None:
        """They go with the first words."""
        choice = Choice(blocks=(Text(text="hi"),), finish=END, logprobs={"content": [1]}, index=1)
        events = list(events_of(Reply(id="", model="", choices=(choice,))))
        self.assertIn(TextDelta(0, "hi", 1, {"content": [1]}), events)
        self.assertIn(Finished(END, 1), events)

    def test_long(self) -> None:
        """What is long comes in several deltas that none of a stream's readers refuses."""
        long = "x" * (2 * LONGEST_DELTA + 1)
        blocks = (
            Text(text=long),
            Refusal(text=long),
            Thinking(parts=(long,)),
            ToolCall(id="c", name="f", arguments=long),
        )
        reply = Reply(id="r", model="m", choices=(Choice(blocks=blocks, finish=END),))
        told: dict[int, list[str]] = {}
        for event in events_of(reply):
            if isinstance(event, TextDelta | ThinkingDelta | ArgumentsDelta):
                told.setdefault(event.index, []).append(event.text)
        self.assertEqual([long] * 4, ["".join(pieces) for pieces in told.values()])
        self.assertEqual({LONGEST_DELTA, 1}, {len(p) for pieces in told.values() for p in pieces})
