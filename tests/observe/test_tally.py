from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.observe.metric_names import DURATION_MS
from magicgateway.observe.tally import Distribution, Family, Tally, families


def named(found: list[Family]) -> dict[str, Family]:
    return {family.metric.name: family for family in found}


class FamiliesTests(SynchronousTestCase):
    def test_nothing(self) -> None:
        """Without exchanges every family is there, and empty."""
        found = families([])
        self.assertEqual(7, len(found))
        self.assertFalse(any(family.samples or family.distributions for family in found))

    def test_sums(self) -> None:
        """Tallies that differ only in labels a metric lacks are one sample of it."""
        one = Tally("p", "chat/completions", "m", "2xx", "completed", requests=2, input_tokens=5)
        two = Tally("p", "chat/completions", "m", "5xx", "completed", requests=3, input_tokens=6)
        found = named(families([one, two]))
        self.assertEqual(
            [
                (("p", "chat/completions", "m", "2xx", "completed"), 2.0),
                (("p", "chat/completions", "m", "5xx", "completed"), 3.0),
            ],
            found["magicgateway_requests"].samples,
        )
        self.assertEqual(
            [(("p", "chat/completions", "m", "input"), 11.0)], found["magicgateway_tokens"].samples
        )

    def test_operations_with_one_name(self) -> None:
        """Three chat APIs are one operation for OpenTelemetry; what failed says how."""
        tallies = [
            Tally("p", operation, "", "2xx", outcome)
            for operation in ("chat/completions", "messages", "responses")
            for outcome in ("completed", "truncated")
        ]
        for tally in tallies:
            tally.server[0] = 1
            tally.server_ms = 4.0
        server = named(families(tallies))["gen_ai_server_request_duration_seconds"]
        self.assertEqual(
            [("chat", "p", "", ""), ("chat", "p", "", "truncated")],
            [labels for labels, _ in server.distributions],
        )
        self.assertAlmostEqual(0.012, server.distributions[0][1].total)

    def test_distribution(self) -> None:
        """Buckets are cumulative, in seconds, and end with infinity."""
        tally = Tally("p", "embeddings", "", "2xx", "completed")
        tally.server[0], tally.server[2], tally.server[-1] = 3, 2, 1
        tally.server_ms = 1e7
        found = named(families([tally]))["gen_ai_server_request_duration_seconds"]
        distribution: Distribution = found.distributions[0][1]
        self.assertEqual(len(DURATION_MS) + 1, len(distribution.cumulative))
        self.assertEqual([3, 3, 5, 5], [count for _, count in distribution.cumulative[:4]])
        self.assertEqual((float("inf"), 6), distribution.cumulative[-1])
        self.assertAlmostEqual(0.01, distribution.cumulative[0][0])
        self.assertAlmostEqual(1e4, distribution.total)
