from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import CacheMark
from magicgateway.conversation.ledger import Fields
from magicgateway.conversation.parameters import (
    PARALLEL_TOOL_CALLS,
    TOOL_CHOICE,
    Parameters,
    ToolChoice,
)
from magicgateway.conversation.request import HostedTool, Tool
from magicgateway.dialects.anthropic_messages.tool_reader import read_choice, read_tools
from magicgateway.errors import ApiError

SEARCH = {"type": "web_search_20250305", "name": "web_search", "max_uses": 3}
BASH = {"type": "bash_20250124", "name": "bash"}


def tools(*declared: dict[str, Any]) -> tuple[Tool | HostedTool, ...]:
    return read_tools(Fields({"tools": list(declared)}))


def choose(choice: Any, *declared: dict[str, Any]) -> Parameters:
    parameters = Parameters()
    read_choice(Fields({"tool_choice": choice}), tools(*declared), parameters)
    return parameters


class ToolReaderTests(SynchronousTestCase):
    def test_functions(self) -> None:
        """A tool of the caller's, with and without its type, keeps all that is known of it."""
        given = {
            "name": "f", "description": "d", "input_schema": {"type": "object"}, "strict": True,
            "cache_control": {"type": "ephemeral"}, "defer_loading": True,
        }  # fmt: skip
        for more in ({}, {"type": "custom"}):
            (tool,) = tools({**given, **more})
            assert isinstance(tool, Tool)
            said = (tool.name, tool.kind, tool.description, tool.schema, tool.strict, tool.cache)
            self.assertEqual(("f", "function", "d", {"type": "object"}, True, CacheMark()), said)
            self.assertEqual({"defer_loading": True}, dict(tool.extras.fields))

    def test_client_run(self) -> None:
        """Tools that Anthropic defines and the caller runs keep their declaration."""
        cases = (
            (BASH, "bash"),
            ({"type": "text_editor_20250728", "name": "str_replace_based_edit_tool"}, None),
            ({"type": "memory_20250818", "name": "memory"}, None),
            ({"type": "computer_20250124", "display_width_px": 1}, "computer"),
        )
        for raw, name in cases:
            (tool,) = tools({**raw, "cache_control": {"type": "ephemeral", "scope": "s"}})
            assert isinstance(tool, Tool)
            self.assertEqual(
                (name or raw["name"], raw["type"], "anthropic"),
                (tool.name, tool.kind, tool.family),
            )
            self.assertEqual({**raw, "cache_control": {"scope": "s"}}, tool.raw)

    def test_hosted(self) -> None:
        """Tools that the provider runs are known by what they do, dated or not."""
        cases = (
            ("web_search_20260318", "web_search"),
            ("web_fetch_20250910", "web_fetch"),
            ("code_execution_20250825", "code_execution"),
            ("tool_search_tool_bm25_20251119", "tool_search"),
            ("tool_search_tool_regex", "tool_search"),
            ("mcp_toolset", "mcp"),
            ("browser_toolset_20260801", "browser"),
            ("advisor_20260401", "advisor"),
        )
        for kind, expected in cases:
            (tool,) = tools({"type": kind, "name": 1, "cache_control": {"type": "ephemeral"}})
            assert isinstance(tool, HostedTool)
            self.assertEqual(
                (expected, {"type": kind, "name": 1}, "", CacheMark()),
                (tool.kind, tool.raw, tool.name, tool.cache),
            )

    def test_choices(self) -> None:
        """All forms of the choice, and whether several calls may be made."""
        function = {"name": "f", "input_schema": {}}
        cases: list[tuple[dict[str, Any], ToolChoice, bool | None]] = [
            ({"type": "auto"}, ToolChoice("auto"), None),
            ({"type": "none"}, ToolChoice("none"), None),
            ({"type": "any", "disable_parallel_tool_use": True}, ToolChoice("required"), False),
            (
                {"type": "tool", "name": "f", "disable_parallel_tool_use": False},
                ToolChoice("tool", "f"),
                True,
            ),
            ({"type": "tool", "name": "bash"}, ToolChoice("tool", "bash", "bash_20250124"), None),
            (
                {"type": "tool", "name": "web_search"},
                ToolChoice("tool", "web_search", "hosted"),
                None,
            ),
            ({"type": "tool", "name": "gone"}, ToolChoice("tool", "gone"), None),
        ]
        for given, expected, parallel in cases:
            parameters = choose(given, SEARCH, BASH, function)
            self.assertEqual(expected, parameters.get(TOOL_CHOICE))
            self.assertEqual(parallel, parameters.get(PARALLEL_TOOL_CALLS))
        nothing: ToolChoice | None = choose(None, function).get(TOOL_CHOICE)
        self.assertIsNone(nothing)

    def test_refusals(self) -> None:
        """A choice that is none, or is one among no tools."""
        for given, declared, place in (
            ({"type": "odd"}, (BASH,), "tool_choice.type"),
            ({"type": "tool"}, (BASH,), "tool_choice.name"),
            ({"type": "auto"}, (), "tool_choice"),
            ("auto", (BASH,), "tool_choice"),
        ):
            refused = self.assertRaises(ApiError, choose, given, *declared)
            self.assertEqual((400, place), (refused.status, refused.param))
        self.assertRaises(ApiError, tools, {"input_schema": {}})
