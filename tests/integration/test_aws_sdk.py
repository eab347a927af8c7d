"""AWS's own SDK as the caller: what it asks is passed on as it is, signed anew."""

from __future__ import annotations

import json
import socket
import threading
from typing import Any

import anthropic
import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError
from twisted.internet.defer import gatherResults
from twisted.internet.threads import deferToThread

from magicgateway.demo.aws.signatures import API_KEY, IDENTITIES
from tests.gateway import GatewayTestCase, exchange_bytes, post, start_gateway, until
from tests.sockets import Peer

MODEL = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
PROFILE = "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/abcd1234efgh"
BODY = b'{"messages":[{"role":"user","content":[{"text":"hello"}]}]}'
HELLO: Any = [{"role": "user", "content": [{"text": "hello"}]}]
TOML = '[providers.bedrock]\nbase_url = "{demo}"\n'
OPERATOR = 'access_key_id = "env:ID"\nsecret_access_key = "env:SECRET"\nregion = "eu-west-3"\n'
WHO = IDENTITIES[1]
OWN = {
    "x-aws-access-key-id": WHO.access_key,
    "x-aws-secret-access-key": WHO.secret_key,
    "x-aws-session-token": WHO.token,
}


def client(address: str, **fields: str) -> Any:
    """AWS's client, with keys that are none and these header fields."""
    made = botocore.session.Session().create_client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=address,
        aws_access_key_id="AKIAPLACEHOLDER",
        aws_secret_access_key="placeholder",
        config=Config(retries={"total_max_attempts": 1}),
    )

    def add(request: Any, **_: Any) -> None:
        for name, value in fields.items():
            request.headers[name] = value

    made.meta.events.register("before-send.*.*", add)
    return made


