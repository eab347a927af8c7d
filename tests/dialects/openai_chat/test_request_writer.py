from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import Text, ToolCall, ToolResult
from magicgateway.conversation.capabilities import Capabilities, ChatAbilities
from magicgateway.conversation.parameters import (
    PARALLEL_TOOL_CALLS,
    RESPONSE_FORMAT,
    TOOL_CHOICE,
    Parameter,
    Parameters,
    ResponseFormat,
    ToolChoice,
)
from magicgateway.conversation.request import HostedTool, Request, Tool, Turn
from magicgateway.dialects.grammar import Sent
from magicgateway.errors import ApiError
from tests.dialects.openai_chat.bodies import ABLE, answers, call, chat, function, read, says, write
from tests.judging import unjudged

STRICT = {
    "type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"],
    "additionalProperties": False,
}  # fmt: skip
OPEN = {"type": "object", "properties": {"a": {"type": "string"}}}
HI = Turn(role="user", blocks=(Text(text="hi"),), field="messages[0]")


def able(**abilities: Any) -> Capabilities:
    return Capabilities(chat=ChatAbilities(**abilities))


def asking(*turns: Turn, tools: tuple[Any, ...] = (), **settings: Any) -> Request:
    parameters = Parameters()
    given: dict[str, Parameter[Any]] = {
        "form": RESPONSE_FORMAT, "choice": TOOL_CHOICE, "parallel": PARALLEL_TOOL_CALLS,
    }  # fmt: skip
    for name, value in settings.items():
        parameters.give(given[name], value, given[name].name)
    return Request(model="m", turns=turns or (HI,), tools=tools, parameters=parameters)


