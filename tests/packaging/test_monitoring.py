"""The files that a gateway is watched with: they ask only for what ``/metrics`` shows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.observe.metric_names import COUNTER, HISTOGRAM, METRICS
from tests.house import ROOT

PROMETHEUS = ROOT / "etc" / "prometheus"
BOARD = ROOT / "etc" / "grafana" / "magicgateway.json"
PROCESS = {
    f"process_{name}": set[str]()
    for name in ("cpu_seconds_total", "resident_memory_bytes", "open_fds", "max_fds")
}
EVERYWHERE = {"instance", "job", "le"}
"""Labels that Prometheus, or its histograms, add."""
_NAME = re.compile(r"\b(?:magicgateway|gen_ai|process)_[a-z_]+")
_NO_NAMES = re.compile(r"\bby \([^)]*\)|\{[^}]*\}")
_MATCHED = re.compile(r"([a-z_]+)(?:=~|!=|!~|=)\"")
_GROUPED = re.compile(r"\bby \(([^)]*)\)")


def shown() -> dict[str, set[str]]:
    """Every series that ``/metrics`` can show, and its labels."""
    found = dict(PROCESS)
    for metric in METRICS:
        endings = ("_bucket", "_sum", "_count") if metric.kind == HISTOGRAM else ("",)
        found.update({metric.shown + ending: set(metric.labels) for ending in endings})
    return found


def named(query: str) -> set[str]:
    """The series that a query asks for."""
    return set(_NAME.findall(_NO_NAMES.sub(" ", query)))


def alerts() -> list[dict[str, Any]]:
    """Every alert."""
    groups = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def expressions() -> Iterator[tuple[str, str]]:
    """Where each query stands, and its text."""
    for rule in alerts():
        yield rule["alert"], rule["expr"]
    for panel in json.loads(BOARD.read_text())["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


class QueryTests(SynchronousTestCase):
    """What is asked for."""

    def test_names(self) -> None:
        """Every series that a query names exists, and every query names one."""
        known = shown()
        for where, text in expressions():
            names = named(text)
            self.assertEqual(set(), names - known.keys(), where)
            self.assertTrue(names or 'up{job="magicgateway"}' in text, where)

    def test_labels(self) -> None:
        """Every label that a query selects or groups by is one of its series'."""
        known = shown()
        for where, text in expressions():
            labels = {label for name in named(text) for label in known[name]}
            asked = set(_MATCHED.findall(text))
            for group in _GROUPED.findall(text):
                asked.update(label.strip() for label in group.split(","))
            self.assertEqual(set(), asked - labels - EVERYWHERE, where)

    def test_counters(self) -> None:
        """A counter is never shown as it stands, but as what it grew."""
        counters = {metric.shown for metric in METRICS if metric.kind == COUNTER}
        for where, text in expressions():
            for name in counters & named(text):
                self.assertRegex(text, rf"(?:rate|increase)\(\s*{name}\b", where)


class AlertTests(SynchronousTestCase):
    """``etc/prometheus``."""

    def test_said(self) -> None:
        """Each alert has a name of its own, a severity, and a sentence that says what is wrong."""
        names = [rule["alert"] for rule in alerts()]
        self.assertEqual(len(names), len(set(names)))
        for rule in alerts():
            self.assertIn(rule["labels"]["severity"], ("critical", "warning"))
            self.assertTrue(rule["annotations"]["summary"].endswith("."), rule["alert"])

    def test_scraped(self) -> None:
        """The rules are read, and the job is the one that they name."""
        settings = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
        self.assertEqual(["alerts.yml"], settings["rule_files"])
        self.assertEqual(["magicgateway"], [job["job_name"] for job in settings["scrape_configs"]])


class BoardTests(SynchronousTestCase):
    """``etc/grafana``."""

    def test_panels(self) -> None:
        """Panels have ids of their own, do not lie on one another, and use the chosen source."""
        panels = json.loads(BOARD.read_text())["panels"]
        self.assertEqual(len(panels), len({panel["id"] for panel in panels}))
        places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}
        self.assertEqual(len(panels), len(places))
        for panel in panels:
            for part in (panel, *panel["targets"]):
                self.assertEqual("${datasource}", part["datasource"]["uid"], panel["title"])
            self.assertTrue(panel["fieldConfig"]["defaults"]["unit"])

    def test_every_metric(self) -> None:
        """Whatever the gateway measures of its requests stands on some panel."""
        drawn = {
            name.removesuffix("_bucket") for _, query in expressions() for name in named(query)
        }
        missing = [
            metric.name
            for metric in METRICS
            if metric.shown not in drawn and metric.name not in NOT_DRAWN
        ]
        self.assertEqual([], missing)


NOT_DRAWN = {
    "gen_ai_client_operation_duration_seconds",
    "gen_ai_client_token_usage",
    "magicgateway_start_time_seconds",
    "magicgateway_build_info",
    "magicgateway_loop_lag_seconds",
}
"""Parts of what is drawn, and what never moves."""
