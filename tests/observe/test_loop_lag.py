from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.observe.loop_lag import LoopLag


class LoopLagTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.lag = LoopLag(self.clock)

    def test_on_time(self) -> None:
        """A loop that turns on time has no lag."""
        self.lag.start()
        self.clock.pump([0.1] * 50)
        self.assertEqual(
            (0.0, 0, 0.0), (round(self.lag.last, 9), self.lag.stalls, round(self.lag.max, 9))
        )

    def test_late(self) -> None:
        """The lag is what a tick came too late; from 50 ms on it is a stall."""
        self.lag.start()
        self.clock.advance(0.14)
        self.assertAlmostEqual(0.04, self.lag.last)
        self.assertEqual(0, self.lag.stalls)
        self.clock.advance(0.16)
        self.assertAlmostEqual(0.06, self.lag.last)
        self.assertEqual(1, self.lag.stalls)
        self.clock.advance(0.1)
        self.assertAlmostEqual(0.0, self.lag.last)
        self.assertAlmostEqual(0.06, self.lag.max)

    def test_the_worst_is_remembered(self) -> None:
        """The worst tick is seen for at least a minute and at most two."""
        self.lag.start()
        self.clock.advance(1.1)
        for _ in range(590):
            self.clock.advance(0.1)
        self.assertAlmostEqual(1.0, self.lag.max)
        for _ in range(1210):
            self.clock.advance(0.1)
        self.assertAlmostEqual(0.0, self.lag.max)
        self.assertEqual(1, self.lag.stalls)

    def test_a_clock_set_back(self) -> None:
        """A clock that jumps back shows no negative lag."""
        self.lag.start()
        call = self.clock.getDelayedCalls()[0]
        self.clock.rightNow -= 3600
        call.reset(0)
        self.clock.advance(0)
        self.assertEqual(0.0, self.lag.last)

    def test_start_and_stop(self) -> None:
        """Both may be called at any time; nothing is left behind."""
        self.lag.stop()
        self.lag.start()
        self.lag.start()
        self.assertEqual(1, len(self.clock.getDelayedCalls()))
        self.clock.advance(0.2)
        self.lag.stop()
        self.lag.stop()
        self.assertEqual([], self.clock.getDelayedCalls())
        self.assertEqual(1, self.lag.stalls)