class PassageTests(GatewayTestCase):
    toml = TOML

    async def ask(self, operation: str, name: str = "bedrock", **wanted: Any) -> Any:
        """What AWS's client says of an answer; a stream is read to its end."""

        def call() -> Any:
            asked = getattr(client(f"{self.gateway.address}/{name}", **OWN), operation)(**wanted)
            if "stream" in asked:
                asked["stream"] = list(asked["stream"])
            elif operation.startswith("invoke"):
                body = asked["body"]
                asked["body"] = body.read() if hasattr(body, "read") else list(body)
            return asked

        return await deferToThread(call)

    async def test_conversation(self) -> None:
        """Converse, whole and streamed, under any of the provider's names."""
        whole = await self.ask("converse", modelId=MODEL, messages=HELLO)
        text = whole["output"]["message"]["content"][0]["text"]
        self.assertTrue(text)
        streamed = await self.ask("converse_stream", "aws", modelId=MODEL, messages=HELLO)
        deltas = [event.get("contentBlockDelta") for event in streamed["stream"]]
        self.assertEqual(text, "".join(delta["delta"]["text"] for delta in deltas if delta))
        self.assertIn("metadata", streamed["stream"][-1])
        facts = self.gateway.facts
        self.assertEqual(["converse", "converse-stream"], [fact.operation for fact in facts])
        self.assertEqual({"bedrock"}, {fact.provider for fact in facts})
        self.assertEqual({MODEL}, {fact.model for fact in facts})

    async def test_other_operations(self) -> None:
        """InvokeModel, whole and streamed, and CountTokens."""
        asked = {
            "anthropic_version": "bedrock-2023-05-31",
            "max_tokens": 200,
            "messages": [{"role": "user", "content": "hello"}],
        }
        body = json.dumps(asked).encode()
        whole = await self.ask("invoke_model", modelId=MODEL, body=body)
        self.assertEqual("message", json.loads(whole["body"])["type"])
        streamed = await self.ask("invoke_model_with_response_stream", modelId=MODEL, body=body)
        last = json.loads(streamed["body"][-1]["chunk"]["bytes"])
        self.assertEqual("message_stop", last["type"])
        bare = MODEL.removeprefix("us.")
        counted = await self.ask(
            "count_tokens", modelId=bare, input={"converse": {"messages": HELLO}}
        )
        self.assertGreater(counted["inputTokens"], 0)

    async def test_as_it_came(self) -> None:
        """The path, escaped as the SDK wrote it, and the body arrive byte by byte."""
        await self.ask("converse", modelId=PROFILE, messages=HELLO)
        received = self.gateway.demo.journal[-1]
        path = "/model/" + PROFILE.replace(":", "%3A").replace("/", "%2F") + "/converse"
        self.assertEqual(path, received.target)
        self.assertIn("/eu-west-1/bedrock/", dict(received.headers)["authorization"])
        body = b'{ "messages":[{"role":"user","content":[{"text":"h\\u00e9"}]}] }'
        for target in (f"/model/{MODEL}/converse", f"/model/{MODEL}/converse?a=1&b=%20"):
            request = post(f"/bedrock{target}", body, headers=OWN)
            reply = await deferToThread(exchange_bytes, self.gateway.port, request)
            self.assertIn(b" 200 ", reply.partition(b"\r\n")[0])
            received = self.gateway.demo.journal[-1]
            self.assertEqual((target, body), (received.target, received.body))

    async def refused(self, **wanted: Any) -> tuple[int, str]:
        """Status and name of the exception that AWS's client raises."""
        try:
            await self.ask("converse", **wanted)
        except ClientError as error:
            response: Any = error.response
            return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]
        raise AssertionError("it was not refused")

    async def test_errors(self) -> None:
        """A refusal of AWS's is the SDK's exception, and so is one of ours."""
        wanted: Any = {"modelId": MODEL, "messages": HELLO}
        missing = {**wanted, "modelId": "demo-missing"}
        self.assertEqual((400, "ValidationException"), await self.refused(**missing))
        self.gateway.demo.scripts.append("status=429;kind=ThrottlingException")
        self.assertEqual((429, "ThrottlingException"), await self.refused(**wanted))
        await self.gateway.demo.stopService()
        self.assertEqual((502, "InternalServerException"), await self.refused(**wanted))

    async def test_broken_stream(self) -> None:
        """A stream that breaks is broken for the caller too: nothing looks complete."""
        self.gateway.demo.scripts.append("reset=3")
        request = post(f"/bedrock/model/{MODEL}/converse-stream", BODY, headers=OWN)
        reply = await deferToThread(exchange_bytes, self.gateway.port, request)
        self.assertIn(b"messageStart", reply)
        self.assertFalse(reply.endswith(b"0\r\n\r\n"))
        self.assertEqual("truncated", self.gateway.facts[-1].outcome)

    async def test_in_the_same_turn(self) -> None:
        """Each event goes on before the next one is there."""
        gate = self.gateway.demo.hold()
        peer = Peer(socket.create_connection(("127.0.0.1", self.gateway.port), 5))
        peer.send(post(f"/bedrock/model/{MODEL}/converse-stream", BODY, headers=OWN))
        for event in (b"messageStart", b"contentBlockDelta", b"contentBlockDelta"):
            await gate.arrival()
            gate.release()
            self.assertIn(event, await deferToThread(peer.read))
        gate.open()
        while await deferToThread(peer.read):
            pass
        self.assertTrue(peer.received.endswith(b"0\r\n\r\n"))
        self.assertEqual("eof", peer.end)
        peer.shutdown()

    async def test_not_taken(self) -> None:
        """Other methods, other operations, other providers, and half of a pair of keys."""
        half = {"x-aws-access-key-id": WHO.access_key}
        get = b"GET /bedrock/model/m/converse HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
        bidirectional = f"/bedrock/model/{MODEL}/invoke-with-bidirectional-stream"
        for request, status, word in (
            (get, 405, b"POST"),
            (post(bidirectional, BODY, headers=OWN), 404, b"nothing at this path"),
            (post("/nobody/model/m/converse", BODY, headers=OWN), 404, b"nothing at this path"),
            (post("/groq/model/m/converse", BODY, headers=OWN), 404, b"unsupported_endpoint"),
            (post("/bedrock/model/../converse", BODY, headers=OWN), 400, b"bad_path"),
            (post("/bedrock/model/m/converse", BODY, headers=half), 400, b"secret-access-key"),
        ):
            reply = await deferToThread(exchange_bytes, self.gateway.port, request)
            self.assertEqual(b"%d" % status, reply.split(b" ", 2)[1], reply)
            self.assertIn(word, reply)

    async def test_list(self) -> None:
        """A path without a model, with a query, by GET."""
        request = (
            "GET /bedrock/async-invoke?maxResults=5&statusEquals=Failed HTTP/1.1\r\nHost: h\r\n"
            "Connection: close\r\nAccept: application/json\r\n"
            + "".join(f"{name}: {value}\r\n" for name, value in OWN.items())
        )
        reply = await self.gateway.ask(f"{request}\r\n".encode())
        received = self.gateway.demo.journal[-1]
        self.assertEqual("GET", received.method)
        self.assertEqual("/async-invoke?maxResults=5&statusEquals=Failed", received.target)
        self.assertIn("accept;host;x-amz-date", dict(received.headers)["authorization"])
        self.assertIn(b" 404 ", reply.partition(b"\r\n")[0])

    async def test_caller_left(self) -> None:
        """Nothing is sent for a caller who leaves before its request is signed."""
        aws, gate = self.gateway.gateway.plane.aws, threading.Event()
        self.addCleanup(gate.set)
        waiting = [aws._threads.run(gate.wait, 5) for _ in range(2)]
        peer = Peer(socket.create_connection(("127.0.0.1", self.gateway.port), 5))
        body = b" " * (5 << 20)  # so large that its hash is made in one of the threads
        await deferToThread(peer.send, post("/bedrock/model/m/converse", body, headers=OWN))
        await until(lambda: any(one._stop for one in self.gateway.gateway.plane.running))
        peer.shutdown()
        await until(lambda: bool(self.gateway.facts))
        self.assertEqual(499, self.gateway.facts[-1].status)
        gate.set()
        await gatherResults(waiting)
        await aws._threads.run(len, "")
        self.assertEqual(0, len(self.gateway.demo.journal))


