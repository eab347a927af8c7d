from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import CacheMark, Extras
from magicgateway.conversation.capabilities import Capabilities, ClaudeAbilities
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.parameters import (
    TOOL_CHOICE,
    WEB_SEARCH,
    Parameters,
    ToolChoice,
    WebSearch,
)
from magicgateway.conversation.request import HostedTool, Request, Tool
from magicgateway.dialects.anthropic_messages.tool_choosing import chosen_tools, permitted
from magicgateway.errors import ApiError
from tests.dialects.anthropic_messages.bodies import ABLE, lines

F, G = Tool(name="f", field="tools[0]"), Tool(name="g", field="tools[1]")
NOTHING = evolve(ABLE, hosted_tools=frozenset())


def hosted(kind: str, family: str = "anthropic", **raw: Any) -> HostedTool:
    declared = {"type": kind, **raw}
    return HostedTool(kind=kind, raw=declared, family=family, name=kind, field="tools[9]")


def choose(
    *tools: Tool | HostedTool,
    choice: ToolChoice | None = None,
    search: dict[str, Any] | None = None,
    capabilities: Capabilities = ABLE,
) -> tuple[tuple[Tool | HostedTool, ...], list[str]]:
    parameters = Parameters()
    parameters.give(TOOL_CHOICE, choice, "tool_choice")
    parameters.give(WEB_SEARCH, None if search is None else WebSearch(search), "web_search_options")
    ledger = Ledger()
    request = Request(model="m", tools=tools, parameters=parameters)
    return chosen_tools(request, capabilities, ledger).tools, lines(ledger)


