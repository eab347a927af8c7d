from __future__ import annotations

import sys
from subprocess import run

from prometheus_client.parser import text_string_to_metric_families
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.observe.exposition import CONTENT_TYPE, exposition
from magicgateway.observe.metric_names import BUILD_INFO, ERRORS, OVERHEAD
from magicgateway.observe.tally import Distribution, Family


class ExpositionTests(SynchronousTestCase):
    def test_kinds(self) -> None:
        """A counter, a gauge and a histogram, as Prometheus' own parser reads them."""
        buckets = ((0.01, 1), (0.010000000001, 1), (0.3 * 0.1, 2), (float("inf"), 3))
        text = exposition(
            [
                Family(ERRORS, [(("p", "x"), 2.0)]),
                Family(BUILD_INFO, [(('a"b\\\n', "3"), 1.0)]),
                Family(OVERHEAD, [], [(("p", "o", "m"), Distribution(buckets, 4.5))]),
            ]
        ).decode()
        found = {family.name: family for family in text_string_to_metric_families(text)}
        self.assertEqual("counter", found["magicgateway_errors"].type)
        self.assertEqual(2.0, found["magicgateway_errors"].samples[0].value)
        self.assertEqual(
            {"version": 'a"b\\\n', "python": "3"},
            found["magicgateway_build_info"].samples[0].labels,
        )
        samples = found["magicgateway_overhead_seconds"].samples
        self.assertEqual(
            [("0.01", 1.0), ("0.01", 1.0), ("0.03", 2.0), ("+Inf", 3.0)],
            [(s.labels["le"], s.value) for s in samples if s.name.endswith("_bucket")],
        )
        self.assertEqual([3.0], [s.value for s in samples if s.name.endswith("_count")])
        self.assertEqual([4.5], [s.value for s in samples if s.name.endswith("_sum")])

    def test_own_registry(self) -> None:
        """Nothing adds up between scrapes, and only the process's figures are added."""
        names = {family.name for family in text_string_to_metric_families(exposition(()).decode())}
        self.assertTrue(all(name.startswith("process_") for name in names))
        self.assertEqual({"magicgateway_errors"}, self._ours(exposition([Family(ERRORS)])))
        self.assertEqual(set(), self._ours(exposition(())))

    @staticmethod
    def _ours(text: bytes) -> set[str]:
        found = text_string_to_metric_families(text.decode())
        return {family.name for family in found if family.name.startswith("magicgateway")}

    def test_content_type(self) -> None:
        """The format is named as Prometheus asks for it."""
        self.assertEqual("text/plain; version=0.0.4; charset=utf-8", CONTENT_TYPE)

    def test_import_is_late(self) -> None:
        """prometheus-client is imported by the first call, and no reactor with it."""
        code = (
            "import sys, magicgateway.observe.metrics, magicgateway.observe.exposition as e;"
            "names = ('prometheus_client', 'twisted.internet.reactor');"
            "print([name in sys.modules for name in names]); e.exposition(());"
            "print([name in sys.modules for name in names])"
        )
        done = run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
        self.assertEqual(["[False, False]", "[True, False]"], done.stdout.splitlines())
