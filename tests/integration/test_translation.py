"""Every door reaches every dialect: official SDKs in front, the demo provider behind."""

from __future__ import annotations

from typing import Any

import anthropic
import openai
from twisted.internet.threads import deferToThread

from tests.gateway import GatewayTestCase

TOML = """
[providers.asks-chat]
dialect = "openai"
base_url = "{demo}/v1"
[providers.asks-responses]
dialect = "responses"
base_url = "{demo}/v1"
[providers.asks-messages]
dialect = "anthropic"
base_url = "{demo}/v1"
[providers.bedrock]
base_url = "{demo}"
"""
PROVIDERS = ("asks-chat", "asks-responses", "asks-messages", "bedrock")
AWS = {
    "x-aws-access-key-id": "ASIADEMOPROVIDER0002",
    "x-aws-secret-access-key": "demo-secret-key-that-is-no-secret-000002",
    "x-aws-session-token": "demo-session-token==",
    "x-aws-region": "eu-central-1",
}
QUESTION = "What is the weather?"


class Callers:
    """Official clients of one gateway."""

    def __init__(self, address: str, provider: str) -> None:
        named: Any = {"x-provider": provider}
        if provider == "bedrock":
            named |= AWS
        self.openai = openai.OpenAI(
            api_key="sk-caller", base_url=f"{address}/v1", default_headers=named, max_retries=0
        )
        self.anthropic = anthropic.Anthropic(
            api_key="sk-caller", base_url=address, default_headers=named, max_retries=0
        )

    def chat(self) -> str:
        answer = self.openai.chat.completions.create(
            model="demo", messages=[{"role": "user", "content": QUESTION}]
        )
        return f"{answer.choices[0].finish_reason}:{answer.choices[0].message.content}"

    def chat_stream(self) -> str:
        stream = self.openai.chat.completions.create(
            model="demo", messages=[{"role": "user", "content": QUESTION}], stream=True
        )
        text, finish = "", None
        for chunk in stream:
            for choice in chunk.choices:
                text += choice.delta.content or ""
                finish = choice.finish_reason or finish
        return f"{finish}:{text}"

    def responses(self) -> str:
        answer = self.openai.responses.create(model="demo", input=QUESTION)
        return f"{answer.status}:{answer.output_text}"

    def responses_stream(self) -> str:
        with self.openai.responses.stream(model="demo", input=QUESTION) as stream:
            answer = stream.get_final_response()
        return f"{answer.status}:{answer.output_text}"

    def messages(self) -> str:
        answer = self.anthropic.messages.create(
            model="demo", max_tokens=500, messages=[{"role": "user", "content": QUESTION}]
        )
        texts = [block.text for block in answer.content if block.type == "text"]
        return f"{answer.stop_reason}:{''.join(texts)}"

    def messages_stream(self) -> str:
        with self.anthropic.messages.stream(
            model="demo", max_tokens=500, messages=[{"role": "user", "content": QUESTION}]
        ) as stream:
            answer = stream.get_final_message()
        texts = [block.text for block in answer.content if block.type == "text"]
        return f"{answer.stop_reason}:{''.join(texts)}"


ENDS = {"chat": "stop", "responses": "completed", "messages": "end_turn"}


class EveryPairTests(GatewayTestCase):
    toml = TOML

    async def test_text(self) -> None:
        """The same question gets an answer of the caller's own API, streamed or not."""
        for provider in PROVIDERS:
            callers = Callers(self.gateway.address, provider)
            for door, end in ENDS.items():
                for way in (door, f"{door}_stream"):
                    with self.subTest(provider=provider, way=way):
                        said = await deferToThread(getattr(callers, way))
                        finish, _, text = said.partition(":")
                        self.assertEqual(end, finish)
                        self.assertTrue(text.strip(), "there are words")
        self.assertEqual({200}, {fact.status for fact in self.gateway.facts})
