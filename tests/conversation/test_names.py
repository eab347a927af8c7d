from __future__ import annotations

import re
from collections.abc import Sequence

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation import names
from magicgateway.conversation.blocks import ToolCall
from magicgateway.conversation.parameters import TOOL_CHOICE, Parameters, ToolChoice
from magicgateway.conversation.request import HostedTool, Request, Tool
from magicgateway.errors import ApiError
from tests.conversation.turns_of import asking, call, result, said, turn

FITS = re.compile(r"[a-zA-Z0-9_-]{1,64}").fullmatch
LONG = "mcp__" + "x" * 65
WEB = HostedTool(kind="web_search", raw={}, family="openai", name="web")


def declaring(*tools: str | HostedTool) -> Request:
    """A request with tools of these names."""
    return asking(tools=tuple(Tool(name=t) if isinstance(t, str) else t for t in tools))


class SafeTests(SynchronousTestCase):
    """Names and ids in safe characters."""

    def test_ids(self) -> None:
        """Bad characters become underscores, and an id is never empty (I.20)."""
        cases = [
            ("call_1-A", "call_1-A"),
            ("functions.Bash:0", "functions_Bash_0"),
            ("\u00e9|\n", "___"),
            ("", "_"),
        ]
        for given_id, expected in cases:
            self.assertEqual(expected, names.safe_id(given_id))

    def test_shortened(self) -> None:
        """A long name keeps its beginning and ends in its digest (J35)."""
        self.assertEqual("a_b", names.shortened("a/b"))
        self.assertEqual(64, len(names.shortened(LONG)))
        self.assertEqual(f"{LONG[:55]}_", names.shortened(LONG)[:56])
        self.assertNotEqual(names.shortened(LONG), names.shortened(LONG + "y"))
        self.assertTrue(FITS(names.shortened("|" * 90)))

    def test_free(self) -> None:
        """A name that is taken gets the first number that is free, within its length."""
        cases = [
            ("json", set[str](), "json"),
            ("json", {"json"}, "json_2"),
            ("json", {"json", "json_2"}, "json_3"),
            ("x" * 64, {"x" * 64}, "x" * 62 + "_2"),
        ]
        for wanted, taken, expected in cases:
            self.assertEqual(expected, names.free_name(wanted, taken))


