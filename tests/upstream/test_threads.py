"""Threads of our own."""

from __future__ import annotations

import threading
from typing import Any

from twisted.trial.unittest import TestCase

from magicgateway.upstream.threads import Threads
from tests.sockets import until

NAME = "magicgateway-test"


def running() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if NAME in thread.name]


class ThreadsTests(TestCase):
    """Calls that block."""

    def setUp(self) -> None:
        from twisted.internet import reactor  # noqa: PLC0415 - importing must not install it

        self.threads = Threads(reactor, NAME, 2)
        self.gate = threading.Event()
        self.addCleanup(self.let_go)

    async def let_go(self) -> None:
        self.gate.set()
        self.threads.stop()
        await until(lambda: not running())

    async def test_result(self) -> None:
        """What a call gives comes back in the reactor's thread; it ran in another."""
        self.assertEqual([], running())
        thread = await self.threads.run(threading.current_thread)
        self.assertIn(NAME, thread.name)
        self.assertTrue(thread.daemon)
        self.assertEqual(7, await self.threads.run(max, 3, 7))

    async def test_error(self) -> None:
        """What a call raises comes back too."""
        await self.assertFailure(self.threads.run(int, "x"), ValueError)

    async def test_bounded(self) -> None:
        """Further calls wait for a free thread and are made then."""
        started: list[int] = []

        def call(number: int) -> int:
            started.append(number)
            self.gate.wait(10)
            return number

        waiting: list[Any] = [self.threads.run(call, number) for number in range(4)]
        await until(lambda: len(started) == 2)
        self.assertEqual(2, len(running()))
        self.gate.set()
        self.assertEqual([0, 1, 2, 3], [await done for done in waiting])

    async def test_stop(self) -> None:
        """Stopping does not wait for a stuck call, and may come twice or before any call."""
        Threads(None, NAME, 1).stop()
        stuck = self.threads.run(self.gate.wait, 10)
        self.threads.stop()
        self.threads.stop()
        self.assertNoResult(stuck)
        self.gate.set()
        self.assertTrue(await stuck)
