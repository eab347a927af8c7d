"""The way out of a request that has to be translated: what a provider is really sent."""

from __future__ import annotations

import json
from typing import Any

from magicgateway.conversation.blocks import Inline, Thinking, Token
from magicgateway.conversation.sealed import seal
from tests.gateway import GatewayTestCase, post, until
from tests.serving.test_channel import code_of, status_of
from tests.serving.test_translated_relay import header
from tests.upstream.pictures import PNG

AWS = {
    "x-aws-access-key-id": "AKIADEMOPROVIDER0001",
    "x-aws-secret-access-key": "demo-secret-key-that-is-no-secret-000001",
    "x-aws-region": "eu-central-1",
}
CHAT = "/v1/chat/completions"
TOML = """
[providers.claude]
dialect = "anthropic"
base_url = "{demo}/v1"
[providers.plain]
dialect = "openai"
base_url = "{demo}/v1"
[providers.bedrock]
base_url = "{demo}"
[models.fast]
targets = ["claude/demo"]
"""


class SendingTests(GatewayTestCase):
    toml = TOML

    async def ask(
        self, provider: str, headers: dict[str, str] | None = None, **fields: Any
    ) -> bytes:
        """Ask in the chat dialect."""
        body = {"model": "demo", "messages": [{"role": "user", "content": "Hi"}], **fields}
        given = {"authorization": "Bearer sk-1", **(headers or {})}
        if provider:
            given["x-provider"] = provider
        return await self.gateway.ask(post(CHAT, json.dumps(body).encode(), headers=given))

    async def test_head(self) -> None:
        """The provider sees its own path, version and credential, and nothing of the door's."""
        await self.ask("claude", {"openai-organization": "o", "x-magicgateway-strict": "false"})
        seen = self.gateway.demo.journal[-1]
        self.assertEqual("/v1/messages", seen.target)
        self.assertEqual("2023-06-01", seen.header("anthropic-version"))
        self.assertEqual("sk-1", seen.header("x-api-key"))
        self.assertEqual("application/json", seen.header("content-type"))
        for name in ("authorization", "x-provider", "openai-organization", "x-magicgateway-strict"):
            self.assertIsNone(seen.header(name), name)

    async def test_alias(self) -> None:
        """The provider is asked for its own model; the answer speaks of the caller's."""
        answer = await self.ask("", model="fast")
        self.assertEqual("demo", self.gateway.demo.journal[-1].json()["model"])
        self.assertEqual("fast", json.loads(answer.partition(b"\r\n\r\n")[2])["model"])
        self.assertEqual(["demo"], header(answer, "x-magicgateway-model"))

    async def test_credentials(self) -> None:
        """Half a pair of AWS's keys is refused, never sent unsigned; so is a strange region."""
        half = {"x-aws-access-key-id": "AKIADEMOPROVIDER0001"}
        for headers, expected in (
            (half, (400, "incomplete_credential")),
            ({**AWS, "x-aws-region": "evil.test/"}, (400, "invalid_region")),
            ({**AWS, "x-aws-secret-access-key": "wrong"}, (401, "invalid_api_key")),
        ):
            answer = await self.ask("bedrock", headers)
            self.assertEqual(expected[0], status_of(answer), answer)
            if expected[0] == 400:
                self.assertEqual(expected[1], code_of(answer))
        self.assertLessEqual(len(self.gateway.demo.journal), 1)

    async def test_signed(self) -> None:
        """The placeholder of an SDK beside the keys is ignored; the body's model is in the path."""
        answer = await self.ask("bedrock", {**AWS, "authorization": "Bearer not-needed"})
        self.assertEqual(200, status_of(answer), answer)
        seen = self.gateway.demo.journal[-1]
        self.assertEqual("/model/demo/converse", seen.target)
        self.assertNotIn("model", seen.json())
        self.assertIn("/eu-central-1/bedrock/aws4_request", seen.header("authorization") or "")

    async def test_same_model_twice(self) -> None:
        """What a connection remembers of its heads does not leak from one request to the next."""
        one = post(CHAT, _body("demo"), headers={"x-provider": "claude", "x-api-key": "k1"})
        two = post(CHAT, _body("other"), headers={"x-provider": "claude", "x-api-key": "k2"})
        await self.gateway.ask(one.replace(b"Connection: close\r\n", b"") + two)
        await until(lambda: len(self.gateway.facts) == 2)
        seen = [(r.json()["model"], r.header("x-api-key")) for r in self.gateway.demo.journal]
        self.assertEqual([("demo", "k1"), ("other", "k2")], seen)

    async def test_canaries(self) -> None:
        """Of all the credentials that a caller carries, a provider sees the one meant for it."""
        names = (
            "x-magicgateway-key",
            "api-key",
            "x-goog-api-key",
            "x-aws-access-key-id",
            "x-aws-secret-access-key",
            "x-aws-session-token",
            "cookie",
            "proxy-authorization",
            "x-forwarded-for",
            "x-anything",
        )
        others = {name: f"canary-{name}" for name in names}
        for provider in ("plain", "claude"):
            door = "/v1/messages" if provider == "plain" else CHAT
            body = json.loads(_body("demo")) | {"max_tokens": 99}
            for model in ("demo", "demo-fault:status=401"):
                headers = {**others, "x-magicapi-api-key": "canary-own", "x-provider": provider}
                sent = post(door, json.dumps(body | {"model": model}).encode(), headers=headers)
                answer = await self.gateway.ask(sent)
                seen = self.gateway.demo.journal[-1]
                found = [name for name, value in seen.headers if "canary-" in value]
                self.assertEqual(1, len(found), found)
                self.assertNotIn(b"canary-", seen.body)
                self.assertNotIn(b"canary-x", answer)
                self.assertNotIn("canary-x", repr(self.gateway.facts))

    async def test_foreign_reasoning(self) -> None:
        """What another family thought does not reach a provider of the door's own dialect."""
        thinking = Thinking(parts=("hm",), token=Token("openai", "opaque"))
        block = {"type": "thinking", "thinking": "hm", "signature": seal(thinking)}
        said = {"role": "assistant", "content": [block, {"type": "text", "text": "a"}]}
        asked = {"role": "user", "content": "b"}
        for content, expected in ((said, 1), ({**said, "content": "plain mgw1. words"}, 0)):
            body = {"model": "demo", "max_tokens": 99, "messages": [asked, content, asked]}
            answer = await self.gateway.ask(
                post(
                    "/v1/messages",
                    json.dumps(body).encode(),
                    headers={"x-provider": "claude", "x-api-key": "k"},
                )
            )
            self.assertEqual(200, status_of(answer), answer)
            warned = header(answer, "x-magicgateway-warning")
            self.assertEqual(expected, len(warned), warned)
            self.assertNotIn(b"opaque", self.gateway.demo.journal[-1].body)
        self.assertEqual(body, self.gateway.demo.journal[-1].json(), "as it came")

    async def test_pictures(self) -> None:
        """A provider that takes only bytes gets them; a private address is refused."""
        picture = {"type": "image_url", "image_url": {"url": "https://127.0.0.1/a.png"}}
        message = {"role": "user", "content": [picture, {"type": "text", "text": "What?"}]}
        answer = await self.ask("bedrock", AWS, messages=[message])
        self.assertEqual(400, status_of(answer), answer)
        self.assertIn(b"messages[0].content[0]", answer)
        self.assertEqual([], list(self.gateway.demo.journal))
        self.gateway.gateway.plane.media = _Fetched()  # type: ignore[assignment]
        answer = await self.ask("bedrock", AWS, messages=[message])
        self.assertEqual(200, status_of(answer), answer)
        content = self.gateway.demo.journal[-1].json()["messages"][0]["content"]
        self.assertEqual("png", content[0]["image"]["format"])


class _Fetched:
    """Stands where the fetcher stands: the picture is there already."""

    def fetch(self, wanted: Any) -> Any:
        from base64 import b64encode  # noqa: PLC0415 - one test needs it

        from twisted.internet.defer import succeed  # noqa: PLC0415 - as above

        return succeed({one.url: Inline("image/png", b64encode(PNG).decode()) for one in wanted})

    def stop(self) -> None:
        """Nothing runs."""


def _body(model: str) -> bytes:
    return json.dumps({"model": model, "messages": [{"role": "user", "content": "x"}]}).encode()
