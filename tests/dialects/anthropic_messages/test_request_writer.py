from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.ledger import Ledger
from magicgateway.dialects.anthropic_messages.request_writer import write_request
from magicgateway.dialects.openai_chat import request_reader as chat
from magicgateway.errors import ApiError
from tests.dialects.anthropic_messages.bodies import (
    ABLE,
    MODELS,
    answers,
    judge,
    lines,
    messages,
    read,
    rewritten,
    says,
    text,
    tool,
    uses,
    write,
)

OPEN = {"type": "object", "additionalProperties": True}
FORMAT = {"type": "json_schema", "json_schema": {"name": "x", "schema": OPEN}}
FUNCTION = {"type": "function", "function": {"name": "f"}}
HI = [{"role": "user", "content": "hi"}]
JSON = {
    "name": "json_answer",
    "description": "Give the answer in its final form.",
    "input_schema": OPEN,
}


def from_chat(model: str = "sonnet-5", **fields: Any) -> tuple[dict[str, Any], list[str], Any]:
    ledger = Ledger()
    request = chat.read_request({"model": "m", "messages": HI, **fields}, ledger)
    sent = write_request(request, MODELS[model], ledger)
    judge(sent.body)
    return sent.body, lines(ledger), sent


class RequestWriterTests(SynchronousTestCase):
    maxDiff = None

    def test_same(self) -> None:
        """Reading and then writing gives back what was said, at every level."""
        mark = {"type": "ephemeral"}
        body = messages(
            {"role": "user", "content": [text("q", cache_control=mark)], "odd": 1},
            says("assistant", {"type": "thinking", "thinking": "t", "signature": "S"}, uses("c")),
            {"role": "user", "content": [answers("c", is_error=True), text("x")]},
            system=[text("s", cache_control={**mark, "scope": "g"})],
            temperature=0.5,
            top_k=3,
            stop_sequences=["X"],
            stream=True,
            tools=[
                tool(defer_loading=True),
                {"type": "bash_20250124", "name": "bash"},
                {"type": "web_search_20250305", "name": "web_search", "max_uses": 2},
            ],
            tool_choice={"type": "auto", "disable_parallel_tool_use": True, "odd": 2},
            thinking={"type": "adaptive", "display": "omitted", "odd": 3},
            output_config={
                "effort": "low",
                "format": {
                    "type": "json_schema",
                    "schema": {
                        "type": "object",
                        "properties": {"a": {"type": "string"}},
                        "additionalProperties": False,
                        "required": ["a"],
                    },
                    "odd": 4,
                },
            },
            metadata={"user_id": "u", "odd": 5},
            service_tier="standard_only",
            container={"skills": []},
            cache_control={"type": "ephemeral", "ttl": "1h"},
            inference_geo="eu",
            mcp_servers=[],
        )
        request, notes = read(body)
        sent, more = write(request)
        self.assertEqual((body, []), (sent.body, notes + more))
        self.assertTrue(sent.stream)

    def test_effort_alone(self) -> None:
        """An effort without thinking does not turn thinking on."""
        body = messages(output_config={"effort": "low"})
        self.assertNotIn("thinking", rewritten(body))

    def test_no_format_words(self) -> None:
        """The older place of a format becomes the new one."""
        schema = {"type": "object", "properties": {}, "additionalProperties": False}
        form = {"type": "json_schema", "schema": schema}
        self.assertEqual({"format": form}, rewritten(messages(output_format=form))["output_config"])

    def test_json_tool(self) -> None:
        """A format by a tool forces it alone, or any beside the caller's tools (case I.55)."""
        alone = {"type": "tool", "name": "json_answer", "disable_parallel_tool_use": True}
        note = ["response_format;emulated;by-tool"]
        body, notes, sent = from_chat(response_format=FORMAT)
        self.assertEqual(([JSON], alone, note), (body["tools"], body["tool_choice"], notes))
        self.assertEqual(("json_answer", frozenset()), (sent.json_tool, sent.wrapped))
        for fields, choice in (
            ({}, {"type": "any"}),
            ({"tool_choice": "required"}, {"type": "any"}),
            ({"parallel_tool_calls": False}, {"type": "any", "disable_parallel_tool_use": True}),
            ({"tool_choice": "none"}, alone),
        ):
            body, _, _ = from_chat(response_format=FORMAT, tools=[FUNCTION], **fields)
            self.assertEqual(([tool(), JSON], choice), (body["tools"], body["tool_choice"]))

    def test_json_tool_names(self) -> None:
        """The tool gets a name that no other has, and a schema that is no object is wrapped."""
        named = {"type": "function", "function": {"name": "json_answer"}}
        array = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "array"}}}
        _, _, sent = from_chat("old", response_format=array, tools=[named])
        self.assertEqual(
            ("json_answer_2", frozenset({"json_answer_2"})), (sent.json_tool, sent.wrapped)
        )

    def test_json_without_force(self) -> None:
        """Where no tool can be forced a format is asked for in words, at the system's end."""
        thinking = {"type": "enabled", "budget_tokens": 2048}
        for model, fields in (("opus-5.5", {}), ("sonnet-4.5", {"thinking": thinking})):
            body, notes, sent = from_chat(
                model,
                response_format=FORMAT,
                messages=[{"role": "system", "content": "S"}, *HI],
                **fields,
            )
            self.assertEqual("S", body["system"][0]["text"])
            self.assertIn("JSON", body["system"][1]["text"])
            self.assertIsNone(sent.json_tool)
            self.assertEqual(["response_format;emulated;by-prompt"], notes)

    def test_json_beside_a_forced_tool(self) -> None:
        """A format has nothing to say where the caller's tool has to be called."""
        body, notes, _ = from_chat(response_format=FORMAT, tools=[FUNCTION], tool_choice=FUNCTION)
        self.assertEqual({"type": "tool", "name": "f"}, body["tool_choice"])
        self.assertEqual(["response_format;dropped;tool-is-forced"], notes)

    def test_forced_tools_and_thinking(self) -> None:
        """A forced tool beats derived thinking by a budget; asked for both is refused."""
        fields = {"tools": [FUNCTION], "tool_choice": "required"}
        body, notes, _ = from_chat("sonnet-4.5", reasoning_effort="high", **fields)
        self.assertNotIn("thinking", body)
        self.assertEqual(32000, body["max_tokens"])
        self.assertEqual(["reasoning_effort;dropped;tool-is-forced"], notes)
        body, notes, _ = from_chat("opus-4.8", reasoning_effort="high", **fields)
        self.assertEqual(("adaptive", []), (body["thinking"]["type"], notes))
        both = {"type": "enabled", "budget_tokens": 2048}
        refused = self.assertRaises(ApiError, from_chat, "sonnet-4.5", thinking=both, **fields)
        self.assertEqual((400, "tool_choice"), (refused.status, refused.param))

    def test_loop_without_thinking(self) -> None:
        """A tool loop that began without reasoning cannot go on with a budget."""
        call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        loop = [
            *HI,
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c", "content": "r"},
        ]
        body, notes, _ = from_chat(
            "sonnet-4.5", messages=loop, tools=[FUNCTION], reasoning_effort="low"
        )
        self.assertNotIn("thinking", body)
        self.assertEqual(["reasoning_effort;dropped;history-without-thinking"], notes)
        body, notes, _ = from_chat(
            "opus-4.8", messages=loop, tools=[FUNCTION], reasoning_effort="low"
        )
        self.assertEqual(("adaptive", []), (body["thinking"]["type"], notes))

    def test_manual_sampling(self) -> None:
        """Thinking by a budget takes sampling away."""
        body, notes, _ = from_chat(
            "sonnet-4.5", reasoning_effort="low", temperature=0.2, max_tokens=9000
        )
        self.assertNotIn("temperature", body)
        self.assertEqual(["temperature;dropped;not-while-thinking"], notes)

    def test_stubs(self) -> None:
        """A history of calls without tools declares them, and lets none be called."""
        body = rewritten(
            messages(says("user", "q"), says("assistant", uses("c")), says("user", answers("c")))
        )
        stub = {"name": "f", "input_schema": {"type": "object"}}
        self.assertEqual(([stub], {"type": "none"}), (body["tools"], body["tool_choice"]))

    def test_custom_tools(self) -> None:
        """A tool of free text is asked for an object, under the caller's name on the way back."""
        custom = {"type": "custom", "custom": {"name": "a.b"}}
        body, _, sent = from_chat(tools=[custom], tool_choice=custom)
        self.assertEqual("a_b", body["tools"][0]["name"])
        self.assertEqual({"type": "tool", "name": "a_b"}, body["tool_choice"])
        self.assertEqual(({"a_b": "a.b"}, frozenset({"a.b"})), (sent.names, sent.wrapped))

    def test_web_search(self) -> None:
        """OpenAI's search becomes the tool, or a refusal without the operator's permission."""
        body, notes, _ = from_chat(web_search_options={})
        self.assertEqual("web_search_20250305", body["tools"][0]["type"])
        self.assertEqual([], notes)
        forbidden = evolve(ABLE, hosted_tools=frozenset())
        request = chat.read_request(
            {"model": "m", "messages": HI, "web_search_options": {}}, Ledger()
        )
        refused = self.assertRaises(ApiError, write_request, request, forbidden, Ledger())
        self.assertEqual((400, "web_search_options"), (refused.status, refused.param))

    def test_lost(self) -> None:
        """What another family said besides is reported by its path."""
        _, notes, _ = from_chat(odd=1, verbosity="low", tools=[{**FUNCTION, "odd": 2}])
        self.assertEqual(["tools[0].odd;dropped", "verbosity;dropped", "odd;dropped"], notes)

    def test_origin(self) -> None:
        """The answer brings tokens of the model's family."""
        self.assertEqual("anthropic", write(read(messages())[0])[0].origin)
