from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import Block, Text, Thinking, ToolCall
from magicgateway.conversation.events import (
    ArgumentsDelta,
    BlockStarted,
    BlockStopped,
    Ended,
    Event,
    Finished,
    Ping,
    Started,
    TextDelta,
)
from magicgateway.conversation.reply import (
    LENGTH,
    STOP,
    TOOL_CALLS,
    Choice,
    Finish,
    Reply,
)
from magicgateway.conversation.request import HostedTool, Tool
from magicgateway.conversation.undo import Undo, Unwrapper, undo_reply
from tests.conversation.cuts import cuttings
from tests.conversation.turns_of import call


@frozen(kw_only=True)
class Changed:
    """What a writer has changed."""

    names: Mapping[str, str] = {}
    json_tool: str | None = None
    wrapped: frozenset[str] = frozenset()


NOTHING = Changed()
RENAMED = Changed(names={"a_b_2": "a/b", "ns__g": "ns__g"})
JSON_TOOL = Changed(json_tool="json_response")
WRAPPED = Changed(names={"a_b": "a/b"}, wrapped=frozenset({"a/b", "patch"}))
WRAPPED_JSON = Changed(json_tool="json_response", wrapped=frozenset({"json_response"}))
TOOLS = (
    Tool(name="g", namespace="ns"),
    Tool(name="patch", kind="apply_patch"),
    Tool(name="any", schema={"anyOf": []}),
    HostedTool(kind="web_search", raw={}, family="openai"),
)


def custom(id: str, name: str, text: str) -> ToolCall:  # noqa: A002 - it is an id
    """A call with free text."""
    return ToolCall(id=id, name=name, arguments=text, kind="custom")


Case = tuple[str, Changed, list[Block], str, list[Block], str]

CASES: list[Case] = [
    ("nothing changed", NOTHING, [call("1", "f")], TOOL_CALLS, [call("1", "f")], TOOL_CALLS),
    ("I.23", RENAMED, [call("1", "a_b_2")], TOOL_CALLS, [call("1", "a/b")], TOOL_CALLS),
    ("no rename", RENAMED, [call("1", "a_b")], TOOL_CALLS, [call("1", "a_b")], TOOL_CALLS),
    (
        "a namespace comes back",
        NOTHING,
        [call("1", "ns__g")],
        TOOL_CALLS,
        [ToolCall(id="1", name="g", namespace="ns", arguments="{}")],
        TOOL_CALLS,
    ),
    (
        "I.55: the JSON tool alone",
        JSON_TOOL,
        [call("1", "json_response", '{"a":1}')],
        TOOL_CALLS,
        [Text(text='{"a":1}')],
        STOP,
    ),
    (
        "I.55: the JSON tool and another",
        JSON_TOOL,
        [call("1", "json_response", '{"a":1}'), call("2", "f")],
        TOOL_CALLS,
        [Text(text='{"a":1}'), call("2", "f")],
        TOOL_CALLS,
    ),
    (
        "another and the JSON tool",
        JSON_TOOL,
        [call("2", "f"), call("1", "json_response", "{}")],
        TOOL_CALLS,
        [call("2", "f"), Text(text="{}")],
        TOOL_CALLS,
    ),
    (
        "what was said beside the JSON tool",
        JSON_TOOL,
        [
            Text(text="Let me see."),
            Thinking(parts=("t",)),
            call("1", "json_response", "{}"),
            Text(text="Done."),
        ],
        TOOL_CALLS,
        [Thinking(parts=("t",)), Text(text="{}")],
        STOP,
    ),
    (
        "what was said before a call, where the JSON tool could have been called",
        JSON_TOOL,
        [Text(text="Let me see."), call("2", "f")],
        TOOL_CALLS,
        [Text(text="Let me see."), call("2", "f")],
        TOOL_CALLS,
    ),
    (
        "the JSON tool was cut",
        JSON_TOOL,
        [Thinking(parts=("t",)), call("1", "json_response", '{"a":')],
        LENGTH,
        [Thinking(parts=("t",)), Text(text='{"a":')],
        LENGTH,
    ),
    (
        "a schema that is no object's",
        WRAPPED_JSON,
        [call("1", "json_response", '{"input":["a",1]}')],
        TOOL_CALLS,
        [Text(text='["a",1]')],
        STOP,
    ),
    (
        "a schema of strings",
        WRAPPED_JSON,
        [call("1", "json_response", '{"input": "a\\n" }')],
        TOOL_CALLS,
        [Text(text='"a\\n"')],
        STOP,
    ),
    (
        "a custom tool",
        WRAPPED,
        [call("1", "a_b", '{"input":"x\\ny"}')],
        TOOL_CALLS,
        [custom("1", "a/b", "x\ny")],
        TOOL_CALLS,
    ),
    (
        "a client-run tool",
        WRAPPED,
        [call("1", "patch", '{"input":"x"}')],
        TOOL_CALLS,
        [ToolCall(id="1", name="patch", arguments="x", kind="apply_patch")],
        TOOL_CALLS,
    ),
    (
        "a function whose root is no object",
        Changed(wrapped=frozenset({"any"})),
        [call("1", "any", '{"input":"x"}')],
        TOOL_CALLS,
        [call("1", "any", '"x"')],
        TOOL_CALLS,
    ),
    ("no calls", JSON_TOOL, [Text(text="x")], TOOL_CALLS, [Text(text="x")], TOOL_CALLS),
]


