from __future__ import annotations

from itertools import pairwise

from twisted.trial.unittest import SynchronousTestCase

from bench.figures import MEASURED
from bench.jobs import Job, Outcome
from bench.load import MODES
from bench.load_streams import GAP_SECONDS, opening_offset
from bench.paces import FULL, QUICK, Pace, half_load


def job(pace: Pace, measurement: str) -> Job:
    """One job against nobody."""
    return pace.job(measurement, port=1, headers={}, watch=[2], load=[3], rate=4.0)


def whole(pace: Pace, measurement: str) -> float:
    """Seconds of all slices of a measurement."""
    return job(pace, measurement).seconds * pace.parts(measurement)


class PaceTests(SynchronousTestCase):
    """From a measurement to a job."""

    def test_every_measurement(self) -> None:
        """Each measurement that is a load has a mode that the load process knows."""
        for measurement in {*MEASURED, "trial"} - {"start-up"}:
            self.assertIn(job(FULL, measurement).mode, MODES)

    def test_counts(self) -> None:
        """The full run measures what the bars are about, and so does the quick one."""
        for expected, measurement in ((32, "requests"), (200, "events"), (4000, "idle-streams")):
            for pace in (FULL, QUICK):
                self.assertEqual(expected, job(pace, measurement).count)

    def test_quick(self) -> None:
        """The quick run is never longer."""
        for measurement in set(MEASURED) - {"start-up"}:
            self.assertLess(whole(QUICK, measurement), whole(FULL, measurement))

    def test_slices(self) -> None:
        """Compared figures fall into slices, of which only the first has the whole warm-up."""
        self.assertEqual((6, 1), (FULL.parts("requests"), FULL.parts("slow-reader")))
        self.assertEqual(0.5, job(FULL, "requests").seconds)
        again = FULL.job(
            "requests", port=1, headers={}, watch=[2], load=[3], again=True
        ).warm_seconds
        self.assertEqual((1.0, 0.3), (job(FULL, "requests").warm_seconds, again))


class HalfLoadTests(SynchronousTestCase):
    """How many streams per second half a load is."""

    def test_busier_core(self) -> None:
        """The busier of the two cores is half busy, whichever that is."""
        for expected, contender, load in ((2000.0, 0.25, 0.1), (1250.0, 0.1, 0.4)):
            trial = Outcome(1000, seconds=1, cpu_seconds=contender, load_seconds=load)
            self.assertAlmostEqual(expected, half_load(trial))


class OpeningTests(SynchronousTestCase):
    """When the streams of the event load are opened."""

    def test_beats(self) -> None:
        """No two of 200 streams have their events at the same moment."""
        phases = sorted(opening_offset(number, 200, 1.0) % GAP_SECONDS for number in range(200))
        gaps = [after - before for before, after in pairwise(phases)]
        self.assertAlmostEqual(GAP_SECONDS / 200, min(gaps))
        self.assertAlmostEqual(GAP_SECONDS / 200, max(gaps))

    def test_no_burst(self) -> None:
        """Within no gap are more streams opened than their share."""
        offsets = [opening_offset(number, 200, 1.0) for number in range(200)]
        self.assertTrue(0 <= min(offsets) < max(offsets) < 1.0 + GAP_SECONDS)
        beats = [int(offset / GAP_SECONDS) for offset in offsets]
        self.assertEqual(4, max(beats.count(beat) for beat in beats))
