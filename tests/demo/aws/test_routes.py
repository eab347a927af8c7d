from __future__ import annotations

import base64
from typing import Any

from botocore.exceptions import ClientError, EventStreamError
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.demo.aws.routes import OPERATIONS, aws_answer, raw_model
from magicgateway.demo.aws.signatures import API_KEY, IDENTITIES
from magicgateway.demo.call import Refusal
from magicgateway.wire import jsontext
from tests.demo.aws.clients import HAIKU, AwsTestCase, signed
from tests.demo.calls import WEATHER, call_of, json_of

HELLO: Any = [{"role": "user", "content": [{"text": "hello"}]}]
ASKING: Any = [{"role": "user", "content": [{"text": "the weather and the time please"}]}]
TOOLS: Any = {
    "tools": [
        {"toolSpec": {"name": name, "inputSchema": {"json": schema}}}
        for name, schema in (("weather", WEATHER), ("time", {"type": "object"}))
    ]
}
THINKING = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
ARN = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcd1234efgh"
KEY = (("authorization", f"Bearer {API_KEY}"),)


def assembled(events: list[Any]) -> tuple[list[Any], dict[str, Any]]:
    """The blocks that a stream's deltas make, and its other events by name."""
    blocks: dict[int, Any] = {}
    rest: dict[str, Any] = {}
    for event in events:
        [(name, value)] = event.items()
        if name == "contentBlockStart":
            blocks[value["contentBlockIndex"]] = {"toolUse": {**value["start"]["toolUse"]}}
        elif name == "contentBlockDelta":
            put(blocks.setdefault(value["contentBlockIndex"], {}), value["delta"])
        else:
            rest[name] = value
    for block in blocks.values():
        if "toolUse" in block:
            text = block["toolUse"].get("input", "{}")
            block["toolUse"]["input"] = jsontext.decode(text.encode())
    return [blocks[index] for index in sorted(blocks)], rest


def put(block: dict[str, Any], delta: dict[str, Any]) -> None:
    if "text" in delta:
        block["text"] = block.get("text", "") + delta["text"]
    elif "toolUse" in delta:
        use = block["toolUse"]
        use["input"] = use.get("input", "") + delta["toolUse"]["input"]
    else:
        reasoning = block.setdefault("reasoningContent", {"reasoningText": {}})["reasoningText"]
        for key, text in delta["reasoningContent"].items():
            reasoning[key] = reasoning.get(key, "") + text


