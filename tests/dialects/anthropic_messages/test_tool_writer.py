from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import CacheMark
from magicgateway.conversation.capabilities import Capabilities
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.parameters import ToolChoice
from magicgateway.conversation.request import HostedTool, Request, Tool
from magicgateway.conversation.schema import Restricted
from magicgateway.dialects.anthropic_messages.tool_writer import (
    TEXT_SCHEMA,
    Strictness,
    WrittenTools,
    stubs,
    write_choice,
    write_tools,
)
from magicgateway.errors import ApiError
from tests.conversation.turns_of import call, turn
from tests.dialects.anthropic_messages.bodies import ABLE, MODELS, lines, tool

CLOSED = {
    "type": "object",
    "properties": {"a": {"type": "string"}},
    "required": ["a"],
    "additionalProperties": False,
}
OPEN = {"type": "object", "additionalProperties": True}


def write(
    *tools: Tool | HostedTool, capabilities: Capabilities = ABLE
) -> tuple[WrittenTools, list[str]]:
    ledger = Ledger()
    placed = tuple(evolve(t, field=f"tools[{n}]") for n, t in enumerate(tools))
    request = Request(model="m", tools=placed)
    return write_tools(request, capabilities, Strictness(), ledger), lines(ledger)


def choose(
    choice: ToolChoice | None,
    *tools: Tool | HostedTool,
    parallel: bool | None = None,
    capabilities: Capabilities = ABLE,
) -> dict[str, Any] | None:
    written, _ = write(*tools)
    write_choice(
        choice,
        "tool_choice",
        parallel=parallel,
        written=written,
        capabilities=capabilities,
        ledger=Ledger(),
    )
    return written.choice


