"""What the bench asks of its load process, and what comes back: one JSON text each way."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

REQUESTS = "requests"
EVENTS = "events"
FIRST_EVENTS = "first-events"
IDLE = "idle"
SLOW_READER = "slow-reader"
JSON_BODY = "json-body"
UPLOAD = "upload"
IMAGE = "image"
TURNS = "turns"


class Job(msgspec.Struct, frozen=True):
    """One measurement. Times are in seconds.

    ``door`` is the dialect of a caller whose answers are translated; it is empty where they are
    passed on. ``watch`` holds the ids of the processes whose CPU time and memory are read,
    ``load`` those that share the load's core with the load process; ``count`` is the number of
    connections, streams or bodies, ``rate`` that of requests per second.
    """

    mode: str
    port: int
    headers: dict[str, str]
    watch: list[int]
    load: list[int]
    seconds: float
    warm_seconds: float = 0.5
    count: int = 32
    rate: float = 0.0
    door: str = ""


class Outcome(msgspec.Struct, omit_defaults=True):
    """What was measured.

    ``units`` is the number of requests or events within the period, ``cpu_seconds`` what the
    watched processes used meanwhile, ``waited_seconds`` how long they were ready to run but
    another process had their core (which spoils latencies), ``latencies_ms`` one time per
    request, ``rss_kib`` by how much the watched processes grew, ``stall_ms`` the longest time for
    which a small request was left waiting. ``load_seconds`` is the CPU time of the load process
    and its core's other processes; ``own_lag_ms`` by how much the asker itself came late (the
    probe at worst, the timed requests in 99 of 100 cases).
    """

    units: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    waited_seconds: float = 0.0
    load_seconds: float = 0.0
    latencies_ms: list[float] = []
    rss_kib: float = 0.0
    stall_ms: float = 0.0
    own_lag_ms: float = 0.0
    reconnects: int = 0
    failure: str = ""


def joined(parts: Sequence[Outcome]) -> Outcome:
    """What one contender was measured in several parts as if it were one; the first fault counts.

    Args:
        parts: At least one.
    """
    return Outcome(
        units=sum(part.units for part in parts),
        seconds=sum(part.seconds for part in parts),
        cpu_seconds=sum(part.cpu_seconds for part in parts),
        waited_seconds=sum(part.waited_seconds for part in parts),
        load_seconds=sum(part.load_seconds for part in parts),
        latencies_ms=[latency for part in parts for latency in part.latencies_ms],
        rss_kib=max(part.rss_kib for part in parts),
        stall_ms=max(part.stall_ms for part in parts),
        own_lag_ms=max(part.own_lag_ms for part in parts),
        reconnects=sum(part.reconnects for part in parts),
        failure=next((part.failure for part in parts if part.failure), ""),
    )


def percentile(values: list[float], share: float) -> float:
    """The smallest value that at least ``share`` (0 to 1) of the values do not exceed."""
    ordered = sorted(values)
    if not ordered:
        return float("nan")
    place = -int(-share * len(ordered) // 1) - 1
    return ordered[min(max(place, 0), len(ordered) - 1)]
