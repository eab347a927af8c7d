"""The drain as a playbook: what happens at which second."""

from __future__ import annotations

import signal
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.serving.drain import (
    CLOSING,
    FLUSH_SECONDS,
    INTERRUPTING,
    SERVING,
    STOPPED,
    UNREADY,
    Drain,
)


class Recorded:
    """What is drained; it writes down what it is told, and its connections leave on request."""

    def __init__(self, connections: int) -> None:
        self.connections = connections
        self.told: list[str] = []

    def announce(self) -> None:
        self.told.append("announce")

    def close_listeners(self) -> None:
        self.told.append("close")

    def busy(self) -> int:
        return self.connections

    def interrupt(self) -> None:
        self.told.append("interrupt")

    def abort(self) -> None:
        self.told.append("abort")


class SignalClock(Clock):
    """A clock that takes calls from signal handlers as a reactor does."""

    def callFromThread(self, call: Any, *args: Any) -> None:
        self.callLater(0, call, *args)


class DrainTestCase(SynchronousTestCase):
    """A drain and what is drained."""

    def setUp(self) -> None:
        self.clock = SignalClock()

    def drain(self, connections: int, *, unready: float = 0.0, grace: float = 30.0) -> Drain:
        """A drain that writes ``stop`` as its last word."""
        self.drained = Recorded(connections)
        return Drain(
            self.clock,
            self.drained,
            unready_seconds=unready,
            drain_seconds=grace,
            stop=lambda: self.drained.told.append("stop"),
        )


class PlaybookTests(DrainTestCase):
    """From the first signal to the end."""

    def test_nobody_there(self) -> None:
        """Without connections the process ends at once, by the same steps."""
        drain = self.drain(0)
        self.assertEqual(SERVING, drain.state)
        drain.begin()
        self.assertEqual(STOPPED, drain.state)
        self.assertEqual(["announce", "close", "abort", "stop"], self.drained.told)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_unready_first(self) -> None:
        """Listeners stay open for ``unready_seconds``, also when nobody is there."""
        drain = self.drain(0, unready=5)
        drain.begin()
        self.clock.advance(4.9)
        self.assertEqual(UNREADY, drain.state)
        self.assertEqual(["announce"], self.drained.told)
        self.clock.advance(0.2)
        self.assertEqual(["announce", "close", "abort", "stop"], self.drained.told)

    def test_the_last_one_leaves(self) -> None:
        """The process ends as soon as the last connection is gone."""
        drain = self.drain(2)
        drain.begin()
        self.clock.pump([0.05] * 100)
        self.assertEqual(CLOSING, drain.state)
        self.drained.connections = 0
        self.clock.advance(0.05)
        self.assertEqual(STOPPED, drain.state)
        self.assertEqual(["announce", "close", "abort", "stop"], self.drained.told)

    def test_grace_is_over(self) -> None:
        """After ``drain_seconds``, counted from the closing, whoever is left is told the end."""
        drain = self.drain(1, unready=2, grace=3)
        drain.begin()
        self.clock.pump([0.05] * 98)
        self.assertEqual(["announce", "close"], self.drained.told)
        self.clock.pump([0.05] * 4)
        self.assertEqual(INTERRUPTING, drain.state)
        self.assertEqual(["announce", "close", "interrupt"], self.drained.told)
        self.drained.connections = 0
        self.clock.advance(0.05)
        self.assertEqual(["announce", "close", "interrupt", "abort", "stop"], self.drained.told)

    def test_who_does_not_read(self) -> None:
        """A connection that takes not even its last bytes ends with the flush time."""
        drain = self.drain(1, grace=0)
        drain.begin()
        self.assertEqual(INTERRUPTING, drain.state)
        self.clock.pump([0.05] * int(FLUSH_SECONDS / 0.05 - 1))
        self.assertEqual(INTERRUPTING, drain.state)
        self.clock.pump([0.05] * 2)
        self.assertEqual(["announce", "close", "interrupt", "abort", "stop"], self.drained.told)
        self.assertEqual([], self.clock.getDelayedCalls())


class SecondSignalTests(DrainTestCase):
    """A second signal, at any moment, ends it at once."""

    def test_while_unready(self) -> None:
        """It cuts the time with open listeners short."""
        drain = self.drain(3, unready=5)
        drain.begin()
        drain.begin()
        self.assertEqual(["announce", "abort", "stop"], self.drained.told)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_while_closing(self) -> None:
        """It cuts running requests off."""
        drain = self.drain(3)
        drain.begin()
        self.clock.advance(1)
        drain.begin()
        self.assertEqual(["announce", "close", "abort", "stop"], self.drained.told)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_third(self) -> None:
        """A third one changes nothing any more."""
        drain = self.drain(3)
        for _ in range(3):
            drain.begin()
        self.assertEqual(1, self.drained.told.count("stop"))

    def test_stopped_from_outside(self) -> None:
        """When the service is stopped otherwise, no timer is left and a signal does nothing."""
        drain = self.drain(3, unready=5)
        drain.begin()
        drain.stopService()
        self.assertEqual([], self.clock.getDelayedCalls())
        drain.begin()
        self.assertEqual(["announce"], self.drained.told)

    def test_stopped_while_serving(self) -> None:
        """Stopping a service that never drained is nothing special."""
        drain = self.drain(0)
        drain.startService()
        drain.stopService()
        self.assertEqual(STOPPED, drain.state)


class SignalTests(DrainTestCase):
    """Which signals mean what."""

    def setUp(self) -> None:
        super().setUp()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
            self.addCleanup(signal.signal, number, signal.getsignal(number))

    def test_term_and_int(self) -> None:
        """SIGTERM begins to drain; a SIGINT after it counts as the second signal."""
        drain = self.drain(1)
        drain.watch_signals(lambda: None)
        signal.raise_signal(signal.SIGTERM)
        self.assertEqual(SERVING, drain.state)  # not inside the interrupted code
        self.clock.advance(0)
        self.assertEqual(CLOSING, drain.state)
        signal.raise_signal(signal.SIGINT)
        self.clock.advance(0)
        self.assertEqual(STOPPED, drain.state)

    def test_hangup(self) -> None:
        """SIGHUP ends nothing."""
        drain = self.drain(1)
        drain.watch_signals(lambda: None)
        signal.raise_signal(signal.SIGHUP)
        self.clock.advance(0)
        self.assertEqual(SERVING, drain.state)
        self.assertEqual([], self.drained.told)

    def test_reopen(self) -> None:
        """SIGUSR1 ends nothing, and has the log reopened, not inside the interrupted code."""
        drain = self.drain(1)
        drain.watch_signals(lambda: self.drained.told.append("reopen"))
        signal.raise_signal(signal.SIGUSR1)
        self.assertEqual([], self.drained.told)
        self.clock.advance(0)
        self.assertEqual((SERVING, ["reopen"]), (drain.state, self.drained.told))
