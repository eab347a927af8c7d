"""Refusals against which it helps to ask in another way, once, before the caller has anything."""

from __future__ import annotations

import json
import socket
from typing import Any

from tests.gateway import GatewayTestCase, post, start_gateway, until
from tests.serving.test_channel import code_of, status_of
from tests.serving.test_relay import body_of
from tests.serving.test_translated_relay import header
from tests.upstream.aws import AwsMachine, CredentialService, answer, expiry

CHAT = "/v1/chat/completions"
MESSAGES = "/v1/messages"
LLAMA = "meta.llama3-3-70b-instruct-v1:0"
OLD_CLAUDE = "anthropic.claude-3-haiku-20240307-v1:0"
TOML = f"""
[providers.bedrock]
base_url = "{{demo}}"
[providers.bedrock.base_model]
"{LLAMA}" = "one-that-is-not-known"
"{OLD_CLAUDE}" = "anthropic.claude-haiku-4-5-20251001-v1:0"
"""
"""The gateway is told more of two models than the demo provider lets them do."""
AWS = {
    "x-aws-access-key-id": "AKIADEMOPROVIDER0001",
    "x-aws-secret-access-key": "demo-secret-key-that-is-no-secret-000001",
}
EXPIRED = {
    "x-aws-access-key-id": "ASIADEMOPROVIDER0003",
    "x-aws-secret-access-key": "demo-secret-key-that-is-no-secret-000003",
    "x-aws-session-token": "demo-session-token-of-yesterday==",
}
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "minLength": 2}},
    "required": ["city"],
    "additionalProperties": False,
}
FORMAT = {"type": "json_schema", "json_schema": {"name": "place", "schema": SCHEMA}}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
REFUSAL = "status=400;kind=ValidationException;message="
NO_SCHEMA = f"{REFUSAL}output_config.format: Extra inputs are not permitted"
TOO_COMPLEX = f"{REFUSAL}Schema is too complex"
NO_STREAM = f"{REFUSAL}This model doesn't support tool use in streaming mode."


class RepairTestCase(GatewayTestCase):
    toml = TOML

    async def ask(
        self,
        model: str = "demo",
        headers: dict[str, str] | None = None,
        path: str = CHAT,
        **fields: Any,
    ) -> bytes:
        """Ask Bedrock with the caller's own keys."""
        given = {"x-provider": "bedrock", **(AWS if headers is None else headers)}
        return await self.gateway.ask(post(path, body_for(model, **fields), headers=given))

    def targets(self) -> list[str]:
        """The last part of each path that the provider was asked at."""
        return [seen.target.rpartition("/")[2] for seen in self.gateway.demo.journal]

    def check_attempts(self, reply: bytes, attempts: int) -> None:
        """The caller and the log know how often the provider was asked."""
        self.assertEqual([str(attempts)], header(reply, "x-magicgateway-attempts"), reply)
        self.assertEqual([attempts], [fact.attempts for fact in self.gateway.facts])
        self.assertEqual(attempts, len(self.gateway.demo.journal))


def body_for(model: str, **fields: Any) -> bytes:
    """A short question."""
    messages = [{"role": "user", "content": "The weather, please"}]
    return json.dumps({"model": model, "messages": messages, **fields}).encode()