class ToolWriterTests(SynchronousTestCase):
    def test_functions(self) -> None:
        """A function with its schema as it is; an empty description is left out (I.24, I.25)."""
        cases: list[tuple[Tool, dict[str, Any]]] = [
            (Tool(name="f"), tool()),
            (Tool(name="f", description="", schema={}), tool()),
            (
                Tool(name="f", description="d", schema=CLOSED, cache=CacheMark()),
                tool(schema=CLOSED, description="d", cache_control={"type": "ephemeral"}),
            ),
            (Tool(name="f", schema={"properties": {}}), tool()),
            (Tool(name="f", schema=CLOSED, strict=False), tool(schema=CLOSED)),
            (Tool(name="f", schema=CLOSED, strict_by_default=True), tool(schema=CLOSED)),
        ]
        for given, expected in cases:
            written, notes = write(given)
            self.assertEqual(([expected], []), (written.tools, notes))

    def test_wrapped(self) -> None:
        """Free text, and arguments that are no object, are asked for as an object."""
        grammar = {"type": "grammar", "grammar": {}}
        written, notes = write(
            Tool(name="c", kind="custom", grammar=grammar),
            Tool(name="d", kind="custom", grammar={"type": "text"}),
            Tool(name="e", kind="custom", description="d"),
            Tool(name="f", schema={"anyOf": [{"type": "object"}]}),
        )
        self.assertEqual({"c", "d", "e", "f"}, written.wrapped)
        self.assertEqual([TEXT_SCHEMA] * 3, [t["input_schema"] for t in written.tools[:3]])
        self.assertEqual(
            ["tools[0].format;emulated;not-enforced",
             "tools[3].parameters;rewritten;wrapped-in-an-object"],
            notes,
        )  # fmt: skip

    def test_strict(self) -> None:
        """A strict schema within the limits stays strict; else that is reported."""
        written, notes = write(Tool(name="f", schema=CLOSED, strict=True))
        self.assertEqual(([tool(schema=CLOSED, strict=True)], []), (written.tools, notes))
        short = {**CLOSED, "properties": {"a": {"type": "string", "minLength": 3}}}
        written, notes = write(Tool(name="f", schema=short, strict=True))
        said = {"type": "string", "description": "{minLength: 3}"}
        self.assertEqual(said, written.tools[0]["input_schema"]["properties"]["a"])
        self.assertEqual(["tools[0].parameters;rewritten;restricted-schema"], notes)
        written, notes = write(Tool(name="f", schema=OPEN, strict=True))
        self.assertEqual(
            ([tool(schema=OPEN)], ["tools[0].strict;dropped;schema-not-strict"]),
            (written.tools, notes),
        )
        _, notes = write(Tool(name="f", schema=CLOSED, strict=True), capabilities=MODELS["old"])
        self.assertEqual(["tools[0].strict;dropped"], notes)

    def test_limits(self) -> None:
        """No more than twenty tools are strict."""
        many = [Tool(name=f"f{n}", schema=CLOSED, strict=True) for n in range(21)]
        written, notes = write(*many)
        self.assertEqual(["tools[20].strict;dropped;too-many-strict-schemas"], notes)
        self.assertEqual(20, sum("strict" in t for t in written.tools))

    def test_strictness(self) -> None:
        """Limits hold for all schemas of a request together."""
        limits = Strictness()
        self.assertTrue(limits.admits(Restricted({}, False, optional=20, unions=10)))
        self.assertFalse(limits.admits(Restricted({}, False, optional=5)))
        self.assertFalse(limits.admits(Restricted({}, False, unions=7)))
        self.assertTrue(limits.admits(Restricted({}, False, optional=4, unions=6), tool=False))
        self.assertEqual(Strictness(tools=1, optional=24, unions=16), limits)

    def test_declared(self) -> None:
        """Tools of Anthropic's own kinds go as they were declared, with their marks."""
        raw = {"type": "bash_20250124", "name": "bash", "cache_control": {"scope": "s"}}
        mark = {"type": "ephemeral", "scope": "s"}
        search = {"type": "web_search_20250305", "name": "web_search"}
        written, _ = write(
            Tool(name="bash", kind="bash_20250124", raw=raw, family="anthropic", cache=CacheMark()),
            HostedTool(kind="web_search", raw=search, family="anthropic", name="web_search"),
        )
        self.assertEqual([{**raw, "cache_control": mark}, search], written.tools)
        self.assertEqual({"web_search": "web_search"}, written.hosted)

    def test_two_of_a_name(self) -> None:
        """A function with the name of a hosted tool is refused."""
        search = HostedTool(kind="web_search", raw={}, family="anthropic", name="web_search")
        refused = self.assertRaises(ApiError, write, search, Tool(name="web_search"))
        self.assertEqual((400, "tools[1]"), (refused.status, refused.param))

    def test_choices(self) -> None:
        """Every form of the choice (cases I.26 to I.28 and I.46)."""
        f = Tool(name="f")
        alone = {"disable_parallel_tool_use": True}
        cases: list[tuple[ToolChoice | None, bool | None, dict[str, Any] | None]] = [
            (None, None, None),
            (None, True, None),
            (None, False, {"type": "auto", **alone}),
            (ToolChoice("auto"), True, {"type": "auto"}),
            (ToolChoice("none"), False, {"type": "none"}),
            (ToolChoice("required"), False, {"type": "any", **alone}),
            (ToolChoice("tool", "f"), None, {"type": "tool", "name": "f"}),
        ]
        for choice, parallel, expected in cases:
            self.assertEqual(expected, choose(choice, f, parallel=parallel))
        search = HostedTool(kind="web_search", raw={"name": "s"}, family="anthropic", name="s")
        for name in ("web_search", "web_search_preview"):
            self.assertEqual(
                {"type": "tool", "name": "s"}, choose(ToolChoice("tool", name, "hosted"), search)
            )

    def test_without_tools(self) -> None:
        """Where there is no tool, only a choice that calls none is idle."""
        for mode in ("auto", "none"):
            self.assertIsNone(choose(ToolChoice(mode), parallel=False))
        refused = self.assertRaises(ApiError, choose, ToolChoice("required"))
        self.assertEqual("tool_choice", refused.param)

    def test_refused_choices(self) -> None:
        """A tool that is not there, and a model that cannot be made to call one (case I.30)."""
        f, bound = Tool(name="f"), MODELS["opus-5.5"]
        for choice, capabilities in (
            (ToolChoice("tool", "x"), ABLE),
            (ToolChoice("required"), bound),
            (ToolChoice("tool", "f"), bound),
        ):
            refused = self.assertRaises(ApiError, choose, choice, f, capabilities=capabilities)
            self.assertEqual((400, "tool_choice"), (refused.status, refused.param))

    def test_stubs(self) -> None:
        """Tools that were called and are no longer declared, each once."""
        request = Request(
            model="m", turns=(turn("a", call("1"), call("2", "g")), turn("a", call("3")))
        )
        empty = {"type": "object"}
        self.assertEqual(
            [{"name": "f", "input_schema": empty}, {"name": "g", "input_schema": empty}],
            stubs(request),
        )