class ConverseClientTests(AwsTestCase):
    """Conversations by AWS's own client."""

    def ask(self, client: Any, **fields: Any) -> tuple[Any, list[Any], dict[str, Any]]:
        wanted: Any = {"modelId": HAIKU, "messages": HELLO, **fields}
        whole = client.converse(**wanted)
        events = list(client.converse_stream(**wanted)["stream"])
        return whole, *assembled(events)

    async def test_text(self) -> None:
        """Text is the same whole and streamed, with usage that adds up and the request's id."""
        whole, blocks, rest = await self.use(self.ask)
        self.assertEqual(whole["output"]["message"]["content"], blocks)
        self.assertEqual(whole["usage"], rest["metadata"]["usage"])
        self.assertEqual(whole["stopReason"], rest["messageStop"]["stopReason"])
        self.assertEqual("assistant", rest["messageStart"]["role"])
        usage = whole["usage"]
        self.assertEqual(usage["totalTokens"], usage["inputTokens"] + usage["outputTokens"])
        self.assertTrue(whole["ResponseMetadata"]["RequestId"])

    async def test_everything(self) -> None:
        """Thinking, text and parallel calls come in this order, whole and streamed."""
        fields = {
            "messages": ASKING,
            "toolConfig": TOOLS,
            "additionalModelRequestFields": THINKING,
            "inferenceConfig": {"maxTokens": 2000},
        }
        whole, blocks, rest = await self.use(lambda client: self.ask(client, **fields))
        content = whole["output"]["message"]["content"]
        self.assertEqual(content, blocks)
        self.assertEqual(
            ["reasoningContent", "text", "toolUse", "toolUse"], [next(iter(b)) for b in content]
        )
        self.assertEqual("tool_use", rest["messageStop"]["stopReason"])
        self.assertEqual({}, content[3]["toolUse"]["input"])

    async def test_second_turn(self) -> None:
        """The model's own turn comes back with its thinking, and the results are taken."""

        def use(client: Any) -> Any:
            fields: Any = {
                "modelId": HAIKU,
                "toolConfig": TOOLS,
                "additionalModelRequestFields": THINKING,
            }
            first = client.converse(messages=ASKING, **fields)["output"]["message"]
            results = [
                {"toolResult": {"toolUseId": b["toolUse"]["toolUseId"], "content": [{"text": "9"}]}}
                for b in first["content"]
                if "toolUse" in b
            ]
            turns = [*ASKING, first, {"role": "user", "content": results}]
            second = client.converse(messages=turns, **fields)
            first["content"][0]["reasoningContent"]["reasoningText"]["signature"] = "forged"
            with self.assertRaisesRegex(ClientError, "Invalid `signature`"):
                client.converse(messages=turns, **fields)
            return second

        self.assertEqual("end_turn", (await self.use(use))["stopReason"])

    async def test_ids(self) -> None:
        """Ids and ARNs arrive as the client encodes them, and are served."""

        def use(client: Any) -> None:
            for model in ("anthropic.claude-v2:1", ARN):
                client.converse(modelId=model, messages=HELLO)

        await self.use(use)
        self.assertEqual(
            [
                "/model/anthropic.claude-v2%3A1/converse",
                f"/model/{ARN.replace(':', '%3A').replace('/', '%2F')}/converse",
            ],
            [entry.target for entry in self.provider.journal],
        )

    async def test_failures(self) -> None:
        """Exceptions inside a stream, also as its first event, are the client's own."""

        def use(client: Any) -> list[str]:
            found = []
            for script in ("error-event=2", "error-event=0;kind=ThrottlingException", "kind=error"):
                model = "demo-fault:" + ("error-event=1;" * (script == "kind=error")) + script
                with self.assertRaises(EventStreamError) as caught:
                    list(client.converse_stream(modelId=model, messages=HELLO)["stream"])
                found.append(caught.exception.response["Error"]["Code"])
            return found

        self.assertEqual(
            ["modelStreamErrorException", "throttlingException", "InternalError"],
            await self.use(use),
        )

    async def test_errors(self) -> None:
        """An error before the stream is an HTTP error with AWS's name."""
        self.provider.scripts.append(
            "status=400;kind=ServiceQuotaExceededException;message=Enough."
        )

        def use(client: Any) -> None:
            with self.assertRaises(ClientError) as caught:
                client.converse(modelId=HAIKU, messages=HELLO)
            error = caught.exception.response["Error"]
            self.assertEqual("ServiceQuotaExceededException", error["Code"])
            self.assertEqual("Enough.", error["Message"])
            with self.assertRaisesRegex(ClientError, "model identifier is invalid"):
                client.converse(modelId="demo-missing", messages=HELLO)
            with self.assertRaisesRegex(ClientError, "Throttling"):
                client.converse_stream(modelId="demo-fault:status=429", messages=HELLO)

        await self.use(use)

    async def test_wrong_secret(self) -> None:
        """A signature by another secret is refused as AWS does."""
        identity = type(IDENTITIES[0])(IDENTITIES[0].access_key, "another")

        def use(client: Any) -> str:
            with self.assertRaises(ClientError) as caught:
                client.converse(modelId=HAIKU, messages=HELLO)
            return str(caught.exception.response["Error"]["Code"])

        self.assertEqual(
            "InvalidSignatureException", await self.use(use, "bedrock-runtime", identity)
        )

    async def test_other_calls(self) -> None:
        """Claude and embeddings are invoked, tokens counted, models and profiles listed."""
        message: Any = {
            "anthropic_version": "bedrock-2023-05-31",
            "max_tokens": 500,
            "messages": [{"role": "user", "content": "hello"}],
        }

        def use(client: Any) -> None:
            body = jsontext.encode(message)
            whole = jsontext.decode(client.invoke_model(modelId=HAIKU, body=body)["body"].read())
            chunks = client.invoke_model_with_response_stream(modelId=HAIKU, body=body)["body"]
            events = [jsontext.decode(chunk["chunk"]["bytes"]) for chunk in chunks]
            deltas = [e["delta"]["text"] for e in events if e["type"] == "content_block_delta"]
            self.assertEqual(whole["content"][0]["text"], "".join(deltas))
            self.assertEqual("claude-haiku-4-5-20251001", whole["model"])
            asked = {"inputText": "a", "dimensions": 256}
            answer = client.invoke_model(
                modelId="amazon.titan-embed-text-v2:0", body=jsontext.encode(asked)
            )
            self.assertEqual(256, len(jsontext.decode(answer["body"].read())["embedding"]))
            counted = client.count_tokens(modelId=HAIKU, input={"converse": {"messages": HELLO}})
            self.assertTrue(counted["inputTokens"])

        def list_all(client: Any) -> None:
            models = client.list_foundation_models(byInferenceType="ON_DEMAND")["modelSummaries"]
            self.assertEqual(4, len(models))
            pages = client.get_paginator("list_inference_profiles").paginate()
            profiles = [p for page in pages for p in page["inferenceProfileSummaries"]]
            self.assertEqual(4, len(profiles))
            arn = profiles[-1]["inferenceProfileArn"]
            found = client.get_inference_profile(inferenceProfileIdentifier=arn)
            self.assertEqual("APPLICATION", found["type"])

        await self.use(use)
        await self.use(list_all, "bedrock")


