"""``/v1/messages/count_tokens``: the provider's own count where it has one, else an estimate."""

from __future__ import annotations

import json
import socket
import threading
from typing import Any

import anthropic
from twisted.internet.defer import gatherResults
from twisted.internet.threads import deferToThread

from magicgateway.dialects.token_counting import TokenCounting
from tests.gateway import GatewayTestCase, post, until

TOML = """
[providers.groq]
base_url = "{demo}/v1"
[providers.house]
base_url = "{demo}/v1"
[providers.claude]
base_url = "{demo}/v1"
[providers.bedrock]
base_url = "{demo}"
"""
AWS = {
    "x-aws-access-key-id": "AKIADEMOPROVIDER0001",
    "x-aws-secret-access-key": "demo-secret-key-that-is-no-secret-000001",
}
HAIKU = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
TOOL: Any = {"name": "weather", "description": "The weather", "input_schema": {"type": "object"}}
WARNING = "input_tokens;emulated;estimated"


class CountingTestCase(GatewayTestCase):
    toml = TOML

    async def count(self, provider: str, model: str = "demo", **more: Any) -> tuple[int, list[str]]:
        """What Anthropic's client counts, and what it is told of it."""
        fields = {"x-provider": provider, **(AWS if provider == "bedrock" else {})}
        client = anthropic.Anthropic(
            api_key="sk-caller",
            base_url=self.gateway.address,
            default_headers=fields,
            max_retries=0,
        )
        messages: Any = [{"role": "user", "content": more.pop("text", "hello there, you")}]
        answer = await deferToThread(
            client.messages.with_raw_response.count_tokens, model=model, messages=messages, **more
        )
        warnings = answer.headers.get_list("x-magicgateway-warning")
        return answer.parse().input_tokens, warnings


class CountTests(CountingTestCase):
    async def test_own(self) -> None:
        """Anthropic counts itself; nothing is changed."""
        tokens, warnings = await self.count("claude")
        self.assertGreater(tokens, 0)
        self.assertEqual([], warnings)
        self.assertEqual("/v1/messages/count_tokens", self.gateway.demo.journal[-1].target)

    async def test_estimated(self) -> None:
        """I.79: Of others nobody is asked, not even for a credential; tools count as well."""
        few, warnings = await self.count("groq")
        self.assertEqual([WARNING], warnings)
        many, warnings = await self.count("house", tools=[TOOL], system="Be brief.")
        self.assertGreater(many, few + 10)
        self.assertEqual([WARNING], warnings)
        self.assertEqual(0, len(self.gateway.demo.journal))
        self.assertEqual(
            [("groq", 200, "messages/count_tokens", None)],
            [(f.provider, f.status, f.operation, f.usage) for f in self.gateway.facts[:1]],
        )

    async def test_beta(self) -> None:
        """I.79: older clients ask with a query; the answer is the number and nothing else."""
        body = json.dumps({"model": "demo", "messages": [{"role": "user", "content": "hi"}]})
        path = "/v1/messages/count_tokens?beta=true"
        reply = await self.gateway.ask(post(path, body.encode(), headers={"x-provider": "groq"}))
        (name, tokens), *more = json.loads(reply.partition(b"\r\n\r\n")[2]).items()
        self.assertEqual(("input_tokens", []), (name, more))
        self.assertGreater(tokens, 0)

    async def test_at_aws(self) -> None:
        """J78: AWS counts Claude's messages as InvokeModel gets them, others' as Converse does."""
        tokens, warnings = await self.count("bedrock", HAIKU, tools=[TOOL])
        self.assertGreater(tokens, 0)
        self.assertEqual([], warnings)
        received = self.gateway.demo.journal[-1]
        self.assertNotIn("us.", received.target)
        self.assertTrue(received.target.endswith("/count-tokens"))
        self.assertIn("invokeModel", json.loads(received.body)["input"])
        await self.count("bedrock", "us.amazon.nova-lite-v1:0", system="Be brief.")
        received = self.gateway.demo.journal[-1]
        self.assertEqual("/model/amazon.nova-lite-v1%3A0/count-tokens", received.target)
        self.assertEqual(
            {"system", "messages"}, set(json.loads(received.body)["input"]["converse"])
        )

    async def test_not_counted_at_aws(self) -> None:
        """Where AWS has no counter for a model, it is an estimate after all."""
        said = "The provided model doesn't support counting tokens."
        script = f"status=400;kind=ValidationException;message={said}"
        self.gateway.demo.scripts.append(script)
        tokens, warnings = await self.count("bedrock", HAIKU)
        self.assertGreater(tokens, 0)
        self.assertEqual([WARNING], warnings)
        self.gateway.demo.scripts.append(script)
        strict = {"x-magicgateway-strict": "true"}
        with self.assertRaises(anthropic.UnprocessableEntityError):
            await self.count("bedrock", HAIKU, extra_headers=strict)
        self.gateway.demo.scripts.append("status=403;kind=AccessDeniedException")
        with self.assertRaises(anthropic.PermissionDeniedError):
            await self.count("bedrock", HAIKU)
        self.gateway.demo.scripts.append("status=400;kind=ValidationException;message=No.")
        with self.assertRaises(anthropic.BadRequestError):
            await self.count("bedrock", HAIKU)


