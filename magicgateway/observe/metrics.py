"""What ``/metrics`` counts, kept in plain lists so that a request pays about a microsecond.

prometheus-client's own counters cost six times as much per request; they are used to spell the
result only (``magicgateway.observe.exposition``).
"""

from __future__ import annotations

import re
import sys
from bisect import bisect_left
from collections.abc import Callable, Collection, Mapping

from twisted.logger import Logger

from magicgateway.observe import facts
from magicgateway.observe.exposition import CONTENT_TYPE, exposition
from magicgateway.observe.facts import Finished, Usage
from magicgateway.observe.metric_names import (
    BUILD_INFO,
    DURATION_MS,
    ERRORS,
    FIRST_CHUNK_MS,
    OPERATIONS,
    OTHER,
    OVERHEAD_MS,
    START_TIME,
    TOKEN_COUNTS,
    WATCHED,
    Metric,
)
from magicgateway.observe.tally import Family, Tally, families

__all__ = ["CONTENT_TYPE", "Metrics", "Reading"]

Reading = float | Mapping[tuple[str, ...], float]
"""A watched figure: one number, or one for each combination of its metric's labels."""

MAX_TOKENS = 2**40
"""Of one exchange; a provider that counts more, or less than none, is not believed."""
MAX_CODES = 100
MAX_LABEL_SETS = 200
_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")
_STATUS = {hundreds: f"{hundreds}xx" for hundreds in range(1, 6)}
_OUTCOMES = {
    name: name
    for name in (
        facts.COMPLETED,
        facts.CALLER_LEFT,
        facts.TRUNCATED,
        facts.FAILED,
        facts.REFUSED,
    )
}