class RouteTests(SynchronousTestCase):
    def test_models(self) -> None:
        """A model's name is read out of its path; other paths have none."""
        self.assertEqual("a:b/c", raw_model(call_of(target="/model/a%3Ab%2Fc/converse?x=/")))
        self.assertEqual("", raw_model(call_of(target="/model/a/b/converse")))

    def test_unknown_paths(self) -> None:
        """A path below a model that does not exist is the strange success that AWS sends."""
        answer = aws_answer(call_of({}, target="/model/arn:aws:bedrock:x/y/converse"))
        self.assertEqual(200, answer.status)
        self.assertIn("UnknownOperation", json_of(answer)["Output"]["__type"])

    def test_refusals(self) -> None:
        """Wrong methods, unsigned requests and impossible ids are refused."""
        for method, target, headers, status, kind in (
            ("GET", "/model/m/converse", KEY, 404, "UnknownOperationException"),
            ("POST", "/foundation-models", KEY, 404, "UnknownOperationException"),
            ("GET", "/foundation-models-of-others", KEY, 404, "UnknownOperationException"),
            ("GET", "/foundation-models", (), 403, "MissingAuthenticationTokenException"),
            ("GET", "/inference-profiles", (), 403, "MissingAuthenticationTokenException"),
            ("GET", "/inference-profiles/x", KEY, 404, "ResourceNotFoundException"),
            ("POST", "/model/demo-missing/converse", KEY, 400, "ValidationException"),
            ("POST", "/model/arn%3Aaws/converse", KEY, 400, "ValidationException"),
            ("POST", f"/model/{'x' * 2049}/converse", KEY, 400, "ValidationException"),
        ):
            with self.subTest(target=target[:60]):
                call = call_of({}, method, target, headers)
                refusal = self.assertRaises(Refusal, aws_answer, call)
                self.assertEqual((status, kind), (refusal.status, refusal.kind))

    def test_every_operation_wants_a_signature(self) -> None:
        """No operation answers whoever has not signed."""
        for name in OPERATIONS:
            with self.subTest(name=name):
                call = call_of({"messages": HELLO}, target=f"/model/m/{name}")
                self.assertEqual(403, self.assertRaises(Refusal, aws_answer, call).status)

    def test_count(self) -> None:
        """Tokens are counted of either form of input; profiles have no count."""
        message = base64.b64encode(b'{"messages":[]}').decode()
        for given, model, status in (
            ({"converse": {"messages": HELLO}}, HAIKU, 200),
            ({"invokeModel": {"body": message}}, HAIKU, 200),
            ({"invokeModel": {"body": "e30"}}, HAIKU, 400),
            ({"invokeModel": {"body": "e3t7"}}, HAIKU, 400),
            ({"converse": {"messages": HELLO}}, "us." + HAIKU, 400),
        ):
            with self.subTest(given=given, model=model):
                call = signed(call_of({"input": given}, target=f"/model/{model}/count-tokens"))
                if status == 200:
                    self.assertIn("inputTokens", json_of(aws_answer(call)))
                else:
                    self.assertEqual(status, self.assertRaises(Refusal, aws_answer, call).status)
