"""``GET /v1/models`` of providers that are AWS's, by the official clients."""

from __future__ import annotations

from typing import Any

import anthropic
import openai
from twisted.internet.threads import deferToThread

from magicgateway.demo.aws.signatures import API_KEY, IDENTITIES
from magicgateway.serving import models
from tests.gateway import GatewayTestCase, RunningGateway, start_gateway, until
from tests.serving.test_channel import code_of, status_of
from tests.serving.test_models import asking, content, ids, warnings

TOML = '[providers.bedrock]\nbase_url = "{demo}"\n'
OPERATOR = 'access_key_id = "env:ID"\nsecret_access_key = "env:SECRET"\n'
OTHER = '[providers.groq]\nbase_url = "{demo}/v1"\napi_key = "env:ID"\n'
WHO = IDENTITIES[1]
OWN = {
    "x-provider": "bedrock",
    "x-aws-access-key-id": WHO.access_key,
    "x-aws-secret-access-key": WHO.secret_key,
    "x-aws-session-token": WHO.token,
}
LINES = tuple(f"{name}: {value}" for name, value in OWN.items())
NAMES = [
    "anthropic.claude-3-haiku-20240307-v1:0",
    "amazon.nova-lite-v1:0",
    "amazon.titan-embed-text-v2:0",
    "cohere.embed-english-v3",
    "us.anthropic.claude-haiku-4-5-20251001-v1:0",
    "us.amazon.nova-lite-v1:0",
    "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/demo1234profile",
]
DENIED = "status=403;kind=AccessDeniedException"


class NamedTests(GatewayTestCase):
    toml = TOML

    async def test_openai(self) -> None:
        """J79: Models that can be asked for and active profiles, of all pages, as OpenAI's."""
        client = openai.OpenAI(
            api_key="not-needed",
            base_url=f"{self.gateway.address}/v1",
            default_headers=OWN,
            max_retries=0,
        )
        found = await deferToThread(lambda: list(client.models.list()))
        self.assertEqual(NAMES, [model.id for model in found])
        owners = ["anthropic", "amazon", "amazon", "cohere", "anthropic", "amazon", "anthropic"]
        self.assertEqual(owners, [model.owned_by for model in found])
        targets = [received.target for received in self.gateway.demo.journal]
        self.assertEqual("/foundation-models", targets[0])
        self.assertEqual("/inference-profiles?maxResults=1000", targets[1])
        self.assertEqual("/inference-profiles?maxResults=1000&nextToken=2", targets[2])
        shown = {dict(received.headers)["authorization"] for received in self.gateway.demo.journal}
        self.assertTrue(all(f"Credential={WHO.access_key}/" in text for text in shown))
        fact = self.gateway.facts[-1]
        self.assertEqual(("bedrock", "models", 200), (fact.provider, fact.operation, fact.status))

    async def test_anthropic(self) -> None:
        """The same in Anthropic's shape for its client, by path, with a key as bearer."""
        client = anthropic.Anthropic(
            api_key=API_KEY, base_url=f"{self.gateway.address}/bedrock", max_retries=0
        )
        found = await deferToThread(lambda: list(client.models.list()))
        self.assertEqual(NAMES, [model.id for model in found])
        self.assertEqual("Claude 3 Haiku", found[0].display_name)

    async def test_one(self) -> None:
        """A single model, in both shapes; one that is not in the list is not found."""
        path = "/v1/models/amazon.nova-lite-v1%3A0"
        reply = await self.gateway.ask(asking(*LINES, path=path))
        model = {"id": NAMES[1], "object": "model", "created": 0, "owned_by": "amazon"}
        self.assertEqual(model, content(reply))
        version = "anthropic-version: 2023-06-01"
        path = "/v1/models/bedrock/amazon.nova-lite-v1:0"
        reply = await self.gateway.ask(asking(*LINES[1:], version, path=path))
        self.assertEqual("Nova Lite", content(reply)["display_name"])
        reply = await self.gateway.ask(asking(*LINES, path="/v1/models/amazon.nova-none"))
        self.assertEqual((404, "model_not_found"), (status_of(reply), code_of(reply)))
        asked = asking(*LINES, path="/v1/models/amazon.nova-lite-v1%3A0", method="DELETE")
        self.assertEqual(405, status_of(await self.gateway.ask(asked)))

    async def test_by_default(self) -> None:
        """The default provider is asked with the caller's keys where nobody else can be."""
        gateway = await start_gateway(self, '[server]\ndefault_provider = "bedrock"\n')
        provider: Any = gateway.gateway.plane.registry.get("bedrock")
        self.assertFalse(provider.configured)
        reply = await gateway.ask(asking(*LINES[1:2]))
        self.assertEqual((400, "incomplete_credential"), (status_of(reply), code_of(reply)))

    async def test_may_not_list(self) -> None:
        """J79: An identity without the right to lists gets one of known models, marked as such."""
        for scripts in ([DENIED], ["", DENIED]):
            self.gateway.demo.scripts.extend(scripts)
            reply = await self.gateway.ask(asking(*LINES))
            self.assertIn("amazon.nova-lite-v1:0", ids(reply))
            self.assertEqual(["models.bedrock;emulated;built-in-list"], warnings(reply))
            owners = {model["owned_by"] for model in content(reply)["data"]}
            self.assertIn("anthropic", owners)
            self.assertFalse({"us", "global"} & owners)

    async def test_refused(self) -> None:
        """Anything else that AWS refuses, or does not give, is no list."""
        for script, status, code in (
            ("status=403;kind=UnrecognizedClientException", 403, "models_refused"),
            ("status=429;kind=ThrottlingException", 429, "models_refused"),
            ("status=500;html", 502, "models_unavailable"),
            ("cut=10", 502, "upstream_truncated"),
        ):
            self.gateway.demo.scripts.append(script)
            reply = await self.gateway.ask(asking(*LINES))
            self.assertEqual((status, code), (status_of(reply), code_of(reply)), script)
        reply = await self.gateway.ask(asking(*LINES[:2]))
        self.assertEqual((400, "incomplete_credential"), (status_of(reply), code_of(reply)))

    async def test_too_slow(self) -> None:
        """Who waits longer than ten seconds waits in vain."""
        self.patch(models, "FETCH_SECONDS", 0.1)
        self.gateway.demo.scripts.append("silence")
        reply = await self.gateway.ask(asking(*LINES))
        self.assertEqual((502, "models_unavailable"), (status_of(reply), code_of(reply)))
        await until(lambda: not self.gateway.demo.connections)


