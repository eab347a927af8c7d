from __future__ import annotations

import math

from twisted.trial.unittest import SynchronousTestCase

from bench.figures import (
    DIRECT,
    FAILED,
    FIGURES,
    GATEWAY,
    HOLDS,
    KLEIN_TREQ,
    MEASURED,
    MISSED,
    NGINX,
    NOT_MEASURED,
    Bar,
    Figure,
    Round,
    cpu_us,
    duration_ms,
    kib_per_unit,
    mib,
    p50_us,
    p99_us,
    stall_ms,
)
from bench.jobs import Outcome

CPU = Figure("requests", "cpu", "µs", cpu_us, Bar(3.0, NGINX), "")
TURNED = Figure("requests", "cpu", "µs", cpu_us, Bar(6.0, KLEIN_TREQ, turned=True), "")
STALL = Figure("upload", "stall", "ms", stall_ms, Bar(50.0), "")
ADDED = Figure("first-event", "p50", "µs", p50_us, Bar(3.0, NGINX), "", added=True)


def cpu(**micros: float) -> Round:
    """A round in which each contender used so many microseconds per request."""
    return {"requests": {name: Outcome(1, cpu_seconds=us / 1e6) for name, us in micros.items()}}


def latency(**millis: float) -> Round:
    """A round in which each contender's first events all took so many milliseconds."""
    return {"first-event": {name: Outcome(1, latencies_ms=[ms]) for name, ms in millis.items()}}


class ValueTests(SynchronousTestCase):
    """From an outcome to a value."""

    def test_table(self) -> None:
        """Each value is in the unit that its row shows."""
        outcome = Outcome(
            units=4000,
            seconds=0.5,
            cpu_seconds=0.2,
            rss_kib=64_000,
            stall_ms=12.5,
            latencies_ms=[0.2, 0.4, 0.6],
        )
        for expected, value in (
            (50.0, cpu_us),
            (400.0, p50_us),
            (600.0, p99_us),
            (16.0, kib_per_unit),
            (62.5, mib),
            (12.5, stall_ms),
            (500.0, duration_ms),
        ):
            self.assertAlmostEqual(expected, value(outcome), msg=value.__name__)

    def test_no_units(self) -> None:
        """Nothing done is no figure, rather than a very good one."""
        self.assertTrue(math.isnan(cpu_us(Outcome(cpu_seconds=1))))
        self.assertFalse(Bar(3.0).holds(kib_per_unit(Outcome())))


class FigureTests(SynchronousTestCase):
    """Medians, ratios and verdicts."""

    def test_ratio_and_verdict(self) -> None:
        """A bar holds when it is just reached, whichever way it looks."""
        for figure, ratio, verdict, rounds in (
            (CPU, 3.0, HOLDS, [cpu(gateway=120, nginx=40)]),
            (CPU, 3.1, MISSED, [cpu(gateway=124, nginx=40)]),
            (TURNED, 6.0, HOLDS, [cpu(gateway=100, klein_treq=600)]),
            (TURNED, 5.9, MISSED, [cpu(gateway=100, klein_treq=590)]),
            (ADDED, 2.0, HOLDS, [latency(gateway=0.7, nginx=0.5, direct=0.3)]),
            (ADDED, 4.0, MISSED, [latency(gateway=1.1, nginx=0.5, direct=0.3)]),
        ):
            self.assertAlmostEqual(ratio, figure.ratio(rounds) or 0.0, msg=f"{ratio}")
            self.assertEqual(verdict, figure.verdict(rounds), ratio)

    def test_median_of_rounds(self) -> None:
        """One bad round of five changes nothing."""
        rounds = [cpu(gateway=us, nginx=40) for us in (100, 104, 900, 96, 92)]
        self.assertAlmostEqual(100.0, CPU.median(rounds, GATEWAY) or 0.0)
        self.assertAlmostEqual(2.5, CPU.ratio(rounds) or 0.0)
        self.assertEqual(HOLDS, CPU.verdict(rounds))

    def test_slow_machine(self) -> None:
        """Those who ran together are compared, so a round on a slow machine does not count."""
        rounds = [cpu(gateway=80 * slow, nginx=40 * slow) for slow in (1, 2, 3, 1.5, 1)]
        for ratio in CPU.ratios(rounds):
            self.assertAlmostEqual(2.0, ratio)

    def test_absolute(self) -> None:
        """An absolute bar looks at the gateway alone and has no ratio."""
        for verdict, stall in ((HOLDS, 50.0), (MISSED, 50.1)):
            rounds: list[Round] = [{"upload": {GATEWAY: Outcome(1, stall_ms=stall)}}]
            self.assertEqual(verdict, STALL.verdict(rounds))
            self.assertIsNone(STALL.ratio(rounds))

    def test_one_side_missing(self) -> None:
        """Without the gateway, or without whom it is compared with, there is no verdict."""
        broken = {"requests": {GATEWAY: Outcome(1, cpu_seconds=1), NGINX: Outcome(failure="x")}}
        for figure, rounds in (
            (CPU, [cpu(nginx=40)]),
            (CPU, [cpu(gateway=40)]),
            (CPU, [broken]),
            (CPU, [{}]),
            (CPU, []),
            (STALL, [{}]),
            (ADDED, [latency(gateway=1, nginx=0.5)]),
        ):
            self.assertEqual(NOT_MEASURED, figure.verdict(rounds))

    def test_nothing_added(self) -> None:
        """A round in which nginx adds nothing counts against a gateway that does add."""
        bad = latency(gateway=0.5, nginx=0.3, direct=0.3)
        good = latency(gateway=0.5, nginx=0.4, direct=0.3)
        self.assertEqual([math.inf, 2.0], [round(ratio, 6) for ratio in ADDED.ratios([bad, good])])
        self.assertEqual(MISSED, ADDED.verdict([bad, good, bad]))
        self.assertEqual(HOLDS, ADDED.verdict([good, good, bad]))
        nothing = latency(gateway=0.3, nginx=0.3, direct=0.3)
        self.assertEqual(NOT_MEASURED, ADDED.verdict([nothing]))

    def test_failed(self) -> None:
        """A gateway that failed in one round has failed, however fast it was in the others."""
        good = cpu(gateway=40, nginx=40)
        bad = {"requests": {GATEWAY: Outcome(1, failure="broke"), NGINX: Outcome(1)}}
        self.assertEqual(FAILED, CPU.verdict([good, bad, good]))
        self.assertEqual(HOLDS, CPU.verdict([good, good]))


class CatalogueTests(SynchronousTestCase):
    """The rows of the table."""

    def test_measured(self) -> None:
        """Every row has a measurement, of the gateway and of whom it is compared with."""
        for figure in FIGURES:
            names = MEASURED[figure.measurement]
            needed = {GATEWAY, figure.bar.against or GATEWAY} | (
                {DIRECT} if figure.added else set()
            )
            self.assertEqual(set(), needed - set(names), figure.title)
        self.assertEqual(set(MEASURED), {figure.measurement for figure in FIGURES})

    def test_bars(self) -> None:
        """The bars are those that were promised."""
        self.assertEqual(
            "3.0 nginx, 6.0 klein_treq, 4.0 nginx, 2.5 nginx, 3.0 nginx, 3.0 nginx, 16.0 , 2.0 , "
            "50.0 , 50.0 , 5.0 nginx, 5.0 nginx, 5.0 nginx, 7.5 nginx, 10.0 nginx, 50.0 , 50.0 , "
            "3.5 import",
            ", ".join(f"{figure.bar.limit} {figure.bar.against}" for figure in FIGURES),
        )
