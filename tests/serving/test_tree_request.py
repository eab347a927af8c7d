"""The same tree below Twisted's own site and below treq's testing agent."""

from __future__ import annotations

import json
from typing import Any

from treq.testing import StubTreq
from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.threads import deferToThread
from twisted.web.server import Site

from tests.gateway import GatewayTestCase, exchange_bytes, post, until
from tests.serving.test_channel import code_of, status_of

BODY = b'{"model":"demo","messages":[{"role":"user","content":"Hi"}]}'
CHAT = "/v1/chat/completions"


class TraversalTests(GatewayTestCase):
    """treq's testing helpers, which use no sockets."""

    async def test_health(self) -> None:
        """A plain resource answers through ``StubTreq``."""
        stub: Any = StubTreq(self.gateway.gateway.site.resource)
        answer = self.successResultOf(stub.get("http://localhost/health"))
        self.assertEqual(200, answer.code)
        content = self.successResultOf(stub.json_content(answer))
        self.assertEqual("healthy", content["status"])

    async def test_refusal(self) -> None:
        """So does an exchange that ends in an error of ours."""
        for url, status, code in (
            ("http://localhost/v1/chat/completions", 401, "missing_credential"),
            ("http://localhost/v1/files/../x", 400, "bad_path"),
            ("http://localhost/nothing", 404, "not_found"),
        ):
            stub: Any = StubTreq(self.gateway.gateway.site.resource)
            headers = {"content-type": "application/json"}
            asking = stub.post(url, data=BODY, headers=headers)
            stub.flush()
            answer = self.successResultOf(asking)
            reading = stub.json_content(answer)
            stub.flush()
            self.assertEqual(status, answer.code, url)
            self.assertEqual(code, self.successResultOf(reading)["error"]["code"])


class StockSiteTests(GatewayTestCase):
    """``twisted.web.server.Site`` in front of the tree, on a real socket."""

    async def setUp(self) -> None:  # type: ignore[override] # trial awaits it
        await super().setUp()
        clock: Any = reactor
        site = Site(self.gateway.gateway.site.resource)
        endpoint = TCP4ServerEndpoint(clock, 0, interface="127.0.0.1")
        listening: Any = await endpoint.listen(site)
        self.port = listening.getHost().port
        self.addCleanup(listening.stopListening)

    async def ask(self, request: bytes) -> bytes:
        answer: bytes = await deferToThread(exchange_bytes, self.port, request)
        return answer

    async def test_whole_answer(self) -> None:
        """A request is served as by our own site."""
        answer = await self.ask(post(CHAT, BODY, headers={"x-provider": "demo"}))
        self.assertEqual(200, status_of(answer))
        self.assertIn("choices", json.loads(answer.partition(b"\r\n\r\n")[2]))
        self.assertEqual(BODY, self.gateway.demo.journal[0].body)

    async def test_stream(self) -> None:
        """A stream is, too, with its end."""
        body = BODY.replace(b'"demo"', b'"demo","stream":true')
        answer = await self.ask(post(CHAT, body, headers={"x-provider": "demo"}))
        self.assertIn(b"data: [DONE]", answer)
        self.assertTrue(answer.endswith(b"0\r\n\r\n"))

    async def test_upload(self) -> None:
        """So is a body in chunks."""
        head = post("/v1/audio/transcriptions", b"", headers={"x-provider": "demo"})
        head = head.replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
        await self.ask(head + b"5\r\nhello\r\n0\r\n\r\n")
        self.assertEqual(5, self.gateway.demo.journal[0].body_size)

    async def test_errors(self) -> None:
        """Refusals are ours."""
        answer = await self.ask(post("/v1/rerank", BODY, headers={"x-provider": "demo"}))
        self.assertEqual((404, "unsupported_endpoint"), (status_of(answer), code_of(answer)))

    async def test_broken(self) -> None:
        """An answer that cannot be completed ends with its connection."""
        fault = {"x-provider": "demo", "x-demo-fault": "bytes=1000000;cut=500000"}
        answer = await self.ask(post(CHAT, BODY, headers=fault))
        self.assertLess(len(answer), 1_000_000)

    async def test_caller_leaves(self) -> None:
        """A caller that leaves is noticed."""

        def leave() -> None:
            try:
                exchange_bytes(self.port, post(CHAT, BODY, headers=silent), 0.3)
            except TimeoutError:
                return

        silent = {"x-provider": "demo", "x-demo-fault": "silence"}
        await deferToThread(leave)
        await until(lambda: bool(self.gateway.facts))
        self.assertEqual("caller_left", self.gateway.facts[0].outcome)
