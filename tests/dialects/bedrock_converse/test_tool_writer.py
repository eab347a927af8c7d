from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import OPENAI, Text
from magicgateway.conversation.capabilities import Capabilities, ConverseAbilities
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.parameters import TOOL_CHOICE, Parameters, ToolChoice
from magicgateway.conversation.request import HostedTool, Request, Tool, Turn
from magicgateway.dialects.bedrock_converse.request_writer import write_request
from magicgateway.dialects.bedrock_converse.tool_writer import TEXT_SCHEMA
from magicgateway.dialects.openai_chat.request_reader import read_request
from magicgateway.errors import ApiError
from tests.dialects.bedrock_converse.bodies import (
    CLAUDE,
    CLAUDE_4_5,
    GPT_OSS,
    LLAMA,
    NOVA,
    NOVA_2,
    PLAIN,
    TITAN,
    Json,
    answers,
    calls,
    chat,
    from_chat,
    from_messages,
    function,
    says,
    write,
)

USER = says("user", "U")
EMPTY = {"type": "object", "properties": {}}
F: Json = {"toolSpec": {"name": "f", "inputSchema": {"json": EMPTY}}}
G: Json = {"toolSpec": {"name": "g", "inputSchema": {"json": EMPTY}}}
NAMED = {"type": "function", "function": {"name": "f"}}
ONLY_ANY = Capabilities(converse=ConverseAbilities(tool_choice=frozenset({"any"})))
ONLY_TOOL = Capabilities(converse=ConverseAbilities(tool_choice=frozenset({"tool"})))


