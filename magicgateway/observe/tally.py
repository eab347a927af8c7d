"""The counters of one kind of exchange, and how they add up to metric families."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from attrs import define, field, frozen

from magicgateway.observe.facts import COMPLETED
from magicgateway.observe.metric_names import (
    CLIENT_DURATION,
    DURATION_MS,
    FIRST_CHUNK,
    FIRST_CHUNK_MS,
    OPERATIONS,
    OTHER,
    OVERHEAD,
    OVERHEAD_MS,
    REQUESTS,
    SERVER_DURATION,
    TOKEN_COUNTS,
    TOKEN_USAGE,
    TOKENS,
    Metric,
)


def _buckets(bounds: Sequence[float]) -> list[int]:
    return [0] * (len(bounds) + 1)


@define
class Tally:
    """Counts of the exchanges that share all five labels. Durations in milliseconds.

    A bucket list counts each observation once; the last place is for what is above every bound.
    """

    provider: str
    operation: str
    model: str
    status: str
    outcome: str
    requests: int = 0
    server: list[int] = field(factory=lambda: _buckets(DURATION_MS))
    server_ms: float = 0.0
    client: list[int] = field(factory=lambda: _buckets(DURATION_MS))
    client_ms: float = 0.0
    first: list[int] = field(factory=lambda: _buckets(FIRST_CHUNK_MS))
    first_ms: float = 0.0
    overhead: list[int] = field(factory=lambda: _buckets(OVERHEAD_MS))
    overhead_ms: float = 0.0
    input: list[int] = field(factory=lambda: _buckets(TOKEN_COUNTS))
    input_tokens: int = 0
    output: list[int] = field(factory=lambda: _buckets(TOKEN_COUNTS))
    output_tokens: int = 0
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0


@frozen
class Distribution:
    """A histogram's content: observations up to each bound, and their sum."""

    cumulative: tuple[tuple[float, int], ...]
    """(upper bound, count); the last bound is infinite."""
    total: float


@frozen
class Family:
    """One metric and its samples: label values, and a number or a distribution."""

    metric: Metric
    samples: list[tuple[tuple[str, ...], float]] = field(factory=list)
    distributions: list[tuple[tuple[str, ...], Distribution]] = field(factory=list)


class _Sums:
    """Adds up counters, or bucket lists, under the same labels."""

    def __init__(self, bounds: Sequence[float] = (), scale: float = 1.0) -> None:
        self._bounds = bounds
        self._scale = scale
        self._numbers: dict[tuple[str, ...], float] = {}
        self._buckets: dict[tuple[str, ...], list[int]] = {}

    def add(self, labels: tuple[str, ...], number: float, buckets: Sequence[int] = ()) -> None:
        if buckets:
            if not any(buckets):
                return
            known = self._buckets.get(labels)
            self._buckets[labels] = (
                [a + b for a, b in zip(known, buckets, strict=True)] if known else list(buckets)
            )
        elif not number:
            return
        self._numbers[labels] = self._numbers.get(labels, 0.0) + number

    def counter(self, metric: Metric) -> Family:
        return Family(metric, list(self._numbers.items()))

    def histogram(self, metric: Metric) -> Family:
        return Family(
            metric,
            distributions=[
                (labels, self._distribution(buckets, self._numbers[labels]))
                for labels, buckets in self._buckets.items()
            ],
        )

    def _distribution(self, buckets: list[int], total: float) -> Distribution:
        bounds = [bound * self._scale for bound in self._bounds] + [float("inf")]
        cumulative = []
        seen = 0
        for bound, count in zip(bounds, buckets, strict=True):
            seen += count
            cumulative.append((bound, seen))
        return Distribution(tuple(cumulative), total * self._scale)


def families(tallies: Iterable[Tally]) -> list[Family]:
    """Everything that tallies tell, each metric with the labels it has."""
    requests, tokens = _Sums(), _Sums()
    server, client = _Sums(DURATION_MS, 0.001), _Sums(DURATION_MS, 0.001)
    first, overhead = _Sums(FIRST_CHUNK_MS, 0.001), _Sums(OVERHEAD_MS, 0.001)
    usage = _Sums(TOKEN_COUNTS)
    for one in tallies:
        place = (one.provider, one.operation, one.model)
        call = (OPERATIONS.get(one.operation, OTHER), one.provider, one.model)
        ended = (*call, "" if one.outcome == COMPLETED else one.outcome)
        requests.add((*place, one.status, one.outcome), one.requests)
        server.add(ended, one.server_ms, one.server)
        client.add(ended, one.client_ms, one.client)
        first.add(call, one.first_ms, one.first)
        overhead.add(place, one.overhead_ms, one.overhead)
        usage.add((*call, "input"), one.input_tokens, one.input)
        usage.add((*call, "output"), one.output_tokens, one.output)
        for kind, count in _token_kinds(one):
            tokens.add((*place, kind), count)
    return [
        requests.counter(REQUESTS),
        tokens.counter(TOKENS),
        client.histogram(CLIENT_DURATION),
        server.histogram(SERVER_DURATION),
        first.histogram(FIRST_CHUNK),
        overhead.histogram(OVERHEAD),
        usage.histogram(TOKEN_USAGE),
    ]


def _token_kinds(one: Tally) -> Collection[tuple[str, int]]:
    return (
        ("input", one.input_tokens),
        ("output", one.output_tokens),
        ("cached_input", one.cached_input_tokens),
        ("cache_write", one.cache_write_tokens),
        ("reasoning", one.reasoning_tokens),
    )
