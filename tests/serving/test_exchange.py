"""One request's life: where it goes, with what, and what its answer says of that."""

from __future__ import annotations

import json
import socket
from typing import Any

from twisted.internet.threads import deferToThread

from magicgateway.errors import ApiError
from tests.gateway import GatewayTestCase, post, start_gateway, until
from tests.serving.test_channel import code_of, connected, status_of
from tests.sockets import FullBacklog, ScriptedServer, closed_port

CHAT = "/v1/chat/completions"
DEMO = {"x-provider": "demo"}
BODY = b'{"model":"demo","messages":[{"role":"user","content":"Hi"}]}'
KEY = {"authorization": "Bearer sk-1"}


def fields_of(answer: bytes) -> dict[str, str]:
    lines = answer.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


class AnswerFieldTests(GatewayTestCase):
    """What an answer says of itself."""

    toml = '[providers.openai]\nbase_url = "{demo}/v1"\n[models.fast]\ntargets = ["openai/gpt-x"]\n'

    async def test_ours(self) -> None:
        """Provider, model, attempts, timings and ids."""
        fields = fields_of(await self.gateway.ask(post(CHAT, BODY, headers=KEY)))
        expected = {
            "x-magicgateway-provider": "openai",
            "x-magicgateway-model": "demo",
            "x-magicgateway-attempts": "1",
            "x-magicgateway-request-id": "req_test00000001",
            "access-control-allow-origin": None,
        }
        self.assertEqual(expected, {name: fields.get(name) for name in expected})
        self.assertRegex(fields["server-timing"], r"^gateway;dur=[0-9.]+, upstream;dur=[0-9.]+$")
        self.assertTrue(fields["x-request-id"].startswith("req_"))

    async def test_request_ids(self) -> None:
        """The caller's id is used if it is a plain word, else one of ours."""
        cases = {"abc-123.X": "abc-123.X", "a b": "req_test00000002", "x" * 200: "req_test00000003"}
        for given, expected in cases.items():
            request = post(CHAT, BODY, headers={**KEY, "x-request-id": given})
            answer = await self.gateway.ask(request)
            if given == "abc-123.X":
                await self.gateway.ask(post(CHAT, BODY, headers=KEY))
                self.gateway.gateway.plane.request_ids._count = 1
            self.assertEqual(expected, fields_of(answer)["x-magicgateway-request-id"])

    async def test_cors(self) -> None:
        """A page of any origin may read the answer, and asks before without a key."""
        answer = await self.gateway.ask(post(CHAT, BODY, headers={**KEY, "origin": "https://a.b"}))
        self.assertEqual("*", fields_of(answer)["access-control-allow-origin"])
        asking = (
            b"OPTIONS /v1/chat/completions HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
            b"Origin: https://a.b\r\nAccess-Control-Request-Method: POST\r\n"
            b"Access-Control-Request-Headers: authorization, x-provider\r\n\r\n"
        )
        answer = await self.gateway.ask(asking)
        self.assertEqual(204, status_of(answer))
        fields = fields_of(answer)
        self.assertEqual("authorization, x-provider", fields["access-control-allow-headers"])
        self.assertEqual("3600", fields["access-control-max-age"])

    async def test_alias(self) -> None:
        """An alias or a prefix rewrites the model's bytes and nothing else of the body."""
        body = (
            b' {"a":1.0e5, "model" : "%b","z":"\\u00e9",'
            b' "b":{"model":"fast"}, "n":123456789012345678901 }'
        )
        for name in (b"fast", b"openai/gpt-x"):
            await self.gateway.ask(post(CHAT, body % name, headers=KEY))
            self.assertEqual(body % b"gpt-x", self.gateway.demo.journal[-1].body)
        fact = self.gateway.facts[0]
        self.assertEqual(("fast", "gpt-x"), (fact.model, fact.upstream_model))

    async def test_odd_model(self) -> None:
        """A model's name that no header can hold is percent-encoded in ours."""
        body = '{"model":"é\\n%","messages":[]}'.encode()
        fields = fields_of(await self.gateway.ask(post(CHAT, body, headers=KEY)))
        self.assertEqual("%C3%A9%0A%25", fields["x-magicgateway-model"])

    async def test_rate_limits(self) -> None:
        """They pass when the caller's own credential was used, and only then."""
        wire = (
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nx-ratelimit-limit-requests: 5\r\n"
            b"Content-Type: application/json\r\n\r\n{}"
        )
        server = ScriptedServer([wire, wire])
        self.addCleanup(server.stop)
        gateway = await start_gateway(
            self,
            f'[providers.mine]\nbase_url = "http://127.0.0.1:{server.port}"\napi_key = "env:K"\n',
            {"K": "sk-operator"},
        )
        for headers, expected in ((KEY, True), ({}, False)):
            answer = await gateway.ask(post(CHAT, BODY, headers={"x-provider": "mine", **headers}))
            self.assertEqual(expected, "x-ratelimit-limit-requests" in fields_of(answer))


