from __future__ import annotations

import base64
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.demo.aws.invoke import invoke, invoke_stream
from magicgateway.demo.aws.refusals import AwsRefusal
from magicgateway.demo.call import Refusal
from magicgateway.wire import jsontext
from tests.demo.aws.test_frames import read
from tests.demo.calls import HELLO, call_of, json_of

MODEL = "us.anthropic.claude-haiku-4-5-20251001-v1:0"


def request(**fields: Any) -> dict[str, Any]:
    value = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 100, "messages": HELLO}
    return {key: item for key, item in (value | fields).items() if item is not None}


class InvokeTests(SynchronousTestCase):
    def test_whole(self) -> None:
        """A message in Anthropic's words, its usage in headers as well."""
        answer = invoke(call_of(request()), MODEL)
        value = json_of(answer)
        self.assertEqual("claude-haiku-4-5-20251001", value["model"])
        headers = dict(answer.headers)
        tokens = str(value["usage"]["input_tokens"])
        self.assertEqual(tokens, headers["x-amzn-bedrock-input-token-count"])

    def test_names(self) -> None:
        """The model is called by Anthropic's own name for it."""
        for model, name in (
            ("anthropic.claude-opus-4-8", "claude-opus-4-8"),
            ("anthropic.claude-3-haiku-20240307-v1:0", "claude-3-haiku-20240307"),
            ("demo", "demo"),
        ):
            self.assertEqual(name, json_of(invoke(call_of(request()), model))["model"])

    def test_stream(self) -> None:
        """Chunks hold Anthropic's events, without pings; the last one tells AWS's own metrics."""
        answer = invoke_stream(call_of(request()), MODEL)
        frames = [read(event.data) for event in answer.body()]
        self.assertEqual({"chunk"}, {headers[":event-type"] for headers, _ in frames})
        values = [jsontext.decode(base64.b64decode(value["bytes"])) for _, value in frames]
        kinds = [value["type"] for value in values]
        self.assertEqual("message_start", kinds[0])
        self.assertNotIn("ping", kinds)
        self.assertEqual(["message_delta", "message_stop"], kinds[-2:])
        metrics = values[-1]["amazon-bedrock-invocationMetrics"]
        self.assertEqual(values[-2]["usage"]["output_tokens"], metrics["outputTokenCount"])

    def test_refusals(self) -> None:
        """What this way to Claude does not know is refused, as are other models."""
        block = {"type": "text", "text": "a"}
        block_with_scope = {**block, "cache_control": {"type": "ephemeral", "scope": "global"}}
        scoped = [{"role": "user", "content": [block_with_scope]}]
        for model, fields, words in (
            (MODEL, {"model": "m"}, "model: Extra inputs"),
            (MODEL, {"stream": True}, "stream: Extra inputs"),
            (MODEL, {"service_tier": "auto"}, "service_tier: Extra inputs"),
            (MODEL, {"anthropic_version": None}, "anthropic_version"),
            (MODEL, {"max_tokens": None}, "max_tokens: Field required"),
            (MODEL, {"messages": scoped}, "scope: Extra inputs"),
            ("amazon.nova-lite-v1:0", {}, "models of Anthropic"),
        ):
            with self.subTest(words=words):
                call = call_of(request(**fields))
                with self.assertRaises(AwsRefusal) as caught:
                    invoke(call, model)
                self.assertIn(words, caught.exception.message)
        call = call_of({"inputText": "a"})
        self.assertRaises(AwsRefusal, invoke_stream, call, "amazon.titan-embed-text-v1")
        large = call_of(request(), body_size=25_000_001)
        self.assertRaises(Refusal, invoke, large, MODEL)