class DeclarationTests(SynchronousTestCase):
    maxDiff = None

    def test_least(self) -> None:
        """J34: an empty description is left out, and missing parameters are those of an object."""
        tool = {"type": "function", "function": {"name": "f", "description": ""}}
        body, noted = from_chat(chat(USER, tools=[tool]))
        self.assertEqual({"tools": [F]}, body["toolConfig"])
        self.assertEqual([], noted)

    def test_whole(self) -> None:
        """A description and a schema pass as they are; what has no place is reported."""
        schema = {"type": "object", "$defs": {"x": {"type": "string"}}, "properties": {}}
        tool = {**function("f", schema, description="d", y=1), "x": 1}
        body, noted = from_chat(chat(USER, tools=[tool]))
        spec = {"name": "f", "description": "d", "inputSchema": {"json": schema}}
        self.assertEqual([{"toolSpec": spec}], body["toolConfig"]["tools"])
        self.assertEqual(["tools[0].x;dropped", "tools[0].function.y;dropped"], noted)

    def test_wrapped(self) -> None:
        """A schema that is no object's, and free text, are asked for in ``input``."""
        custom = {"type": "custom", "custom": {"name": "g", "format": {"type": "grammar"}}}
        body = chat(USER, tools=[function("f", {"type": "string"}), custom])
        ledger = Ledger()
        sent = write_request(read_request(body, ledger), CLAUDE_4_5, ledger)
        f, g = (tool["toolSpec"] for tool in sent.body["toolConfig"]["tools"])
        self.assertEqual({"input": {"type": "string"}}, f["inputSchema"]["json"]["properties"])
        self.assertEqual(TEXT_SCHEMA, g["inputSchema"]["json"])
        self.assertEqual({"f", "g"}, sent.wrapped)
        self.assertEqual(
            [
                ("tools[0].parameters", "wrapped-in-an-object"),
                ("tools[1].format", "not-enforced"),
            ],
            [(note.field, note.reason) for note in ledger.notes],
        )

    def test_strict(self) -> None:
        """Strictness is asked for where the model has it and the schema is within its means."""
        closed = {
            "type": "object",
            "properties": {"a": {"type": "string"}},
            "required": ["a"],
            "additionalProperties": False,
        }
        number = {**closed, "properties": {"a": {"type": "integer", "minimum": 1}}}
        recursive = {**closed, "properties": {"a": {"$ref": "#"}}}
        cases: list[tuple[Json, str | None, Capabilities]] = [
            (closed, None, CLAUDE_4_5),
            (closed, "", NOVA),
            (number, ";schema-not-strict", CLAUDE_4_5),
            (recursive, ";schema-not-strict", CLAUDE_4_5),
            ({"type": "string"}, ";schema-not-strict", CLAUDE_4_5),
        ]
        for schema, lost, capabilities in cases:
            tool = function("f", schema, strict=True)
            body, noted = from_chat(chat(USER, tools=[tool]), capabilities)
            spec = body["toolConfig"]["tools"][0]["toolSpec"]
            self.assertEqual(True if lost is None else None, spec.get("strict"), schema)
            said = [note for note in noted if note.startswith("tools[0].strict;")]
            expected = [] if lost is None else [f"tools[0].strict;dropped{lost}"]
            self.assertEqual(expected, said, schema)

    def test_strict_limits(self) -> None:
        """Over all of a request, strict tools, optional properties and unions are counted."""
        optional = {"type": "object", "additionalProperties": False, "properties": {
            f"p{number}": {"type": "string"} for number in range(13)}}  # fmt: skip
        unions = {"type": "object", "additionalProperties": False,
            "required": [f"p{number}" for number in range(9)], "properties": {
            f"p{number}": {"type": ["string", "null"]} for number in range(9)}}  # fmt: skip
        least = {"type": "object", "additionalProperties": False, "properties": {}}
        for schema, most in ((optional, 1), (unions, 1), (least, 20)):
            tools = [function(f"f{n}", schema, strict=True) for n in range(most + 1)]
            body, noted = from_chat(chat(USER, tools=tools))
            strict = [tool["toolSpec"].get("strict") for tool in body["toolConfig"]["tools"]]
            self.assertEqual([True] * most + [None], strict)
            self.assertEqual([f"tools[{most}].strict;dropped;too-many-strict-schemas"], noted)

    def test_stand_ins(self) -> None:
        """J28: tools that only the history knows are declared, because they have to be."""
        body, noted = from_chat(chat(USER, calls("a"), answers("a")))
        self.assertEqual({"tools": [F]}, body["toolConfig"])
        self.assertEqual(["tools;emulated;declared-from-the-history"], noted)

    def test_other_kinds(self) -> None:
        """A tool that Anthropic defines is declared as the function it is, or left out."""
        bash = {"type": "bash_20250124", "name": "bash"}
        messages = [{"role": "user", "content": "U"}]
        body, _ = from_messages({"messages": messages, "tools": [bash]})
        spec = body["toolConfig"]["tools"][0]["toolSpec"]
        self.assertEqual(("bash", "object"), (spec["name"], spec["inputSchema"]["json"]["type"]))
        strange = {"type": "shell_20990101", "name": "shell", "max": 3}
        plain = {"name": "f", "input_schema": EMPTY}
        body, noted = from_messages({"messages": messages, "tools": [strange, plain]})
        self.assertEqual([F], body["toolConfig"]["tools"])
        self.assertEqual(["tools[0];dropped"], noted)

    def test_hosted(self) -> None:
        """A hosted tool maps where there is an equal; else it is dropped, or refused if alone."""
        search = {"type": "web_search_20250305", "name": "web_search", "max_uses": 3}
        code = {"type": "code_execution_20250522", "name": "code_execution"}
        plain = {"name": "f", "input_schema": EMPTY}
        messages = [{"role": "user", "content": "U"}]
        body, noted = from_messages({"messages": messages, "tools": [search, code]}, NOVA_2)
        grounding = {"systemTool": {"name": "nova_grounding"}}
        interpreter = {"systemTool": {"name": "nova_code_interpreter"}}
        self.assertEqual([grounding, interpreter], body["toolConfig"]["tools"])
        self.assertEqual(["tools[0].max_uses;dropped"], noted)
        body, noted = from_messages({"messages": messages, "tools": [search, plain]})
        self.assertEqual([F], body["toolConfig"]["tools"])
        self.assertEqual(["tools[0];dropped"], noted)
        ours = HostedTool(
            kind="code_execution", raw={"type": "code_interpreter", "container": {"type": "auto"}},
            family=OPENAI, name="code_interpreter", field="tools[0]",
        )  # fmt: skip
        ledger = Ledger()
        asked = Request(model="m", turns=(Turn(role="user", blocks=(Text(text="U"),)),),
                        tools=(ours,))  # fmt: skip
        written = write_request(asked, NOVA_2, ledger).body["toolConfig"]["tools"]
        self.assertEqual(([interpreter], ()), (written, ledger.notes))
        choice = {"type": "tool", "name": "web_search"}
        refused: list[Json] = [
            {"tools": [search]},
            {"tools": [search, plain], "tool_choice": choice},
        ]
        for fields in refused:
            with self.assertRaises(ApiError) as caught:
                from_messages({"messages": messages, **fields})
            self.assertEqual("tools[0]", caught.exception.param)

    def test_web_search(self) -> None:
        """OpenAI's search is grounding where there is such, once, and its options are reported."""
        options = {"search_context_size": "low"}
        body, noted = from_chat(chat(USER, web_search_options=options), NOVA_2)
        grounding = {"systemTool": {"name": "nova_grounding"}}
        self.assertEqual([grounding], body["toolConfig"]["tools"])
        self.assertEqual(["web_search_options.search_context_size;dropped"], noted)
        search = {"type": "web_search_20250305", "name": "web_search"}
        body, _ = from_chat(chat(USER, web_search_options={}, tools=[search]), NOVA_2)
        self.assertEqual([grounding], body["toolConfig"]["tools"])

    def test_no_tools(self) -> None:
        """A model without tools refuses them by their field."""
        with self.assertRaises(ApiError) as caught:
            from_chat(chat(USER, tools=[function()]), TITAN)
        self.assertEqual("tools", caught.exception.param)


