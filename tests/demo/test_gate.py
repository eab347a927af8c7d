from __future__ import annotations

import socket
from functools import partial

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.demo.gate import Gate
from tests.demo.sockets import ProviderTestCase, chat, get, read_to_end, read_until

CLOSE = b"Connection: close"


class GateTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.gate = Gate()
        self.passed: list[str] = []

    def come(self, name: str) -> bool:
        return self.gate.passes(partial(self.passed.append, name))

    def test_order(self) -> None:
        """Who came first passes first, one for each that is released."""
        self.assertFalse(self.come("a") or self.come("b"))
        self.assertEqual(2, self.gate.standing)
        self.gate.release()
        self.assertEqual(["a"], self.passed)
        self.gate.release(2)
        self.assertEqual(["a", "b"], self.passed)
        self.assertEqual((True, False), (self.come("c"), self.come("d")))

    def test_open(self) -> None:
        """An open gate holds nobody, those before it included."""
        self.come("a")
        self.gate.open()
        self.assertEqual(["a"], self.passed)
        self.assertTrue(self.come("b"))

    def test_leave(self) -> None:
        """Who has left takes nobody's place."""
        go_on = partial(self.passed.append, "a")
        self.gate.passes(go_on)
        self.come("b")
        self.gate.leave(go_on)
        self.gate.leave(go_on)
        self.gate.release()
        self.assertEqual(["b"], self.passed)

    def test_arrival(self) -> None:
        """An arrival is told once somebody stands there, at once if somebody does already."""
        first = self.gate.arrival()
        self.assertNoResult(first)
        self.come("a")
        self.successResultOf(first)
        self.successResultOf(self.gate.arrival())


class HeldAnswerTests(ProviderTestCase):
    async def test_step_by_step(self) -> None:
        """Each event, and the end, leaves when it is released and not before."""
        gate = self.provider.hold()
        with await self.in_thread(self.connect) as peer:
            await self.in_thread(peer.sendall, chat("tokens=2", CLOSE, stream=True))
            await gate.arrival()
            head = await self.in_thread(read_until, peer, b"\r\n\r\n")
            self.assertTrue(head.startswith(b"HTTP/1.1 200"))
            entry = self.provider.journal[-1]
            for _ in range(5):  # the role, two tokens, the finish and [DONE]
                before = entry.sent
                gate.release()
                self.assertGreater(entry.sent, before)
                piece = await self.in_thread(read_until, peer, b"\n\n\r\n")
                self.assertEqual(1, piece.count(b"data: "))
                await gate.arrival()
            self.assertFalse(entry.whole)
            gate.release()
            self.assertEqual(b"0\r\n\r\n", await self.in_thread(read_to_end, peer))
            self.assertTrue(entry.whole)

    async def test_peer_leaves(self) -> None:
        """A peer that leaves while it is held stands at the gate no longer."""
        gate = self.provider.hold()
        peer: socket.socket = await self.in_thread(self.connect)
        await self.in_thread(peer.sendall, chat(stream=True))
        await gate.arrival()
        self.assertEqual(1, gate.standing)
        peer.close()
        await self.until(lambda: not gate.standing)
        self.assertIsNotNone(self.provider.journal[-1].left_at)

    async def test_what_is_no_stream(self) -> None:
        """Whole answers, and what is refused, are never held; nor is an answer once it is open."""
        gate = self.provider.hold()
        for request in (chat("", CLOSE), get("/nothing", CLOSE)):
            answer = await self.in_thread(self.exchange, request)
            self.assertIn(b"}", answer)
        gate.open()
        answer = await self.in_thread(self.exchange, chat("", CLOSE, stream=True))
        self.assertTrue(answer.endswith(b"0\r\n\r\n"))