def replied(blocks: Iterable[Block], reason: str) -> Reply:
    """A reply of one choice."""
    finish = Finish(reason=reason, raw="raw")
    return Reply(id="r", model="m", choices=(Choice(blocks=tuple(blocks), finish=finish),))


def streamed(blocks: Iterable[Block], reason: str, *, size: int) -> list[Event]:
    """The same as a stream, in pieces of some length."""
    events: list[Event] = [Started("r", "m")]
    for index, block in enumerate(blocks):
        if isinstance(block, ToolCall):
            text = block.arguments
            bare = ToolCall(id=block.id, name=block.name, kind=block.kind)
            events.append(BlockStarted(index, bare))
            events += [
                ArgumentsDelta(index, text[at : at + size]) for at in range(0, len(text), size)
            ]
        else:
            events.append(BlockStarted(index, block))
        events += [Ping(), BlockStopped(index)]
    return [*events, Finished(Finish(reason=reason, raw="raw")), Ended()]


def collected(events: Iterable[Event]) -> tuple[list[Block], str]:
    """The blocks and the reason that a stream amounts to."""
    blocks: list[Block] = []
    reason = ""
    for event in events:
        match event:
            case BlockStarted():
                blocks.append(event.block)
            case TextDelta(index, text):
                block = blocks[index]
                assert isinstance(block, Text)
                blocks[index] = Text(text=block.text + text)
            case ArgumentsDelta(index, text):
                block = blocks[index]
                assert isinstance(block, ToolCall)
                blocks[index] = ToolCall(
                    id=block.id, name=block.name, kind=block.kind, namespace=block.namespace,
                    arguments=block.arguments + text,
                )  # fmt: skip
            case Finished():
                reason = event.finish.reason
            case _:
                pass
    return blocks, reason