class SchemaTests(RepairTestCase):
    """J42."""

    async def test_whole(self) -> None:
        """J42: A model that takes no format is given a tool instead, and its answer is the text."""
        reply = await self.ask(OLD_CLAUDE, response_format=FORMAT)
        self.assertEqual(200, status_of(reply), reply)
        self.check_attempts(reply, 2)
        first, second = (seen.json() for seen in self.gateway.demo.journal)
        self.assertIn("outputConfig", first)
        self.assertNotIn("outputConfig", second)
        self.assertEqual(["place"], [t["toolSpec"]["name"] for t in second["toolConfig"]["tools"]])
        choice = json.loads(reply.partition(b"\r\n\r\n")[2])["choices"][0]
        self.assertIn("city", json.loads(choice["message"]["content"]))
        self.assertEqual("stop", choice["finish_reason"])
        self.assertNotIn("tool_calls", choice["message"])
        self.assertEqual(
            ["response_format;emulated;by-tool"],
            [w for w in header(reply, "x-magicgateway-warning") if "response_format" in w],
        )

    async def test_streamed(self) -> None:
        """The same in a stream, whose caller sees one stream only."""
        reply = await self.ask(OLD_CLAUDE, response_format=FORMAT, stream=True)
        self.check_attempts(reply, 2)
        self.assertEqual(["converse-stream"] * 2, self.targets())
        chunks = chunks_of(reply)
        words = "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks)
        self.assertIn("city", json.loads(words))
        self.assertEqual(1, body_of(reply).count(b"[DONE]"))

    async def test_invoke(self) -> None:
        """Claude by InvokeModel refuses in the same words, and is asked again all the same."""
        self.gateway.demo.scripts.append(NO_SCHEMA)
        reply = await self.ask(
            "anthropic.claude-sonnet-4-5-20250929-v1:0",
            path=MESSAGES,
            max_tokens=500,
            output_config={"format": {"type": "json_schema", "schema": SCHEMA}},
        )
        self.assertEqual(200, status_of(reply), reply)
        self.check_attempts(reply, 2)
        self.assertEqual(["invoke"] * 2, self.targets())
        first, second = (seen.json() for seen in self.gateway.demo.journal)
        self.assertIn("output_config", first)
        self.assertNotIn("output_config", second)
        (block,) = json.loads(reply.partition(b"\r\n\r\n")[2])["content"]
        self.assertIn("city", json.loads(block["text"]))

    async def test_strict(self) -> None:
        """Who wants no difference gets none, not even after a refusal."""
        headers = {**AWS, "x-magicgateway-strict": "true"}
        plain = {**SCHEMA, "properties": {"city": {"type": "string"}}}
        form = {"type": "json_schema", "json_schema": {"name": "place", "schema": plain}}
        reply = await self.ask(OLD_CLAUDE, headers, response_format=form, max_tokens=500)
        self.assertEqual((422, "strict_refusal"), (status_of(reply), code_of(reply)))
        self.assertEqual(1, len(self.gateway.demo.journal))

    async def test_nothing_to_change(self) -> None:
        """Without a schema in the request such a refusal is the answer."""
        self.gateway.demo.scripts.append(TOO_COMPLEX)
        reply = await self.ask()
        self.assertEqual(400, status_of(reply), reply)
        self.assertIn(b"Schema is too complex", reply)
        self.check_attempts(reply, 1)


class UnaryTests(RepairTestCase):
    """J67."""

    async def test_tools(self) -> None:
        """A model that does not stream with tools answers whole, and the caller gets a stream."""
        reply = await self.ask(LLAMA, stream=True, tools=[TOOL])
        self.assertEqual(200, status_of(reply), reply)
        self.check_attempts(reply, 2)
        self.assertEqual(["converse-stream", "converse"], self.targets())
        self.assertEqual(["text/event-stream; charset=utf-8"], header(reply, "content-type"))
        deltas = [chunk["choices"][0] for chunk in chunks_of(reply)]
        calls = [call for d in deltas for call in d["delta"].get("tool_calls", [])]
        self.assertEqual("weather", calls[0]["function"]["name"])
        self.assertEqual("tool_calls", deltas[-1]["finish_reason"])
        self.assertEqual(1, body_of(reply).count(b"[DONE]"))
        self.assertTrue(self.gateway.facts[0].stream)

    async def test_known(self) -> None:
        """A model that is known not to stream with tools is asked for a whole answer at once."""
        reply = await self.ask("meta.llama4-scout-17b-instruct-v1:0", stream=True, tools=[TOOL])
        self.check_attempts(reply, 1)
        self.assertEqual(["converse"], self.targets())
        self.assertEqual(1, body_of(reply).count(b"[DONE]"))

    async def test_first_event(self) -> None:
        """A stream that says it as its first event has not begun either."""
        words = "The model is unsupported for streaming"
        self.gateway.demo.scripts.append(f"error-event=0;kind=validationException;message={words}")
        reply = await self.ask(stream=True)
        self.assertEqual(200, status_of(reply), reply)
        self.check_attempts(reply, 2)
        self.assertEqual(1, body_of(reply).count(b"[DONE]"))

    async def test_too_late(self) -> None:
        """Once the caller has the first byte, nothing is asked again."""
        words = "The model is unsupported for streaming"
        self.gateway.demo.scripts.append(f"error-event=3;kind=validationException;message={words}")
        reply = await self.ask(stream=True)
        self.check_attempts(reply, 1)
        self.assertIn(words.encode(), body_of(reply))
        self.assertNotIn(b"[DONE]", reply)


