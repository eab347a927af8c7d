"""A caller that leaves while nobody reads from it."""

from __future__ import annotations

import socket

from tests.gateway import GatewayTestCase, until


class PresenceTests(GatewayTestCase):
    async def test_leaves_unread(self) -> None:
        """The connection is found closed within moments, although nothing is read from it."""
        with socket.create_connection(("127.0.0.1", self.gateway.port)) as caller:
            await until(lambda: bool(self.gateway.gateway.site.channels))
            (channel,) = self.gateway.gateway.site.channels
            channel.pause_reading()
            caller.sendall(b"GET /health HTTP/1.1\r\n")
        await until(lambda: not self.gateway.gateway.site.channels)
        self.assertEqual(0, len(self.gateway.gateway.site.presence))

    async def test_stays(self) -> None:
        """Whoever is still there is left alone, and read from again."""
        with socket.create_connection(("127.0.0.1", self.gateway.port)) as caller:
            await until(lambda: bool(self.gateway.gateway.site.channels))
            (channel,) = self.gateway.gateway.site.channels
            channel.pause_reading()
            channel._presence.tick(0.0)
            self.assertIn(channel, self.gateway.gateway.site.channels)
            channel.resume_reading()
            caller.sendall(b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n")
            await until(lambda: bool(self.gateway.facts))
        self.assertEqual(200, self.gateway.facts[0].status)
