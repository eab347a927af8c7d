"""What is said of answers that were not brought to their end."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.serving import faults


class FaultTests(SynchronousTestCase):
    def test_cases(self) -> None:
        """Status, code and outcome of each; timeouts name their setting and its value."""
        cases = {
            (502, "upstream_truncated", "truncated"): faults.truncated("reset"),
            (502, "upstream_event_too_long", "truncated"): faults.event_too_long(),
            (504, "total_timeout", "timeout"): faults.total_timeout(90.0),
            (504, "first_event_timeout", "timeout"): faults.first_event_timeout(0.5),
            (504, "idle_timeout", "timeout"): faults.idle_timeout(300.0),
        }
        for expected, fault in cases.items():
            self.assertEqual(expected, (fault.status, fault.code, fault.outcome))
        self.assertEqual("reset", faults.truncated("reset").detail)
        self.assertIn("90 s (timeouts.total)", faults.total_timeout(90.0).message)
        self.assertIn("0.5 s (timeouts.first_event)", faults.first_event_timeout(0.5).message)
        self.assertIn("300 s (timeouts.idle)", faults.idle_timeout(300.0).message)