class RequestTests(SynchronousTestCase):
    maxDiff = None

    def test_streams(self) -> None:
        """A stream is asked for with its usage, unless the target does not know that."""
        request = evolve(asking(), stream=True)
        sent, _ = write(request)
        self.assertEqual(
            (True, True, {"include_usage": True}),
            (sent.stream, sent.body["stream"], sent.body["stream_options"]),
        )
        for to in (able(stream_options=False), able(drops=frozenset({"stream_options"}))):
            self.assertNotIn("stream_options", write(request, to)[0].body)
        self.assertEqual({"model": "m", "messages": [says("user", "hi")]}, write(asking())[0].body)

    def test_names(self) -> None:
        """I.73: long names go short, in tools, choices and history, and are known again."""
        name = "mcp__" + "x" * 65
        calls = Turn(role="assistant", blocks=(ToolCall(id="c", name=name),))
        results = Turn(role="user", blocks=(ToolResult(call_id="c"),))
        request = asking(
            HI, calls, results, tools=(Tool(name=name),), choice=ToolChoice("tool", name)
        )
        sent, _ = write(request)
        (short,) = sent.names
        self.assertLessEqual(len(short), 64)
        self.assertEqual({short: name}, dict(sent.names))
        body = sent.body
        self.assertEqual(
            [short] * 3,
            [
                body["tools"][0]["function"]["name"],
                body["tool_choice"]["function"]["name"],
                body["messages"][1]["tool_calls"][0]["function"]["name"],
            ],
        )

    def test_wrapped(self) -> None:
        """Wrapped tools are remembered by the names that the caller gave them."""
        sent, _ = write(asking(tools=(Tool(name="a/b", kind="custom"),)))
        self.assertEqual((frozenset({"a/b"}), {"a_b": "a/b"}), (sent.wrapped, dict(sent.names)))

    def test_parallel(self) -> None:
        """One call at a time is asked for where there are tools, or that is reported."""
        tools = (Tool(name="f"),)
        sent, _ = write(asking(tools=tools, parallel=False))
        self.assertIs(False, sent.body["parallel_tool_calls"])
        for request, to, notes in (
            (asking(tools=tools, parallel=True), able(), []),
            (asking(parallel=False), able(), []),
            (asking(tools=tools, parallel=False), able(parallel_tool_calls=False),
             ["parallel_tool_calls;dropped"]),
        ):  # fmt: skip
            sent, reported = write(request, to)
            self.assertNotIn("parallel_tool_calls", sent.body)
            self.assertEqual(notes, reported)

    def test_order(self) -> None:
        """What stands between calls and results comes after these."""
        request, _ = read(
            chat(
                says("user", "q"),
                says("assistant", tool_calls=[call("c1"), call("c2")]),
                answers("c1", "1"),
                says("system", "note"),
                answers("c2", "2"),
            )
        )
        sent, _ = write(request)
        self.assertEqual(
            [answers("c1", "1"), answers("c2", "2"), says("system", "note")],
            sent.body["messages"][2:],
        )

    def test_silence(self) -> None:
        """A request of which no message is left is refused, and not sent as none."""
        blank = Turn(role="user", blocks=(Text(text=" "),), field="messages[0]")
        for request, place in (
            (asking(blank), "messages"),
            (asking(evolve(blank, field="input")), "input"),
            (Request(model="m"), "messages"),
        ):
            refused = self.assertRaises(ApiError, write, request)
            self.assertEqual((400, place), (refused.status, refused.param))

    def test_missing_results(self) -> None:
        """I.21: calls without a result are refused, naming them."""
        request, _ = read(
            chat(says("user", "q"), says("assistant", tool_calls=[call("c1")]), says("user", "x"))
        )
        refused = self.assertRaises(ApiError, write, request)
        self.assertEqual(400, refused.status)
        self.assertIn("c1", refused.message)

    def test_later_systems(self) -> None:
        """A target that takes system messages only in front gets later ones from the user."""
        request, _ = read(chat(says("system", "A"), says("user", "q"), says("system", "note")))
        sent, notes = write(request, able(mid_system=False))
        reminder = "<system-reminder>note</system-reminder>"
        self.assertEqual(says("user", reminder), sent.body["messages"][2])
        self.assertEqual(["messages[2];rewritten;system-as-user-text"], notes)

    def test_prefill(self) -> None:
        """A begun answer is sent, and that it may not be continued is reported."""
        request, _ = read(chat(says("user", "q"), says("assistant", "The answer is")))
        sent, notes = write(request)
        self.assertEqual(says("assistant", "The answer is"), sent.body["messages"][1])
        self.assertEqual(["messages[1];emulated;may-begin-anew"], notes)

    def test_search(self) -> None:
        """A search that was declared as a tool is asked for by options."""
        search = HostedTool(kind="web_search", raw={}, family="anthropic", field="tools[0]")
        sent, _ = write(asking(tools=(search,)), able(web_search=True))
        self.assertEqual({}, sent.body["web_search_options"])
        self.assertNotIn("tools", sent.body)

    def test_extras(self) -> None:
        """What only OpenAI's family knows returns to it, unless the provider refuses it."""
        request, _ = read(chat(min_p=0.1, web=1, thinking={"type": "adaptive", "x": 1}))
        sent, notes = write(request, evolve(ABLE, chat=ChatAbilities(drops=frozenset({"web"}))))
        self.assertEqual(0.1, sent.body["min_p"])
        self.assertNotIn("web", sent.body)
        self.assertEqual(["thinking.x;dropped", "web;dropped"], sorted(notes))

    def test_renames(self) -> None:
        """Parameters that a provider calls otherwise are called so."""
        request, _ = read(chat(seed=1))
        sent = _unjudged(request, able(renames={"seed": "random_seed"}))
        self.assertEqual(1, sent.body["random_seed"])
        self.assertNotIn("seed", sent.body)


