"""Whole answers, against providers that follow scripts."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.internet.defer import CancelledError, Deferred

from magicgateway.errors import UpstreamError
from magicgateway.serving.collecting import WholeAnswer, collect
from magicgateway.upstream.attempt import OutgoingRequest
from magicgateway.upstream.pool import Origin
from tests.gateway import GatewayTestCase, until
from tests.sockets import Peer, ScriptedServer

HEAD = b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nX-Name: A\r\nx-name: b\r\n\r\n"
REQUEST = b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"


class CollectTests(GatewayTestCase):
    def collect(self, script: Any, limit: int = 100, **seconds: float) -> Deferred[WholeAnswer]:
        server = ScriptedServer(script)
        self.addCleanup(server.stop)
        plane = self.gateway.gateway.plane
        timeouts = evolve(plane.settings.timeouts, **seconds)
        origin = Origin("http", "127.0.0.1", server.port)
        return collect(plane, OutgoingRequest(origin, [REQUEST]), timeouts, limit)

    async def fault(self, script: Any, limit: int = 100, **seconds: float) -> str:
        try:
            await self.collect(script, limit, **seconds)
        except UpstreamError as error:
            return error.code
        raise AssertionError("there was an answer")

    async def test_whole(self) -> None:
        """Any status comes with its fields and all of its body."""
        for status, body in ((200, b"x" * 100), (503, b"no"), (404, b"")):
            whole = await self.collect([HEAD % (status, len(body)) + body])
            self.assertEqual((status, body, 1), (whole.head.status, whole.body, whole.attempts))
            self.assertEqual("b", whole.fields["x-name"])
        self.assertEqual(0, len(self.gateway.gateway.plane.sweeper))

    async def test_again(self) -> None:
        """How often was asked is told."""
        whole = await self.collect([HEAD % (200, 1) + b"a", "close"])
        self.assertEqual(1, whole.attempts)

    async def test_broken(self) -> None:
        """An answer that does not come, or not to its end, or is too large."""
        self.assertEqual("upstream_closed", await self.fault(["close"]))
        self.assertEqual("upstream_truncated", await self.fault([HEAD % (200, 9) + b"x", "close"]))
        large = HEAD % (200, 200) + b"x" * 200
        self.assertEqual("upstream_malformed", await self.fault([large]))
        self.assertEqual(0, len(self.gateway.gateway.plane.sweeper))

    async def test_slow(self) -> None:
        """An answer that falls silent, or takes longer than it may in all."""

        def silent(peer: Peer) -> None:
            peer.read_request()
            peer.send(HEAD % (200, 9) + b"x")
            peer.read_to_end()

        self.assertEqual("idle_timeout", await self.fault(silent, idle=0.1))
        self.assertEqual("total_timeout", await self.fault(silent, total=0.1))

    async def test_cancelled(self) -> None:
        """Whenever nobody wants it any more, the connection is closed."""
        begun = HEAD % (200, 9) + b"x"
        sweeper = self.gateway.gateway.plane.sweeper
        for answer in (b"", begun):
            ends: list[str] = []

            def script(peer: Peer, answer: bytes = answer, ends: list[str] = ends) -> None:
                peer.read_request()
                peer.send(answer)
                ends.append("begun")
                peer.read_to_end()
                ends.append(peer.end)

            asking = self.collect(script)
            await until(lambda ends=ends: bool(ends))  # type: ignore[misc]
            if answer:
                await until(lambda: any(hasattr(one, "_head") for one in sweeper._watched))
            asking.cancel()
            with self.assertRaises(CancelledError):
                await asking
            await until(lambda ends=ends: len(ends) == 2)  # type: ignore[misc]
        self.assertEqual(0, len(self.gateway.gateway.plane.sweeper))
