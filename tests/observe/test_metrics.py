from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.observe import metrics as metrics_module
from magicgateway.observe.facts import Usage
from magicgateway.observe.metric_names import OPERATIONS, OTHER, REQUESTS
from magicgateway.observe.metrics import Metrics
from tests.observe.sample import bare, finished

OUTCOMES = ("completed", "caller_left", "truncated", "failed", "refused")

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def made() -> Metrics:
    return Metrics(
        known_providers=["openai", "own"], known_models=["fast"], version="1.2", started_at=5.0
    )


def samples(metrics: Metrics) -> Samples:
    """Every sample by name and sorted labels, as Prometheus' own parser reads them."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(metrics.render().decode())
        for sample in family.samples
    }


def values(metrics: Metrics, name: str) -> dict[tuple[str, ...], float]:
    """One metric's samples by label values in the order of the label names."""
    return {
        tuple(value for _, value in labels): number
        for (shown, labels), number in samples(metrics).items()
        if shown == name
    }


class FinishedTests(SynchronousTestCase):
    def test_a_streamed_exchange(self) -> None:
        """Everything that a good exchange tells is counted once, in seconds."""
        metrics = made()
        metrics.finished(finished())
        self.assertEqual(
            {("fast", "chat/completions", "completed", "openai", "2xx"): 1.0},
            values(metrics, "magicgateway_requests_total"),
        )
        self.assertEqual(
            {
                ("cache_write", "fast", "chat/completions", "openai"): 6.0,
                ("cached_input", "fast", "chat/completions", "openai"): 5.0,
                ("input", "fast", "chat/completions", "openai"): 12.0,
                ("output", "fast", "chat/completions", "openai"): 34.0,
                ("reasoning", "fast", "chat/completions", "openai"): 7.0,
            },
            values(metrics, "magicgateway_tokens_total"),
        )
        call = ("chat", "openai", "fast")
        sums = {
            "gen_ai_server_request_duration_seconds": (("", *call), 1.8342061),
            "gen_ai_client_operation_duration_seconds": (("", *call), 1.8334749),
            "gen_ai_server_time_to_first_token_seconds": (call, 0.3105554),
            "magicgateway_overhead_seconds": (("fast", "chat/completions", "openai"), 0.0007312),
        }
        for name, (labels, total) in sums.items():
            with self.subTest(name=name):
                self.assertEqual({labels: 1.0}, values(metrics, f"{name}_count"))
                self.assertAlmostEqual(total, values(metrics, f"{name}_sum")[labels])
        self.assertEqual({}, values(metrics, "magicgateway_errors_total"))

    def test_an_exchange_that_got_nowhere(self) -> None:
        """Without an attempt there is a request and its error, and no duration."""
        metrics = made()
        metrics.finished(bare(error="not_found"))
        self.assertEqual(
            {("", "other", "refused", "", "4xx"): 1.0},
            values(metrics, "magicgateway_requests_total"),
        )
        self.assertEqual({("not_found", ""): 1.0}, values(metrics, "magicgateway_errors_total"))
        self.assertEqual({}, values(metrics, "gen_ai_server_request_duration_seconds_count"))

    def test_bucket_bounds(self) -> None:
        """An observation that equals a bound belongs to it."""
        metrics = made()
        for duration in (9.99, 10.0, 10.01, 1e9):
            metrics.finished(finished(duration_ms=duration, overhead_ms=None))
        found = samples(metrics)
        name = "gen_ai_server_request_duration_seconds_bucket"
        counts = {dict(labels)["le"]: n for (shown, labels), n in found.items() if shown == name}
        self.assertEqual((2.0, 3.0, 4.0), (counts["0.01"], counts["0.02"], counts["+Inf"]))

    def test_unknown_usage_is_not_zero(self) -> None:
        """What a provider did not count is not counted as nothing."""
        metrics = made()
        metrics.finished(finished(usage=Usage(output=0)))
        counts = values(metrics, "gen_ai_client_token_usage_count")
        self.assertEqual({("chat", "openai", "fast", "output"): 1.0}, counts)

    def test_absurd_usage(self) -> None:
        """A provider that counts beyond all measure, or below zero, breaks no scrape."""
        metrics = made()
        for count in (10**400, 2**70, -5):
            metrics.finished(finished(usage=Usage(count, count, count, count, count)))
        metrics.finished(finished(usage=Usage(input=3)))
        self.assertEqual(
            {("input", "fast", "chat/completions", "openai"): 3.0},
            values(metrics, "magicgateway_tokens_total"),
        )

    def test_operations(self) -> None:
        """An operation below one that we know is that one; any other is *other*."""
        cases = [
            ("files", "files/f-1/content"),
            ("files", "files"),
            ("messages/count_tokens", "messages/count_tokens/x"),
            ("messages", "messages/batches"),
            ("chat/completions", "chat/completions/id-1"),
            ("other", "chat"),
            ("other", "chat/x"),
            ("other", ""),
            ("other", "nonsense/files"),
            ("audio/speech", "audio/speech"),
        ]
        for expected, operation in cases:
            metrics = made()
            metrics.finished(finished(operation=operation))
            with self.subTest(operation=operation):
                found = values(metrics, "magicgateway_requests_total")
                self.assertEqual([expected], [labels[1] for labels in found])


