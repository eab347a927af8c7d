from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import CacheMark, Extras
from magicgateway.conversation.parameters import PARALLEL_TOOL_CALLS, TOOL_CHOICE, ToolChoice
from magicgateway.conversation.request import HostedTool, Tool
from magicgateway.errors import ApiError
from tests.dialects.openai_chat.bodies import chat, function, read

SCHEMA = {"type": "object", "properties": {"a": {"anyOf": [{"$ref": "#/$defs/x"}]}}, "$defs": {}}


class ToolTests(SynchronousTestCase):
    maxDiff = None

    def test_functions(self) -> None:
        """I.25: a function's schema is kept as it is, strictness and mark with it."""
        mark = {"type": "ephemeral"}
        tools = [
            {**function("f", SCHEMA, description="d", strict=True, y=1), "x": 1},
            {"function": {"name": "g", "cache_control": mark}},
            {**function("h"), "cache_control": mark},
        ]
        f, g, h = read(chat(tools=tools))[0].tools
        self.assertEqual(
            Tool(
                name="f", description="d", schema=SCHEMA, strict=True, field="tools[0]",
                extras=Extras("openai_chat", "tools[0]", {"x": 1, "function.y": 1}),
            ),
            f,
        )  # fmt: skip
        self.assertEqual(Tool(name="g", cache=CacheMark(), field="tools[1]"), g)
        self.assertEqual(CacheMark(), h.cache)

    def test_custom(self) -> None:
        """Custom tools keep their grammar."""
        form = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "x"}}
        custom = {"name": "f", "description": "d", "format": form}
        (tool,) = read(chat(tools=[{"type": "custom", "custom": custom}]))[0].tools
        expected = Tool(name="f", kind="custom", description="d", grammar=form, field="tools[0]")
        self.assertEqual(expected, tool)

    def test_other_kinds(self) -> None:
        """Tools of providers' and of Anthropic's kinds are known as what they are."""
        raws: list[dict[str, Any]] = [
            {"type": "browser_search"},
            {"type": "web_search_20250305", "name": "web_search", "max_uses": 2},
            {"type": "bash_20250124", "name": "bash"},
        ]
        expected = (
            HostedTool(kind="browser_search", raw=raws[0], family="openai", field="tools[0]"),
            HostedTool(
                kind="web_search", raw=raws[1], family="anthropic", name="web_search",
                field="tools[1]",
            ),
            Tool(
                name="bash", kind="bash_20250124", raw=raws[2], family="anthropic",
                field="tools[2]",
            ),
        )  # fmt: skip
        self.assertEqual(expected, read(chat(tools=raws))[0].tools)

    def test_choices(self) -> None:
        """Each form of ``tool_choice`` says which tools may and must be called."""
        named = {"name": "f"}
        allowed = {"mode": "required", "tools": [{"type": "function", "function": named}]}
        cases: list[tuple[Any, ToolChoice]] = [
            ("auto", ToolChoice("auto")),
            ("none", ToolChoice("none")),
            ("required", ToolChoice("required")),
            ("any", ToolChoice("required")),
            ({"type": "function", "function": named}, ToolChoice("tool", "f")),
            ({"type": "function", "name": "f"}, ToolChoice("tool", "f")),
            ({"type": "custom", "custom": named}, ToolChoice("tool", "f", "custom")),
            ({"type": "web_search"}, ToolChoice("tool", "web_search", "hosted")),
            ({"type": "allowed_tools", "allowed_tools": allowed},
             ToolChoice("required", allowed=("f",))),
        ]  # fmt: skip
        for given, expected in cases:
            request, _ = read(chat(tools=[function()], tool_choice=given))
            self.assertEqual(expected, request.parameters.get(TOOL_CHOICE))

    def test_legacy(self) -> None:
        """I.46: functions are tools, of which one is called at most."""
        cases: list[tuple[Any, ToolChoice]] = [
            ("auto", ToolChoice("auto")),
            ("none", ToolChoice("none")),
            ({"name": "f"}, ToolChoice("tool", "f")),
        ]
        for given, expected in cases:
            body = chat(
                functions=[{"name": "f", "parameters": SCHEMA, "x": 1}], function_call=given
            )
            request, _ = read(body)
            self.assertTrue(request.legacy_functions)
            (tool,) = request.tools
            assert isinstance(tool, Tool)
            self.assertEqual(("f", SCHEMA, {"x": 1}), (tool.name, tool.schema, tool.extras.fields))
            self.assertEqual(expected, request.parameters.get(TOOL_CHOICE))
            one_at_a_time = request.parameters.get(PARALLEL_TOOL_CALLS)
            self.assertIs(False, one_at_a_time)

    def test_no_tools(self) -> None:
        """An empty list is no list, and then there is nothing to choose."""
        request, _ = read(chat(tools=[], tool_choice="auto"))
        self.assertEqual(((), None), (request.tools, request.parameters.get(TOOL_CHOICE)))
        request, _ = read(chat(functions=[]))
        one_at_a_time = request.parameters.get(PARALLEL_TOOL_CALLS)
        self.assertIsNone(one_at_a_time)

    def test_refusals(self) -> None:
        """What OpenAI refuses is refused by its path."""
        one = [function()]
        cases: list[tuple[dict[str, Any], str]] = [
            ({"tool_choice": "auto"}, "tool_choice"),
            ({"tools": one, "tool_choice": "maybe"}, "tool_choice"),
            ({"tools": one, "tool_choice": 7}, "tool_choice"),
            ({"tools": one, "tool_choice": {}}, "tool_choice.type"),
            ({"tools": one, "tool_choice": {"type": "allowed_tools"}},
             "tool_choice.allowed_tools"),
            ({"tools": one, "tool_choice": {"type": "allowed_tools", "allowed_tools":
              {"mode": "none", "tools": []}}}, "tool_choice.allowed_tools.mode"),
            ({"tools": one, "tool_choice": {"type": "allowed_tools", "allowed_tools":
              {"tools": []}}}, "tool_choice.allowed_tools.tools"),
            ({"tools": [{"type": "function"}]}, "tools[0].function"),
            ({"tools": [{"type": "custom"}]}, "tools[0].custom"),
            ({"functions": [{"name": "f"}], "function_call": 7}, "function_call"),
        ]  # fmt: skip
        for fields, place in cases:
            refused = self.assertRaises(ApiError, read, chat(**fields))
            self.assertEqual((400, place), (refused.status, refused.param))
