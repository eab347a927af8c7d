"""What every measurement of the load process has in common: a period, a deadline, one outcome."""

from __future__ import annotations

import os
from time import monotonic

from bench import usage
from bench.jobs import Job, Outcome
from bench.loop import Loop

_PATIENCE_SECONDS = 30.0
_WAITED = 0.02


class Measurement:
    """One job on one loop; owns its outcome.

    Subclasses start their work in ``begin`` and count in ``outcome.units``. CPU time and units
    are those between the end of the warm-up and the end of the period.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.loop = Loop()
        self.outcome = Outcome()
        self.pids = usage.family(job.watch)
        self._load_pids = [os.getpid(), *job.load]
        self._units_before = 0
        self._began = monotonic()
        self._usage_before = usage.usage(self.pids)
        self._load_before = usage.usage(self._load_pids)

    def run(self) -> Outcome:
        """Do it all."""
        self.loop.after(_PATIENCE_SECONDS + self.job.seconds, lambda: self.fail("it never ended"))
        self.begin()
        if not self.outcome.failure:
            self.loop.run()
        return self.outcome

    def begin(self) -> None:
        """Start the load."""
        raise AssertionError

    def fail(self, reason: str) -> None:
        """End the measurement without a figure; the first reason counts."""
        if not self.outcome.failure:
            self.outcome.failure = reason + self._disturbance()
        self.loop.stop()

    def _disturbance(self) -> str:
        """Whether others had the contender's core, which may be all that went wrong."""
        seconds = monotonic() - self._began
        waited = usage.usage(self.pids).waited_seconds - self._usage_before.waited_seconds
        share = waited / seconds
        return f" (it waited for its core {share:.0%} of the time)" if share >= _WAITED else ""

    def open_period(self) -> None:
        """The warm-up is over; the period ends by itself."""
        self._units_before = self.outcome.units
        self._usage_before = usage.usage(self.pids)
        self._load_before = usage.usage(self._load_pids)
        self._began = monotonic()
        self.loop.after(self.job.seconds, self.close_period)

    def close_period(self) -> None:
        """The period is over, and with it the measurement."""
        after = usage.usage(self.pids)
        self.outcome.seconds = monotonic() - self._began
        self.outcome.cpu_seconds = after.cpu_seconds - self._usage_before.cpu_seconds
        self.outcome.waited_seconds = after.waited_seconds - self._usage_before.waited_seconds
        load = usage.usage(self._load_pids)
        self.outcome.load_seconds = load.cpu_seconds - self._load_before.cpu_seconds
        self.outcome.units -= self._units_before
        self.loop.stop()