class RefusedTests(CountingTestCase):
    async def test_strict(self) -> None:
        """Who wants no differences gets no estimate."""
        strict = {"x-magicgateway-strict": "true"}
        with self.assertRaises(anthropic.UnprocessableEntityError):
            await self.count("groq", extra_headers=strict)

    async def test_no_request(self) -> None:
        """What is none is refused, small or large; a model that is missing too."""
        large = b'{"model":"m","messages":[{"role":"nobody","content":"' + b"x" * (200 << 10)
        fields = {"x-provider": "groq"}
        for body in (b'{"model":"m"}', large + b'"}]}', b'{"messages":[]}'):
            reply = await self.gateway.ask(post("/v1/messages/count_tokens", body, headers=fields))
            self.assertIn(b" 400 ", reply.partition(b"\r\n")[0])
            self.assertIn(b"invalid_request_error", reply)


class LargeTests(CountingTestCase):
    async def test_large(self) -> None:
        """A large request is estimated as well."""
        tokens, warnings = await self.count("groq", text="word " * 60_000)
        self.assertGreater(tokens, 60_000)
        self.assertEqual([WARNING], warnings)

    async def test_fault_inside(self) -> None:
        """Whatever goes wrong in the thread, the caller gets an answer."""
        self.patch(TokenCounting, "estimate", lambda *_: 1 // 0)
        with self.assertRaises(anthropic.InternalServerError):
            await self.count("groq", text="word " * 60_000)
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))
        with self.assertRaises(anthropic.InternalServerError):
            await self.count("groq")
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))

    async def test_left(self) -> None:
        """Nobody is answered who has left in the meantime, whatever came of it."""
        plane = self.gateway.gateway.plane
        for role in ("user", "nobody"):
            gate = threading.Event()
            self.addCleanup(gate.set)
            waiting = [plane.threads.run(gate.wait, 5) for _ in range(2)]
            body = b'{"model":"m","messages":[{"role":"%b","content":"%b"}]}'
            request = post(
                "/v1/messages/count_tokens",
                body % (role.encode(), b"x" * (200 << 10)),
                headers={"x-provider": "groq"},
            )
            with socket.create_connection(("127.0.0.1", self.gateway.port), 5) as caller:
                await deferToThread(caller.sendall, request)
                await until(lambda: any(one._stop for one in plane.running))
            await until(lambda: not self.gateway.gateway.site.channels)
            gate.set()
            await gatherResults(waiting)
            await plane.threads.run(len, "")
        self.assertEqual([499, 499], [fact.status for fact in self.gateway.facts])
