"""What an exchange says of itself."""

from __future__ import annotations

from tests.gateway import GatewayTestCase, post
from tests.serving.test_translated_relay import header

CHAT = "/v1/chat/completions"
BODY = b'{"model":"demo","messages":[{"role":"user","content":"Hi"}]}'


class RecordTests(GatewayTestCase):
    async def test_same_to_both(self) -> None:
        """What the caller is told in header fields, observers are told in the fact."""
        answer = await self.gateway.ask(post(CHAT, BODY, headers={"x-provider": "demo"}))
        (fact,) = self.gateway.facts
        self.assertEqual([fact.request_id], header(answer, "x-magicgateway-request-id"))
        self.assertEqual([fact.provider], header(answer, "x-magicgateway-provider"))
        self.assertEqual([fact.upstream_model], header(answer, "x-magicgateway-model"))
        self.assertEqual([str(fact.attempts)], header(answer, "x-magicgateway-attempts"))
        (timing,) = header(answer, "server-timing")
        expected = f"gateway;dur={fact.overhead_ms:.2f}, upstream;dur={fact.upstream_ms:.2f}"
        self.assertEqual(expected, timing)
        body = answer.partition(b"\r\n\r\n")[2]
        self.assertEqual((len(BODY), len(body)), (fact.request_bytes, fact.response_bytes))
        self.assertEqual(("POST", CHAT, 200), (fact.method, fact.path, fact.status))

    async def test_errors_are_not_kept(self) -> None:
        """No cache keeps a provider's error."""
        body = BODY.replace(b'"demo"', b'"demo-fault:status=500"')
        answer = await self.gateway.ask(post(CHAT, body, headers={"x-provider": "demo"}))
        self.assertEqual(["no-store"], header(answer, "cache-control"))
