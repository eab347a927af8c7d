from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import CacheMark, Extras
from magicgateway.conversation.capabilities import Capabilities, ChatAbilities
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.parameters import ToolChoice, WebSearch
from magicgateway.conversation.request import HostedTool, Tool
from magicgateway.dialects.openai_chat.tool_writer import (
    WrittenTools,
    write_choice,
    write_tools,
)
from magicgateway.errors import ApiError
from tests.dialects.openai_chat.bodies import PLAIN, function, lines

STRICT = {
    "type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"],
    "additionalProperties": False,
}  # fmt: skip
OPEN = {"type": "object", "properties": {"a": {"type": "string"}}}
SEARCH = HostedTool(
    kind="web_search",
    raw={
        "type": "web_search_20250305", "name": "web_search", "max_uses": 3,
        "allowed_domains": ["x.test"],
        "user_location": {"type": "approximate", "city": "Oslo", "region": None},
    },
    family="anthropic", name="web_search", field="tools[0]", cache=CacheMark(),
)  # fmt: skip


def able(**chat: Any) -> Capabilities:
    return Capabilities(chat=ChatAbilities(**chat))


def declared(
    *tools: Tool | HostedTool, choice: ToolChoice | None = None, to: Capabilities = PLAIN
) -> tuple[WrittenTools, list[str]]:
    ledger = Ledger()
    return write_tools(tools, choice, to, ledger), lines(ledger)


class ToolTests(SynchronousTestCase):
    maxDiff = None

    def test_functions(self) -> None:
        """I.72 among others: a schema arrives as it is, and says strict only where it is."""
        cases: list[tuple[Tool, dict[str, Any], list[str]]] = [
            (Tool(name="f", schema=OPEN, description="d"), function("f", OPEN, description="d"),
             []),
            (Tool(name="f"), function("f"), []),
            (Tool(name="f", schema=STRICT, strict=True), function("f", STRICT, strict=True), []),
            (Tool(name="f", schema=STRICT, strict=False), function("f", STRICT), []),
            (Tool(name="f", schema=STRICT), function("f", STRICT), []),
            (Tool(name="f", schema=OPEN, strict=True, field="t"), function("f", OPEN),
             ["t.strict;dropped;schema-not-strict"]),
            (Tool(name="f", extras=Extras("openai_chat", "t", {"function.x": 1, "y": 2})),
             {**function("f", x=1), "y": 2}, []),
            (Tool(name="f", field="t", cache=CacheMark()), function("f"),
             ["t.cache_control;dropped"]),
        ]  # fmt: skip
        for tool, expected, notes in cases:
            written, reported = declared(tool)
            self.assertEqual(([expected], notes), (written.tools, reported))

    def test_responses_default(self) -> None:
        """I.99: where strict is the dialect's default it is said if the schema allows it."""
        for schema, expected in (
            (STRICT, function("f", STRICT, strict=True)),
            (OPEN, function("f", OPEN)),
        ):
            written, notes = declared(Tool(name="f", schema=schema, strict_by_default=True))
            self.assertEqual(([expected], []), (written.tools, notes))

    def test_wrapped_schemas(self) -> None:
        """A schema that is no object's stands in one."""
        written, notes = declared(Tool(name="f", schema={"type": "string"}, field="t"))
        self.assertEqual({"f"}, written.wrapped)
        parameters = written.tools[0]["function"]["parameters"]
        self.assertEqual({"input": {"type": "string"}}, parameters["properties"])
        self.assertEqual(["t.parameters;rewritten;wrapped-in-an-object"], notes)

    def test_custom(self) -> None:
        """Custom tools are functions of one text where the target has none of the kind."""
        tool = Tool(name="f", kind="custom", description="d", grammar={"type": "grammar"},
                    field="t")  # fmt: skip
        written, notes = declared(tool)
        self.assertEqual(({"f"}, ["t.format;emulated;not-enforced"]), (written.wrapped, notes))
        self.assertEqual(["input"], written.tools[0]["function"]["parameters"]["required"])
        free = evolve(tool, grammar={"type": "text"})
        self.assertEqual([], declared(free)[1])
        written, notes = declared(tool, to=able(custom_tools=True))
        custom = {"name": "f", "description": "d", "format": {"type": "grammar"}}
        self.assertEqual(([{"type": "custom", "custom": custom}], []), (written.tools, notes))

    def test_client_run(self) -> None:
        """A tool of a family's kind is a function under its name; an unknown kind is left out."""
        bash = Tool(name="bash", kind="bash_20250124", family="anthropic", field="a")
        odd = Tool(name="odd", kind="odd", field="b", extras=Extras("anthropic", "b", {"x": 1}))
        written, notes = declared(bash, odd)
        self.assertEqual(["bash"], [tool["function"]["name"] for tool in written.tools])
        self.assertEqual(["a;emulated;as-function", "b;dropped", "b.x;dropped"], notes)

    def test_web_search(self) -> None:
        """A search is asked for by options where the target can search."""
        written, notes = declared(SEARCH, to=able(web_search=True))
        place = {"type": "approximate", "approximate": {"city": "Oslo"}}
        expected = WebSearch({"search_context_size": "medium", "user_location": place})
        self.assertEqual(([], expected), (written.tools, written.search))
        self.assertEqual(
            [
                "tools[0].max_uses;emulated;size-for-uses",
                "tools[0].allowed_domains;dropped",
                "tools[0].cache_control;dropped",
            ],
            notes,
        )
        for raw, size in (({"max_uses": 1}, "low"), ({"max_uses": 9}, "high"),
                          ({"search_context_size": "low"}, "low"), ({}, None)):  # fmt: skip
            written, _ = declared(evolve(SEARCH, raw=raw), to=able(web_search=True))
            assert written.search is not None
            self.assertEqual(size, written.search.raw.get("search_context_size"))

    def test_hosted_losses(self) -> None:
        """I.78: a hosted tool is left out beside others, and refused alone or when it is chosen."""
        f = Tool(name="f", field="tools[1]")
        written, notes = declared(SEARCH, f)
        self.assertEqual((1, ["tools[0];dropped"]), (len(written.tools), notes))
        chosen = ToolChoice("tool", "web_search")
        for tools, choice in (((SEARCH,), None), ((SEARCH, f), chosen)):
            refused = self.assertRaises(ApiError, declared, *tools, choice=choice)
            self.assertEqual((400, "tools[0]"), (refused.status, refused.param))

    def test_no_tools_at_all(self) -> None:
        """A target without tools is not asked."""
        for to in (Capabilities(tools=False), able(drops=frozenset({"tools"}))):
            refused = self.assertRaises(ApiError, declared, Tool(name="f", field="tools[0]"), to=to)
            self.assertEqual((400, "tools"), (refused.status, refused.param))