class Metrics:
    """Counts finished exchanges and reads watched figures.

    No label takes its value from a caller: provider and model are empty unless configured, an
    unknown operation is ``other``.

    Args:
        known_providers: Names of all provider rows.
        known_models: The configured aliases.
        version: Of the gateway.
        started_at: Seconds since the epoch.
    """

    _log = Logger()

    def __init__(
        self,
        *,
        known_providers: Collection[str],
        known_models: Collection[str] = (),
        version: str = "",
        started_at: float = 0.0,
    ) -> None:
        self._providers = {name: name for name in known_providers}
        self._models = {name: name for name in known_models}
        self._version = version
        self._started_at = started_at
        self._tallies: dict[tuple[str, str, str, int, str], Tally] = {}
        self._errors: dict[tuple[str, str], int] = {}
        self._codes: dict[str, str] = {}
        self._watched: dict[str, Callable[[], Reading]] = {}
        self._complained: set[str] = set()

    def finished(self, fact: Finished) -> None:
        """Count one exchange (a ``FinishedWatcher``)."""
        provider = self._providers.get(fact.provider, "")
        operation = fact.operation
        if operation not in OPERATIONS:
            operation = _folded(operation)
        model = self._models.get(fact.model, "")
        key = (provider, operation, model, fact.status // 100, fact.outcome)
        tally = self._tallies.get(key)
        if tally is None:
            tally = self._new_tally(key)
        tally.requests += 1
        if fact.attempts:
            duration = fact.duration_ms
            tally.server[bisect_left(DURATION_MS, duration)] += 1
            tally.server_ms += duration
            overhead = fact.overhead_ms
            if overhead is not None:
                tally.overhead[bisect_left(OVERHEAD_MS, overhead)] += 1
                tally.overhead_ms += overhead
                duration -= overhead
            tally.client[bisect_left(DURATION_MS, duration)] += 1
            tally.client_ms += duration
            if fact.stream and fact.first_byte_ms is not None:
                tally.first[bisect_left(FIRST_CHUNK_MS, fact.first_byte_ms)] += 1
                tally.first_ms += fact.first_byte_ms
        if fact.usage is not None:
            _count_tokens(tally, fact.usage)
        if fact.error:
            self._count_error(provider, fact.error)

    def _new_tally(self, key: tuple[str, str, str, int, str]) -> Tally:
        provider, operation, model, hundreds, outcome = key
        # Only an exchange's own code writes outcomes; still, a label set must have an end.
        outcome = _OUTCOMES.get(outcome, OTHER)
        hundreds = hundreds if hundreds in _STATUS else 0
        key = (provider, operation, model, hundreds, outcome)
        tally = self._tallies.get(key)
        if tally is None:
            status = _STATUS.get(hundreds, "none")
            tally = Tally(provider, operation, model, status, outcome)
            self._tallies[key] = tally
        return tally

    def _count_error(self, provider: str, code: str) -> None:
        known = self._codes.get(code)
        if known is None:
            known = code
            if len(self._codes) >= MAX_CODES or not _CODE.fullmatch(code):
                known = OTHER
            else:
                self._codes[code] = code
        key = (provider, known)
        self._errors[key] = self._errors.get(key, 0) + 1

    def watch(self, name: str, read: Callable[[], Reading]) -> None:
        """Show a figure that somebody else keeps.

        Args:
            name: A key of ``metric_names.WATCHED``.
            read: Called at every scrape, in the reactor's thread; must be quick.

        Raises:
            KeyError: There is no such figure.
        """
        self._watched[WATCHED[name].name] = read

    def snapshot(self) -> list[Family]:
        """Everything as it is now, cut loose: it may be spelled in another thread."""
        shown = families(self._tallies.values())
        shown.append(Family(ERRORS, [(key, float(count)) for key, count in self._errors.items()]))
        python = sys.version.split(maxsplit=1)[0]
        shown.append(Family(START_TIME, [((), self._started_at)]))
        shown.append(Family(BUILD_INFO, [((self._version, python), 1.0)]))
        for metric in WATCHED.values():
            read = self._watched.get(metric.name)
            if read is not None:
                shown.append(Family(metric, self._read(metric, read)))
        return shown

    def _read(
        self, metric: Metric, read: Callable[[], Reading]
    ) -> list[tuple[tuple[str, ...], float]]:
        try:
            return _bounded(metric, read())
        except Exception:  # noqa: BLE001 - one broken figure must not hide the others
            if metric.name not in self._complained:
                self._complained.add(metric.name)
                self._log.failure("The metric {metric} cannot be read.", metric=metric.name)
            return []

    def render(self) -> bytes:
        """The body of ``/metrics``; its type is ``CONTENT_TYPE``.

        The first call imports prometheus-client, unless that was done beforehand in a thread.
        """
        return exposition(self.snapshot())


def _folded(operation: str) -> str:
    """An operation below one we know (``files/f-1/content``) is that one."""
    first, _, rest = operation.partition("/")
    two = f"{first}/{rest.partition('/')[0]}"
    return two if two in OPERATIONS else first if first in OPERATIONS else OTHER


def _count_tokens(tally: Tally, usage: Usage) -> None:
    count = usage.input
    if count is not None and 0 <= count <= MAX_TOKENS:
        tally.input[bisect_left(TOKEN_COUNTS, count)] += 1
        tally.input_tokens += count
    count = usage.output
    if count is not None and 0 <= count <= MAX_TOKENS:
        tally.output[bisect_left(TOKEN_COUNTS, count)] += 1
        tally.output_tokens += count
    if usage.cached_input and 0 <= usage.cached_input <= MAX_TOKENS:
        tally.cached_input_tokens += usage.cached_input
    if usage.cache_write and 0 <= usage.cache_write <= MAX_TOKENS:
        tally.cache_write_tokens += usage.cache_write
    if usage.reasoning and 0 <= usage.reasoning <= MAX_TOKENS:
        tally.reasoning_tokens += usage.reasoning


def _bounded(metric: Metric, reading: Reading) -> list[tuple[tuple[str, ...], float]]:
    samples: list[tuple[tuple[str, ...], float]] = (
        [(labels, float(value)) for labels, value in reading.items()]
        if isinstance(reading, Mapping)
        else [((), float(reading))]
    )
    if any(len(labels) != len(metric.labels) for labels, _ in samples):
        raise ValueError(f"{metric.name} has the labels {metric.labels}")
    rest = samples[MAX_LABEL_SETS:]
    if not rest:
        return samples
    # The last label is a closed list (a state); what comes before it is summed up.
    sums: dict[tuple[str, ...], float] = {}
    for labels, value in rest:
        folded = (*(OTHER for _ in labels[:-1]), labels[-1])
        sums[folded] = sums.get(folded, 0.0) + value
    return samples[:MAX_LABEL_SETS] + list(sums.items())
