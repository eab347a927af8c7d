"""What the gateway's first users send, as curl does and with OpenAI's Node client."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import httpx2
from twisted.internet.threads import deferToThread

from magicgateway.demo.journal import Received
from magicgateway.demo.reply import Ask, reply_to
from magicgateway.wire import sse
from tests.daemon import clean_environment
from tests.gateway import GatewayTestCase
from tests.house import ROOT

SCRIPTS = ROOT / "tests" / "integration" / "node"
NODE_SECONDS = 60
KEY = "sk-of-the-caller-0123456789"
CLAUDE = "claude-3-5-sonnet-20241022"
HELLO = "Hello, how are you?"
SAMPLED = {"maxTokens": 1000, "temperature": 0.7, "topP": 1}
AWS_KEYS = ("AKIADEMOPROVIDER0001", "demo-secret-key-that-is-no-secret-000001")


def said(model: str, prompt: str = HELLO, **more: Any) -> str:
    """What the demo model answers."""
    return reply_to(Ask(model=model, prompt=prompt, **more)).content


class SeedExamplesTestCase(GatewayTestCase):
    toml = """
[providers.anthropic]
base_url = "{demo}/v1"
[providers.bedrock]
base_url = "{demo}"
[providers.fireworks]
base_url = "{demo}/v1"
[providers.together]
base_url = "{demo}/v1"
[providers.groq]
base_url = "{demo}/v1"
"""

    async def curl(self, body: bytes, **fields: str) -> httpx2.Response:
        """A chat as curl sends it; keywords are header fields, with ``_`` for ``-``."""
        headers = {name.replace("_", "-"): value for name, value in fields.items()}
        headers |= {"content-type": "application/json", "user-agent": "curl/8.9.1"}
        address = f"{self.gateway.address}/v1/chat/completions"

        def ask() -> httpx2.Response:
            return httpx2.post(address, content=body, headers=headers, timeout=10)

        response: httpx2.Response = await deferToThread(ask)
        return response

    def received(self) -> Received:
        """The only request that reached the provider."""
        (received,) = self.gateway.demo.journal
        return received


class CurlTests(SeedExamplesTestCase):
    async def test_anthropic_streamed(self) -> None:
        """A chat with a bearer key reaches Anthropic as its own key, and comes back in chunks."""
        body: dict[str, Any] = {"model": CLAUDE, "messages": [{"role": "user", "content": HELLO}]}
        body |= {"max_tokens": 1024, "stream": True}
        answer = await self.curl(
            json.dumps(body).encode(), x_provider="anthropic", authorization=f"Bearer {KEY}"
        )
        self.assertEqual(200, answer.status_code, answer.text)
        self.assertTrue(answer.headers["content-type"].startswith("text/event-stream"))
        events = [data for _, data in sse.events(answer.content)]
        self.assertEqual(b"[DONE]", events.pop())
        chunks = [json.loads(data) for data in events]
        self.assertEqual({CLAUDE}, {chunk["model"] for chunk in chunks})
        deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
        self.assertEqual(said(CLAUDE), "".join(delta.get("content") or "" for delta in deltas))
        self.assertEqual("stop", chunks[-1]["choices"][0]["finish_reason"])
        received = self.received()
        self.assertEqual("/v1/messages", received.target)
        self.assertEqual(KEY, received.header("x-api-key"))
        self.assertIsNone(received.header("authorization"))
        self.assertEqual("2023-06-01", received.header("anthropic-version"))
        self.assertEqual(1024, received.json()["max_tokens"])

    async def test_bedrock(self) -> None:
        """Every parameter of a chat with AWS's keys arrives at Bedrock, signed, or is reported."""
        model = "anthropic.claude-v2"
        body: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": HELLO}]}
        body |= {"max_tokens": 1000, "temperature": 0.7, "top_p": 1, "top_k": 250, "stream": False}
        key, secret = ("ASIADEMOPROVIDER0002", "demo-secret-key-that-is-no-secret-000002")
        answer = await self.curl(
            json.dumps(body).encode(),
            x_provider="bedrock",
            x_aws_access_key_id=key,
            x_aws_secret_access_key=secret,
            x_aws_session_token="demo-session-token==",
            x_aws_region="us-east-1",
        )
        self.assertEqual(200, answer.status_code, answer.text)
        (choice,) = answer.json()["choices"]
        self.assertEqual(
            ("stop", said(model)), (choice["finish_reason"], choice["message"]["content"])
        )
        received = self.received()
        self.assertEqual(f"/model/{model}/converse", received.target)
        sent = received.json()
        arrived = dict(sent["inferenceConfig"]) | sent.get("additionalModelRequestFields", {})
        self.assertEqual({"maxTokens": 1000, "temperature": 0.7, "topP": 1, "top_k": 250}, arrived)
        self.assertNotIn("x-magicgateway-warning", answer.headers)
        signed = received.header("authorization") or ""
        self.assertIn(f"Credential={key}/", signed)
        self.assertIn("/us-east-1/bedrock/aws4_request", signed)
        self.assertEqual("demo-session-token==", received.header("x-amz-security-token"))

    async def test_unchanged(self) -> None:
        """What OpenAI does not know, and an empty message, reach providers as written."""
        hello = '[{"role": "user",  "content": "Hello!"}]'
        empty = '[ {"role":"system","content":"Be kind."}, {"role":"user","content":""} ]'
        cases = [
            (
                "fireworks",
                f'{{"model": "m-1", "messages": {hello}, "top_k": 40, "max_tokens": 64}}',
            ),
            (
                "together",
                f'{{"model": "m-2", "messages": {hello}, "top_k": 50, "repetition_penalty": 1.10}}',
            ),
            ("groq", f'{{"messages": {empty}, "model": "m-3"}}'),
        ]
        for provider, body in cases:
            with self.subTest(provider=provider):
                self.gateway.demo.journal.clear()
                answer = await self.curl(
                    body.encode(), x_provider=provider, authorization=f"Bearer {KEY}"
                )
                self.assertEqual(200, answer.status_code, answer.text)
                received = self.received()
                self.assertEqual("/v1/chat/completions", received.target)
                self.assertEqual(body, received.body.decode())
                self.assertEqual(f"Bearer {KEY}", received.header("authorization"))
                self.assertNotIn("x-magicgateway-warning", answer.headers)


