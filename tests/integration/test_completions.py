"""``/v1/completions`` by OpenAI's client, of providers that only have conversations."""

from __future__ import annotations

from typing import Any

import openai
from openai.types import Completion
from twisted.internet.threads import deferToThread

from tests.gateway import GatewayTestCase

TOML = """
[providers.groq]
base_url = "{demo}/v1"
[providers.perplexity]
base_url = "{demo}/v1"
[providers.anthropic]
base_url = "{demo}/v1"
[providers.bedrock]
base_url = "{demo}"
"""
PROVIDERS = ("groq", "perplexity", "anthropic", "bedrock")
AWS = {
    "x-aws-access-key-id": "AKIADEMOPROVIDER0001",
    "x-aws-secret-access-key": "demo-secret-key-that-is-no-secret-000001",
}


class CompletionTests(GatewayTestCase):
    toml = TOML

    def client(self, provider: str, **fields: str) -> openai.OpenAI:
        named = {"x-provider": provider, **(AWS if provider == "bedrock" else {}), **fields}
        return openai.OpenAI(
            api_key="sk-caller",
            base_url=f"{self.gateway.address}/v1",
            default_headers=named,
            max_retries=0,
        )

    async def complete(self, provider: str, prompt: Any = "Hello", **more: Any) -> Completion:
        create: Any = self.client(provider).completions.create
        answer: Completion = await deferToThread(create, model="demo", prompt=prompt, **more)
        return answer

    async def test_whole(self) -> None:
        """A prompt becomes a user's message, the reply a completion."""
        for provider in PROVIDERS:
            answer = await self.complete(provider, max_tokens=400)
            with self.subTest(provider=provider):
                self.assertEqual(("text_completion", "demo"), (answer.object, answer.model))
                (choice,) = answer.choices
                self.assertEqual(("stop", 0), (choice.finish_reason, choice.index))
                self.assertTrue(choice.text.strip())
                assert answer.usage is not None
                self.assertGreater(answer.usage.completion_tokens, 0)
        fact = self.gateway.facts[-1]
        self.assertEqual(("completions", 200), (fact.operation, fact.status))

    async def test_streamed(self) -> None:
        """The same in pieces."""

        def read(provider: str) -> tuple[str, list[str | None]]:
            stream = self.client(provider).completions.create(
                model="demo", prompt="Hello", stream=True, max_tokens=400
            )
            choices = [choice for chunk in stream for choice in chunk.choices]
            said: list[str | None] = [choice.finish_reason for choice in choices]
            return "".join(choice.text for choice in choices), [word for word in said if word]

        for provider in PROVIDERS:
            whole = (await self.complete(provider, max_tokens=400)).choices[0].text
            text, finishes = await deferToThread(read, provider)
            with self.subTest(provider=provider):
                self.assertEqual((whole, ["stop"]), (text, finishes))

    async def test_refused(self) -> None:
        """What no conversation can be asked is refused by its field, and nobody is asked."""
        for param, prompt, more in (
            ("prompt", ["a", "b"], {}),
            ("prompt", [1, 2, 3], {}),
            ("suffix", "a", {"suffix": "b"}),
            ("echo", "a", {"echo": True}),
            ("best_of", "a", {"best_of": 2}),
            ("logprobs", "a", {"logprobs": 2}),
        ):
            try:
                await self.complete("groq", prompt, **more)
            except openai.BadRequestError as error:
                self.assertEqual(param, error.param)
            else:
                self.fail(f"{param} was taken")
        self.assertEqual(0, len(self.gateway.demo.journal))

    async def test_error(self) -> None:
        """A provider's error is OpenAI's."""
        self.gateway.demo.scripts.append("status=429")
        with self.assertRaises(openai.RateLimitError):
            await self.complete("anthropic")
