from __future__ import annotations

import math

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from bench.jobs import REQUESTS, Job, Outcome, joined, percentile


class PercentileTests(SynchronousTestCase):
    """The nearest-rank percentile."""

    def test_table(self) -> None:
        """It is the smallest value that the share of all values does not exceed."""
        hundred = [float(number) for number in range(100, 0, -1)]
        for expected, values, share in (
            (50.0, hundred, 0.50),
            (99.0, hundred, 0.99),
            (100.0, hundred, 1.0),
            (1.0, hundred, 0.0),
            (2.0, [3.0, 1.0, 2.0], 0.5),
            (1.0, [2.0, 1.0], 0.5),
            (2.0, [2.0, 1.0], 0.51),
            (7.0, [7.0], 0.99),
        ):
            self.assertEqual(expected, percentile(values, share), (values[:3], share))

    def test_nothing(self) -> None:
        """Nothing has no percentile, and no error either."""
        self.assertTrue(math.isnan(percentile([], 0.5)))

    def test_input_stays(self) -> None:
        """The values keep their order."""
        values = [3.0, 1.0, 2.0]
        percentile(values, 0.5)
        self.assertEqual([3.0, 1.0, 2.0], values)


class JoinedTests(SynchronousTestCase):
    """Slices of one measurement as if they were one."""

    def test_sums(self) -> None:
        """What adds up is added, of what does not the worst is told, and the first fault."""
        first = Outcome(10, 1.0, 0.5, 0.25, 0.5, [1.0], 5.0, 2.0, 0.3, 1)
        second = Outcome(20, 1.5, 1.0, 0.25, 0.5, [2.0, 3.0], 4.0, 7.0, 0.1, 2, "broke")
        third = Outcome(failure="broke again")
        expected = Outcome(30, 2.5, 1.5, 0.5, 1.0, [1.0, 2.0, 3.0], 5.0, 7.0, 0.3, 3, "broke")
        self.assertEqual(expected, joined([first, second, third]))

    def test_one(self) -> None:
        """One slice is the measurement."""
        only = Outcome(10, 1.0, 0.5, 0.1, 0.2, [1.0], 5.0, 2.0, 0.3, 1, "broke")
        self.assertEqual(only, joined([only]))


class TextTests(SynchronousTestCase):
    """Jobs and outcomes as JSON, which is how they go from process to process."""

    def test_job(self) -> None:
        """A job survives the way."""
        job = Job(REQUESTS, 80, {"a": "b"}, [1], [2], 1.5, rate=2.5)
        self.assertEqual(job, msgspec.json.decode(msgspec.json.encode(job), type=Job))

    def test_outcome(self) -> None:
        """An outcome survives the way, and one of nothing is short."""
        outcome = Outcome(units=3, latencies_ms=[1.25, 2.5], failure="x")
        self.assertEqual(outcome, msgspec.json.decode(msgspec.json.encode(outcome), type=Outcome))
        self.assertEqual(b"{}", msgspec.json.encode(Outcome()))
