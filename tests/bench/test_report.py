from __future__ import annotations

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from bench.figures import DIRECT, GATEWAY, IMPORT, KLEIN_TREQ, NGINX, Round
from bench.jobs import Outcome
from bench.report import all_hold, as_data, number, remarks, report


def request_round(gateway: float, nginx: float, klein: float) -> Round:
    """A round of ``requests``, in microseconds each."""
    used = {GATEWAY: gateway, NGINX: nginx, KLEIN_TREQ: klein}
    return {
        "requests": {
            name: Outcome(1000, seconds=1, cpu_seconds=us / 1000) for name, us in used.items()
        }
    }


ROUNDS = [request_round(80, 40, 1200), request_round(90, 40, 1300), request_round(100, 40, 1400)]
START_UP: Round = {
    "start-up": {GATEWAY: Outcome(1, seconds=0.6), IMPORT: Outcome(1, seconds=0.2)},
}


class ReportTests(SynchronousTestCase):
    """What is printed."""

    def test_whole(self) -> None:
        """The machine, one table with a line for each figure, and nothing else if all is well."""
        told = report(ROUNDS, {"cores": "2 (a chip)", "Twisted": "26"}, {})
        self.assertEqual(
            """\
Medians of 3 rounds; cores 2 (a chip), Twisted 26.

| figure | bar | gateway | nginx | Klein + treq | ratio | verdict |
| --- | --- | --- | --- | --- | --- | --- |
| CPU per pass-through request (500 B in, 500 B out, 32 connections) | ≤ 3.0 x nginx \
| 90.0 µs | 40.0 µs | 1300 µs | 2.25 (2.00-2.50) | holds |
| the same beside Klein + treq | ≥ 6 x less than Klein + treq \
| 90.0 µs | 40.0 µs | 1300 µs | 14.44 (14.00-15.00) | holds |
""",
            told,
        )

    def test_absent(self) -> None:
        """Who could not run is named with the reason, and its cells are empty."""
        told = report([{"upload": {}}], {}, {NGINX: "it is not installed"})
        self.assertIn("| - | - | - | - | not measured |", told)
        self.assertIn("- nginx could not run: it is not installed.", told)

    def test_baseline(self) -> None:
        """The bar shows what it multiplies where the table has no column for that."""
        self.assertIn("(200 ms) | 600 ms | - | - | 3.00 | holds |", report([START_UP], {}, {}))

    def test_all_hold(self) -> None:
        """One missed or missing figure is enough for the exit status."""
        self.assertTrue(all_hold(ROUNDS))
        self.assertFalse(all_hold([request_round(200, 40, 2000)]))
        self.assertFalse(all_hold([{**ROUNDS[0], "upload": {}}]))


class RemarkTests(SynchronousTestCase):
    """What a reader has to know beside the figures."""

    def test_quiet(self) -> None:
        """An undisturbed run needs no words."""
        self.assertEqual([], remarks(ROUNDS))

    def test_table(self) -> None:
        """Failures and disturbances are told with the measurement and the contender."""
        for expected, measurement, outcome in (
            ("failed in 1 of 1 rounds: it broke", "requests", Outcome(failure="it broke")),
            (
                "it waited for its core 5% of the time",
                "events",
                Outcome(1, seconds=2, cpu_seconds=1, waited_seconds=0.1),
            ),
            (
                "the load itself was 12.0 ms late",
                "json-body",
                Outcome(1, seconds=2, cpu_seconds=1, own_lag_ms=12),
            ),
            (
                "7 connections were opened again",
                "requests",
                Outcome(1, seconds=2, cpu_seconds=1, reconnects=7),
            ),
        ):
            self.assertEqual(
                [f"{measurement}, nginx: {expected}"], remarks([{measurement: {NGINX: outcome}}])
            )

    def test_first_event(self) -> None:
        """The load is told, and what there is without a proxy; a full load core is, too."""
        load = "half load was 150 streams per second, without a proxy 50%: 250 µs, 99%: 250 µs"
        outcome = Outcome(300, 2.0, 1.0, load_seconds=1.98, latencies_ms=[0.25] * 300)
        self.assertEqual(
            [
                "first-event, direct: the load's core was busy 99% of the time",
                f"first-event: {load}",
            ],
            remarks([{"first-event": {DIRECT: outcome}}]),
        )


class DataTests(SynchronousTestCase):
    """The same for machines."""

    def test_json(self) -> None:
        """It can be written as JSON and holds the rows and every outcome."""
        told = msgspec.json.decode(msgspec.json.encode(as_data(ROUNDS, {"cores": "2"}, {})))
        self.assertEqual((2, 3), (len(told["figures"]), len(told["rounds"])))
        self.assertEqual("holds", told["figures"][0]["verdict"])
        self.assertEqual(1000, told["rounds"][0]["requests"]["gateway"]["units"])

    def test_number(self) -> None:
        """Numbers have about three digits."""
        for expected, value in (
            ("0.00", 0.0),
            ("1.23", 1.234),
            ("12.3", 12.34),
            ("123", 123.4),
            ("12345", 12345.4),
            ("-12.0", -12.0),
        ):
            self.assertEqual(expected, number(value))
