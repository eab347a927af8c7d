"""The test runner: ``python -m tests.run [--fast] [NAME...]``.

Runs trial in random order (``TRIAL_SEED`` repeats an order) in two processes at once, measures
branch coverage of ``magicgateway`` in them and in every process they start, and ends with one
line, ``N passed, N failed``. A gate that does not hold counts as a failure: a skip that is not in
``tests/skips.toml``, an entry there that skipped nothing, coverage below ``fail_under``.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

ROOT = Path(__file__).resolve().parent.parent
SHARES = 2
"""Trial processes at once: as many as the smallest machine that runs the suite has cores."""
DEADLINE = 12 * 60.0
"""Seconds after which a share is stopped and shows where it stands."""
SLOW = (
    "tests.bench",
    "tests.contract",
    "tests.demo",
    "tests.dialects",
    "tests.docs",
    "tests.golden",
    "tests.integration",
    "tests.packaging",
    "tests.providers.test_signing",
    "tests.serving",
    "tests.test_judging",
    "tests.test_readme",
    "tests.test_tap",
    "tests.upstream",
    "tests.wire",
)
"""Left out by ``--fast``: they start programs, build wheels, measure, try many cases, or talk over
sockets."""

HEAVY = {
    "tests.bench.test_main": 50,
    "tests.golden.test_golden": 50,
    "tests.integration.test_matrix": 50,
    "tests.integration.test_start": 50,
    "tests.integration.test_cassettes_translated": 35,
    "tests.packaging.test_wheel": 25,
    "tests.golden.test_places": 10,
    "tests.test_readme": 25,
    "tests.integration.test_drain": 20,
    "tests.integration.test_corpora": 15,
    "tests.integration.test_log_lines": 15,
    "tests.dialects.test_hostile_streams": 15,
    "tests.wire.test_json_scan": 15,
    "tests.test_house": 12,
    "tests.dialects.openai_chat.test_identity": 12,
    "tests.integration.test_access": 12,
    "tests.integration.test_canaries": 12,
    "tests.integration.test_streams": 12,
}
"""About how many seconds the longest modules take where coverage is measured; others take one."""


@frozen
class AllowedSkip:
    """One entry of ``tests/skips.toml``."""

    tests: str
    reason: str
    machine: bool = False


@define
class Tally:
    """How the tests of all shares ended, by id."""

    passed: set[str] = field(factory=set)
    failed: set[str] = field(factory=set)
    skipped: dict[str, str] = field(factory=dict)
    todo: dict[str, str] = field(factory=dict)
    slowest: list[tuple[str, float]] = field(factory=list)
    complaints: list[str] = field(factory=list)
    """Gates that do not hold, one sentence each."""

    def add(self, outcome: dict[str, Any]) -> None:
        """Take over what one share reported."""
        self.passed.update(outcome["passed"])
        self.failed.update(outcome["failed"])
        self.skipped.update(outcome["skipped"])
        self.todo.update(outcome["todo"])
        self.slowest.extend((name, seconds) for name, seconds in outcome["slowest"])

    @property
    def summary(self) -> str:
        """The last line of a run."""
        return f"{len(self.passed)} passed, {len(self.failed) + len(self.complaints)} failed"

    @property
    def green(self) -> bool:
        """Whether everything held, and there was something to hold."""
        return bool(self.passed) and not self.failed and not self.complaints


def read_skips(path: Path) -> list[AllowedSkip]:
    """The allowed skips.

    Raises:
        ValueError: An entry lacks its pattern or its reason, or has an unknown key.
    """
    entries = tomllib.loads(path.read_text()).get("skip", [])
    for entry in entries:
        if not {"tests", "reason"} <= set(entry) <= {"tests", "reason", "machine"}:
            raise ValueError(f"{path.name}: every skip has tests, reason and perhaps machine")
        if not entry["reason"].strip():
            raise ValueError(f"{path.name}: {entry['tests']} is skipped without a reason")
    return [AllowedSkip(**entry) for entry in entries]


def judge_skips(tally: Tally, allowed: list[AllowedSkip], *, whole: bool) -> list[str]:
    """What is wrong with this run's skips; ``whole`` says that every test was asked to run."""
    left_out = tally.skipped | tally.todo
    complaints = [
        f"{name} was skipped ({reason}), and tests/skips.toml does not allow it"
        for name, reason in sorted(left_out.items())
        if not any(fnmatch.fnmatchcase(name, skip.tests) for skip in allowed)
    ]
    known = set(left_out) | tally.passed | tally.failed
    unused = [
        f"tests/skips.toml lists {skip.tests}, which skipped nothing"
        for skip in allowed
        if not fnmatch.filter(known if skip.machine else left_out, skip.tests)
    ]
    return complaints + unused if whole else complaints


