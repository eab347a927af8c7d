"""Who may read /metrics, and the tree of a listener of its own for it."""

from __future__ import annotations

from tests.gateway import GatewayTestCase, post, start_gateway
from tests.serving.test_channel import code_of, status_of
from tests.serving.test_site import get


class MetricsTests(GatewayTestCase):
    async def test_here(self) -> None:
        """Peers on loopback may read them, unless a proxy says that it speaks for somebody."""
        answer = await self.gateway.ask(get("/metrics"))
        self.assertTrue(answer.endswith(b"\r\n\r\n# metrics\n"), answer)
        self.assertIn(b"content-type: text/plain; version=0.0.4", answer.lower())
        for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
            answer = await self.gateway.ask(get("/metrics", "GET", f"{name}: for=1.2.3.4"))
            self.assertEqual((404, "not_found"), (status_of(answer), code_of(answer)), name)

    async def test_elsewhere(self) -> None:
        """With a listener of their own they are there, and nothing else is."""
        gateway = await start_gateway(self, '[metrics]\nlisten = "tcp:0:interface=127.0.0.1"\n')
        answer = await gateway.ask(get("/metrics"))
        self.assertEqual(404, status_of(answer))
        port = gateway.gateway.metrics_listeners.ports()[0]
        gateway.gateway.listeners, own = (
            gateway.gateway.metrics_listeners,
            gateway.gateway.listeners,
        )
        self.assertEqual(port, gateway.port)
        try:
            for path, status in (("/metrics", 200), ("/health", 404), ("/", 404)):
                self.assertEqual(status, status_of(await gateway.ask(get(path))), path)
            refused = await gateway.ask(get("/metrics", "DELETE"))
            self.assertEqual((405, "method_not_allowed"), (status_of(refused), code_of(refused)))
            self.assertEqual(404, status_of(await gateway.ask(post("/v1/chat/completions", b"{}"))))
        finally:
            gateway.gateway.listeners = own
