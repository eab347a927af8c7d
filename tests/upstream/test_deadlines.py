"""One timer for everything that has deadlines."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.upstream.deadlines import Sweeper


class Item:
    """Something with a deadline."""

    def __init__(self, action: Callable[[], None] = lambda: None) -> None:
        self.ticks: list[float] = []
        self._action = action

    def tick(self, now: float) -> None:
        self.ticks.append(now)
        self._action()


class SweeperTests(SynchronousTestCase):
    """Who is watched is asked regularly, and nobody else."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.sweeper = Sweeper(self.clock, 0.25)

    def test_ticks(self) -> None:
        """Everything watched is told the time once an interval, until it is forgotten."""
        first, second = Item(), Item()
        self.sweeper.watch(first)
        self.clock.advance(0.25)
        self.sweeper.watch(second)
        self.clock.advance(0.25)
        self.sweeper.forget(first)
        self.clock.advance(0.25)
        self.assertEqual(([0.25, 0.5], [0.5, 0.75]), (first.ticks, second.ticks))
        self.assertEqual(1, len(self.sweeper))

    def test_idle(self) -> None:
        """While nothing is watched, no timer runs; forgetting a stranger does no harm."""
        item = Item()
        self.sweeper.watch(item)
        self.sweeper.forget(item)
        self.sweeper.forget(Item())
        self.clock.advance(0.25)
        self.assertEqual([], self.clock.getDelayedCalls())
        self.sweeper.watch(item)
        self.clock.advance(0.25)
        self.assertEqual([0.5], item.ticks)

    def test_forgets_inside(self) -> None:
        """What another's tick forgets in the same sweep is not asked any more."""
        items: list[Item] = []

        def forget_all() -> None:
            for item in items:
                self.sweeper.forget(item)

        items += [Item(forget_all) for _ in range(5)]
        for item in items:
            self.sweeper.watch(item)
        self.clock.advance(0.25)
        self.assertEqual(1, sum(len(item.ticks) for item in items))

    def test_watches_inside(self) -> None:
        """What begins to be watched inside a sweep is asked in the next, with one timer for all."""
        late = Item()
        item = Item(lambda: self.sweeper.watch(late))
        self.sweeper.watch(item)
        self.clock.advance(0.25)
        self.assertEqual(1, len(self.clock.getDelayedCalls()))
        self.clock.advance(0.25)
        self.assertEqual([0.5], late.ticks)

    def test_failure(self) -> None:
        """One that fails is dropped and logged; the clocks of all others go on."""

        def fail() -> None:
            raise ZeroDivisionError

        bad, good = Item(fail), Item()
        self.sweeper.watch(bad)
        self.sweeper.watch(good)
        self.clock.pump([0.25, 0.25])
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))
        self.assertEqual((1, 2), (len(bad.ticks), len(good.ticks)))

    def test_stop(self) -> None:
        """Stopping forgets everything and leaves no timer."""
        self.sweeper.stop()
        self.sweeper.watch(Item())
        self.sweeper.stop()
        self.assertEqual(([], 0), (self.clock.getDelayedCalls(), len(self.sweeper)))
