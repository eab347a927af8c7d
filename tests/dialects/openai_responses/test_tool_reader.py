from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.parameters import TOOL_CHOICE, ToolChoice
from magicgateway.conversation.request import HostedTool, Tool
from magicgateway.errors import ApiError
from tests.dialects.openai_responses.judge import HI, Json, body, function, read

CRM = {"type": "namespace", "name": "crm", "description": "d",
       "tools": [function("find"), {"type": "custom", "name": "note"}]}  # fmt: skip
TOOLS: list[Json] = [
    function("f"), {"type": "custom", "name": "p"}, CRM, {"type": "local_shell"},
    {"type": "web_search_preview"}, {"type": "mcp", "server_label": "wiki"},
]  # fmt: skip


class ReadToolsTests(SynchronousTestCase):
    def tool(self, given: Json) -> Tool | HostedTool:
        return read(body(HI, tools=[given]))[0].tools[0]

    def test_function(self) -> None:
        """I.99: where nothing is said about strictness, the dialect's default is remembered."""
        for given, strict, default in ((True, True, False), (False, False, False),
                                       (None, None, True)):  # fmt: skip
            tool = self.tool(function(strict=given))
            assert isinstance(tool, Tool)
            self.assertEqual((strict, default), (tool.strict, tool.strict_by_default))

    def test_kinds(self) -> None:
        """G.1: functions and custom tools by name; hosted ones by what they do."""
        cases: list[tuple[Json, type, str, str]] = [
            (function("f"), Tool, "function", "f"),
            ({"type": "custom", "name": "p", "format": {"type": "text"}}, Tool, "custom", "p"),
            ({"type": "local_shell"}, Tool, "local_shell", "local_shell"),
            ({"type": "apply_patch"}, Tool, "apply_patch", "apply_patch"),
            ({"type": "shell"}, Tool, "shell", "shell"),
            ({"type": "shell", "environment": {"type": "local"}}, Tool, "shell", "shell"),
            ({"type": "shell", "environment": {"type": "container_auto"}}, HostedTool, "shell",
             "shell"),
            ({"type": "tool_search", "execution": "client"}, Tool, "tool_search", "tool_search"),
            ({"type": "tool_search"}, HostedTool, "tool_search", "tool_search"),
            ({"type": "web_search_2025_08_26"}, HostedTool, "web_search",
             "web_search_2025_08_26"),
            ({"type": "code_interpreter", "container": "c"}, HostedTool, "code_execution",
             "code_interpreter"),
            ({"type": "mcp", "server_label": "wiki"}, HostedTool, "mcp", "wiki"),
            ({"type": "telepathy"}, HostedTool, "telepathy", "telepathy"),
        ]  # fmt: skip
        for given, kind, does, name in cases:
            tool = self.tool(given)
            self.assertIsInstance(tool, kind)
            self.assertEqual((does, name), (tool.kind, tool.name), given)

    def test_client_run(self) -> None:
        """A tool that the caller runs has a schema for those who do not know its type."""
        tool = self.tool({"type": "apply_patch"})
        assert isinstance(tool, Tool)
        assert tool.schema is not None
        self.assertIn("diff", tool.schema["properties"])
        own = self.tool({"type": "tool_search", "execution": "client", "description": "d",
                         "parameters": {"type": "object"}})  # fmt: skip
        assert isinstance(own, Tool)
        self.assertEqual(("d", {"type": "object"}), (own.description, own.schema))

    def test_namespace(self) -> None:
        """Members of a namespace are tools that know where they belong."""
        request, notes = read(body(HI, tools=[{**CRM, "odd": 1}]))
        self.assertEqual(["tools[0].odd;dropped;unsupported-by-target"], notes)
        members = [
            (tool.namespace, tool.namespace_about, tool.name, tool.kind)
            for tool in request.tools
            if isinstance(tool, Tool)
        ]
        self.assertEqual(
            [("crm", "d", "find", "function"), ("crm", "d", "note", "custom")], members
        )
        inner = {**CRM, "tools": [{"type": "web_search"}]}
        error = self.assertRaises(ApiError, read, body(HI, tools=[inner]))
        self.assertEqual("tools[0].tools[0]", error.param)

    def test_choice(self) -> None:
        """G.1: every form of the choice."""
        cases: list[tuple[Any, ToolChoice]] = [
            ("auto", ToolChoice("auto")),
            ("required", ToolChoice("required")),
            ("none", ToolChoice("none")),
            ({"type": "function", "name": "f"}, ToolChoice("tool", "f")),
            ({"type": "function", "name": "find"}, ToolChoice("tool", "crm__find")),
            ({"type": "custom", "name": "p"}, ToolChoice("tool", "p", "custom")),
            ({"type": "local_shell"}, ToolChoice("tool", "local_shell", "local_shell")),
            ({"type": "web_search_preview"}, ToolChoice("tool", "web_search_preview", "hosted")),
            ({"type": "mcp", "server_label": "wiki"}, ToolChoice("tool", "wiki", "hosted")),
            ({"type": "allowed_tools", "mode": "required", "tools": [
                {"type": "function", "name": "f"}, {"type": "mcp", "server_label": "wiki"}]},
             ToolChoice("required", allowed=("f", "wiki"))),
        ]  # fmt: skip
        for given, expected in cases:
            request, notes = read(body(HI, tools=TOOLS, tool_choice=given))
            self.assertEqual(expected, request.parameters.get(TOOL_CHOICE), given)
            self.assertEqual([], notes)

    def test_bad_choice(self) -> None:
        """A choice of no known form is refused."""
        cases: list[tuple[Any, str]] = [
            ("any", "tool_choice"),
            (7, "tool_choice"),
            ({"name": "f"}, "tool_choice.type"),
            ({"type": "function"}, "tool_choice.name"),
            ({"type": "allowed_tools", "mode": "none", "tools": []}, "tool_choice.mode"),
            ({"type": "allowed_tools", "mode": "auto", "tools": []}, "tool_choice.tools"),
        ]
        for given, field in cases:
            request = body(HI, tools=TOOLS, tool_choice=given)
            error = self.assertRaises(ApiError, read, request)
            self.assertEqual(field, error.param)

    def test_unknown_in_allowed(self) -> None:
        """What nobody knows of an allowed tool is reported."""
        choice = {"type": "allowed_tools", "mode": "auto",
                  "tools": [{"type": "function", "name": "f", "odd": 1}]}  # fmt: skip
        _, notes = read(body(HI, tools=TOOLS, tool_choice=choice))
        self.assertEqual(["tool_choice.tools[0].odd;dropped;unsupported-by-target"], notes)