class RefusalTests(GatewayTestCase):
    """Requests that go nowhere."""

    async def test_cases(self) -> None:
        """Status and code, in the dialect of the door; nothing reaches a provider."""
        cases: list[tuple[int, str, bytes]] = [
            (400, "invalid_json", post(CHAT, b"{", headers=DEMO)),
            (400, "invalid_json", post(CHAT, b"[]", headers=DEMO)),
            (400, "invalid_json", post(CHAT, b"", headers=DEMO)),
            (400, "duplicate_field", post(CHAT, b'{"model":"a","model":"b"}', headers=DEMO)),
            (400, "unknown_provider", post(CHAT, BODY, headers={"x-provider": "nobody"})),
            (400, "bad_path", post("/v1/files/../x", BODY)),
            (401, "missing_credential", post(CHAT, BODY)),
            (404, "unsupported_endpoint", post("/v1/rerank", BODY, headers=DEMO)),
            (405, "method_not_allowed", post("/v1/models", BODY, headers=DEMO)),
            (415, "unsupported_encoding", post(CHAT, BODY, headers={"content-encoding": "gzip"})),
            (
                400,
                "missing_model",
                post("/v1/responses", b'{"input":"x"}', headers={"x-provider": "together", **KEY}),
            ),
        ]
        for status, code, request in cases:
            answer = await self.gateway.ask(request)
            self.assertEqual((status, code), (status_of(answer), code_of(answer)))
            self.assertIn(b"no-store", answer)
        self.assertEqual(0, self.gateway.demo.accepted)
        refused = [fact.error for fact in self.gateway.facts]
        self.assertEqual([code for _, code, _ in cases], refused)

    async def test_no_credential_no_body(self) -> None:
        """A caller that asks before it sends an upload is told 401, and not to go on."""
        request = post("/v1/files", b"x", headers={"Expect": "100-continue"})
        answer = await self.gateway.ask(request[:-1])
        self.assertEqual((401, "missing_credential"), (status_of(answer), code_of(answer)))

    async def test_allow(self) -> None:
        """405 says what would be taken."""
        answer = await self.gateway.ask(post("/v1/models", BODY, headers=DEMO))
        self.assertEqual("GET, HEAD", fields_of(answer)["allow"])

    async def test_anthropic(self) -> None:
        """Anthropic's door speaks its words, and names the request in its field."""
        answer = await self.gateway.ask(post("/v1/messages", BODY))
        error = json.loads(answer.partition(b"\r\n\r\n")[2])
        self.assertEqual("authentication_error", error["error"]["type"])
        self.assertEqual(error["request_id"], fields_of(answer)["request-id"])

    async def test_fault_of_ours(self) -> None:
        """A mistake inside is a 500 that says so, is logged, and leaves nothing running."""

        def fail(*_: object, **__: object) -> Any:
            raise ZeroDivisionError

        self.patch(self.gateway.gateway.plane.router, "resolve", fail)
        for request in (post(CHAT, BODY, headers=DEMO), post("/v1/files", b"x", headers=DEMO)):
            answer = await self.gateway.ask(request)
            self.assertEqual((500, "internal_error"), (status_of(answer), code_of(answer)))
        self.assertEqual(2, len(self.flushLoggedErrors(ZeroDivisionError)))
        self.assertEqual(set(), self.gateway.gateway.plane.running)

    async def test_unreachable(self) -> None:
        """A provider that cannot be reached is 502, the cause for the operator only."""
        gateway = await start_gateway(
            self, f'[providers.gone]\nbase_url = "http://127.0.0.1:{closed_port()}"\n'
        )
        answer = await gateway.ask(post(CHAT, BODY, headers={"x-provider": "gone"}))
        self.assertEqual((502, "upstream_unreachable"), (status_of(answer), code_of(answer)))
        fact = gateway.facts[0]
        self.assertEqual(("failed", 2), (fact.outcome, fact.attempts))
        self.assertIn("127.0.0.1", fact.detail)
        self.assertNotIn(b"127.0.0.1", answer.partition(b"\r\n\r\n")[2])


