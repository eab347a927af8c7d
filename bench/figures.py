"""The figures, their bars, and how both follow from what was measured. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import inf
from statistics import median

from attrs import frozen

from bench.jobs import Outcome, percentile

GATEWAY = "gateway"
NGINX = "nginx"
KLEIN_TREQ = "klein_treq"
DIRECT = "direct"
IMPORT = "import"
"""No contender: how long ``python -c 'import twisted.web.server'`` takes."""

HOLDS = "holds"
MISSED = "**missed**"
FAILED = "**failed**"
NOT_MEASURED = "not measured"

Round = Mapping[str, Mapping[str, Outcome]]
"""What one round measured: outcomes by measurement and contender."""

MEASURED = {
    "requests": (GATEWAY, NGINX, KLEIN_TREQ),
    "tls-requests": (GATEWAY, NGINX),
    "events": (GATEWAY, NGINX),
    "first-event": (GATEWAY, NGINX, DIRECT),
    "idle-streams": (GATEWAY, NGINX),
    "slow-reader": (GATEWAY, NGINX, KLEIN_TREQ),
    "json-body": (GATEWAY, NGINX, KLEIN_TREQ),
    "upload": (GATEWAY, NGINX, KLEIN_TREQ),
    "events-from-anthropic": (GATEWAY, NGINX),
    "events-from-converse": (GATEWAY, NGINX),
    "events-to-messages": (GATEWAY, NGINX),
    "translated-requests": (GATEWAY, NGINX),
    "signed-requests": (GATEWAY, NGINX),
    "translated-image": (GATEWAY,),
    "translated-turns": (GATEWAY,),
    "start-up": (GATEWAY, NGINX, KLEIN_TREQ, IMPORT),
}
"""Every measurement, and whom it is taken of. A proxy that collects answers has no streams.

Where the gateway translates, nginx passes the same requests and events on as they are.
"""


@frozen
class Bar:
    """What a figure must reach.

    Args:
        limit: The gateway's value may be this at most, or this many times that of ``against``.
        against: Whose value the limit multiplies; "" for an absolute limit.
        turned: The ratio is that of the other to the gateway, and must be ``limit`` at least.
    """

    limit: float
    against: str = ""
    turned: bool = False

    def holds(self, measured: float) -> bool:
        """Whether a ratio, or a value if the limit is absolute, reaches the bar."""
        return measured >= self.limit if self.turned else measured <= self.limit


@frozen
class Figure:
    """One row of the table.

    Args:
        measurement: Where its outcomes come from.
        title: What it is, for people.
        unit: Of its values.
        value: From one outcome to the value.
        bar: What the gateway must reach.
        promise: The bar in words.
        added: The value counts above that of *direct* in the same round.
    """

    measurement: str
    title: str
    unit: str
    value: Callable[[Outcome], float]
    bar: Bar
    promise: str
    added: bool = False

    def of_round(self, measured: Round, contender: str) -> float | None:
        """One contender's value in one round; none if it was not measured or failed."""
        outcomes = measured.get(self.measurement, {})
        value = self._value(outcomes, contender)
        if value is None or not self.added:
            return value
        direct = self._value(outcomes, DIRECT)
        return None if direct is None else value - direct

    def median(self, rounds: Sequence[Round], contender: str) -> float | None:
        """The median of all rounds that have a value."""
        values = list(_values(self.of_round(measured, contender) for measured in rounds))
        return median(values) if values else None

    def ratio(self, rounds: Sequence[Round]) -> float | None:
        """The median of the ratios; none for an absolute bar, or without both sides."""
        each = self.ratios(rounds)
        return median(each) if each else None

    def ratios(self, rounds: Sequence[Round]) -> list[float]:
        """How the two compare in each round.

        Those who are compared ran within seconds of each other; a machine whose speed drifts
        between the rounds spoils their values, and hardly their ratio.
        """
        return list(_values(self._ratio(measured) for measured in rounds))

    def verdict(self, rounds: Sequence[Round]) -> str:
        """Whether the bar holds. A gateway that failed in any round has not reached it."""
        if any(self._failed(measured) for measured in rounds):
            return FAILED
        measured = self.ratio(rounds) if self.bar.against else self.median(rounds, GATEWAY)
        if measured is None:
            return NOT_MEASURED
        return HOLDS if self.bar.holds(measured) else MISSED

    def _ratio(self, measured: Round) -> float | None:
        """Infinite where nginx adds nothing: to leave such rounds out would flatter."""
        if not self.bar.against:
            return None
        above = self.of_round(measured, GATEWAY)
        below = self.of_round(measured, self.bar.against)
        if self.bar.turned:
            above, below = below, above
        if above is None or below is None:
            return None
        if below > 0:
            return above / below
        return inf if self.added and above > 0 else None

    def _value(self, outcomes: Mapping[str, Outcome], contender: str) -> float | None:
        outcome = outcomes.get(contender)
        return None if outcome is None or outcome.failure else self.value(outcome)

    def _failed(self, measured: Round) -> bool:
        outcome = measured.get(self.measurement, {}).get(GATEWAY)
        return outcome is not None and bool(outcome.failure)


