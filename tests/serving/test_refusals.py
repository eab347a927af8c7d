"""What a connection refuses: everything about which two readers could differ."""

from __future__ import annotations

import socket

from tests.gateway import GatewayTestCase, post, start_gateway, until
from tests.serving.test_channel import BODY, CHAT, DEMO, HEALTH, code_of, status_of


class RefusalTests(GatewayTestCase):
    """What is ambiguous or unwanted gets one clear answer, and the connection ends."""

    async def test_framing(self) -> None:
        """Every kind of doubt about where a body ends."""
        head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nx-provider: demo\r\n%b\r\n"
        old = head.replace(b"HTTP/1.1", b"HTTP/1.0")
        cases = [
            head % b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            head % b"Content-Length: 5\r\nContent-Length: 5\r\n",
            head % b"Content-Length: +5\r\n",
            head % b"Content-Length: 5, 5\r\n",
            head % b"Transfer-Encoding: gzip, chunked\r\n",
            head % b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            old % b"Transfer-Encoding: chunked\r\n",
            head % b"X: a\r\n b\r\n",
            head % b"X: a\x01b\r\n",
            head.replace(b"\r\n", b"\n") % b"",
            head.replace(b"Host: h\r\n", b"") % b"",
            head % b"Host: i\r\n",
            b"CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n",
            b"TRACE / HTTP/1.1\r\nHost: h\r\n\r\n",
            b"GET http://other/health HTTP/1.1\r\nHost: h\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        ]
        for request in cases:
            answer = await self.gateway.ask(request + b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n")
            self.assertIn(status_of(answer), (400, 405), request)
            self.assertEqual(1, answer.count(b"HTTP/1.1 "), request)
            self.assertTrue(code_of(answer))
        self.assertEqual(0, self.gateway.demo.accepted)

    async def test_told(self) -> None:
        """A request that cannot be read has its line in the log, with nothing of what it said."""
        answer = await self.gateway.ask(b"GET /canary-1 HTTP/1.1\r\nX: canary-2\r\n\r\n")
        (fact,) = self.gateway.facts
        self.assertEqual(
            ("", "", 400, "refused", "missing_host", "127.0.0.1"),
            (fact.method, fact.path, fact.status, fact.outcome, fact.error, fact.client),
        )
        self.assertIn(fact.request_id.encode(), answer)
        self.assertEqual(len(answer.partition(b"\r\n\r\n")[2]), fact.response_bytes)
        self.assertNotIn("canary", repr(fact))

    async def test_pages_may_read_it(self) -> None:
        """A page of another origin can read a refusal outside every door, too."""
        answer = await self.gateway.ask(
            b"POST /nowhere HTTP/1.1\r\nHost: h\r\nOrigin: https://a.test\r\n"
            b"Content-Length: 70000\r\n\r\n"
        )
        self.assertEqual(413, status_of(answer))
        self.assertIn(b"access-control-allow-origin: *", answer.lower())

    async def test_bad_chunks(self) -> None:
        """A body whose chunks are malformed is 400, in the door's dialect."""
        head = post(CHAT, b"", headers=DEMO).replace(
            b"Content-Length: 0", b"Transfer-Encoding: chunked"
        )
        for chunks in (
            b"x\r\n", b"-1\r\n", b"0x5\r\nhello\r\n", b"5\nhello\r\n", b"5\r\nhelloX\r\n",
            b"11111111111111111\r\n", b"5;" + b"x" * 2000 + b"\r\n",
        ):  # fmt: skip
            answer = await self.gateway.ask(head + chunks)
            self.assertEqual((400, "bad_chunk"), (status_of(answer), code_of(answer)), chunks)

    async def test_expect(self) -> None:
        """The body is asked for only once everything else is right."""
        expecting = {**DEMO, "Expect": "100-continue"}
        request = post(CHAT, BODY, headers=expecting)
        answer = await self.gateway.ask(request)
        self.assertTrue(answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 "), answer)
        refused = {
            413: post(CHAT, b"", headers=expecting).replace(
                b"Content-Length: 0", b"Content-Length: 99999999999"
            ),
            404: post("/v1/rerank", b"x" * 9, headers={**expecting, "Content-Type": "a/b"}),
            405: post("/v1/models", BODY, headers=expecting),
            417: post(CHAT, BODY, headers={**DEMO, "Expect": "200-ok"}),
        }
        for status, request in refused.items():
            self.assertEqual(status, status_of(await self.gateway.ask(request)))

    async def test_upgrades(self) -> None:
        """An offer of HTTP/2 is declined without losing the body; WebSocket is 501."""
        h2c = {"Connection": "close, Upgrade, HTTP2-Settings", "Upgrade": "h2c", **DEMO}
        answer = await self.gateway.ask(post(CHAT, BODY, headers=h2c))
        self.assertEqual(200, status_of(answer))
        self.assertEqual(BODY, self.gateway.demo.journal[0].body)
        upgrade = b"Connection: Upgrade, close\r\nUpgrade: WebSocket\r\n"
        answer = await self.gateway.ask(
            b"GET /v1/realtime HTTP/1.1\r\nHost: localhost\r\n%b\r\n" % upgrade
        )
        self.assertEqual((501, "websocket_unsupported"), (status_of(answer), code_of(answer)))

    async def test_too_many_connections(self) -> None:
        """Over the cap a connection is told so, and when to come back."""
        gateway = await start_gateway(self, "[server]\nmax_connections = 2\n")
        held = [socket.create_connection(("127.0.0.1", gateway.port)) for _ in range(2)]
        await until(lambda: len(gateway.gateway.site.channels) == 2)
        answer = await gateway.ask(b"")
        self.assertEqual((503, "too_many_connections"), (status_of(answer), code_of(answer)))
        self.assertIn(b"Retry-After: 1", answer)
        for client in held:
            client.close()
        await until(lambda: not gateway.gateway.site.channels)
        self.assertEqual(200, status_of(await gateway.ask(HEALTH % b"Connection: close\r\n")))