def find_modules(names: list[str], *, fast: bool) -> list[str]:
    """Every test module, or the given names."""
    if names:
        return list(names)
    paths = (path.relative_to(ROOT) for path in (ROOT / "tests").rglob("test_*.py"))
    modules = sorted(".".join(path.with_suffix("").parts) for path in paths)
    return [name for name in modules if not (fast and is_slow(name))]


def is_slow(module: str) -> bool:
    """Whether a module belongs to the tests that ``--fast`` leaves out."""
    return any(module == slow or module.startswith(f"{slow}.") for slow in SLOW)


def deal(modules: list[str], seed: int) -> list[list[str]]:
    """Deal modules into shares at random, but so that all shares take about as long."""
    shuffled = random.Random(seed).sample(sorted(modules), len(modules))  # noqa: S311
    shuffled.sort(key=lambda module: HEAVY.get(module, 1), reverse=True)
    shares: list[list[str]] = [[] for _ in range(SHARES)]
    seconds = [0] * SHARES
    for module in shuffled:
        lightest = seconds.index(min(seconds))
        shares[lightest].append(module)
        seconds[lightest] += HEAVY.get(module, 1)
    return [share for share in shares if share]


def run_shares(shares: list[list[str]], seed: int, scratch: Path, *, measure: bool) -> Tally:
    """Run every share in a process of its own, all at once, and print what each said."""
    coverage = ["-m", "coverage", "run", "--parallel-mode"] if measure else []
    environment = os.environ | {"COVERAGE_FILE": str(scratch / "coverage")}
    running = []
    for number, share in enumerate(shares):
        result = scratch / f"result-{number}.json"
        with (scratch / f"output-{number}.txt").open("w") as output:
            command = [sys.executable, *coverage, "-m", "tests.trial_worker"]
            arguments = [str(result), str(seed), str(DEADLINE), *share]
            process = subprocess.Popen(
                [*command, *arguments], cwd=ROOT, env=environment, stdout=output
            )
        running.append((process, result, Path(output.name)))
    tally = Tally()
    try:
        for number, (process, result, said) in enumerate(running):
            status = process.wait()
            print(f"--- share {number + 1} of {len(shares)} ---\n{said.read_text()}", flush=True)
            if result.exists():
                tally.add(json.loads(result.read_text()))
            else:
                tally.complaints.append(f"share {number + 1} died with status {status}")
    finally:
        for process, _, _ in running:
            process.kill()
    return tally


def measure_coverage(scratch: Path) -> list[str]:
    """Print the coverage of all processes together; a complaint when it is below the bar."""
    environment = os.environ | {"COVERAGE_FILE": str(scratch / "coverage")}

    def coverage(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "coverage", *arguments],
            cwd=ROOT,
            env=environment,
            check=False,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    combined = coverage("combine", "--quiet")
    report = coverage("report")
    print(report.stdout)
    if combined.returncode or report.returncode not in (0, 2):
        return [f"coverage could not be read: {combined.stdout.strip()}"]
    total = coverage("report", "--format=total", "--precision=2", "--fail-under=0").stdout.strip()
    print(f"Branch coverage of magicgateway/: {total} %")
    return [f"branch coverage is {total} %, below the bar"] if report.returncode else []


def main(arguments: list[str]) -> int:
    """Run the tests and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.run", description="Run the tests.")
    parser.add_argument("--fast", action="store_true", help="without the slow ones and coverage")
    parser.add_argument("names", nargs="*", help="dotted names of test modules, classes, tests")
    options = parser.parse_args(arguments)
    seed = int(os.environ.get("TRIAL_SEED") or random.SystemRandom().randrange(1, 2**31))
    whole = not options.fast and not options.names
    print(f"Random order, TRIAL_SEED={seed}", flush=True)
    shares = deal(find_modules(options.names, fast=options.fast), seed)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        tally = run_shares(shares, seed, Path(folder), measure=whole)
        if whole:
            tally.complaints.extend(measure_coverage(Path(folder)))
    allowed = read_skips(ROOT / "tests" / "skips.toml")
    tally.complaints.extend(judge_skips(tally, allowed, whole=whole))
    for name, seconds in sorted(tally.slowest, key=lambda item: -item[1])[:5]:
        print(f"{seconds:7.2f} s  {name}")
    for name in sorted(tally.failed):
        print("FAILED", name)
    for complaint in tally.complaints:
        print("GATE", complaint)
    print(f"{len(tally.skipped) + len(tally.todo)} skipped, TRIAL_SEED={seed}", end=", ")
    print(f"{time.monotonic() - began:.0f} s")
    print(tally.summary, flush=True)
    return 0 if tally.green else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