class OnceTests(RepairTestCase):
    async def test_each_once(self) -> None:
        """Two ways are tried one after the other; the same one is not tried twice."""
        fields: dict[str, Any] = {"response_format": FORMAT, "stream": True, "max_tokens": 500}
        model = "anthropic.claude-haiku-4-5-20251001-v1:0"
        self.gateway.demo.scripts.extend([NO_SCHEMA, NO_STREAM])
        reply = await self.ask(model, **fields)
        self.check_attempts(reply, 3)
        self.assertEqual(["converse-stream", "converse-stream", "converse"], self.targets())
        self.gateway.facts.clear()
        self.gateway.demo.journal.clear()
        self.gateway.demo.scripts.extend([NO_SCHEMA, TOO_COMPLEX])
        reply = await self.ask(model, **fields)
        self.assertEqual(400, status_of(reply), reply)
        self.assertIn(b"Schema is too complex", reply)
        self.check_attempts(reply, 2)

    async def test_large(self) -> None:
        """A large request is written again in a thread, and arrives whole."""
        self.gateway.demo.scripts.append(NO_STREAM)
        words = "x" * 400_000
        reply = await self.ask(stream=True, messages=[{"role": "user", "content": words}])
        self.assertEqual(200, status_of(reply), reply)
        self.check_attempts(reply, 2)
        sizes = [int(seen.header("content-length") or 0) for seen in self.gateway.demo.journal]
        self.assertGreater(min(sizes), 400_000)

    async def test_own_credential(self) -> None:
        """The caller's keys that have expired are its own affair: it is told, once."""
        reply = await self.ask(headers=EXPIRED)
        self.assertEqual((401, "invalid_api_key"), (status_of(reply), code_of(reply)))
        self.check_attempts(reply, 1)


