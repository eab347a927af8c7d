"""What equal heads have in common, and what must never be taken for common."""

from __future__ import annotations

import json

from twisted.internet.threads import deferToThread

from tests.gateway import GatewayTestCase, post
from tests.serving.test_channel import connected, read_answer, status_of
from tests.serving.test_exchange import fields_of

CHAT = "/v1/chat/completions"
BODY = b'{"model":"demo","messages":[{"role":"user","content":"Hi"}]}'
KEY = {"authorization": "Bearer sk-1"}


class StandingTests(GatewayTestCase):
    """What is remembered of a connection's last request never serves another one."""

    toml = (
        '[providers.openai]\nbase_url = "{demo}/v1"\n[providers.groq]\nbase_url = "{demo}/v1"\n'
        '[models.fast]\ntargets = ["groq/llama"]\n'
    )

    async def test_changes(self) -> None:
        """Requests on one connection that differ in one thing each go where each belongs."""

        def asking(model: str, **fields: str) -> bytes:
            body = b'{"model":"%b","messages":[{"role":"user","content":"Hi"}]}' % model.encode()
            return post(CHAT, body, headers={"authorization": "Bearer sk-1", **fields}, close=False)

        requests = [
            asking("a"),
            asking("a"),
            asking("bb"),
            asking("fast"),
            asking("a", authorization="Bearer sk-2"),
            asking("a", **{"x-provider": "groq"}),
            asking("a"),
            asking("groq/a"),
            asking("a", **{"x-api-key": "sk-3"}),
            asking("a", **{"openai-organization": "org"}),
        ]
        expected = [
            ("openai", "a", "sk-1"),
            ("openai", "a", "sk-1"),
            ("openai", "bb", "sk-1"),
            ("groq", "llama", "sk-1"),
            ("openai", "a", "sk-2"),
            ("groq", "a", "sk-1"),
            ("openai", "a", "sk-1"),
            ("groq", "a", "sk-1"),
            ("openai", "a", "sk-1"),
            ("openai", "a", "sk-1"),
        ]

        def ask() -> list[tuple[str, str]]:
            found = []
            with connected(self.gateway) as client:
                buffer = bytearray()
                for request in requests:
                    client.sendall(request)
                    head, _ = read_answer(client, buffer)
                    fields = fields_of(head + b"\r\n\r\n")
                    found.append(
                        (fields["x-magicgateway-provider"], fields["x-magicgateway-model"])
                    )
            return found

        answers = await deferToThread(ask)
        keys = [dict(one.headers)["authorization"][7:] for one in self.gateway.demo.journal]
        self.assertEqual(expected, [(*one, key) for one, key in zip(answers, keys, strict=True)])
        models = [json.loads(one.body)["model"] for one in self.gateway.demo.journal]
        self.assertEqual([model for _, model, _ in expected], models)

    async def test_refused_then_served(self) -> None:
        """A refusal leaves nothing behind that would serve or refuse the next request."""

        def ask() -> list[int]:
            found = []
            with connected(self.gateway) as client:
                buffer = bytearray()
                for headers in ({}, KEY, {}):
                    client.sendall(post(CHAT, BODY, headers=headers, close=False))
                    found.append(status_of(read_answer(client, buffer)[0]))
            return found

        self.assertEqual([401, 200, 401], await deferToThread(ask))


class TranslatedTests(GatewayTestCase):
    """The same of requests that are written anew: around each body is what belongs to it."""

    toml = (
        '[providers.openai]\nbase_url = "{demo}/v1"\n'
        '[providers.anthropic]\nbase_url = "{demo}/v1"\n'
    )

    async def test_changes(self) -> None:
        """Betas, credentials, providers and ways that change from request to request."""

        def asking(model: str, **fields: str) -> bytes:
            body = b'{"model":"%b","max_tokens":9,"messages":[{"role":"user","content":"Hi"}]}'
            headers = {"authorization": "Bearer sk-1", "x-provider": "anthropic", **fields}
            return post(CHAT, body % model.encode(), headers=headers, close=False)

        requests = [
            asking("claude-3-haiku"),
            asking("claude-3-haiku"),
            asking("claude-3-opus"),
            asking("claude-3-haiku", **{"anthropic-beta": "context-1m-2025-08-07"}),
            asking("claude-3-haiku"),
            asking("claude-3-haiku", authorization="Bearer sk-2"),
            asking("gpt", **{"x-provider": "openai"}),
            asking("claude-3-haiku"),
        ]
        expected = [
            ("/v1/messages", "claude-3-haiku", "sk-1", ""),
            ("/v1/messages", "claude-3-haiku", "sk-1", ""),
            ("/v1/messages", "claude-3-opus", "sk-1", ""),
            ("/v1/messages", "claude-3-haiku", "sk-1", "context-1m-2025-08-07"),
            ("/v1/messages", "claude-3-haiku", "sk-1", ""),
            ("/v1/messages", "claude-3-haiku", "sk-2", ""),
            ("/v1/chat/completions", "gpt", "Bearer sk-1", ""),
            ("/v1/messages", "claude-3-haiku", "sk-1", ""),
        ]

        def ask() -> list[int]:
            with connected(self.gateway) as client:
                buffer = bytearray()
                found = []
                for request in requests:
                    client.sendall(request)
                    found.append(status_of(read_answer(client, buffer)[0]))
                return found

        self.assertEqual([200] * len(requests), await deferToThread(ask))
        told = [
            (
                one.target,
                one.json()["model"],
                one.header("x-api-key") or one.header("authorization"),
                one.header("anthropic-beta") or "",
            )
            for one in self.gateway.demo.journal
        ]
        self.assertEqual(expected, told)
