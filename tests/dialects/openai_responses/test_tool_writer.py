from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import ANTHROPIC
from magicgateway.conversation.parameters import TOOL_CHOICE, Parameters, ToolChoice
from magicgateway.conversation.request import HostedTool, Request, Tool
from magicgateway.errors import ApiError
from tests.dialects.openai_responses.judge import (
    CLOSED,
    HI,
    Json,
    again,
    body,
    function,
    write,
)
from tests.dialects.openai_responses.test_tool_reader import CRM

TOOLS: list[Json] = [
    function("f"), function("g", strict=True, description="d", defer_loading=True),
    function("h", strict=None),
    {"type": "custom", "name": "p", "description": "d",
     "format": {"type": "grammar", "syntax": "regex", "definition": "x"}},
    CRM, {"type": "local_shell"}, {"type": "apply_patch"},
    {"type": "shell", "environment": {"type": "local"}},
    {"type": "tool_search", "execution": "client", "description": "d", "parameters": CLOSED},
    {"type": "web_search", "search_context_size": "low"},
    {"type": "mcp", "server_label": "wiki", "server_url": "https://x.test"},
]  # fmt: skip


def tools(
    *given: Tool | HostedTool, choice: ToolChoice | None = None
) -> tuple[list[Json], Any, list[str]]:
    parameters = Parameters()
    parameters.give(TOOL_CHOICE, choice, "tool_choice")
    sent, notes = write(Request(model="m", tools=given, parameters=parameters))
    return sent.body.get("tools", []), sent.body.get("tool_choice"), notes