class FormatTests(SynchronousTestCase):
    maxDiff = None

    def check(self, form: ResponseFormat, expected: Any, *notes: str, **chat: Any) -> Sent:
        """That a format is asked for so, and so much is reported."""
        sent, reported = write(asking(form=form), able(**chat))
        self.assertEqual((expected, list(notes)), (sent.body.get("response_format"), reported))
        return sent

    def test_native(self) -> None:
        """Formats go as they are; strictness only with a schema that allows it."""

        def schema(**inner: Any) -> dict[str, Any]:
            return {"type": "json_schema", "json_schema": inner}

        self.check(ResponseFormat("text"), None)
        self.check(ResponseFormat("json_object"), {"type": "json_object"})
        self.check(
            ResponseFormat("json_schema", schema=STRICT),
            schema(name="structured_output", schema=STRICT, strict=True),
        )
        self.check(
            ResponseFormat("json_schema", schema=OPEN),
            schema(name="structured_output", schema=OPEN),
        )
        self.check(
            ResponseFormat("json_schema", "n", "d", STRICT, strict=True),
            schema(name="n", description="d", schema=STRICT, strict=True),
        )
        self.check(ResponseFormat("json_schema", "n"), schema(name="n"))
        self.check(
            ResponseFormat("json_schema", "n", None, STRICT), schema(name="n", schema=STRICT)
        )
        self.check(
            ResponseFormat("json_schema", "n", None, OPEN, strict=True),
            schema(name="n", schema=OPEN),
            "response_format.json_schema.strict;dropped;schema-not-strict",
        )

    def test_by_prompt(self) -> None:
        """A target without schemas is told of one, after the caller's own instructions."""
        form = ResponseFormat("json_schema", "n", None, OPEN)
        request, _ = read(chat(says("system", "S"), says("user", "q")))
        request.parameters.give(RESPONSE_FORMAT, form, "response_format")
        sent, notes = write(request, able(json_schema=False))
        self.assertEqual({"type": "json_object"}, sent.body["response_format"])
        said = sent.body["messages"][1]
        self.assertEqual("system", said["role"])
        self.assertIn('{"type":"object","properties":{"a":{"type":"string"}}}', said["content"])
        self.assertEqual(["response_format;emulated;by-prompt"], notes)
        sent = self.check(
            ResponseFormat("json_object"), None, "response_format;emulated;by-prompt",
            json_object=False,
        )  # fmt: skip
        self.assertEqual("system", sent.body["messages"][0]["role"])
        helpless = frozenset({"tool_choice"})
        self.check(form, None, "response_format;emulated;by-prompt", json_object=False,
                   json_schema=False, drops=helpless)  # fmt: skip

    def test_by_tool(self) -> None:
        """A target without formats is made to call a tool that takes the answer."""
        form = ResponseFormat("json_schema", "f", "d", {"type": "array"})
        to = able(json_object=False, json_schema=False)
        sent, notes = write(asking(form=form), to)
        self.assertEqual(
            ("f", frozenset({"f"}), ["response_format;emulated;by-tool"]),
            (sent.json_tool, sent.wrapped, notes),
        )
        self.assertEqual({"type": "function", "function": {"name": "f"}}, sent.body["tool_choice"])
        sent, _ = write(asking(form=form, tools=(Tool(name="f"),)), to)
        self.assertEqual(("f_2", "required"), (sent.json_tool, sent.body["tool_choice"]))
        self.assertEqual(function("f"), sent.body["tools"][0])

    def test_refused(self) -> None:
        """A provider that refuses the parameter cannot be asked for a shape."""
        drops = frozenset({"response_format"})
        self.check(ResponseFormat("text"), None, drops=drops)
        request = asking(form=ResponseFormat("json_object"))
        refused = self.assertRaises(ApiError, write, request, able(drops=drops))
        self.assertEqual((400, "response_format"), (refused.status, refused.param))

    @unjudged("a kind of format that only a provider has")
    def test_other_kinds(self) -> None:
        """A kind that only the provider knows arrives with all that it says."""
        request, _ = read(chat(response_format={"type": "regex", "value": "a+"}))
        sent = _unjudged(request, able())
        self.assertEqual({"type": "regex", "value": "a+"}, sent.body["response_format"])


def _unjudged(request: Request, to: Capabilities) -> Sent:
    return write(request, to, judged=False)[0]
