from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import Text, ToolCall, ToolResult
from magicgateway.conversation.parameters import STORE_RESPONSE, STORED_ITEMS, TOOL_CHOICE
from magicgateway.errors import ApiError
from tests.dialects.openai_responses.judge import HI, Json, body, call, function, output, read, says


class ReadRequestTests(SynchronousTestCase):
    def refused(self, request: dict[str, Any]) -> str | None:
        """The field for which a request is refused with 400."""
        error = self.assertRaises(ApiError, read, request)
        self.assertEqual(400, error.status)
        field: str | None = error.param
        return field

    def test_text(self) -> None:
        """G.1: ``instructions`` lead, and an input that is a string is one message of the user."""
        request, notes = read({"model": "m", "instructions": "be", "input": "hi"})

        self.assertEqual([], notes)
        self.assertEqual(["system", "user"], [turn.role for turn in request.turns])
        self.assertEqual([True, False], [turn.lead for turn in request.turns])
        self.assertEqual((Text(text="hi", field="input"),), request.turns[1].blocks)

    def test_parallel_calls(self) -> None:
        """I.96: calls side by side are one turn of the assistant, their outputs follow it."""
        request, _ = read(body(call("c1"), call("c2"), output("c1"), output("c2")))

        self.assertEqual(["assistant", "tool", "tool"], [turn.role for turn in request.turns])
        first = request.turns[0].blocks
        self.assertEqual(["c1", "c2"], [b.id for b in first if isinstance(b, ToolCall)])
        results = [b.call_id for turn in request.turns for b in turn.blocks[:1]
                   if isinstance(b, ToolResult)]  # fmt: skip
        self.assertEqual(["c1", "c2"], results)

    def test_stored(self) -> None:
        """G.1: ``store`` is true unless the caller says otherwise."""
        cases: list[tuple[dict[str, Any], bool]] = [
            ({"model": "m", "input": "hi"}, True),
            ({"model": "m", "input": "hi", "store": None}, True),
            ({"model": "m", "input": "hi", "store": True}, True),
            ({"model": "m", "input": "hi", "store": False}, False),
        ]
        for request, expected in cases:
            self.assertIs(expected, read(request)[0].parameters.get(STORE_RESPONSE))

    def test_kept_by_provider(self) -> None:
        """What the provider keeps makes a request complete; an item's reference is a setting."""
        for name, value in (("previous_response_id", "resp_1"), ("conversation", "conv_1"),
                            ("prompt", {"id": "pmpt_1"})):  # fmt: skip
            request, _ = read({"model": "m", name: value})
            self.assertEqual((), request.turns)
        referred, _ = read(body({"type": "item_reference", "id": "msg_1"}, {"id": "msg_2"}))
        self.assertIs(True, referred.parameters.get(STORED_ITEMS))
        self.assertEqual("input[0]", referred.parameters.named(STORED_ITEMS))

    def test_refused(self) -> None:
        """What OpenAI would not take is refused by its field."""
        cases: list[tuple[dict[str, Any], str]] = [
            ({"input": "hi"}, "model"),
            ({"model": "m"}, "input"),
            ({"model": "m", "input": 7}, "input"),
            (body("hi"), "input[0]"),  # type: ignore[arg-type]
            (body(HI, tool_choice="required"), "tool_choice"),
            (body(HI, tool_choice="any", tools=[function()]), "tool_choice"),
            (body(HI, max_output_tokens=0), "max_output_tokens"),
            (body(says("critic", "x")), "input[0].role"),
            (body({"type": "message", "role": "user"}), "input[0].content"),
            (body({"type": "function_call", "name": "f", "arguments": ""}), "input[0].call_id"),
            (body({"type": "function_call_output", "call_id": "c"}), "input[0].output"),
            (body({"type": "item_reference", "id": 3}), "input[0].id"),
            (body({"type": 3, "role": "user"}), "input[0].type"),
        ]
        for request, field in cases:
            self.assertEqual(field, self.refused(request), request)

    def test_choice_without_tools(self) -> None:
        """A choice that forces nothing is nothing where there are no tools."""
        request, _ = read(body(HI, tool_choice="auto"))
        choice = request.parameters.get(TOOL_CHOICE)
        self.assertIsNone(choice)

    def test_found_tools(self) -> None:
        """Tools that items bring are known to other targets too, each once."""
        items: list[Json] = [
            HI,
            {"type": "additional_tools", "role": "developer", "tools": [function("g")]},
            {"type": "tool_search_call", "call_id": "s", "execution": "client", "arguments": {}},
            {"type": "tool_search_output", "call_id": "s", "execution": "client",
             "tools": [function("g"), function("h")]},
        ]  # fmt: skip
        request, notes = read(body(*items, tools=[function("f"), {"type": "web_search"}]))
        self.assertEqual([], notes)
        self.assertEqual(["f", "web_search", "g", "h"], [tool.name for tool in request.tools])

    def test_extras(self) -> None:
        """What nobody knows is kept, with the path to where it stood."""
        request, _ = read(body(HI, odd=1, reasoning={"odd": 2}, text={"format": {
            "type": "text", "odd": 3}}))  # fmt: skip
        self.assertEqual(
            {"odd": 1, "reasoning.odd": 2, "text.format.odd": 3}, dict(request.extras.fields)
        )
