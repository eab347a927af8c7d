from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.demo.aws.converse import converse, converse_stream
from magicgateway.demo.aws.refusals import AwsRefusal
from magicgateway.demo.call import AWS_STREAM, FINISH, TERMINAL
from magicgateway.demo.faults import parse
from tests.demo.aws.test_frames import read
from tests.demo.calls import WEATHER, call_of, json_of

MODEL = "anthropic.claude-haiku-4-5-20251001-v1:0"
TOOL = {"toolSpec": {"name": "weather", "inputSchema": {"json": WEATHER}}}


def user(*blocks: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": list(blocks)}]


def request(**fields: Any) -> dict[str, Any]:
    return {"messages": user({"text": "hello"}), **fields}


def asked(script: str = "", model: str = MODEL, **fields: Any) -> Any:
    call = call_of(request(**fields), script=parse(script))
    return json_of(converse(call, model))


def streamed(script: str = "", model: str = MODEL, **fields: Any) -> list[tuple[str, Any]]:
    call = call_of(request(**fields), script=parse(script))
    frames = [read(event.data) for event in converse_stream(call, model).body()]
    return [(headers[":event-type"], value) for headers, value in frames]


class ConverseTests(SynchronousTestCase):
    def test_stop_reasons(self) -> None:
        """Each way to end has its reason, the same when it is streamed."""
        word = asked()["output"]["message"]["content"][0]["text"].split()[1]
        refusing: Any = {"messages": user({"text": "please refuse"})}
        guard = {"guardrailIdentifier": "abc", "guardrailVersion": "1", "trace": "enabled"}
        cases: Any = (
            ({}, "end_turn"),
            ({"inferenceConfig": {"maxTokens": 2}}, "max_tokens"),
            ({"inferenceConfig": {"stopSequences": [word]}}, "stop_sequence"),
            ({"toolConfig": {"tools": [TOOL], "toolChoice": {"any": {}}}}, "tool_use"),
            (refusing, "content_filtered"),
            ({**refusing, "guardrailConfig": guard}, "guardrail_intervened"),
        )
        for fields, reason in cases:
            with self.subTest(reason=reason):
                self.assertEqual(reason, asked(**fields)["stopReason"])
                stop = dict(streamed(**fields))["messageStop"]
                self.assertEqual(reason, stop["stopReason"])
        traced = asked(**refusing, guardrailConfig=guard)
        self.assertIn("guardrail", traced["trace"])

    def test_tool_choices(self) -> None:
        """The choice of tools is obeyed, and one call at a time if that was asked."""
        other = {"toolSpec": {**TOOL["toolSpec"], "name": "time"}}
        both = user({"text": "weather and time"})
        single = {"tool_choice": {"disable_parallel_tool_use": True}}
        for fields, names in (
            ({"messages": both}, ["weather", "time"]),
            ({"messages": both, "additionalModelRequestFields": single}, ["weather"]),
            ({"toolChoice": {"tool": {"name": "time"}}}, ["time"]),
            ({"toolChoice": {"auto": {}}}, []),
        ):
            with self.subTest(fields=fields):
                config: dict[str, Any] = {
                    "tools": [TOOL, other, {"cachePoint": {"type": "default"}}]
                }
                if "toolChoice" in fields:
                    config["toolChoice"] = fields["toolChoice"]
                rest: Any = {k: v for k, v in fields.items() if k != "toolChoice"}
                value = asked(toolConfig=config, **rest)
                content = value["output"]["message"]["content"]
                self.assertEqual(names, [b["toolUse"]["name"] for b in content if "toolUse" in b])

    def test_cut_call(self) -> None:
        """A call that the limit cuts is a beginning in the stream and empty in the whole."""
        fields: Any = {
            "toolConfig": {"tools": [TOOL], "toolChoice": {"any": {}}},
            "inferenceConfig": {"maxTokens": 16},
        }
        value = asked(**fields)
        self.assertEqual("max_tokens", value["stopReason"])
        self.assertEqual({}, value["output"]["message"]["content"][-1]["toolUse"]["input"])
        deltas = [value["delta"] for name, value in streamed(**fields) if "delta" in value]
        text = "".join(delta["toolUse"]["input"] for delta in deltas if "toolUse" in delta)
        self.assertTrue(text.startswith("{") and not text.endswith("}"))

    def test_schema(self) -> None:
        """An answer by schema is JSON of that schema."""
        schema = '{"type":"object","properties":{"a":{"const":7}},"additionalProperties":false}'
        structure = {"jsonSchema": {"name": "r", "schema": schema}}
        form = {"textFormat": {"type": "json_schema", "structure": structure}}
        content = asked(outputConfig=form)["output"]["message"]["content"]
        self.assertEqual([{"text": '{"a":7}'}], content)

    def test_attachments(self) -> None:
        """What came beside the text is mentioned."""
        image = {"image": {"format": "png", "source": {"bytes": "AAAA"}}}
        text = asked(messages=user({"text": "hello"}, image))["output"]["message"]["content"][0]
        self.assertIn("I see image png 3 bytes 709e80c8.", text["text"])

    def test_reasoning(self) -> None:
        """Each family's own words ask for reasoning."""
        for model, extra in (
            (MODEL, {"thinking": {"type": "enabled", "budget_tokens": 1024}}),
            ("anthropic.claude-opus-4-6-v1", {"thinking": {"type": "adaptive"}}),
            ("amazon.nova-2-lite-v1:0", {"reasoningConfig": {"type": "enabled"}}),
            ("openai.gpt-oss-20b-1:0", {"reasoning_effort": "low"}),
            ("openai.gpt-6-sol", {"reasoning": {"effort": "low"}}),
            ("qwen.qwen3-32b-v1:0", {"reasoning_config": "low"}),
        ):
            with self.subTest(model=model):
                value = asked(model=model, additionalModelRequestFields=extra)
                self.assertIn("reasoningContent", value["output"]["message"]["content"][0])
        self.assertNotIn("reasoningContent", asked()["output"]["message"]["content"][0])

    def test_asked_fields(self) -> None:
        """What the request asks to be told beside the API's own fields is told."""
        word = asked()["output"]["message"]["content"][0]["text"].split()[1]
        paths = ["/stop_sequence", "/delta/stop_sequence", "/usage/output_tokens_details"]
        fields: Any = {
            "inferenceConfig": {"stopSequences": [word]},
            "additionalModelResponseFieldPaths": paths,
        }
        self.assertEqual({"stop_sequence": word}, asked(**fields)["additionalModelResponseFields"])
        stop = dict(streamed(**fields))["messageStop"]
        self.assertEqual({"delta": {"stop_sequence": word}}, stop["additionalModelResponseFields"])
        thinking = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
        value = asked(
            additionalModelRequestFields=thinking, additionalModelResponseFieldPaths=paths[2:]
        )["additionalModelResponseFields"]
        self.assertTrue(value["usage"]["output_tokens_details"]["thinking_tokens"])

    def test_cache(self) -> None:
        """Marked input is partly read and written, by time to live; the total counts it all."""
        for ttl in ("5m", "1h"):
            with self.subTest(ttl=ttl):
                point = {"cachePoint": {"type": "default", "ttl": ttl}}
                value = asked(messages=user({"text": "hello " * 20}, point))["usage"]
                self.assertTrue(value["cacheReadInputTokens"] and value["cacheWriteInputTokens"])
                parts = ("inputTokens", "cacheReadInputTokens", "cacheWriteInputTokens")
                total = sum(value[part] for part in parts) + value["outputTokens"]
                self.assertEqual(total, value["totalTokens"])
                self.assertEqual(ttl, value["cacheDetails"][0]["ttl"])

    def test_echoes(self) -> None:
        """Tier and latency are told back."""
        value = asked(serviceTier={"type": "flex"}, performanceConfig={"latency": "optimized"})
        self.assertEqual({"type": "flex"}, value["serviceTier"])
        self.assertEqual({"latency": "optimized"}, value["performanceConfig"])

    def test_bytes(self) -> None:
        """The script's bytes are exact, whole and streamed."""
        content = asked("bytes=100000")["output"]["message"]["content"]
        self.assertEqual(100_000, len(content[0]["text"]))
        deltas = [
            value["delta"]["text"] for _, value in streamed("bytes=100000") if "delta" in value
        ]
        self.assertEqual(100_000, sum(map(len, deltas)))

    def test_stages(self) -> None:
        """The end of the stream is the stop and the metadata."""
        answer = converse_stream(call_of(request()), MODEL)
        self.assertEqual(AWS_STREAM, answer.content_type)
        stages = [event.stage for event in answer.body()]
        self.assertEqual([FINISH, TERMINAL], stages[-2:])
        self.assertEqual({0}, set(stages[:-2]))

    def test_refusals(self) -> None:
        """Shape, conversation and parameters are all checked."""
        cases: tuple[dict[str, Any], ...] = (
            {"messages": []},
            {"temperature": 1},
            {"inferenceConfig": {"temperature": 0.5, "topP": 0.5}},
        )
        for fields in cases:
            with self.subTest(fields=fields):
                for serve in (converse, converse_stream):
                    self.assertRaises(AwsRefusal, serve, call_of(request(**fields)), MODEL)