class RenameToolsTests(SynchronousTestCase):
    """Names of tools, one to one."""

    def test_declared(self) -> None:
        """A name that fits stays; others become one that no tool has (I.23, I.73, J33)."""
        cases: list[tuple[list[str | HostedTool], list[str]]] = [
            (["f", "get_weather-1"], ["f", "get_weather-1"]),
            (["a/b", "a_b"], ["a_b_2", "a_b"]),
            (["a/b", "a.b", "a b"], ["a_b", "a_b_2", "a_b_3"]),
            (["a/b", "a_b_2", "a_b"], ["a_b_3", "a_b_2", "a_b"]),
            ([LONG], [names.shortened(LONG)]),
            (["", "_"], ["__2", "_"]),
            ([WEB, "w/b", "web!"], ["web", "w_b", "web_"]),
            ([WEB, "w\u00e9b"], ["web", "w_b"]),
        ]
        for given_tools, expected in cases:
            with self.subTest(given_tools):
                request = declaring(*given_tools)
                sent, back = names.rename_tools(request, 64)
                self.assertEqual(expected, [tool.name for tool in sent.tools])
                before = [tool.name for tool in request.tools]
                differing = {
                    new: old for new, old in zip(expected, before, strict=True) if new != old
                }
                self.assertEqual(differing, back)

    def test_hosted_names_are_taken(self) -> None:
        """No tool is renamed to what a hosted one is called."""
        sent, _ = names.rename_tools(declaring(evolve(WEB, name="w_b"), "w/b"), 64)
        self.assertEqual(["w_b", "w_b_2"], [tool.name for tool in sent.tools])

    def test_everywhere(self) -> None:
        """Calls in the history and the choice of a tool have the new name as well."""
        parameters = Parameters()
        choice = ToolChoice("tool", name="a/b", allowed=("a/b", "f", "unknown"))
        parameters.give(TOOL_CHOICE, choice, "tool_choice")
        request = evolve(
            declaring("a/b", "f"),
            turns=(turn("a", "x", call("1", "a/b"), call("2", "f"), call("3", "old.one")),),
            parameters=parameters,
        )
        sent, back = names.rename_tools(request, 64)
        called = [b.name for b in sent.turns[0].blocks if isinstance(b, ToolCall)]
        self.assertEqual(["a_b", "f", "old_one"], called)
        self.assertEqual(
            ToolChoice("tool", name="a_b", allowed=("a_b", "f", "unknown")),
            sent.parameters.get(TOOL_CHOICE),
        )
        self.assertEqual("tool_choice", sent.parameters.named(TOOL_CHOICE))
        self.assertEqual({"a_b": "a/b", "old_one": "old.one"}, back)
        self.assertEqual(choice, request.parameters.get(TOOL_CHOICE))

    def test_any_tool_stays_any(self) -> None:
        """A choice that names nothing stays, and so does a request without one."""
        parameters = Parameters()
        parameters.give(TOOL_CHOICE, ToolChoice("required"), "tool_choice")
        for given_parameters in (parameters, Parameters()):
            request = evolve(declaring("a/b"), parameters=given_parameters)
            self.assertEqual(given_parameters, names.rename_tools(request, 64)[0].parameters)

    def test_namespaces(self) -> None:
        """A tool in a namespace is sent under both names, which is what it is known by."""
        tools = (Tool(name="f", namespace="n"), Tool(name="f"), Tool(name="g/h", namespace="n"))
        past = (evolve(call("1", "f"), namespace="n"), call("2", "f"))
        sent, back = names.rename_tools(asking(turn("a", *past), tools=tools), 64)
        self.assertEqual([Tool(name="n__f"), Tool(name="f"), Tool(name="n__g_h")], list(sent.tools))
        self.assertEqual((call("1", "n__f"), call("2", "f")), sent.turns[0].blocks)
        self.assertEqual({"n__g_h": "n__g/h"}, back)

    def test_what_a_namespace_is_for(self) -> None:
        """What a namespace is for is said of each of its tools, once it is gone."""
        tools = tuple(
            Tool(name=name, namespace="n", namespace_about="Mail.", description=about)
            for name, about in (("f", "Sends."), ("g", None))
        )
        sent, _ = names.rename_tools(asking(tools=tools), 64)
        self.assertEqual(
            [Tool(name="n__f", description="Mail.\n\nSends."),
             Tool(name="n__g", description="Mail.")],
            list(sent.tools),
        )  # fmt: skip

    def test_nothing_to_do(self) -> None:
        """A request whose names all fit is the same object."""
        request = evolve(declaring("f", WEB), turns=(turn("a", call("1", "f")),))
        self.assertIs(request, names.rename_tools(request, 64)[0])

    def test_doubles(self) -> None:
        """Two tools of one name are a 400 that names the second's place."""
        request = asking(tools=(Tool(name="f"), Tool(name="f", field="tools[1]")))
        error = self.assertRaises(ApiError, names.rename_tools, request, 64)
        self.assertEqual((400, "tools[1]"), (error.status, error.param))
        error = self.assertRaises(ApiError, names.rename_tools, declaring("f", "f"), 64)
        self.assertEqual("tools", error.param)

    @given(st.lists(st.text("ab_./\u00e9", max_size=9), unique=True), st.lists(st.text("ab_./")))
    def test_one_to_one(self, declared: list[str], called: list[str]) -> None:
        """Whatever the names, those sent fit, differ, and lead back; more history changes none."""
        request = evolve(
            declaring(*declared), turns=(turn("a", *(call("1", name) for name in called)),)
        )
        sent, back = names.rename_tools(request, 12)
        new = [tool.name for tool in sent.tools]
        self.assertEqual(declared, [back.get(name, name) for name in new])
        self.assertEqual(len(declared), len(set(new)))
        self.assertTrue(all(re.fullmatch("[a-zA-Z0-9_-]{1,12}", name) for name in new))
        self.assertEqual(
            called,
            [back.get(b.name, b.name) for b in sent.turns[0].blocks if isinstance(b, ToolCall)],
        )
        shorter, _ = names.rename_tools(
            evolve(request, turns=(turn("a", *(call("1", name) for name in called[:-1])),)), 12
        )
        self.assertEqual(shorter.turns[0].blocks, sent.turns[0].blocks[: len(called[:-1])])

    def test_many_alike(self) -> None:
        """Thousands of names that become one another's take no more than linear time."""
        request = declaring(*(chr(0x4E00 + n) for n in range(5000)))
        sent, back = names.rename_tools(request, 64)
        self.assertEqual(5000, len({tool.name for tool in sent.tools}))
        self.assertEqual(5000, len(back))

    def test_undeclared(self) -> None:
        """Tools that were called and are not declared are told, each once."""
        request = evolve(
            declaring("f"),
            turns=(turn("a", call("1", "g"), call("2", "f")), turn("a", call("3", "g"))),
        )
        self.assertEqual(("g",), names.undeclared(request))


