"""Resource trees of a test's own below the gateway's listening side, on real sockets."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from typing import Any

from attrs import frozen
from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from magicgateway.serving.site import GatewaySite
from tests.gateway import GatewayTestCase, exchange_bytes, until


@frozen
class Answer:
    """What the standard library's client understood."""

    status: int
    reason: str
    fields: Mapping[str, str]
    """By lower-case name; the last one of equal names."""
    body: bytes


class SiteTestCase(GatewayTestCase):
    """A gateway, and beside it any tree behind the same kind of channel."""

    def serve(self, root: Any) -> int:
        """Serve a tree, or any factory, on a port of its own until the test ends."""
        site = root
        if not hasattr(root, "buildProtocol"):
            site = GatewaySite(self.gateway.gateway.plane, root)
        clock: Any = reactor
        port = clock.listenTCP(0, site, interface="127.0.0.1")

        async def stop() -> None:
            await port.stopListening()
            if isinstance(site, GatewaySite):
                site.stop()
                await until(lambda: not site.channels)

        self.addCleanup(stop)
        number: int = port.getHost().port
        return number

    async def raw(self, port: int, request: bytes) -> bytes:
        """Bytes in, bytes out, until the connection ends."""
        answer: bytes = await deferToThread(exchange_bytes, port, request)
        return answer

    async def ask(
        self,
        port: int,
        method: str = "GET",
        path: str = "/",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request of another HTTP implementation than ours and Twisted's."""

        def run() -> Answer:
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            try:
                client.request(method, path, body, dict(headers or {}))
                answer = client.getresponse()
                fields = {name.lower(): value for name, value in answer.getheaders()}
                return Answer(answer.status, answer.reason, fields, answer.read())
            finally:
                client.close()

        found: Answer = await deferToThread(run)
        return found
