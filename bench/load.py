"""The load process: reads one job from standard input, prints its outcome.

It is a process of its own so that what it costs is nobody else's, and it checks every answer, so
that a broken contender cannot look fast.
"""

from __future__ import annotations

import gc
import resource
import sys
from collections.abc import Callable

import msgspec

from bench import jobs
from bench.jobs import Job, Outcome
from bench.load_bodies import large_bodies_sent
from bench.load_requests import RequestLoad
from bench.load_streams import EventLoad, FirstEventLoad, IdleLoad, slow_reader

MODES: dict[str, Callable[[Job], Outcome]] = {
    jobs.REQUESTS: lambda job: RequestLoad(job).run(),
    jobs.EVENTS: lambda job: EventLoad(job).run(),
    jobs.FIRST_EVENTS: lambda job: FirstEventLoad(job).run(),
    jobs.IDLE: lambda job: IdleLoad(job).run(),
    jobs.SLOW_READER: slow_reader,
    jobs.JSON_BODY: large_bodies_sent,
    jobs.UPLOAD: large_bodies_sent,
    jobs.IMAGE: large_bodies_sent,
    jobs.TURNS: large_bodies_sent,
}


def main() -> None:
    """Do one job."""
    gc.disable()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    try:
        outcome = MODES[job.mode](job)
    except OSError as error:
        outcome = Outcome(failure=f"{type(error).__name__}: {error}")
    sys.stdout.buffer.write(msgspec.json.encode(outcome))


if __name__ == "__main__":
    main()