class ToolChoosingTests(SynchronousTestCase):
    def test_allowed(self) -> None:
        """Only the tools that are allowed are sent, and others missed are refused (case I.29)."""
        tools, notes = choose(F, G, choice=ToolChoice("auto", allowed=("g",)))
        self.assertEqual(((G,), ["tool_choice;rewritten;other-tools-left-out"]), (tools, notes))
        tools, notes = choose(F, G, choice=ToolChoice("auto", allowed=("g", "f")))
        self.assertEqual(((F, G), []), (tools, notes))
        refused = self.assertRaises(
            ApiError, choose, F, choice=ToolChoice("auto", allowed=("f", "x"))
        )
        self.assertEqual((400, "tool_choice"), (refused.status, refused.param))
        inside = evolve(F, namespace="ns")
        self.assertEqual(
            (inside,), choose(inside, choice=ToolChoice("auto", allowed=("ns__f",)))[0]
        )

    def test_allowed_hosted(self) -> None:
        """A hosted tool is allowed by its kind or its name."""
        search = hosted("web_search")
        allowed = ToolChoice("auto", allowed=("web_search",))
        self.assertEqual((search,), choose(F, search, choice=allowed)[0])

    def test_kinds(self) -> None:
        """Own declarations stay; those of others become functions where that is known."""
        bash = Tool(name="bash", kind="bash_20250124", raw={"type": "x"}, family="anthropic")
        shell = Tool(name="sh", kind="local_shell", raw={}, schema={"type": "object"})
        custom = Tool(name="c", kind="custom")
        tools, notes = choose(bash, shell, custom)
        self.assertEqual((bash, custom), (tools[0], tools[2]))
        assert isinstance(tools[1], Tool)
        self.assertEqual(
            ("function", None, [";emulated;as-function"]), (tools[1].kind, tools[1].raw, notes)
        )

    def test_lost(self) -> None:
        """A kind that cannot be had is reported, or refused if it is all or has to be called."""
        odd = Tool(
            name="o", kind="odd", raw={}, field="tools[9]", extras=Extras("openai", "e", {"a": 1})
        )
        for tool, notes in (
            (odd, ["tools[9];dropped", "e.a;dropped"]),
            (hosted("file_search", "openai"), ["tools[9];dropped"]),
            (hosted("grounding", "converse"), ["tools[9];dropped"]),
            (hosted("memory_bank"), ["tools[9];dropped"]),
        ):
            self.assertEqual(((F,), notes), choose(F, tool))
            refused = self.assertRaises(ApiError, choose, tool)
            self.assertEqual((400, "tools[9]"), (refused.status, refused.param))
            forced = ToolChoice("tool", tool.name)
            self.assertRaises(ApiError, choose, F, tool, choice=forced)

    def test_hosted(self) -> None:
        """Hosted tools that cost the operator need permission; others do not."""
        search, finder = hosted("web_search"), hosted("tool_search")
        self.assertEqual((F, search, finder), choose(F, search, finder)[0])
        self.assertEqual(
            ((F, finder), ["tools[9];dropped"]),
            choose(F, search, finder, capabilities=NOTHING),
        )
        some = evolve(ABLE, claude=ClaudeAbilities(hosted_tools=frozenset({"web_fetch"})))
        self.assertEqual(frozenset({"web_fetch"}), permitted(some))

    def test_interpreter(self) -> None:
        """OpenAI's interpreter of code becomes Anthropic's, also where it is the only tool."""
        raw = {"type": "code_interpreter", "container": {"type": "auto", "memory_limit": "4g"}}
        ours = HostedTool(
            kind="code_execution", raw=raw, family="openai", name="code_interpreter",
            field="tools[9]", cache=CacheMark(),
        )  # fmt: skip
        expected = HostedTool(
            kind="code_execution",
            raw={"type": "code_execution_20250825", "name": "code_execution"},
            family="anthropic", name="code_execution", field="tools[9]", cache=CacheMark(),
        )  # fmt: skip
        notes = ["tools[9].container.memory_limit;dropped"]
        self.assertEqual(((expected,), notes), choose(ours))
        named = ToolChoice("tool", "code_interpreter", "hosted")
        self.assertEqual((F, expected), choose(F, ours, choice=named)[0])
        refused = self.assertRaises(ApiError, choose, ours, capabilities=NOTHING)
        self.assertEqual((400, "tools[9]"), (refused.status, refused.param))

    def test_search_options(self) -> None:
        """OpenAI's options of a search, and its tool, become Anthropic's tool."""
        place = {"city": "Oslo", "country": None, "timezone": "Europe/Oslo"}
        expected = {
            "type": "web_search_20250305",
            "name": "web_search",
            "max_uses": 1,
            "user_location": {"type": "approximate", "city": "Oslo", "timezone": "Europe/Oslo"},
        }
        nested = {"type": "approximate", "approximate": place}
        flat = {"type": "approximate", **place}
        (tool,), notes = choose(search={"search_context_size": "low", "user_location": nested})
        lost = ["web_search_options.search_context_size;emulated;size-for-uses"]
        self.assertEqual((expected, lost), (tool.raw, notes))
        (tool,), notes = choose(
            evolve(
                hosted(
                    "web_search_preview",
                    "openai",
                    search_context_size="low",
                    user_location=flat,
                    filters={"allowed_domains": ["a.test"], "odd": 1, "none": None},
                    other=1,
                    nothing=None,
                ),
                cache=CacheMark(),
            )
        )
        self.assertEqual({**expected, "allowed_domains": ["a.test"]}, tool.raw)
        self.assertEqual(("web_search", CacheMark()), (tool.kind, tool.cache))
        self.assertEqual(
            ["tools[9].search_context_size;emulated;size-for-uses",
             "tools[9].filters.odd;dropped", "tools[9].other;dropped"], notes
        )  # fmt: skip
        (tool,), notes = choose(search={"user_location": {"approximate": "Oslo"}})
        self.assertEqual({"type": "approximate"}, (tool.raw or {})["user_location"])
        sizes: list[Any] = [{}, [None], 1, "odd"]
        for size in sizes:
            (tool,), notes = choose(search={"search_context_size": size})
            self.assertNotIn("max_uses", tool.raw or {})
            self.assertEqual(["web_search_options.search_context_size;dropped"], notes)

    def test_search_forbidden(self) -> None:
        """Without permission an option of a search adds no tool, and OpenAI's tool is lost."""
        self.assertEqual(((), []), choose(search={}, capabilities=NOTHING))
        tools, notes = choose(F, hosted("web_search", "openai"), capabilities=NOTHING)
        self.assertEqual(((F,), ["tools[9];dropped"]), (tools, notes))

    def test_no_tools(self) -> None:
        """A model that calls no tools is given none."""
        refused = self.assertRaises(ApiError, choose, F, capabilities=evolve(ABLE, tools=False))
        self.assertEqual((400, "tools"), (refused.status, refused.param))
