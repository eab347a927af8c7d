"""What a run found, as one markdown table and the remarks that belong to it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import median

from bench.figures import (
    DIRECT,
    FIGURES,
    GATEWAY,
    HOLDS,
    IMPORT,
    KLEIN_TREQ,
    MEASURED,
    NGINX,
    Figure,
    Round,
)
from bench.jobs import Outcome

_HEAD = ("figure", "bar", "gateway", "nginx", "Klein + treq", "ratio", "verdict")
_COLUMNS = (GATEWAY, NGINX, KLEIN_TREQ)
_NOTHING = "-"
_WAITED = 0.02
"""From this share of the time on, waiting for its core spoils what a contender shows."""
_LOAD_BUSY = 0.7
"""A load core that is busier than this makes requests wait for the load itself."""
_LATE_MS = 0.2
"""Timed requests may start this late before the lateness shows in the latencies."""
_PROBE_LATE_MS = 5.0


def report(rounds: Sequence[Round], machine: Mapping[str, str], absent: Mapping[str, str]) -> str:
    """All that is printed.

    Args:
        rounds: What was measured.
        machine: What it was measured on.
        absent: Who could not run, and why.
    """
    told = ", ".join(f"{name} {value}" for name, value in machine.items())
    count = len(rounds)
    start = f"Medians of {count} rounds" if count > 1 else "One round"
    lines = [f"{start}; {told}.", "", *table(rounds, asked(rounds)), ""]
    notes = [f"{name} could not run: {reason}" for name, reason in absent.items()]
    notes += remarks(rounds)
    return "\n".join(lines + [f"- {note}." for note in notes])


def asked(rounds: Sequence[Round]) -> list[Figure]:
    """The figures whose measurement took place."""
    return [figure for figure in FIGURES if any(figure.measurement in one for one in rounds)]


def all_hold(rounds: Sequence[Round]) -> bool:
    """Whether every figure that was asked for reaches its bar."""
    return all(figure.verdict(rounds) == HOLDS for figure in asked(rounds))


def table(rounds: Sequence[Round], figures: Iterable[Figure]) -> list[str]:
    """The table's lines."""
    lines = [_line(_HEAD), _line("---" for _ in _HEAD)]
    return lines + [_line(_cells(rounds, figure)) for figure in figures]


def _cells(rounds: Sequence[Round], figure: Figure) -> Iterator[str]:
    yield figure.title
    yield _promise(rounds, figure)
    for name in _COLUMNS:
        value = figure.median(rounds, name)
        yield _NOTHING if value is None else f"{number(value)} {figure.unit}"
    yield _spread(figure.ratio(rounds), figure.ratios(rounds))
    yield figure.verdict(rounds)


def _promise(rounds: Sequence[Round], figure: Figure) -> str:
    against = figure.bar.against
    value = figure.median(rounds, against) if against and against not in _COLUMNS else None
    return figure.promise + (f" ({number(value)} {figure.unit})" if value is not None else "")


def _spread(ratio: float | None, each: Sequence[float]) -> str:
    if ratio is None:
        return _NOTHING
    if len(each) == 1:
        return f"{ratio:.2f}"
    return f"{ratio:.2f} ({min(each):.2f}-{max(each):.2f})"


def number(value: float) -> str:
    """Three digits that count, and never an exponent."""
    size = abs(value)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2
    return f"{value:.{digits}f}"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def remarks(rounds: Sequence[Round]) -> list[str]:
    """What a reader of the table must know: failures, and what disturbed the measurements."""
    notes: list[str] = []
    for measurement, names in MEASURED.items():
        for name in names:
            outcomes = [
                one[measurement][name]
                for one in rounds
                if measurement in one and name in one[measurement]
            ]
            notes += [f"{measurement}, {name}: {note}" for note in _of_contender(outcomes)]
    if any("first-event" in one for one in rounds):
        notes += _rate(rounds)
    return notes


def _rate(rounds: Sequence[Round]) -> list[str]:
    rates = [
        outcome.units / outcome.seconds
        for one in rounds
        for outcome in one.get("first-event", {}).values()
        if outcome.seconds
    ]
    direct = [
        f"{share:.0%}: {number(value)} µs"
        for figure, share in zip(_first_event_figures(), (0.5, 0.99), strict=True)
        if (value := _direct(rounds, figure)) is not None
    ]
    if not rates:
        return []
    told = f"first-event: half load was {median(rates):.0f} streams per second"
    return [told + (f", without a proxy {', '.join(direct)}" if direct else "")]


def _first_event_figures() -> list[Figure]:
    return [figure for figure in FIGURES if figure.added]


def _direct(rounds: Sequence[Round], figure: Figure) -> float | None:
    values = [
        figure.value(outcome)
        for one in rounds
        if (outcome := one.get(figure.measurement, {}).get(DIRECT)) and not outcome.failure
    ]
    return median(values) if values else None


def _of_contender(outcomes: Sequence[Outcome]) -> Iterator[str]:
    for failure in dict.fromkeys(outcome.failure for outcome in outcomes if outcome.failure):
        times = sum(outcome.failure == failure for outcome in outcomes)
        yield f"failed in {times} of {len(outcomes)} rounds: {failure}"
    good = [outcome for outcome in outcomes if not outcome.failure]
    timed = [outcome for outcome in good if outcome.seconds and outcome.cpu_seconds]
    if not timed:
        return
    waited = median(outcome.waited_seconds / outcome.seconds for outcome in timed)
    if waited >= _WAITED:
        yield f"it waited for its core {waited:.0%} of the time"
    load = median(outcome.load_seconds / outcome.seconds for outcome in timed)
    if load >= _LOAD_BUSY and timed[0].latencies_ms:
        yield f"the load's core was busy {load:.0%} of the time"
    late = median(outcome.own_lag_ms for outcome in timed)
    if late > (_LATE_MS if timed[0].latencies_ms else _PROBE_LATE_MS):
        yield f"the load itself was {number(late)} ms late"
    reconnects = sum(outcome.reconnects for outcome in timed)
    if reconnects:
        yield f"{reconnects} connections were opened again"


def as_data(
    rounds: Sequence[Round], machine: Mapping[str, str], absent: Mapping[str, str]
) -> dict[str, object]:
    """The same for machines: every outcome of every round, and the rows of the table."""
    names = (*_COLUMNS, DIRECT, IMPORT)
    return {
        "machine": dict(machine),
        "absent": dict(absent),
        "figures": [
            {
                "measurement": figure.measurement,
                "title": figure.title,
                "unit": figure.unit,
                "bar": figure.promise,
                "medians": {name: figure.median(rounds, name) for name in names},
                "ratio": figure.ratio(rounds),
                "ratios": figure.ratios(rounds),
                "verdict": figure.verdict(rounds).strip("*"),
            }
            for figure in asked(rounds)
        ],
        "rounds": list(rounds),
    }
