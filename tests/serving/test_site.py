"""Which requests go where, in the fast lane and through the tree: both must do the same."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.threads import deferToThread

from tests.gateway import GatewayTestCase, post, start_gateway, until
from tests.serving.test_channel import code_of, connected, read_answer, status_of

BODY = b'{"model":"demo","messages":[{"role":"user","content":"Hi"}]}'
DEMO = {"x-provider": "demo"}


def get(path: str, method: str = "GET", *fields: str) -> bytes:
    lines = "".join(f"{field}\r\n" for field in ("Host: localhost", "Connection: close", *fields))
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode("latin-1")


class Suite:
    """The API, whichever way requests take."""

    gateway: Any
    assertEqual: Any
    assertIn: Any
    assertNotIn: Any
    assertTrue: Any

    async def test_own_paths(self) -> None:
        """Health, readiness, metrics and the root answer GET and HEAD, in JSON or plain text."""
        for path, status in (
            ("/", 200), ("/health", 200), ("/health/", 200), ("/health/live", 200),
            ("/health/ready", 200), ("/metrics", 200), ("/health?x=1", 200),
        ):  # fmt: skip
            answer = await self.gateway.ask(get(path))
            self.assertEqual(status, status_of(answer), path)
            head = await self.gateway.ask(get(path, "HEAD"))
            self.assertEqual(status, status_of(head), path)
            self.assertTrue(head.endswith(b"\r\n\r\n"), head)
        health = await self.gateway.ask(get("/health"))
        self.assertEqual("healthy", json.loads(health.partition(b"\r\n\r\n")[2])["status"])

    async def test_unknown(self) -> None:
        """F.2 unknown path: All else is 404 in JSON, never a page, redirect or traceback."""
        for path in (
            "/nothing", "//health", "/health//live", "/v1", "/v1/", "/nobody/v1/models",
            "/%2Fhealth", "/%FF", "/health/x", "/<script>", "/..;/x", "/v1/../health",
            "/chat", "/index.html", "/%00",
        ):  # fmt: skip
            answer = await self.gateway.ask(get(path))
            self.assertEqual(404 if "/v1/.." not in path else 400, status_of(answer), path)
            self.assertTrue(code_of(answer), path)
            self.assertNotIn(b"<", answer.replace(b"<script>", b""), path)
            self.assertNotIn(b"location:", answer.lower(), path)

    async def test_methods(self) -> None:
        """Paths of ours take GET and HEAD only, and say so."""
        answer = await self.gateway.ask(get("/health", "DELETE"))
        self.assertEqual((405, "method_not_allowed"), (status_of(answer), code_of(answer)))
        self.assertIn(b"allow: get, head", answer.lower())

    async def test_doors(self) -> None:
        """Doors answer with and without /v1, folded, and behind a provider's name."""
        for path in ("/v1/chat/completions", "/chat/completions", "/v1/v1/chat/completions",
                     "/demo/v1/chat/completions", "/v1//chat/completions"):  # fmt: skip
            answer = await self.gateway.ask(post(path, BODY, headers=DEMO))
            self.assertEqual(200, status_of(answer), path)
        self.assertEqual(
            {"/v1/chat/completions"}, {one.target for one in self.gateway.demo.journal}
        )

    async def test_streams(self) -> None:
        """A stream arrives whole, in chunks."""
        body = BODY.replace(b'"demo"', b'"demo","stream":true')
        answer = await self.gateway.ask(post("/v1/chat/completions", body, headers=DEMO))
        self.assertIn(b"data: [DONE]", answer)
        self.assertTrue(answer.endswith(b"0\r\n\r\n"))

    async def test_errors(self) -> None:
        """F.2 unknown path: Refusals have status and code, and are told of with their size."""
        for path, status, code in (
            ("/v1/rerank", 404, "unsupported_endpoint"),
            ("/v1/files/../x", 400, "bad_path"),
            ("/v1/models", 405, "method_not_allowed"),
        ):
            answer = await self.gateway.ask(post(path, BODY, headers=DEMO))
            self.assertEqual((status, code), (status_of(answer), code_of(answer)), path)
            body = answer.partition(b"\r\n\r\n")[2]
            self.assertEqual(len(body), self.gateway.facts[-1].response_bytes, path)

    async def test_large_body_elsewhere(self) -> None:
        """Outside the API a body is small, or refused before it is read."""
        answer = await self.gateway.ask(post("/health", b"x" * 70_000))
        self.assertEqual((413, "body_too_large"), (status_of(answer), code_of(answer)))
        head = post("/health", b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
        answer = await self.gateway.ask(head + b"11170\r\n" + b"x" * 70_000 + b"\r\n0\r\n\r\n")
        self.assertEqual(413, status_of(answer))
        answer = await self.gateway.ask(post("/health", b"x" * 100))
        self.assertEqual(405, status_of(answer))

    async def test_keep_alive(self) -> None:
        """One connection serves all kinds of requests."""

        def ask() -> list[int]:
            found = []
            with connected(self.gateway) as client:
                buffer = bytearray()
                for request in (
                    get("/health"), post("/v1/chat/completions", BODY, headers=DEMO),
                    get("/nothing"),
                    get("/v1/models/x", "GET", "x-provider: demo"), get("/health"),
                ):  # fmt: skip
                    client.sendall(request.replace(b"Connection: close\r\n", b""))
                    found.append(status_of(read_answer(client, buffer)[0]))
            return found

        self.assertEqual([200, 200, 404, 200, 200], await deferToThread(ask))

    async def test_recorded(self) -> None:
        """Answers of ours are told to the observers, without their query."""
        await self.gateway.ask(get("/health?key=canary"))
        await self.gateway.ask(get("/nothing/x"))
        await until(lambda: len(self.gateway.facts) == 2)
        told = [(fact.operation, fact.path, fact.status, fact.error) for fact in self.gateway.facts]
        expected = [("health", "/health", 200, ""), ("nothing", "/nothing/x", 404, "not_found")]
        self.assertEqual(expected, told)


class FastLaneTests(Suite, GatewayTestCase):
    """Straight to the resource."""


class TreeTests(Suite, GatewayTestCase):
    """Through Klein's tree."""

    async def setUp(self) -> None:  # type: ignore[override] # trial awaits it
        self.gateway = await start_gateway(self, fast_lane=False)


class DrainingTests(GatewayTestCase):
    """A gateway that is about to stop."""

    async def test_ready(self) -> None:
        """Readiness is 503, liveness stays 200, and answers end their connections."""
        self.gateway.gateway.announce()
        self.gateway.gateway.drain.state = "unready"
        self.addCleanup(setattr, self.gateway.gateway.drain, "state", "serving")
        ready = await self.gateway.ask(get("/health/ready").replace(b"Connection: close\r\n", b""))
        self.assertEqual(503, status_of(ready))
        self.assertIn(b"connection: close", ready.lower())
        live = await self.gateway.ask(get("/health/live"))
        self.assertEqual(200, status_of(live))
        chat = post("/v1/chat/completions", BODY, headers=DEMO, close=False)
        answer = await self.gateway.ask(chat)
        self.assertEqual(200, status_of(answer))
        self.assertIn(b"connection: close", answer.lower())


class RememberedTests(GatewayTestCase):
    """Targets that were taken apart before."""

    async def test_bounded(self) -> None:
        """However many paths there are, few are remembered, and none with a query."""
        site = self.gateway.gateway.site
        for number in range(1500):
            site.find(b"/v1/files/%d" % number)
            site.find(b"/v1/files?%d" % number)
        self.assertLessEqual(len(site._targets), 1024)
        self.assertFalse([raw for raw in site._targets if b"?" in raw])


class KeptTests(GatewayTestCase):
    async def test_both_lanes(self) -> None:
        """What a door keeps is read and deleted without /v1 too, in either lane."""
        toml = '[providers.local]\nbase_url = "{demo}/v1"\ndialect = ["openai", "responses"]\n'
        for fast in (True, False):
            gateway = await start_gateway(self, toml, fast_lane=fast)
            for method in ("GET", "DELETE"):
                for path in (
                    "/responses/resp_1",
                    "/v1/responses/resp_1",
                    "/local/v1/responses/resp_1",
                ):
                    answer = await gateway.ask(get(path, method, "x-provider: local"))
                    self.assertIn(b"x-magicgateway-provider: local", answer, (method, path))
            self.assertEqual({"/v1/responses/resp_1"}, {one.target for one in gateway.demo.journal})
            self.assertEqual(6, len(gateway.demo.journal))