class AnthropicTests(GatewayTestCase):
    toml = TOML

    async def test_client_for_aws(self) -> None:
        """Anthropic's own client for AWS, which leaves a model's colon as it is."""

        def ask() -> tuple[str, str]:
            client = anthropic.AnthropicBedrock(
                api_key=API_KEY,
                aws_region="us-east-1",
                base_url=f"{self.gateway.address}/bedrock",
                max_retries=0,
            )
            wanted: Any = {
                "model": MODEL,
                "max_tokens": 200,
                "messages": [{"role": "user", "content": "hello"}],
                "extra_body": {"anthropic_version": "bedrock-2023-05-31"},
            }
            whole: Any = client.messages.create(**wanted)
            with client.messages.stream(**wanted) as stream:
                text = "".join(stream.text_stream)
            return whole.content[0].text, text

        whole, streamed = await deferToThread(ask)
        self.assertEqual(whole, streamed)
        self.assertTrue(whole)
        received = self.gateway.demo.journal[-1]
        self.assertEqual(f"/model/{MODEL}/invoke-with-response-stream", received.target)


class IdentityTests(GatewayTestCase):
    """Who asks AWS."""

    async def ask(self, toml: str, key: str = "", **fields: str) -> tuple[int, str]:
        """The answer's status, and what AWS was shown as who asks."""
        environment = {
            "ID": IDENTITIES[0].access_key,
            "SECRET": IDENTITIES[0].secret_key,
            "KEY": "sk-of-the-gateway",
        }
        gateway = await start_gateway(self, toml + TOML + OPERATOR, environment)
        headers = {**fields, **({"Authorization": f"Bearer {key}"} if key else {})}
        request = post(f"/bedrock/model/{MODEL}/converse", BODY, headers=headers)
        reply = await gateway.ask(request)
        journal = gateway.demo.journal
        shown = dict(journal[-1].headers).get("authorization", "") if journal else ""
        return int(reply.split(b" ", 2)[1]), shown

    async def test_signature_is_no_credential(self) -> None:
        """A signature of the caller's is never looked at: the operator's keys sign, if they may."""
        signature = "AWS4-HMAC-SHA256 Credential=AKIANOBODY/20250102/us-east-1/bedrock/aws4_request"
        fields = {"Authorization": signature, "X-Amz-Date": "20250102T030405Z", "Host": "localhost"}
        status, shown = await self.ask("", **fields)
        self.assertEqual(200, status)
        self.assertIn(f"Credential={IDENTITIES[0].access_key}/", shown)
        self.assertIn("/eu-west-3/bedrock/", shown)
        self.assertEqual((401, ""), await self.ask("", **{**fields, "Host": "elsewhere.example"}))

    async def test_key_of_the_gateway(self) -> None:
        """Of a closed gateway, the bearer is its key, and AWS is asked with the operator's."""
        closed = '[server]\nkeys = ["env:KEY"]\n'
        status, shown = await self.ask(closed, "sk-of-the-gateway")
        self.assertEqual(200, status)
        self.assertIn(f"Credential={IDENTITIES[0].access_key}/", shown)
        self.assertEqual((401, ""), await self.ask(closed, "sk-of-nobody"))

    async def test_own(self) -> None:
        """The caller's own keys, or its own key of AWS's as bearer."""
        self.assertIn(f"Credential={WHO.access_key}/", (await self.ask("", **OWN))[1])
        self.assertEqual((200, f"Bearer {API_KEY}"), await self.ask("", API_KEY))