class CredentialTests(RepairTestCase):
    """ExpiredToken, of the credential that botocore's chain finds on this machine."""

    async def setUp(self) -> None:  # type: ignore[override] # as its class's
        self.machine = AwsMachine(self)
        self.service: CredentialService = self.machine.ecs(keys_of("0003"), keys_of("0002"))
        await super().setUp()

    async def test_renewed(self) -> None:
        """J15: The chain is asked for a newer one, with which the same body is signed anew."""
        for stream in (False, True):
            with self.subTest(stream=stream):
                reply = await self.ask(headers={}, stream=stream)
                self.assertEqual(200, status_of(reply), reply)
                self.assertEqual(["1" if stream else "2"], header(reply, "x-magicgateway-attempts"))
        ids = [(seen.header("authorization") or "")[28:48] for seen in self.gateway.demo.journal]
        self.assertEqual(["ASIADEMOPROVIDER0003"] + ["ASIADEMOPROVIDER0002"] * 2, ids)
        first, again, _ = self.gateway.demo.journal
        self.assertEqual(first.body, again.body)
        self.assertEqual(2, self.service.asked)

    async def test_invoke(self) -> None:
        """The same by InvokeModel, whose answers are in another dialect than its errors."""
        model = "anthropic.claude-sonnet-4-5-20250929-v1:0"
        reply = await self.ask(model, headers={}, path=MESSAGES, max_tokens=500)
        self.assertEqual(200, status_of(reply), reply)
        self.check_attempts(reply, 2)
        self.assertEqual(["invoke"] * 2, self.targets())

    async def test_passed_on(self) -> None:
        """The same for AWS's own SDKs, whose requests pass as they came, a stream among them."""
        body = json.dumps({"messages": [{"role": "user", "content": [{"text": "hi"}]}]}).encode()
        for operation, attempts in (("converse", 2), ("converse-stream", 1)):
            path = f"/bedrock/model/demo/{operation}"
            reply = await self.gateway.ask(post(path, body))
            self.assertEqual(200, status_of(reply), reply)
            self.assertEqual([str(attempts)], header(reply, "x-magicgateway-attempts"))
        self.assertEqual(["converse", "converse", "converse-stream"], self.targets())

    async def test_passed_on_in_vain(self) -> None:
        """A second refusal passes as it came, and so does one of the caller's own keys."""
        self.service.answers[:] = [keys_of("0003"), keys_of("0004"), keys_of("0002")]
        body = json.dumps({"messages": [{"role": "user", "content": [{"text": "hi"}]}]}).encode()
        for headers, attempts in (({}, 2), (EXPIRED, 1)):
            self.gateway.demo.journal.clear()
            path = "/bedrock/model/demo/converse"
            reply = await self.gateway.ask(post(path, body, headers=headers))
            self.assertEqual(403, status_of(reply), reply)
            self.assertEqual([str(attempts)], header(reply, "x-magicgateway-attempts"))
            self.assertEqual(attempts, len(self.gateway.demo.journal))

    async def test_embeddings(self) -> None:
        """The same for each of the requests that a question after embeddings becomes."""
        asked = {"model": "amazon.titan-embed-text-v2:0", "input": ["a", "b", "c"]}
        headers = {"x-provider": "bedrock"}
        request = post("/v1/embeddings", json.dumps(asked).encode(), headers=headers)
        reply = await self.gateway.ask(request)
        self.assertEqual(200, status_of(reply), reply)
        self.assertEqual(3, len(json.loads(reply.partition(b"\r\n\r\n")[2])["data"]))
        self.assertEqual(["2"], header(reply, "x-magicgateway-attempts"))
        self.assertEqual(6, len(self.gateway.demo.journal))
        self.assertEqual(2, self.service.asked)

    async def test_no_other(self) -> None:
        """A chain that has no other fails the request; the provider is not asked again."""
        self.service.answers[:] = [keys_of("0003")]
        reply = await self.ask(headers={})
        self.assertEqual((502, "credential_unavailable"), (status_of(reply), code_of(reply)))
        self.assertEqual(1, len(self.gateway.demo.journal))
        self.assertEqual([1], [fact.attempts for fact in self.gateway.facts])

    async def test_configured(self) -> None:
        """What the operator has written down stays what it is."""
        gateway = await start_gateway(
            self,
            TOML,
            {
                "AWS_ACCESS_KEY_ID": EXPIRED["x-aws-access-key-id"],
                "AWS_SECRET_ACCESS_KEY": EXPIRED["x-aws-secret-access-key"],
                "AWS_SESSION_TOKEN": EXPIRED["x-aws-session-token"],
            },
        )
        request = post(CHAT, body_for("demo"), headers={"x-provider": "bedrock"})
        reply = await gateway.ask(request)
        self.assertEqual((502, "upstream_auth"), (status_of(reply), code_of(reply)))
        self.assertEqual(1, len(gateway.demo.journal))
        self.assertEqual(0, self.service.asked)

    async def test_caller_leaves(self) -> None:
        """Nobody is asked again for a caller that leaves while the credential is renewed."""
        request = post(CHAT, body_for("demo"), headers={"x-provider": "bedrock"})
        with socket.create_connection(("127.0.0.1", self.gateway.port)) as caller:
            caller.sendall(request)
            await until(lambda: self.service.asked == 1)
            self.service.gate.clear()
            await until(lambda: self.service.asked == 2)
        await until(lambda: bool(self.gateway.facts))
        self.assertEqual([499], [fact.status for fact in self.gateway.facts])
        self.service.gate.set()
        reply = await self.ask(headers={})
        self.assertEqual(200, status_of(reply), reply)
        self.assertEqual(2, len(self.gateway.demo.journal))


def keys_of(name: str) -> bytes:
    """A container's answer with keys that the demo provider knows."""
    tokens = {"0002": "demo-session-token==", "0003": "demo-session-token-of-yesterday=="}
    token = tokens.get(name, "one-that-is-not-known")
    said = {
        "AccessKeyId": f"ASIADEMOPROVIDER{name}",
        "SecretAccessKey": f"demo-secret-key-that-is-no-secret-00{name}",
        "Token": token,
        "Expiration": expiry(7200),
    }
    return answer(json.dumps(said))


def chunks_of(reply: bytes) -> list[dict[str, Any]]:
    """The chunks of a chat stream."""
    lines = (line for line in body_of(reply).split(b"\n") if line.startswith(b"data: {"))
    return [json.loads(line[6:]) for line in lines]