class ChoiceTests(SynchronousTestCase):
    maxDiff = None

    def test_forms(self) -> None:
        """J31: each choice has its form, and none is that there are no tools."""
        cases: list[tuple[Any, Any, Capabilities]] = [
            ("auto", {"auto": {}}, CLAUDE_4_5),
            ("auto", None, LLAMA),
            ("required", {"any": {}}, CLAUDE_4_5),
            ("required", {"tool": {"name": "f"}}, ONLY_TOOL),
            (NAMED, {"tool": {"name": "f"}}, CLAUDE_4_5),
            (NAMED, {"any": {}}, ONLY_ANY),
        ]
        for choice, expected, capabilities in cases:
            body, noted = from_chat(
                chat(USER, tools=[function()], tool_choice=choice), capabilities
            )
            self.assertEqual(expected, body["toolConfig"].get("toolChoice"), choice)
            self.assertEqual([], noted)
        body, noted = from_chat(chat(USER, tools=[function()], tool_choice="none"))
        self.assertNotIn("toolConfig", body)
        self.assertEqual(["tool_choice;rewritten;tools-left-out"], noted)

    def test_none_with_history(self) -> None:
        """J31: with calls in the history the tools have to stay, which is reported."""
        turns = [USER, calls("a"), answers("a")]
        body, noted = from_chat(chat(*turns, tools=[function()], tool_choice="none"))
        self.assertEqual({"tools": [F]}, body["toolConfig"])
        self.assertEqual(["tool_choice;dropped;tools-are-in-the-history"], noted)

    def test_allowed(self) -> None:
        """Of allowed tools only these are declared."""
        allowed = {"mode": "required", "tools": [NAMED]}
        choice = {"type": "allowed_tools", "allowed_tools": allowed}
        body, noted = from_chat(
            chat(USER, tools=[function("f"), function("g")], tool_choice=choice)
        )
        self.assertEqual({"tools": [F], "toolChoice": {"any": {}}}, body["toolConfig"])
        self.assertEqual(["tool_choice;rewritten;other-tools-left-out"], noted)
        body, noted = from_chat(chat(USER, tools=[function("f")], tool_choice=choice))
        self.assertEqual([], noted)

    def test_refused(self) -> None:
        """J31, J32: tools that are not there and calls that cannot be demanded are refused."""
        forced_off = evolve(CLAUDE, claude=evolve(CLAUDE.claude, forced_tools=False))
        allowed = {
            "mode": "auto",
            "tools": [NAMED, {"type": "function", "function": {"name": "x"}}],
        }
        several = [function("f"), function("g")]
        cases: list[tuple[Json, Capabilities]] = [
            ({"tools": [function("g")], "tool_choice": NAMED}, CLAUDE_4_5),
            ({"tools": [function("f")], "tool_choice": NAMED}, LLAMA),
            ({"tools": several, "tool_choice": "required"}, LLAMA),
            ({"tools": several, "tool_choice": NAMED}, ONLY_ANY),
            ({"tools": several, "tool_choice": "required"}, forced_off),
            (
                {
                    "tools": several,
                    "tool_choice": {"type": "allowed_tools", "allowed_tools": allowed},
                },
                CLAUDE_4_5,
            ),
        ]
        for fields, capabilities in cases:
            with self.assertRaises(ApiError, msg=fields) as caught:
                from_chat(chat(USER, **fields), capabilities)
            self.assertEqual("tool_choice", caught.exception.param)

    def test_nothing_allowed(self) -> None:
        """A call that is demanded of no tool is refused; otherwise there are none."""

        def asked(mode: str) -> Request:
            parameters = Parameters()
            parameters.give(TOOL_CHOICE, ToolChoice(mode, allowed=()), "tool_choice")
            user = Turn(role="user", blocks=(Text(text="U"),))
            return Request(model="m", turns=(user,), tools=(Tool(name="f"),), parameters=parameters)

        self.assertRaises(ApiError, write, asked("required"))
        sent, noted = write(asked("auto"))
        self.assertNotIn("toolConfig", sent.body)
        self.assertEqual(["tool_choice;rewritten;other-tools-left-out"], noted)

    def test_one_at_a_time(self) -> None:
        """J47: parallel calls are forbidden where a model has a word for it, else reported."""
        once = {"disable_parallel_tool_use": True}
        cases: list[tuple[Json, Json | None, Capabilities]] = [
            ({"tool_choice": "required"}, once, CLAUDE_4_5),
            ({"tool_choice": "auto"}, once, CLAUDE_4_5),
            ({}, {"type": "auto", **once}, CLAUDE_4_5),
            ({}, None, GPT_OSS),
        ]
        for fields, expected, capabilities in cases:
            body, noted = from_chat(
                chat(USER, tools=[function()], parallel_tool_calls=False, **fields), capabilities
            )
            inner = body.get("additionalModelRequestFields", {}).get("tool_choice")
            self.assertEqual(expected, inner)
            self.assertEqual([] if expected else ["parallel_tool_calls;dropped"], noted)
        for fields in ({"tools": [function()], "parallel_tool_calls": True},
                       {"parallel_tool_calls": False}):  # fmt: skip
            body, noted = from_chat(chat(USER, **fields))
            self.assertNotIn("additionalModelRequestFields", body)
            self.assertEqual([], noted)

    def test_plain(self) -> None:
        """A model of which nothing is known is given what was asked for."""
        body, noted = from_chat(chat(USER, tools=[function()], tool_choice=NAMED), PLAIN)
        self.assertEqual({"tools": [F], "toolChoice": {"tool": {"name": "f"}}}, body["toolConfig"])
        self.assertEqual([], noted)