class ChoiceTests(SynchronousTestCase):
    maxDiff = None

    def choose(
        self, choice: ToolChoice, *names: str, **chat: Any
    ) -> tuple[Any, list[str], list[str]]:
        """What is said, the tools that are left, and what was reported."""
        ledger = Ledger()
        written = WrittenTools([function(name) for name in names])
        said = write_choice(choice, "tool_choice", written, able(**chat), ledger)
        left = [tool["function"]["name"] for tool in written.tools]
        return said, left, lines(ledger)

    def test_forms(self) -> None:
        """Each choice is said in the target's words, or by what tools there are."""
        f = {"type": "function", "function": {"name": "f"}}
        only_f = ToolChoice("required", allowed=("f",))
        no_choice = {"drops": frozenset({"tool_choice"})}
        allowed = {"type": "allowed_tools",
                   "allowed_tools": {"mode": "required", "tools": [f]}}  # fmt: skip
        cases: list[tuple[ToolChoice, dict[str, Any], Any, list[str], list[str]]] = [
            (ToolChoice("auto"), {}, "auto", ["f", "g"], []),
            (ToolChoice("none"), {}, "none", ["f", "g"], []),
            (ToolChoice("required"), {}, "required", ["f", "g"], []),
            (ToolChoice("required"), {"required_choice": "any"}, "any", ["f", "g"], []),
            (ToolChoice("tool", "f"), {}, f, ["f", "g"], []),
            (only_f, {}, "required", ["f"], ["tool_choice;rewritten;other-tools-left-out"]),
            (only_f, {"allowed_tools": True}, allowed, ["f", "g"], []),
            (ToolChoice("auto"), no_choice, None, ["f", "g"], []),
            (ToolChoice("none"), no_choice, None, [],
             ["tool_choice;rewritten;tools-left-out"]),
        ]  # fmt: skip
        for choice, chat, *expected in cases:
            self.assertEqual(tuple(expected), self.choose(choice, "f", "g", **chat))

    def test_one_tool(self) -> None:
        """Where any call can only be one tool's, naming it is as good."""
        said, _, _ = self.choose(ToolChoice("required"), "f", required_choice="")
        self.assertEqual({"type": "function", "function": {"name": "f"}}, said)

    def test_no_tools(self) -> None:
        """Nothing has to be said about no tools."""
        self.assertEqual((None, [], []), self.choose(ToolChoice("auto")))

    def test_refusals(self) -> None:
        """I.29 among others: what cannot be demanded is refused."""
        no_choice = {"drops": frozenset({"tool_choice"})}
        cases: list[tuple[ToolChoice, tuple[str, ...], dict[str, Any]]] = [
            (ToolChoice("required"), (), {}),
            (ToolChoice("tool", "h"), ("f",), {}),
            (ToolChoice("auto", allowed=("h",)), ("f",), {}),
            (ToolChoice("required"), ("f", "g"), {"required_choice": ""}),
            (ToolChoice("required"), ("f",), no_choice),
            (ToolChoice("auto", allowed=("f",)), ("f",), no_choice),
        ]
        for choice, names, chat in cases:
            refused = self.assertRaises(ApiError, self.choose, choice, *names, **chat)
            self.assertEqual((400, "tool_choice"), (refused.status, refused.param))