class LabelTests(SynchronousTestCase):
    @given(
        st.lists(
            st.tuples(
                st.text(max_size=8), st.text(max_size=8), st.text(max_size=8), st.text(max_size=8)
            ),
            max_size=20,
        )
    )
    def test_no_label_is_a_callers(self, texts: list[tuple[str, str, str, str]]) -> None:
        """Whatever provider, model, operation and outcome are called, labels are our words."""
        metrics = made()
        for provider, model, operation, outcome in texts:
            metrics.finished(
                finished(provider=provider, model=model, operation=operation, outcome=outcome)
            )
        requests = metrics.snapshot()[0]
        self.assertEqual(REQUESTS, requests.metric)
        for labels, _ in requests.samples:
            provider, operation, model, status, outcome = labels
            self.assertIn(model, ("", "fast"))
            self.assertIn(operation, {*OPERATIONS, OTHER})
            self.assertIn(outcome, {*OUTCOMES, OTHER})
            self.assertIn(provider, ("", "openai", "own"))
            self.assertEqual("2xx", status)

    def test_a_flood_of_names(self) -> None:
        """Ten thousand names make one sample."""
        metrics = made()
        for number in range(10_000):
            name = f"made-up-{number}"
            metrics.finished(
                finished(
                    provider=name, model=name, operation=name, outcome=name, status=10_000 + number
                )
            )
        found = values(metrics, "magicgateway_requests_total")
        self.assertEqual({("", "other", "other", "", "none"): 10_000.0}, found)

    def test_error_codes_are_bounded(self) -> None:
        """Codes beyond a hundred, and what is no code, are *other*."""
        metrics = made()
        for number in range(300):
            metrics.finished(bare(error=f"code_{number}"))
        for odd in ("Not A Code", "x" * 65, "a\n", "é"):
            metrics.finished(bare(error=odd))
        found = values(metrics, "magicgateway_errors_total")
        self.assertEqual(metrics_module.MAX_CODES + 1, len(found))
        self.assertEqual(204.0, found["other", ""])


class WatchTests(SynchronousTestCase):
    def test_figures(self) -> None:
        """Watched figures are read at each scrape."""
        metrics = made()
        number = [1.0]
        metrics.watch("in_flight", lambda: number[0])
        metrics.watch("upstream_connections", lambda: {("https://a", "idle"): 3})
        number[0] = 7
        self.assertEqual({(): 7.0}, values(metrics, "magicgateway_requests_in_flight"))
        self.assertEqual(
            {("https://a", "idle"): 3.0}, values(metrics, "magicgateway_upstream_connections")
        )
        self.assertRaises(KeyError, metrics.watch, "nonsense", lambda: 1.0)

    def test_origins_are_bounded(self) -> None:
        """Beyond 200 origins the rest is one, its states still told apart."""
        metrics = made()
        many: dict[tuple[str, ...], float] = {
            (f"https://{n}", state): 1.0 for n in range(300) for state in ("idle", "in_use")
        }
        metrics.watch("upstream_connections", lambda: many)
        found = values(metrics, "magicgateway_upstream_connections")
        self.assertEqual(metrics_module.MAX_LABEL_SETS + 2, len(found))
        self.assertEqual((200.0, 200.0), (found["other", "idle"], found["other", "in_use"]))

    def test_a_broken_figure(self) -> None:
        """A figure that cannot be read hides no other, and is told of once."""
        metrics = made()
        metrics.watch("in_flight", lambda: 1 / 0)
        metrics.watch("loop_lag", lambda: 0.5)
        metrics.watch("upstream_connections", lambda: 3.0)
        metrics.watch("downstream_connections", lambda: {("too", "many"): 3.0})
        for _ in range(2):
            self.assertEqual({(): 0.5}, values(metrics, "magicgateway_loop_lag_seconds"))
            self.assertEqual({}, values(metrics, "magicgateway_upstream_connections"))
            self.assertEqual({}, values(metrics, "magicgateway_downstream_connections"))
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))
        self.assertEqual(2, len(self.flushLoggedErrors(ValueError)))

    def test_start(self) -> None:
        """Start time and build are always there."""
        found = samples(made())
        self.assertEqual(5.0, found["magicgateway_start_time_seconds", ()])
        builds = [dict(labels) for name, labels in found if name == "magicgateway_build_info"]
        self.assertEqual(["1.2"], [labels["version"] for labels in builds])

    def test_a_snapshot_is_cut_loose(self) -> None:
        """What is counted later does not change a snapshot that is being spelled."""
        metrics = made()
        metrics.finished(finished())
        snapshot = metrics.snapshot()
        before = [(family.metric.name, list(family.samples)) for family in snapshot]
        metrics.finished(finished(error="x"))
        self.assertEqual(before, [(f.metric.name, list(f.samples)) for f in snapshot])