class LeavingTests(GatewayTestCase):
    """Callers that leave before there is an answer."""

    async def test_connecting(self) -> None:
        """While the provider is being connected to."""
        full = FullBacklog()
        self.addCleanup(full.stop)
        gateway = await start_gateway(
            self, f'[providers.full]\nbase_url = "http://127.0.0.1:{full.port}"\n'
        )
        client = socket.create_connection(("127.0.0.1", gateway.port))
        client.sendall(post(CHAT, BODY, headers={"x-provider": "full"}))
        await until(lambda: bool(gateway.gateway.plane.running))
        client.close()
        await until(lambda: bool(gateway.facts), 1.0)
        self.assertEqual(("caller_left", 499), (gateway.facts[0].outcome, gateway.facts[0].status))
        self.assertEqual([], [count for count in gateway.gateway.pool.counts() if count[2]])

    async def test_interrupted(self) -> None:
        """A gateway that stops tells the waiting so, and those in a stream by an event."""
        silent = {**DEMO, "x-demo-fault": "silence"}
        waiting = deferToThread(self._ask, post(CHAT, BODY, headers=silent))
        stream = BODY.replace(b'"demo"', b'"demo","stream":true')
        stalling = {**DEMO, "x-demo-fault": "stall=2"}
        streaming = deferToThread(self._ask, post(CHAT, stream, headers=stalling))
        await until(lambda: len(self.gateway.demo.journal) == 2)
        running = self.gateway.gateway.plane.running
        await until(lambda: any(one.relay.committed for one in running if one.relay))
        self.gateway.gateway.interrupt()
        answer = await waiting
        self.assertEqual((503, "gateway_stopping"), (status_of(answer), code_of(answer)))
        answer = await streaming
        self.assertIn(b'"code":"gateway_stopping"', answer)
        self.assertTrue(answer.endswith(b"0\r\n\r\n"))
        self.assertNotIn(b"[DONE]", answer)

    def _ask(self, request: bytes) -> bytes:
        with connected(self.gateway) as client:
            client.sendall(request)
            answer = b""
            while data := client.recv(65536):
                answer += data
            return answer


class RefuseTests(GatewayTestCase):
    """A body that cannot be read on."""

    async def test_once(self) -> None:
        """An exchange that has ended takes no further refusal."""
        client = socket.create_connection(("127.0.0.1", self.gateway.port))
        self.addCleanup(client.close)
        client.sendall(post(CHAT, BODY, headers=DEMO)[:-3])
        await until(lambda: bool(self.gateway.gateway.plane.running))
        (exchange,) = self.gateway.gateway.plane.running
        error = ApiError(400, "bad_chunk", "Malformed.")
        exchange.refuse(error)
        exchange.refuse(error)
        exchange.interrupt()
        exchange.caller_left()
        self.assertEqual(1, len(self.gateway.facts))
