from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.demo.aws.parameters import check_parameters, check_prompt
from magicgateway.demo.aws.refusals import AwsRefusal
from magicgateway.demo.limits import limits_of
from magicgateway.wire import jsontext

CLAUDE = "anthropic.claude-haiku-4-5-20251001-v1:0"
OLD = "anthropic.claude-3-haiku-20240307-v1:0"
NEW = "us.anthropic.claude-sonnet-5"
STRICT = "anthropic.claude-opus-5-5"
NOVA = "us.amazon.nova-micro-v1:0"
LLAMA = "meta.llama3-3-70b-instruct-v1:0"
OPEN = {"type": "object", "properties": {"maximum": {"type": "string"}}}
CLOSED = {**OPEN, "additionalProperties": False}


def tools(*names: str, schema: Any = None, **more: Any) -> dict[str, Any]:
    schema = {"type": "object"} if schema is None else schema
    found = [{"toolSpec": {"name": name, "inputSchema": {"json": schema}}} for name in names]
    return {"toolConfig": {"tools": found, **more}}


def config(**fields: Any) -> dict[str, Any]:
    return {"inferenceConfig": fields}


def extra(**fields: Any) -> dict[str, Any]:
    return {"additionalModelRequestFields": fields}


def form(schema: Any) -> dict[str, Any]:
    text = schema if isinstance(schema, str) else jsontext.encode(schema).decode()
    structure = {"jsonSchema": {"name": "reply", "schema": text}}
    return {"outputConfig": {"textFormat": {"type": "json_schema", "structure": structure}}}


def thinking(budget: int) -> dict[str, Any]:
    return extra(thinking={"type": "enabled", "budget_tokens": budget})


GOOD: tuple[tuple[str, dict[str, Any]], ...] = (
    (CLAUDE, config(temperature=0.5, stopSequences=["x"])),
    (CLAUDE, {**thinking(1024), **config(maxTokens=1025, temperature=1)}),
    (CLAUDE, tools("f", "g", toolChoice={"tool": {"name": "g"}})),
    (CLAUDE, {**tools("f", toolChoice={"any": {}}), **extra(tool_choice={"a": True})}),
    (CLAUDE, form({**CLOSED, "properties": {"a": {"type": "array", "items": CLOSED}}})),
    (NOVA, extra(inferenceConfig={"topK": 20})),
    ("openai.gpt-oss-20b-1:0", extra(reasoning_effort="low")),
    ("demo", {**extra(anything=1), **form(OPEN), **config(temperature=1, topP=0.1)}),
    (LLAMA, tools("f")),
    (
        CLAUDE,
        {"additionalModelResponseFieldPaths": ["/a/b", "/"], "outputConfig": {"effort": "max"}},
    ),
)
BAD: tuple[tuple[str, dict[str, Any], str], ...] = (
    (CLAUDE, {"additionalModelRequestFields": [1]}, "must be a json object"),
    (NOVA, extra(top_k=1), "top_k: Extra inputs are not permitted"),
    ("deepseek.r1-v1:0", extra(reasoning_effort="low"), "Extra inputs"),
    ("amazon.titan-text-express-v1", {"system": [{"text": "a"}]}, "system prompts"),
    ("amazon.titan-text-express-v1", tools("f"), "doesn't support tool use"),
    (NEW, config(temperature=1), "`temperature` is not supported"),
    (CLAUDE, config(temperature=0.2, topP=0.9), "cannot both be specified"),
    ("qwen.qwen3-32b-v1:0", config(stopSequences=["x"]), "stopSequences field"),
    (CLAUDE, config(stopSequences=["x", " "]), "non-whitespace"),
    (CLAUDE, tools("f", "f"), "duplicate tool names"),
    (CLAUDE, tools("f", schema={"properties": {}}), "must have the type object"),
    (CLAUDE, tools("f", toolChoice={"tool": {"name": "g"}}), "not found in provided tools"),
    (LLAMA, tools("f", toolChoice={"any": {}}), "toolConfig.toolChoice"),
    (STRICT, tools("f", toolChoice={"any": {}}), "forced tool use is not supported"),
    (
        CLAUDE,
        {**tools("f", toolChoice={"auto": {}}), **extra(tool_choice={"type": "auto"})},
        "exclude each other",
    ),
    (CLAUDE, thinking(1023), "greater than or equal to 1024"),
    (CLAUDE, {**thinking(2000), **config(maxTokens=2000)}, "must be greater than"),
    (CLAUDE, {**thinking(2000), **config(temperature=0.5)}, "may only be set to 1"),
    (CLAUDE, {**thinking(2000), **tools("f", toolChoice={"any": {}})}, "forces tool use"),
    (CLAUDE, extra(thinking={"type": "adaptive"}, top_k=5), "`top_k` must be unset"),
    (CLAUDE, {"additionalModelResponseFieldPaths": ["/a", "b"]}, "must be JSON pointers"),
    (CLAUDE, {"outputConfig": {"effort": "huge"}}, "outputConfig.effort"),
    (OLD, form(CLOSED), "output_config.format: Extra inputs are not permitted"),
    (CLAUDE, form("{"), "must be a JSON text"),
    (CLAUDE, form(OPEN), "'additionalProperties' must be explicitly set to false"),
    (CLAUDE, form({"anyOf": [{"type": "integer", "maximum": 3}]}), "property 'maximum'"),
)


class ParameterTests(SynchronousTestCase):
    def test_good(self) -> None:
        """What a family knows passes."""
        for name, fields in GOOD:
            with self.subTest(name=name, fields=fields):
                check_parameters(fields, limits_of(name), streamed=False)

    def test_bad(self) -> None:
        """What a family does not know is refused in words that name it."""
        for name, fields, words in BAD:
            with self.subTest(words=words):
                with self.assertRaises(AwsRefusal) as caught:
                    check_parameters(fields, limits_of(name), streamed=False)
                self.assertIn(words, caught.exception.message)

    def test_prompts(self) -> None:
        """A prompt of Bedrock's own says itself what is not in the messages."""
        prompt = "arn:aws:bedrock:us-east-1:123456789012:prompt/ABCDEFGHIJ:1"
        cases = [config(maxTokens=1), tools("f"), extra(a=1), {"system": [{"text": "a"}]}]
        for fields in cases:
            check_prompt(fields, CLAUDE)
            refusal = self.assertRaises(AwsRefusal, check_prompt, fields, prompt)
            self.assertIn(f"{next(iter(fields))} field is not supported", refusal.message)
        check_prompt({"messages": [], "promptVariables": {}}, prompt)

    def test_streamed_tools(self) -> None:
        """Some models call tools only when nothing is streamed."""
        with self.assertRaises(AwsRefusal) as caught:
            check_parameters(tools("f"), limits_of(LLAMA), streamed=True)
        self.assertIn("tool use in streaming mode", caught.exception.message)
        check_parameters(tools("f"), limits_of(CLAUDE), streamed=True)
