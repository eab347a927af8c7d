"""How long and how much: the jobs of each measurement, in the full run and in the quick one."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from bench import jobs
from bench.jobs import Job, Outcome

CONNECTIONS = 32
STREAMS = 200
IDLE_STREAMS = 4000
MOST_OPEN = 512
"""Streams that may be open at once while first events are timed; more means overload."""
TRIAL_RATE = 1000.0
"""Streams per second at which it is found out what one costs."""
DESCRIPTORS = 2 * (IDLE_STREAMS + 100)
"""What a contender needs for its idle streams: two sockets each, and some."""

_MODES = {
    "requests": jobs.REQUESTS,
    "tls-requests": jobs.REQUESTS,
    "trial": jobs.FIRST_EVENTS,
    "events": jobs.EVENTS,
    "first-event": jobs.FIRST_EVENTS,
    "idle-streams": jobs.IDLE,
    "slow-reader": jobs.SLOW_READER,
    "json-body": jobs.JSON_BODY,
    "upload": jobs.UPLOAD,
    "events-from-anthropic": jobs.EVENTS,
    "events-from-converse": jobs.EVENTS,
    "events-to-messages": jobs.EVENTS,
    "translated-requests": jobs.REQUESTS,
    "signed-requests": jobs.REQUESTS,
    "translated-image": jobs.IMAGE,
    "translated-turns": jobs.TURNS,
}
_COUNTS = {
    "requests": CONNECTIONS,
    "tls-requests": CONNECTIONS,
    "trial": MOST_OPEN,
    "events": STREAMS,
    "first-event": MOST_OPEN,
    "idle-streams": IDLE_STREAMS,
    "slow-reader": 1,
    "events-from-anthropic": STREAMS,
    "events-from-converse": STREAMS,
    "events-to-messages": STREAMS,
    "translated-requests": CONNECTIONS,
    "signed-requests": CONNECTIONS,
}

SLICED = frozenset(
    {
        "requests",
        "tls-requests",
        "events",
        "first-event",
        "events-from-anthropic",
        "events-from-converse",
        "events-to-messages",
        "translated-requests",
        "signed-requests",
    }
)
"""Measurements of which each contender has a slice in turn."""


@frozen
class Pace:
    """How long, and how much.

    Args:
        seconds: Of each measurement's period, all its slices together.
        usual_seconds: Of all others.
        warm_seconds: Before a contender's first slice.
        again_seconds: Before its further ones.
        slices: Into how many parts the period of a ``SLICED`` measurement falls.
        bodies: How many are sent.
    """

    seconds: Mapping[str, float] = field(factory=dict)
    usual_seconds: float = 3.0
    warm_seconds: float = 1.0
    again_seconds: float = 0.3
    slices: int = 6
    bodies: int = 3

    def parts(self, measurement: str) -> int:
        """Into how many slices a measurement falls."""
        return self.slices if measurement in SLICED else 1

    def job(
        self,
        measurement: str,
        *,
        port: int,
        headers: Mapping[str, str],
        watch: list[int],
        load: list[int],
        rate: float = 0.0,
        door: str = "",
        again: bool = False,
    ) -> Job:
        """What the load process is asked to do.

        Args:
            measurement: A key of ``figures.MEASURED``, or ``trial``.
            port: The contender's.
            headers: What every request carries.
            watch: Processes of the contender.
            load: Processes that share the load's core.
            rate: Requests per second, where the load is not closed.
            door: The callers' dialect, where the contender translates.
            again: It is not the contender's first slice.
        """
        return Job(
            mode=_MODES[measurement],
            port=port,
            headers=dict(headers),
            watch=watch,
            load=load,
            seconds=self.seconds.get(measurement, self.usual_seconds) / self.parts(measurement),
            warm_seconds=self.again_seconds if again else self.warm_seconds,
            count=_COUNTS.get(measurement, self.bodies),
            rate=rate,
            door=door,
        )


def half_load(trial: Outcome) -> float:
    """Streams per second that keep the busier core half busy: the contender's or the load's.

    Half of the throughput of a closed loop is too much: there, answers are worked off in batches
    and each costs less, and a load core that is nearly full waits for itself.
    """
    return 0.5 * trial.units / max(trial.cpu_seconds, trial.load_seconds)


FULL = Pace({"first-event": 4.0, "trial": 2.0, "slow-reader": 2.5})
QUICK = Pace({"first-event": 1.5, "slow-reader": 1.5}, 1.0, 0.5, slices=2, bodies=1)
