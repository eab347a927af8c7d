"""Which way each door's requests go where they do not pass through."""

from __future__ import annotations

import json
from typing import Any

from tests.gateway import GatewayTestCase, post

AWS = {
    "x-aws-access-key-id": "AKIADEMOPROVIDER0001",
    "x-aws-secret-access-key": "demo-secret-key-that-is-no-secret-000001",
}
WORDS: Any = {"model": "demo", "messages": [{"role": "user", "content": "hello"}]}


class CrossTests(GatewayTestCase):
    toml = '[providers.bedrock]\nbase_url = "{demo}"\n[providers.groq]\nbase_url = "{demo}/v1"\n'

    async def test_ways(self) -> None:
        """The door and the provider decide; each is answered in the door's shape."""
        count, at = "/v1/messages/count_tokens", "/model/demo/count-tokens"
        for path, more, provider, target, key in (
            ("/v1/chat/completions", {}, "bedrock", "/model/demo/converse", "choices"),
            (count, {}, "bedrock", at, "input_tokens"),
            (count, {}, "groq", None, "input_tokens"),
            ("/bedrock/model/demo/converse", {"model": None}, "bedrock", None, "output"),
        ):
            body = {name: value for name, value in {**WORDS, **more}.items() if value}
            if key == "output":
                body["messages"] = [{"role": "user", "content": [{"text": "hello"}]}]
            before = len(self.gateway.demo.journal)
            fields = {"x-provider": provider, **AWS}
            reply = await self.gateway.ask(post(path, json.dumps(body).encode(), headers=fields))
            with self.subTest(path=path, provider=provider):
                self.assertIn(key, json.loads(reply.partition(b"\r\n\r\n")[2]))
                if target is not None:
                    self.assertEqual(target, self.gateway.demo.journal[-1].target)
                else:
                    self.assertEqual(key == "output", len(self.gateway.demo.journal) > before)
