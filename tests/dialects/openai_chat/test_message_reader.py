from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import (
    Audio,
    CacheMark,
    Extras,
    Refusal,
    Stored,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from magicgateway.conversation.request import Turn
from magicgateway.errors import ApiError
from tests.dialects.openai_chat.bodies import answers, call, chat, read, says


def turns(*messages: dict[str, Any]) -> tuple[Turn, ...]:
    return read(chat(*messages))[0].turns


class TurnTests(SynchronousTestCase):
    maxDiff = None

    def test_roles(self) -> None:
        """Each message is a turn of its role, with its name and its place."""
        found = turns(says("system", "A"), says("developer", "B"), says("user", "hi", name="ann"))
        self.assertEqual(
            [("system", "A", None), ("developer", "B", None), ("user", "hi", "ann")],
            [(turn.role, _words(turn), turn.name) for turn in found],
        )
        self.assertEqual(["messages[0]", "messages[1]", "messages[2]"], [t.field for t in found])

    def test_assistant(self) -> None:
        """Reasoning, words, refusal, sound and calls, in this order."""
        message = says(
            "assistant", "t", reasoning_content="w", refusal="no", audio={"id": "a"},
            tool_calls=[call("c", "f", '{"x":1}')],
        )  # fmt: skip
        (turn,) = turns(message)
        at = "messages[0]"
        self.assertEqual(
            (
                Thinking(parts=("w",), field=at + ".reasoning_content"),
                Text(text="t", field=at + ".content"),
                Refusal(text="no", field=at + ".refusal"),
                Audio(source=Stored("a", "openai"), field=at + ".audio"),
                ToolCall(id="c", name="f", arguments='{"x":1}', field=at + ".tool_calls[0]"),
            ),
            turn.blocks,
        )

    def test_calls(self) -> None:
        """Calls may lack their type, be custom, or have their arguments as an object."""
        cases: list[tuple[dict[str, Any], tuple[str, str]]] = [
            (call("c", "f", None), ("function", "")),
            (call("c", "f", {"x": 1}), ("function", '{"x":1}')),
            ({"id": "c", "function": {"name": "f", "arguments": "{"}}, ("function", "{")),
            ({"id": "c", "type": "custom", "custom": {"name": "f", "input": "go"}},
             ("custom", "go")),
            ({"id": "c", "custom": {"name": "f", "input": "go"}}, ("custom", "go")),
        ]  # fmt: skip
        for given, expected in cases:
            ((block,),) = (turn.blocks for turn in turns(says("assistant", tool_calls=[given])))
            assert isinstance(block, ToolCall)
            self.assertEqual(expected, (block.kind, block.arguments))

    def test_results(self) -> None:
        """A tool's message is the result of its call, of the call's kind; silence is nothing."""
        custom = {"id": "d", "type": "custom", "custom": {"name": "g", "input": ""}}
        found = turns(
            says("assistant", tool_calls=[call("c"), custom]),
            answers("c", "", is_error=True),
            answers("d", [{"type": "text", "text": "r"}]),
        )
        at = "messages[1]"
        self.assertEqual((ToolResult(call_id="c", is_error=True, field=at),), found[1].blocks)
        (result,) = found[2].blocks
        assert isinstance(result, ToolResult)
        self.assertEqual(("d", "custom", 1), (result.call_id, result.kind, len(result.content)))

    def test_legacy_functions(self) -> None:
        """I.46: old calls get ids, and the results find them by name."""
        old = {"name": "f", "arguments": "{}"}
        found = turns(
            says("assistant", function_call=old),
            says("function", "1", name="f"),
            says("assistant", function_call=old),
            says("function", "2", name="f"),
        )
        ids = [
            block.id if isinstance(block, ToolCall) else getattr(block, "call_id", None)
            for turn in found
            for block in turn.blocks
        ]
        self.assertEqual(["call_fn_0", "call_fn_0", "call_fn_1", "call_fn_1"], ids)

    def test_marks(self) -> None:
        """A mark on a message marks its end, unless its last part is marked itself."""
        mark = {"type": "ephemeral"}
        (turn,) = turns(says("user", "hi", cache_control=mark))
        self.assertEqual([CacheMark()], [block.cache for block in turn.blocks])
        parts = [{"type": "text", "text": "t", "cache_control": {**mark, "ttl": "1h"}}]
        (turn,) = turns(says("user", parts, cache_control=mark))
        self.assertEqual([CacheMark("1h")], [block.cache for block in turn.blocks])
        found = turns(says("assistant", tool_calls=[{**call("c"), "cache_control": mark}]),
                      answers("c", cache_control=mark))  # fmt: skip
        self.assertEqual([CacheMark()] * 2, [block.cache for t in found for block in t.blocks])

    def test_extras(self) -> None:
        """Unknown fields are kept on the message, the call, or the sound they stood on."""
        inner = {"name": "f", "arguments": "{}", "y": 2}
        called = {"id": "c", "type": "function", "function": inner, "x": 1, "index": 0}
        (turn,) = turns(says("assistant", "t", z=3, tool_calls=[called], audio={"id": "a", "w": 4}))
        audio, block = turn.blocks[1:]
        at = "messages[0]"
        self.assertEqual(
            [
                Extras("openai_chat", at, {"z": 3}),
                Extras("openai_chat", at + ".audio", {"w": 4}),
                Extras("openai_chat", at + ".tool_calls[0]", {"x": 1, "function.y": 2}),
            ],
            [turn.extras, audio.extras, block.extras],
        )

    def test_empty_annotations(self) -> None:
        """An answer without annotations comes back with a list of none, which is nothing lost."""
        said = says("assistant", "t", annotations=[])
        for message, expected in ((said, {}), ({**said, "annotations": [1]}, {"annotations": [1]})):
            (turn,) = turns(message)
            self.assertEqual(expected, dict(turn.extras.fields))

    def test_refusals(self) -> None:
        """What OpenAI refuses is refused by its path."""
        cases: list[tuple[dict[str, Any], str]] = [
            ({"content": "x"}, "messages[0].role"),
            (says("robot", "x"), "messages[0].role"),
            (says("user"), "messages[0].content"),
            (says("tool", "x"), "messages[0].tool_call_id"),
            (says("function", "x", name="f"), "messages[0].name"),
            (says("assistant", tool_calls=[{"id": "c"}]),
             "messages[0].tool_calls[0].function.name"),
            (says("assistant", tool_calls=[call("c", "f", 7)]),
             "messages[0].tool_calls[0].function.arguments"),
        ]  # fmt: skip
        for message, place in cases:
            refused = self.assertRaises(ApiError, turns, message)
            self.assertEqual((400, place), (refused.status, refused.param))


def _words(turn: Turn) -> str:
    return "".join(block.text for block in turn.blocks if isinstance(block, Text))