class MergedTests(GatewayTestCase):
    async def start(self, toml: str) -> RunningGateway:
        who = IDENTITIES[0]
        environment = {"ID": who.access_key, "SECRET": who.secret_key}
        return await start_gateway(self, toml, environment)

    async def test_among_others(self) -> None:
        """AWS's stand in everybody's list, asked for by the operator, once a minute."""
        gateway = await self.start(TOML + OPERATOR + OTHER)
        for _ in range(2):
            listed = ids(await gateway.ask(asking(*LINES[1:])))
            self.assertEqual(
                {f"bedrock/{name}" for name in NAMES},
                {name for name in listed if name.startswith("bedrock/")},
            )
            self.assertTrue(any(name.startswith("groq/") for name in listed))
        asked: list[Any] = [
            received for received in gateway.demo.journal if "v1" not in received.target
        ]
        self.assertEqual(3, len(asked))
        shown = dict(asked[0].headers)["authorization"]
        self.assertIn(f"Credential={IDENTITIES[0].access_key}/", shown)

    async def test_known_only(self) -> None:
        """Where the operator may not list, known models stand there, and a warning says so."""
        gateway = await self.start(TOML + OPERATOR)
        gateway.demo.scripts.append(DENIED)
        reply = await gateway.ask(asking())
        self.assertIn("bedrock/amazon.nova-pro-v1:0", ids(reply))
        self.assertEqual(["models.bedrock;emulated;built-in-list"], warnings(reply))

    async def test_from_elsewhere(self) -> None:
        """The operator's identity lists nothing for a page from elsewhere."""
        gateway = await self.start(TOML + OPERATOR)
        reply = await gateway.ask(asking("Origin: https://evil.example"))
        self.assertEqual(401, status_of(reply))
        self.assertEqual(0, len(gateway.demo.journal))