class NodeTests(SeedExamplesTestCase):
    async def test_node(self) -> None:
        """A key that is none is no key, a session token that is undefined or empty no token.

        Fields that OpenAI does not know, and an empty message, arrive as they were written.
        """
        key, secret = AWS_KEYS
        environment = clean_environment(
            {
                "AWS_ACCESS_KEY_ID": key,
                "AWS_SECRET_ACCESS_KEY": secret,
                "AWS_REGION": "eu-central-1",
                "ANTHROPIC_API_KEY": KEY,
            }
        )
        ran = await deferToThread(
            subprocess.run,
            ["node", "seed_examples.mjs", self.gateway.address],
            cwd=SCRIPTS,
            env=environment,
            capture_output=True,
            check=False,
            timeout=NODE_SECONDS,
        )
        self.assertEqual(0, ran.returncode, ran.stderr.decode())
        text = said("anthropic.claude-v2")
        expected = dict.fromkeys(("undefined", "written", "empty", "streamed"), text)
        answers = json.loads(ran.stdout)
        others = {name: answers.pop(name) for name in ("fireworks", "together", "groq")}
        self.assertEqual({**expected, "anthropic": said(CLAUDE)}, answers)
        self.assertTrue(all(others.values()), others)
        journal = list(self.gateway.demo.journal)
        self.assertEqual(8, len(journal))
        for received in journal[:4]:
            self.assertIsNone(received.header("x-amz-security-token"))
            self.assertNotIn("not-needed", str(received.headers))
            self.assertEqual(SAMPLED, received.json()["inferenceConfig"])
            self.assertEqual({"top_k": 250}, received.json()["additionalModelRequestFields"])
        hello = [{"role": "user", "content": HELLO}]
        empty = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": ""}]
        self.assertEqual(
            [
                {"model": "m-1", "messages": hello, "top_k": 40, "max_tokens": 64},
                {"model": "m-2", "messages": hello, "top_k": 50, "repetition_penalty": 1.1},
                {"model": "m-3", "messages": empty},
            ],
            [received.json() for received in journal[5:]],
        )