class ToolWriterTests(SynchronousTestCase):
    maxDiff = None

    def test_there_and_back(self) -> None:
        """Tools and choices of every kind are the same after they were read."""
        self.assertEqual(TOOLS, again(body(HI, tools=TOOLS))["tools"])
        choices: list[Any] = [
            "auto", "none", "required", {"type": "function", "name": "f"},
            {"type": "function", "name": "find"}, {"type": "custom", "name": "p"},
            {"type": "apply_patch"}, {"type": "shell"},
            {"type": "mcp", "server_label": "wiki"},
            {"type": "allowed_tools", "mode": "auto", "tools": [
                {"type": "function", "name": "f"}, {"type": "mcp", "server_label": "wiki"}]},
        ]  # fmt: skip
        for choice in choices:
            written = again(body(HI, tools=TOOLS, tool_choice=choice))
            self.assertEqual(choice, written["tool_choice"])

    def test_hosted_choice(self) -> None:
        """A tool of the provider's is chosen by its type."""
        given = body(HI, tools=[{"type": "file_search", "vector_store_ids": ["v"]}],
                     tool_choice={"type": "file_search"})  # fmt: skip
        self.assertEqual({"type": "file_search"}, again(given)["tool_choice"])

    def test_strict(self) -> None:
        """G.1: strictness is said in every case, because nothing said would mean yes."""
        open_schema = {"type": "object", "properties": {"a": {"type": "string"}}}
        cases: list[tuple[Tool, bool | None, list[str]]] = [
            (Tool(name="f", schema=CLOSED), False, []),
            (Tool(name="f", schema=CLOSED, strict=True), True, []),
            (Tool(name="f", schema=CLOSED, strict=False), False, []),
            (Tool(name="f", schema=CLOSED, strict_by_default=True), None, []),
            (Tool(name="f", schema=open_schema, strict=True, field="tools[0]"), False,
             ["tools[0].strict;dropped;schema-not-strict"]),
        ]  # fmt: skip
        for tool, strict, lost in cases:
            (written,), _, notes = tools(tool)
            self.assertIs(strict, written["strict"])
            self.assertEqual(lost, notes)

    def test_schemas(self) -> None:
        """A function without parameters takes an object; a schema is copied whole."""
        (written,), _, _ = tools(Tool(name="f"))
        self.assertEqual({"type": "object", "properties": {}}, written["parameters"])
        schema = {"$defs": {"a": {}}, "type": "object", "x-odd": 1}
        (written,), _, _ = tools(Tool(name="f", schema=schema))
        self.assertEqual(schema, written["parameters"])

    def test_wrapped(self) -> None:
        """Parameters that are no object go inside one, which is reported."""
        schema = {"anyOf": [{"type": "object"}, {"type": "string"}]}
        (written,), _, notes = tools(Tool(name="f", schema=schema, field="tools[0]"))
        self.assertEqual(schema, written["parameters"]["properties"]["input"])
        self.assertEqual(["tools[0].parameters;rewritten;wrapped-in-an-object"], notes)

    def test_chat_grammar(self) -> None:
        """Chat nests a custom tool's grammar, Responses does not."""
        grammar = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "x"}}
        (written,), _, _ = tools(Tool(name="p", kind="custom", grammar=grammar))
        self.assertEqual(
            {"type": "grammar", "syntax": "lark", "definition": "x"}, written["format"]
        )

    def test_anthropic(self) -> None:
        """Claude's own tools are functions, its hosted ones OpenAI's where it has an equal."""
        bash = Tool(name="bash", kind="bash_20250124", raw={}, family=ANTHROPIC, field="t")
        (written,), _, notes = tools(bash)
        self.assertEqual(("function", "bash"), (written["type"], written["name"]))
        self.assertEqual(["t;emulated;as-function"], notes)
        search = HostedTool(
            kind="web_search", family=ANTHROPIC, name="web_search", field="t",
            raw={"type": "web_search_20250305", "name": "web_search", "max_uses": 5,
                 "allowed_domains": ["a.test"], "blocked_domains": ["b.test"],
                 "user_location": {"type": "approximate", "city": "Oslo"}},
        )  # fmt: skip
        (written,), choice, notes = tools(search, choice=ToolChoice("tool", "web_search"))
        self.assertEqual(
            {"type": "web_search", "search_context_size": "medium",
             "filters": {"allowed_domains": ["a.test"]},
             "user_location": {"type": "approximate", "city": "Oslo"}},
            written,
        )  # fmt: skip
        allowed = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "web_search"}]}
        self.assertEqual(allowed, choice)
        self.assertEqual(
            ["t.max_uses;emulated;size-for-uses",
             "t.blocked_domains;dropped;unsupported-by-target"], notes
        )  # fmt: skip
        code = HostedTool(kind="code_execution", family=ANTHROPIC, raw={}, name="code_execution")
        (written,), choice, _ = tools(code, choice=ToolChoice("tool", "code_execution", "hosted"))
        self.assertEqual("code_interpreter", written["type"])
        self.assertEqual({"type": "code_interpreter"}, choice)

    def test_nothing_like_it(self) -> None:
        """A hosted tool without an equal is reported, and refused where nothing is left of use."""
        fetch = HostedTool(kind="web_fetch", family=ANTHROPIC, raw={}, name="web_fetch", field="t")
        other = Tool(name="f", schema=CLOSED)
        written, _, notes = tools(fetch, other, choice=ToolChoice("auto"))
        self.assertEqual((1, ["t;dropped;unsupported-by-target"]), (len(written), notes))
        chosen = ToolChoice("tool", "web_fetch")
        unknown = Tool(name="x", kind="wand_20250101", family=ANTHROPIC, raw={}, field="t")
        for given, choice in (((fetch,), None), ((fetch, other), chosen), ((unknown,), None)):
            error = self.assertRaises(ApiError, tools, *given, choice=choice)
            self.assertEqual((400, "t"), (error.status, error.param))

    def test_undeclared(self) -> None:
        """A choice of a tool that is not declared is said as it is."""
        other = Tool(name="f", schema=CLOSED)
        _, named, _ = tools(other, choice=ToolChoice("tool", "x"))
        self.assertEqual({"type": "function", "name": "x"}, named)
        _, hosted, _ = tools(other, choice=ToolChoice("tool", "file_search", "hosted"))
        self.assertEqual({"type": "file_search"}, hosted)

    def test_nameless_namespace(self) -> None:
        """A namespace has to say what it is for."""
        (written,), _, _ = tools(Tool(name="f", schema=CLOSED, namespace="n"))
        self.assertEqual(("n", "Tools of n."), (written["name"], written["description"]))
