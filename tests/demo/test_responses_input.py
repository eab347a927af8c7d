from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.demo.call import Refusal
from magicgateway.demo.reply import ANY_TOOL, AUTO, NO_TOOL, Ask, Tool
from magicgateway.demo.responses_input import ask_of, is_stored, response_id
from magicgateway.demo.signing import sealed
from tests.demo.calls import call_of

CALL = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "c", "output": "a"}
CUSTOM_CALL = {**CALL, "type": "custom_tool_call", "input": "a"}
USER = {"role": "user", "content": "hello"}


def ask(**fields: Any) -> Ask:
    return ask_of({"model": "demo", "input": "hello"} | fields, call_of())


def parts(role: str, *kinds: str) -> list[Any]:
    return [{"role": role, "content": [{"type": kind, "text": "a"} for kind in kinds]}]


REFUSED: tuple[tuple[dict[str, Any], str | None, str | None], ...] = (
    ({"messages": []}, "messages", "unknown_parameter"),
    ({"stream": "yes"}, "stream", "invalid_type"),
    ({"max_output_tokens": 15}, "max_output_tokens", "invalid_type"),
    ({"max_output_tokens": True}, "max_output_tokens", "invalid_type"),
    ({"temperature": 2.5}, "temperature", "invalid_type"),
    ({"top_p": True}, "top_p", "invalid_type"),
    ({"tools": {}}, "tools", "invalid_type"),
    ({"include": ["odd"]}, "include[0]", None),
    ({"reasoning": {"effort": "odd"}}, "reasoning.effort", "invalid_value"),
    (
        {"previous_response_id": "resp_a1", "conversation": "conv_1"},
        None,
        "mutually_exclusive_parameters",
    ),
    (
        {"previous_response_id": "resp_a0"},
        "previous_response_id",
        "previous_response_not_found",
    ),
    ({"input": None}, "input", "missing_required_parameter"),
    ({"input": ["a"]}, "input[0]", "invalid_type"),
    ({"input": [{"role": "tool", "content": "a"}]}, "input[0].role", "invalid_value"),
    ({"input": [{"role": "user"}]}, "input[0].content", "missing_required_parameter"),
    ({"input": parts("user", "text")}, "input[0].content[0]", "invalid_value"),
    ({"input": parts("user", "output_text")}, "input[0].content[0]", "invalid_value"),
    ({"input": parts("assistant", "input_text")}, "input[0].content[0]", "invalid_value"),
    ({"input": [CALL]}, "input", None),
    ({"input": [OUTPUT]}, "input", None),
    (
        {"input": [{**CALL, "arguments": {}}, OUTPUT]},
        "input[0].arguments",
        "missing_required_parameter",
    ),
    (
        {"input": [{**CALL, "call_id": ""}]},
        "input[0].call_id",
        "missing_required_parameter",
    ),
    (
        {"input": [{"type": "reasoning"}]},
        "input[0].summary",
        "missing_required_parameter",
    ),
    (
        {"input": [{"type": "reasoning", "summary": [], "encrypted_content": "mgw1.AA"}]},
        None,
        "invalid_encrypted_content",
    ),
    ({"input": [{"type": "item_reference", "id": "demo-missing"}]}, "input", None),
    ({"input": [{"type": "odd"}]}, "input[0]", "invalid_value"),
    ({"tools": [{"type": "odd"}]}, "tools[0].type", "invalid_value"),
    (
        {"tools": [{"type": "function", "function": {}}]},
        "tools[0].name",
        "missing_required_parameter",
    ),
    ({"text": {"format": {"type": "odd"}}}, "text.format.type", "invalid_value"),
    (
        {"text": {"format": {"type": "json_schema", "schema": {}}}},
        "text.format.name",
        "missing_required_parameter",
    ),
)


class AskTests(SynchronousTestCase):
    def test_prompt(self) -> None:
        """The prompt is what the user said last."""
        image = {"type": "input_image", "image_url": "https://x"}
        for value, prompt, seen in (
            ("hello", "hello", ()),
            ([USER, {"role": "assistant", "content": "a"}], "hello", ()),
            ([{"role": "system", "content": "a"}], "", ()),
            (
                [{"role": "user", "content": [{"type": "input_text", "text": "see"}, image]}],
                "see\n",
                ("image at https://x",),
            ),
        ):
            with self.subTest(value=value):
                found = ask(input=value)
                self.assertEqual((prompt, seen), (found.prompt, found.seen))

    def test_tools(self) -> None:
        """Functions and custom tools are offered to the model; hosted tools are taken silently."""
        tools = [
            {"type": "function", "name": "f", "parameters": {"a": 1}},
            {"type": "custom", "name": "g"},
            {"type": "web_search"},
        ]
        self.assertEqual((Tool("f", {"a": 1}), Tool("g", None, True)), ask(tools=tools).tools)

    def test_choices(self) -> None:
        """Every form of the choice is read."""
        for value, choice in (
            (None, AUTO),
            ("none", NO_TOOL),
            ("required", ANY_TOOL),
            ({"type": "function", "name": "f"}, "=f"),
            ({"type": "custom", "name": "g"}, "=g"),
            ({"type": "allowed_tools", "mode": "required", "tools": []}, ANY_TOOL),
            ({"type": "allowed_tools", "mode": "auto", "tools": []}, AUTO),
        ):
            with self.subTest(value=value):
                self.assertEqual(choice, ask(tool_choice=value).choice)

    def test_items(self) -> None:
        """Every item that the API knows is taken."""
        cases: tuple[list[Any], ...] = (
            [USER, CALL, OUTPUT],
            [USER, CUSTOM_CALL, {**OUTPUT, "type": "custom_tool_call_output"}],
            [USER, {"type": "reasoning", "summary": [], "encrypted_content": sealed("a")}],
            [USER, {"type": "item_reference", "id": "msg_1"}],
            [USER, {"type": "web_search_call", "id": "ws_1"}],
            parts("assistant", "output_text", "refusal"),
        )
        for items in cases:
            with self.subTest(items=items):
                answered = str(items[-1].get("type")).endswith("_output")
                self.assertEqual(answered, ask(input=items).answered)

    def test_models_that_do_not_reason(self) -> None:
        """They can neither be asked for encrypted reasoning nor be given reasoning."""
        thought = {"type": "reasoning", "summary": [], "encrypted_content": sealed("a")}
        include = ["reasoning.encrypted_content"]
        for fields, param in (
            ({"include": include}, "include"),
            ({"input": [USER, thought]}, "input"),
        ):
            ask(**fields)
            for model in ("gpt-4o", "gpt-4.1-mini", "gpt-5-chat-latest"):
                refusal = self.assertRaises(Refusal, ask, model=model, **fields)
                self.assertEqual(param, refusal.param)

    def test_ids(self) -> None:
        """An id says whether its response was stored."""
        self.assertTrue(is_stored(response_id("ab", stored=True)))
        self.assertFalse(is_stored(response_id("ab", stored=False)))


class RefusalTests(SynchronousTestCase):
    def test_refusals(self) -> None:
        """What the real API does not take is refused, with the place where it stands."""
        for fields, param, code in REFUSED:
            with self.subTest(fields=fields):
                with self.assertRaises(Refusal) as caught:
                    ask(**fields)
                self.assertEqual((param, code), (caught.exception.param, caught.exception.code))
