from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.observe.metric_names import (
    DURATION_MS,
    FIRST_CHUNK_MS,
    METRICS,
    OVERHEAD_MS,
    TOKEN_COUNTS,
)
from tests.house import ROOT


class MetricTests(SynchronousTestCase):
    def test_names(self) -> None:
        """Names are unique, and follow Prometheus' rules."""
        names = [metric.shown for metric in METRICS]
        self.assertEqual(len(names), len(set(names)))
        for metric in METRICS:
            self.assertRegex(metric.name, r"^(magicgateway|gen_ai)_[a-z_]+$")
            self.assertNotRegex(metric.name, r"_total$")
            self.assertEqual(metric.kind == "counter", metric.shown.endswith("_total"))

    def test_no_label_is_a_callers(self) -> None:
        """No metric is told apart by who called, by key, path, address or request."""
        labels = {label for metric in METRICS for label in metric.labels}
        self.assertEqual(
            {
                "code", "error_type", "gen_ai_operation_name", "gen_ai_provider_name",
                "gen_ai_request_model", "gen_ai_token_type", "kind", "model", "operation", "origin",
                "outcome", "provider", "python", "state", "status", "version",
            },
            labels,
        )  # fmt: skip

    def test_buckets_rise(self) -> None:
        """Bounds are in order and told apart."""
        for bounds in (DURATION_MS, FIRST_CHUNK_MS, OVERHEAD_MS, TOKEN_COUNTS):
            self.assertEqual(sorted(set(bounds)), list(bounds))

    def test_metrics_are_documented(self) -> None:
        """``docs/observability.md`` has each metric with its type and labels, and no other."""
        text = (ROOT / "docs" / "observability.md").read_text()
        table = text.split("<!-- metrics -->")[1]
        rows = [
            [cell.strip() for cell in row.strip("|").split("|")]
            for row in table.splitlines()
            if row.startswith("| `")
        ]
        documented = [(name, kind, labels) for name, kind, labels, _ in rows]
        known = [
            (f"`{metric.shown}`", metric.kind, ", ".join(f"`{name}`" for name in metric.labels))
            for metric in METRICS
        ]
        self.assertEqual(known, documented)
