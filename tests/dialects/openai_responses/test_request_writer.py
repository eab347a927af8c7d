from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import Text, ToolCall, ToolResult
from magicgateway.conversation.capabilities import Capabilities
from magicgateway.conversation.parameters import (
    STORE,
    WEB_SEARCH,
    N,
    Parameters,
    WebSearch,
)
from magicgateway.conversation.request import Request, Tool, Turn
from magicgateway.errors import ApiError
from tests.dialects.openai_responses.judge import (
    HI,
    Json,
    again,
    body,
    call,
    function,
    output,
    read,
    says,
    write,
)

INCLUDED = {"include": ["reasoning.encrypted_content"]}


def hi(**fields: Any) -> Request:
    turn = Turn(role="user", blocks=(Text(text="hi", field="m[0]"),), whole=True, field="m[0]")
    return Request(model="m", turns=(turn,), **fields)


class WriteRequestTests(SynchronousTestCase):
    def test_from_elsewhere(self) -> None:
        """A request of another API is kept nowhere, and its reasoning can come back."""
        sent, notes = write(hi())
        self.assertEqual({"model": "m", "input": [HI], "store": False, **INCLUDED}, sent.body)
        self.assertEqual("openai", sent.origin)
        self.assertEqual([], notes)

    def test_stream(self) -> None:
        """A stream is asked for as one."""
        sent, _ = write(hi(stream=True))
        self.assertIs(True, sent.body["stream"])
        self.assertIs(True, sent.stream)
        padded = again(body(HI, stream=True, stream_options={"include_obfuscation": False}))
        self.assertEqual({"include_obfuscation": False}, padded["stream_options"])

    def test_input_string(self) -> None:
        """An input that was one string is one."""
        written = again({"model": "m", "input": "hi", "store": False})
        self.assertEqual("hi", written["input"])

    def test_store(self) -> None:
        """What the caller wants kept is kept."""
        parameters = Parameters()
        parameters.give(STORE, True, "store")
        self.assertIs(True, write(hi(parameters=parameters))[0].body["store"])

    def test_instructions(self) -> None:
        """What leads is ``instructions``; Claude Code's line for accounting is no prompt."""
        billing = "x-anthropic-billing-header: cc_version=1"
        cases: list[tuple[tuple[str, ...], str | None, list[str]]] = [
            (("a", "b"), "a\n\nb", []),
            ((billing, "a"), "a", ["system[0];dropped;not-a-prompt"]),
            ((billing,), None, ["system[0];dropped;not-a-prompt"]),
        ]
        for texts, expected, lost in cases:
            blocks = tuple(Text(text=t, field=f"system[{i}]") for i, t in enumerate(texts))
            lead = Turn(role="system", blocks=blocks, lead=True, field="system")
            sent, notes = write(Request(model="m", turns=(lead, *hi().turns)))
            self.assertEqual(expected, sent.body.get("instructions"))
            self.assertEqual(lost, notes)

    def test_names(self) -> None:
        """Names that OpenAI would not take are made to fit, one to one."""
        tools = (Tool(name="a/b", schema={}), Tool(name="a_b", schema={}))
        asks = Turn(role="assistant", blocks=(ToolCall(id="c", name="a/b", arguments="{}"),))
        answers = Turn(role="tool", blocks=(ToolResult(call_id="c", content=(Text(text="r"),)),))
        sent, _ = write(Request(model="m", turns=(*hi().turns, asks, answers), tools=tools))
        self.assertEqual(["a_b_2", "a_b"], [tool["name"] for tool in sent.body["tools"]])
        self.assertEqual("a_b_2", sent.body["input"][1]["name"])
        self.assertEqual({"a_b_2": "a/b"}, sent.names)

    def test_long_ids(self) -> None:
        """Ids of calls that are longer than OpenAI's become shorter, of call and result alike."""
        long = "toolu_" + "x" * 80
        written = again(body(call(long), output(long)))
        ids = [item["call_id"] for item in written["input"]]
        self.assertEqual(ids[0], ids[1])
        self.assertLessEqual(len(ids[0]), 64)

    def test_wrapped(self) -> None:
        """A function whose arguments are no plain object has them in ``input``."""
        union = {"anyOf": [{"type": "object"}, {"type": "string"}]}
        asks = Turn(
            role="assistant",
            blocks=(
                ToolCall(id="c", name="f", arguments='"x"'),
                ToolCall(id="d", name="f", arguments="{"),
            ),
        )
        request = Request(model="m", turns=(asks,), tools=(Tool(name="f", schema=union),))
        sent, _ = write(request)
        self.assertEqual(frozenset({"f"}), sent.wrapped)
        self.assertEqual(union, sent.body["tools"][0]["parameters"]["properties"]["input"])
        arguments = [item["arguments"] for item in sent.body["input"]]
        self.assertEqual(['{"input":"x"}', "{"], arguments)

    def test_refused(self) -> None:
        """What would be another kind of answer is refused."""
        parameters = Parameters()
        parameters.give(N, 2, "n")
        error = self.assertRaises(ApiError, write, hi(parameters=parameters))
        self.assertEqual((400, "n"), (error.status, error.param))

    def test_web_search(self) -> None:
        """Chat's option to search the web is a tool."""
        place = {"type": "approximate", "approximate": {"country": "NO"}}
        parameters = Parameters()
        search = WebSearch({"search_context_size": "low", "user_location": place})
        parameters.give(WEB_SEARCH, search, "web_search_options")
        self.assertEqual(
            [{"type": "web_search", "search_context_size": "low",
              "user_location": {"type": "approximate", "country": "NO"}}],
            write(hi(parameters=parameters))[0].body["tools"],
        )  # fmt: skip

    def test_unknown(self) -> None:
        """What nobody knows arrives where it stood."""
        given = body(HI, odd=1, text={"format": {"type": "text"}, "odd": 2}, **INCLUDED)
        self.assertEqual(given, again(given))

    def test_other_model(self) -> None:
        """Names are as long as the model takes."""
        given: Json = body(says("user", "q"), tools=[function("a" * 30)])
        sent, _ = write(read(given)[0], Capabilities(longest_tool_name=20), judged=False)
        self.assertLessEqual(len(sent.body["tools"][0]["name"]), 20)
