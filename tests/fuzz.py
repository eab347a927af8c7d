"""Hostile streams for as long as one likes: ``python -m tests.fuzz [CHANGES]``.

``FUZZ_SEED`` repeats a run. Each complaint names the seed of its case, of which
``tests.dialects.hostile.case`` makes the same stream again.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from multiprocessing import Pool
from random import SystemRandom

from attrs import Factory, define

from tests.dialects.hostile import case, complaint, reply_complaint

SHARES = 2
"""Processes at once."""
STEP = 10_000
"""Changed frames and events in one go."""
EVERY = 8
"""Among so many answers one is whole instead of a stream."""
MOST = 20
"""Complaints that are shown."""


@define
class Found:
    """What some changed answers came to."""

    changes: int = 0
    answers: int = 0
    complaints: list[str] = Factory(list)


def fuzz(seed: str, changes: int) -> Found:
    """Send changed answers until so many frames and events in them were changed."""
    found = Found()
    while found.changes < changes:
        name = f"{seed}-{found.answers}"
        found.answers += 1
        if found.answers % EVERY == 0:
            found.changes += 1
            wrong = reply_complaint(name)
        else:
            made = case(name)
            found.changes += made.changes
            wrong = complaint(made)
        if wrong:
            found.complaints.append(f"{name}: {wrong}")
    return found


def _share(seed: str) -> Found:
    return fuzz(seed, STEP)


def main(arguments: list[str]) -> int:
    """Run, tell how far it is, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Send bad answers.")
    parser.add_argument("changes", nargs="?", type=int, default=1_000_000)
    options = parser.parse_args(arguments)
    seed = os.environ.get("FUZZ_SEED") or str(SystemRandom().randrange(2**32))
    print(f"FUZZ_SEED={seed}", flush=True)
    whole = Found()
    began = time.monotonic()
    steps = range(-(-options.changes // STEP))
    with Pool(SHARES) as pool:
        for found in pool.imap_unordered(_share, (f"{seed}-{step}" for step in steps)):
            whole.changes += found.changes
            whole.answers += found.answers
            whole.complaints += found.complaints
            seconds = time.monotonic() - began
            print(
                f"{whole.changes} changes in {whole.answers} answers, {seconds:.0f} s", flush=True
            )
    for line in whole.complaints[:MOST]:
        print(line)
    print(f"{whole.answers - len(whole.complaints)} passed, {len(whole.complaints)} failed")
    return 1 if whole.complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