class RenameCallsTests(SynchronousTestCase):
    """Ids of calls, one to one."""

    def renamed(self, *ids: str) -> Sequence[tuple[str, list[str]]]:
        """What a conversation with these ids says afterwards."""
        request = asking(turn("a", "x", *map(call, ids)), turn("t", *map(result, ids)))
        sent = names.rename_calls(request, lambda id_: bool(FITS(id_)), names.shortened)
        return said(*sent.turns)

    def test_both_sides(self) -> None:
        """A call and its result have the same new id (I.20, J35)."""
        cases = [
            (["functions.Bash:0"], ["functions_Bash_0"]),
            (["a.b", "a/b"], ["a_b", "a_b_2"]),
            (["a.b", "a_b"], ["a_b", "a_b_2"]),
            (["a_b", "a.b", "a/b"], ["a_b", "a_b_2", "a_b_3"]),
            (["c|" * 45], [names.shortened("c|" * 45)]),
            (["x" * 64, "ok"], ["x" * 64, "ok"]),
        ]
        for ids, expected in cases:
            with self.subTest(ids):
                self.assertEqual(
                    [
                        ("a", ["x", *(f"call {id_}" for id_ in expected)]),
                        ("t", [f"result {id_}" for id_ in expected]),
                    ],
                    self.renamed(*ids),
                )

    def test_long_collision(self) -> None:
        """A number that would make an id too long is made part of another."""
        long = "x" * 64
        made = names.shortened("y" * 65)
        [(_, calls), _] = self.renamed(made, "y" * 65, long)
        self.assertEqual(3, len(set(calls[1:])))
        self.assertTrue(all(FITS(word.removeprefix("call ")) for word in calls[1:]))

    def test_what_a_namespace_is_for(self) -> None:
        """What a namespace is for is said of each of its tools, once it is gone."""
        tools = tuple(
            Tool(name=name, namespace="n", namespace_about="Mail.", description=about)
            for name, about in (("f", "Sends."), ("g", None))
        )
        sent, _ = names.rename_tools(asking(tools=tools), 64)
        self.assertEqual(
            [Tool(name="n__f", description="Mail.\n\nSends."),
             Tool(name="n__g", description="Mail.")],
            list(sent.tools),
        )  # fmt: skip

    def test_nothing_to_do(self) -> None:
        """A request whose ids all fit is the same object."""
        request = asking(turn("a", call("c1")), turn("t", result("c1")))
        self.assertIs(request, names.rename_calls(request, bool, names.safe_id))
