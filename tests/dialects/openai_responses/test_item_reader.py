from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import Text, Thinking, Token
from magicgateway.conversation.request import Turn
from magicgateway.conversation.sealed import seal
from tests.dialects.openai_responses.judge import Json, body, call, output, read, says

THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": []}
SEARCHED = {"type": "web_search_call", "id": "ws_1", "status": "completed"}


def part(text: str) -> Json:
    return {"type": "output_text", "text": text, "annotations": []}


def told(text: str, **fields: Any) -> Json:
    return says("assistant", [part(text)], **{"status": "completed", **fields})


def shape(turn: Turn) -> str:
    names = "+".join(type(block).__name__ for block in turn.blocks)
    return f"{turn.role}:{names}"


class ItemReaderTests(SynchronousTestCase):
    def test_turns(self) -> None:
        """G.2: what the model made in one go is one turn, and all else stands alone."""
        cases: list[tuple[list[Json], list[str]]] = [
            ([THOUGHT, told("a"), call("1"), call("2"), output("1")],
             ["assistant:Thinking+Text+ToolCall+ToolCall", "tool:ToolResult"]),
            ([call("1"), THOUGHT, call("2")], ["assistant:ToolCall+Thinking+ToolCall"]),
            ([told("a"), told("b")], ["assistant:Text", "assistant:Text"]),
            ([told("a"), THOUGHT, told("b")], ["assistant:Text", "assistant:Thinking+Text"]),
            ([told("a", id="msg_1"), call("1"), told("b", id="msg_2"), output("1")],
             ["assistant:Text+ToolCall+Text", "tool:ToolResult"]),
            ([call("1"), told("a", id="msg_1"), told("b", id="msg_2")],
             ["assistant:ToolCall+Text+Text"]),
            ([call("1"), told("a"), told("b")], ["assistant:ToolCall+Text", "assistant:Text"]),
            ([told("a"), call("1"), told("b", odd=1)],
             ["assistant:Text+ToolCall", "assistant:Text"]),
            ([says("user", "a"), says("developer", "b"), says("system", "c")],
             ["user:Text", "developer:Text", "system:Text"]),
            ([SEARCHED, told("a")], ["assistant:Hosted+Text"]),
            ([told("a"), {"type": "novelty_call", "x": 1}], ["assistant:Text+Foreign"]),
            ([told("a"), {"type": "computer_call_output", "call_id": "1", "output": {}}],
             ["assistant:Text", "user:Hosted"]),
            ([says("assistant", [])], ["assistant:"]),
        ]  # fmt: skip
        for items, expected in cases:
            request, notes = read(body(*items))
            self.assertEqual(expected, [shape(turn) for turn in request.turns], items)
            self.assertEqual([], notes)

    def test_tokens_of_calls(self) -> None:
        """An item that brings a call's token is none: the call has it, in its message's turn."""
        token = Token("gemini", "S")
        sealed = seal(Thinking(token=token, call_id="c"))
        brought: Json = {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [],
            "encrypted_content": sealed,
        }
        for items in ((brought, call("c")), (call("c"), brought)):
            (turn,) = read(body(says("assistant", "a"), *items, output("c")))[0].turns[:-1]
            said, called = turn.blocks
            self.assertEqual((Text, token), (type(said), called.token))

    def test_message(self) -> None:
        """A message's id and phase are kept with its words; its type may be left out."""
        request, _ = read(body({"role": "user", "content": "q"}, told("a", id="m", phase="p")))

        (text,) = request.turns[1].blocks
        assert isinstance(text, Text)
        self.assertEqual(("a", "m", "p"), (text.text, text.item_id, text.phase))
        self.assertEqual("input[1].content[0]", text.field)
        self.assertIs(True, request.turns[0].whole)

    def test_unknown_field(self) -> None:
        """What nobody knows of a message is kept with it."""
        request, _ = read(body(says("user", "a", odd=1), told("b", odd=2, status="incomplete")))
        kept = [dict(turn.extras.fields) for turn in request.turns]
        self.assertEqual([{"odd": 1}, {"odd": 2}], [{"odd": one["odd"]} for one in kept])