def _values(values: Iterator[float | None]) -> Iterator[float]:
    return (value for value in values if value is not None)


def cpu_us(outcome: Outcome) -> float:
    """CPU time per unit, in microseconds."""
    return outcome.cpu_seconds / outcome.units * 1e6 if outcome.units else float("nan")


def p50_us(outcome: Outcome) -> float:
    """The median latency, in microseconds."""
    return percentile(outcome.latencies_ms, 0.50) * 1000


def p99_us(outcome: Outcome) -> float:
    """The 99th percentile of the latencies, in microseconds."""
    return percentile(outcome.latencies_ms, 0.99) * 1000


def kib_per_unit(outcome: Outcome) -> float:
    """Growth of resident memory per unit, in KiB."""
    return outcome.rss_kib / outcome.units if outcome.units else float("nan")


def mib(outcome: Outcome) -> float:
    """Growth of resident memory, in MiB."""
    return outcome.rss_kib / 1024


def stall_ms(outcome: Outcome) -> float:
    """The longest stall, in milliseconds."""
    return outcome.stall_ms


def duration_ms(outcome: Outcome) -> float:
    """How long it took, in milliseconds."""
    return outcome.seconds * 1000


FIGURES = (
    Figure(
        "requests",
        "CPU per pass-through request (500 B in, 500 B out, 32 connections)",
        "µs",
        cpu_us,
        Bar(3.0, NGINX),
        "≤ 3.0 x nginx",
    ),
    Figure(
        "requests",
        "the same beside Klein + treq",
        "µs",
        cpu_us,
        Bar(6.0, KLEIN_TREQ, turned=True),
        "≥ 6 x less than Klein + treq",
    ),
    Figure(
        "tls-requests",
        "CPU per request with TLS upstream",
        "µs",
        cpu_us,
        Bar(4.0, NGINX),
        "≤ 4.0 x nginx with TLS upstream",
    ),
    Figure(
        "events",
        "CPU per streamed event (200 streams, 20 ms apart)",
        "µs",
        cpu_us,
        Bar(2.5, NGINX),
        "≤ 2.5 x nginx",
    ),
    Figure(
        "first-event",
        "added time to first event at half load, p50",
        "µs",
        p50_us,
        Bar(3.0, NGINX),
        "≤ 3 x what nginx adds",
        added=True,
    ),
    Figure(
        "first-event",
        "added time to first event at half load, p99",
        "µs",
        p99_us,
        Bar(3.0, NGINX),
        "≤ 3 x what nginx adds",
        added=True,
    ),
    Figure(
        "idle-streams",
        "memory per idle stream, 4,000 of them",
        "KiB",
        kib_per_unit,
        Bar(16.0),
        "≤ 16 KiB",
    ),
    Figure(
        "slow-reader",
        "more memory for one caller that reads nothing of 200 MB",
        "MiB",
        mib,
        Bar(2.0),
        "≤ 2 MiB",
    ),
    Figure(
        "json-body",
        "longest stall while 50 MB JSON bodies pass",
        "ms",
        stall_ms,
        Bar(50.0),
        "≤ 50 ms",
    ),
    Figure(
        "upload",
        "longest stall while 50 MB uploads pass",
        "ms",
        stall_ms,
        Bar(50.0),
        "≤ 50 ms",
    ),
    Figure(
        "events-from-anthropic",
        "CPU per event translated from Anthropic for a chat",
        "µs",
        cpu_us,
        Bar(5.0, NGINX),
        "≤ 5.0 x nginx, which passes on",
    ),
    Figure(
        "events-from-converse",
        "CPU per event translated from Bedrock's Converse for a chat",
        "µs",
        cpu_us,
        Bar(5.0, NGINX),
        "≤ 5.0 x nginx, which passes on",
    ),
    Figure(
        "events-to-messages",
        "CPU per event translated from a chat for Messages",
        "µs",
        cpu_us,
        Bar(5.0, NGINX),
        "≤ 5.0 x nginx, which passes on",
    ),
    Figure(
        "translated-requests",
        "CPU per request translated from chat to Anthropic, and back",
        "µs",
        cpu_us,
        Bar(7.5, NGINX),
        "≤ 7.5 x nginx, which passes on",
    ),
    Figure(
        "signed-requests",
        "CPU per request translated from chat to Converse, signed, and back",
        "µs",
        cpu_us,
        Bar(10.0, NGINX),
        "≤ 10 x nginx, which passes on",
    ),
    Figure(
        "translated-image",
        "longest stall while 20 MB are translated: one image",
        "ms",
        stall_ms,
        Bar(50.0),
        "≤ 50 ms",
    ),
    Figure(
        "translated-turns",
        "longest stall while 20 MB are translated: 20,000 turns",
        "ms",
        stall_ms,
        Bar(50.0),
        "≤ 50 ms",
    ),
    Figure(
        "start-up",
        "from start to a healthy `/health`",
        "ms",
        duration_ms,
        Bar(3.5, IMPORT),
        "≤ 3.5 x `import twisted.web.server`",
    ),
)
