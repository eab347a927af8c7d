from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.demo.anthropic_messages import count_tokens, messages
from magicgateway.demo.call import FINISH, TERMINAL, Refusal
from magicgateway.demo.faults import Script, parse
from magicgateway.wire import jsontext
from magicgateway.wire.sse import events
from tests.demo.calls import HELLO, WEATHER, call_of, json_of, stream_of

TOOLS = [{"name": "weather", "input_schema": WEATHER}]
ASKING = [{"role": "user", "content": "the weather please"}]
THINKING = {"type": "enabled", "budget_tokens": 1024}


def request(**fields: Any) -> dict[str, Any]:
    return {"model": "demo", "max_tokens": 500, "messages": HELLO} | fields


def asked(script: str = "", **fields: Any) -> Any:
    """The whole answer."""
    return json_of(messages(call_of(request(**fields), script=parse(script))))


def streamed(script: str = "", **fields: Any) -> list[Any]:
    """The values of a streamed answer."""
    call = call_of(request(stream=True, **fields), script=parse(script))
    return [value for _, value in stream_of(messages(call))]


def assembled(values: list[Any]) -> list[dict[str, Any]]:
    """The content blocks that a stream tells."""
    blocks: list[dict[str, Any]] = []
    for value in values:
        if value["type"] == "content_block_start":
            blocks.append({**value["content_block"], "json": ""})
        if value["type"] == "content_block_delta":
            delta, block = value["delta"], blocks[value["index"]]
            if delta["type"] == "input_json_delta":
                block["json"] += delta["partial_json"]
            else:
                name = delta["type"].removesuffix("_delta")
                block[name] += delta[name]
    for block in blocks:
        text = block.pop("json")
        if block["type"] == "tool_use":
            block["input"] = jsontext.decode(text.encode())
    return blocks


class MessagesTests(SynchronousTestCase):
    def test_stream_says_the_same(self) -> None:
        """A stream's blocks put together are the whole answer's, with all that can be asked for."""
        for fields in (
            {},
            {"thinking": THINKING},
            {"thinking": {**THINKING, "display": "omitted"}},
            {"messages": ASKING, "tools": TOOLS},
            {"messages": ASKING, "tools": TOOLS, "thinking": THINKING},
            {"max_tokens": 3},
            {"output_config": {"format": {"type": "json_schema", "schema": WEATHER}}},
        ):
            with self.subTest(fields=fields):
                whole, values = asked(**fields), streamed(**fields)
                end = values[-2]
                self.assertEqual(whole["content"], assembled(values))
                self.assertEqual(whole["stop_reason"], end["delta"]["stop_reason"])
                self.assertEqual(whole["usage"]["output_tokens"], end["usage"]["output_tokens"])

    def test_order_of_events(self) -> None:
        """A stream begins and ends as Anthropic's, blocks one after the other, a ping between."""
        values = streamed(messages=ASKING, tools=TOOLS, thinking=THINKING)
        kinds = [value["type"] for value in values if value["type"] != "content_block_delta"]
        block = ["content_block_start", "content_block_stop"]
        end = ["message_delta", "message_stop"]
        self.assertEqual(
            ["message_start", block[0], "ping", block[1], *block, *block, *end],
            kinds,
        )

    def test_stages(self) -> None:
        """Only the last two events count as the end."""
        stages = [event.stage for event in messages(call_of(request(stream=True))).body()]
        self.assertEqual([FINISH, TERMINAL], stages[-2:])
        self.assertEqual({0}, set(stages[:-2]))

    def test_stop_reasons(self) -> None:
        """Each way to end has its reason."""
        word = asked()["content"][0]["text"].split()[1]
        for fields, reason, stop in (
            ({}, "end_turn", None),
            ({"max_tokens": 2}, "max_tokens", None),
            ({"messages": ASKING, "tools": TOOLS}, "tool_use", None),
            ({"stop_sequences": [word]}, "stop_sequence", word),
            ({"messages": [{"role": "user", "content": "please refuse"}]}, "refusal", None),
        ):
            with self.subTest(reason=reason):
                value = asked(**fields)
                self.assertEqual((reason, stop), (value["stop_reason"], value["stop_sequence"]))

    def test_tool_choices(self) -> None:
        """The choice of tools is obeyed; after a result the model talks."""
        use = {"type": "tool_use", "id": "t", "name": "weather", "input": {}}
        answer = {"type": "tool_result", "tool_use_id": "t", "content": "rain"}
        result = [
            *ASKING,
            {"role": "assistant", "content": [use]},
            {"role": "user", "content": [answer]},
        ]
        for fields, called in (
            ({"tool_choice": {"type": "tool", "name": "weather"}}, True),
            ({"tool_choice": {"type": "any"}}, True),
            ({"messages": ASKING, "tool_choice": {"type": "none"}}, False),
            ({"messages": result}, False),
            ({}, False),
        ):
            with self.subTest(fields=fields):
                kinds = {block["type"] for block in asked(tools=TOOLS, **fields)["content"]}
                self.assertEqual(called, "tool_use" in kinds)

    def test_cache(self) -> None:
        """Input is said to be cached once it is marked; the sum stays the same."""
        marked = [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "hello", "cache_control": {"type": "ephemeral"}}
                ],
            }
        ]
        plain = asked()["usage"]
        usage = asked(messages=marked)["usage"]
        self.assertEqual(0, plain["cache_read_input_tokens"])
        self.assertTrue(usage["cache_read_input_tokens"])
        self.assertTrue(usage["cache_creation_input_tokens"])
        marked[0]["content"][0]["cache_control"]["ttl"] = "1h"  # type: ignore[index]  # a literal
        usage = asked(messages=marked)["usage"]
        long = usage["cache_creation"]["ephemeral_1h_input_tokens"]
        self.assertEqual(usage["cache_creation_input_tokens"], long)

    def test_bytes(self) -> None:
        """The script's bytes are exact, whole and streamed."""
        whole, values = asked("bytes=100000"), streamed("bytes=100000")
        self.assertEqual(100_000, len(whole["content"][0]["text"]))
        self.assertEqual(100_000, len(assembled(values)[0]["text"]))

    def test_refusals(self) -> None:
        """What is missing or unknown is refused."""
        for fields, status in (
            ({"messages": []}, 400),
            ({"max_tokens": None}, 400),
            ({"max_tokens": 0}, 400),
            ({"model": "demo-missing"}, 404),
            ({"tools": [{}]}, 400),
        ):
            with self.subTest(fields=fields):
                self.assertEqual(status, self.assertRaises(Refusal, asked, **fields).status)

    def test_error_event(self) -> None:
        """The event that breaks a stream is an ``error`` event."""
        [(name, data)] = events(messages(call_of(request(stream=True))).error(Script()))
        self.assertEqual("error", name)
        self.assertEqual("overloaded_error", jsontext.decode(data)["error"]["type"])


class CountTests(SynchronousTestCase):
    def test_count(self) -> None:
        """The count is the input usage of the same message."""
        fields = request(system="be kind", tools=TOOLS)
        counted = json_of(count_tokens(call_of(fields)))
        self.assertEqual({"input_tokens": asked(**fields)["usage"]["input_tokens"]}, counted)

    def test_refusals(self) -> None:
        """A count needs a model and messages."""
        for fields in ({"model": "demo"}, {"messages": HELLO}):
            with self.subTest(fields=fields):
                self.assertRaises(Refusal, count_tokens, call_of(fields))