class UndoTests(SynchronousTestCase):
    """A whole answer and a streamed one, on the way back."""

    def test_replies(self) -> None:
        """A whole answer is what the caller asked for, whatever the target was sent."""
        for name, changes, blocks, reason, expected, expected_reason in CASES:
            with self.subTest(name):
                self.assertEqual(
                    replied(expected, expected_reason),
                    undo_reply(replied(blocks, reason), changes, TOOLS),
                )

    def test_streams(self) -> None:
        """A stream amounts to the same, in whatever pieces it comes."""
        for name, changes, blocks, reason, expected, expected_reason in CASES:
            for size in (1, 3, 1000):
                with self.subTest(name, size=size):
                    undo = Undo(changes, TOOLS)
                    events = [
                        event
                        for given_event in streamed(blocks, reason, size=size)
                        for event in undo.feed(given_event)
                    ]
                    self.assertEqual((expected, expected_reason), collected(events))

    def test_untouched(self) -> None:
        """A reply without calls is the same object, and so is every event of its stream."""
        reply = replied([Text(text="x")], STOP)
        self.assertIs(reply, undo_reply(reply, NOTHING))
        for event in streamed([Text(text="x")], LENGTH, size=1):
            self.assertEqual([event], list(Undo(NOTHING).feed(event)))

    def test_finish_of_each_choice(self) -> None:
        """Which calls were made is known choice by choice."""
        undo = Undo(JSON_TOOL)
        finish = Finish(reason=TOOL_CALLS)
        events: list[Event] = [
            BlockStarted(0, call("1", "json_response", ""), choice=0),
            BlockStarted(0, call("2", "f", ""), choice=1),
            BlockStopped(0, choice=0),
            BlockStopped(0, choice=1),
            Finished(finish, choice=0),
            Finished(finish, choice=1),
        ]
        done = [event for given_event in events for event in undo.feed(given_event)]
        self.assertEqual(
            [Finished(Finish(reason=STOP), 0), Finished(finish, 1)],
            [event for event in done if isinstance(event, Finished)],
        )

    def test_arguments_at_the_start(self) -> None:
        """Arguments that come with the call's start are unwrapped like others."""
        undo = Undo(WRAPPED)
        start = BlockStarted(0, call("1", "patch", '{"input":"x'))
        self.assertEqual(
            [BlockStarted(0, custom("1", "patch", "")), ArgumentsDelta(0, "x")],
            list(undo.feed(start)),
        )
        self.assertEqual([ArgumentsDelta(0, "y")], list(undo.feed(ArgumentsDelta(0, "y"))))

    def test_what_was_held_back(self) -> None:
        """What could have gone on and did not is told before the block stops."""
        undo = Undo(WRAPPED)
        list(undo.feed(BlockStarted(0, call("1", "patch", ""))))
        self.assertEqual([], list(undo.feed(ArgumentsDelta(0, '{"inp'))))
        self.assertEqual(
            [ArgumentsDelta(0, '{"inp'), BlockStopped(0)], list(undo.feed(BlockStopped(0)))
        )

    @given(cuttings(st.text().map(lambda text: json.dumps({"input": text}))))
    def test_free_text(self, pieces: list[str]) -> None:
        """Free text comes out as it was, each piece in the call that completed it."""
        undo = Undo(WRAPPED)
        list(undo.feed(BlockStarted(0, call("1", "patch", ""))))
        told = ""
        for piece in pieces:
            for event in undo.feed(ArgumentsDelta(0, piece)):
                assert isinstance(event, ArgumentsDelta)
                self.assertNotEqual("", event.text)
                told += event.text
        self.assertEqual([BlockStopped(0)], list(undo.feed(BlockStopped(0))))
        self.assertEqual(json.loads("".join(pieces))["input"], told)


class UnwrapperTests(SynchronousTestCase):
    """Arguments out of their wrapping."""

    def test_shapes(self) -> None:
        """Only ``{"input": …}`` is a wrapping; what begins otherwise comes out as it is."""
        cases = [
            ('{"input":"x"}', "x", '"x"'),
            (' {\n "input" :\t"x" }\n', "x", '"x"'),
            ('{"input":{"a":"}"}}', '{"a":"}"}', '{"a":"}"}'),
            ('{"input":[1,2]}', "[1,2]", "[1,2]"),
            ('{"input":12}', "12", "12"),
            ('{"input":null }', "null", "null"),
            ('{"input":"x","more":1}', "x", '"x"'),
            ('{"patch":"x"}', '{"patch":"x"}', '{"patch":"x"}'),
            ('{"in put":"x"}', '{"in put":"x"}', '{"in put":"x"}'),
            ("x", "x", "x"),
            ("{}", "{}", "{}"),
            ('{"inp', '{"inp', '{"inp'),
            ('{"input":', '{"input":', '{"input":'),
            ('{"input":"cut', "cut", '"cut'),
            ("", "", ""),
        ]
        for text, as_text, as_json in cases:
            for pieces in ([text], list(text)):
                with self.subTest(pieces):
                    self.assertEqual(as_text, unwrapped(pieces, as_json=False))
                    self.assertEqual(as_json, unwrapped(pieces, as_json=True))

    def test_endless_space(self) -> None:
        """White space is not kept without end."""
        text = " " * 5000 + '{"input":"x"}'
        for pieces in ([text], list(text)):
            self.assertEqual(text, unwrapped(pieces, as_json=False))
        self.assertEqual("x", unwrapped([text[4000:]], as_json=False))

    @given(cuttings(st.text('{"input: \\}ax')), st.booleans())
    def test_any_text(self, pieces: list[str], as_json: bool) -> None:
        """Whatever comes, pieces say the same as the whole."""
        whole = unwrapped(["".join(pieces)], as_json=as_json)
        self.assertEqual(whole, unwrapped(pieces, as_json=as_json))


def unwrapped(pieces: Iterable[str], *, as_json: bool) -> str:
    """What comes out of a wrapping in pieces."""
    unwrapper = Unwrapper(as_json=as_json)
    return "".join(map(unwrapper.feed, pieces)) + unwrapper.close()
