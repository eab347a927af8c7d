"""Runs one share of the tests in one trial process and writes what happened as JSON.

``tests.run`` starts it; it is a program of its own because every share needs its own reactor.
"""

from __future__ import annotations

import faulthandler
import json
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.trial import reporter, runner

_SLOWEST = 10


class ShareReporter(reporter.Reporter):
    """Collects test ids by how they ended; names a failure on standard error at once."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ran: set[str] = set()
        self.broken: set[str] = set()
        self.left_out: dict[str, str] = {}
        self.todo: dict[str, str] = {}
        self.seconds: dict[str, float] = {}
        self._began = 0.0

    def startTest(self, test: Any) -> None:
        super().startTest(test)
        self.ran.add(test.id())
        self._began = time.monotonic()

    def stopTest(self, test: Any) -> None:
        super().stopTest(test)
        self.seconds[test.id()] = time.monotonic() - self._began

    def addFailure(self, test: Any, fail: Any) -> None:
        super().addFailure(test, fail)
        self._break(test)

    def addError(self, test: Any, error: Any) -> None:
        super().addError(test, error)
        self._break(test)

    def addUnexpectedSuccess(self, test: Any, todo: Any = None) -> None:
        super().addUnexpectedSuccess(test, todo)
        self._break(test)

    def addSkip(self, test: Any, reason: Any) -> None:
        super().addSkip(test, reason)
        self.left_out[test.id()] = str(reason)

    def addExpectedFailure(self, test: Any, error: Any, todo: Any = None) -> None:
        super().addExpectedFailure(test, error, todo)
        self.todo[test.id()] = str(getattr(todo, "reason", todo))

    def _break(self, test: Any) -> None:
        if test.id() not in self.broken:
            self.broken.add(test.id())
            print("FAILED", test.id(), file=sys.stderr, flush=True)

    def outcome(self) -> dict[str, Any]:
        """What ``tests.run`` wants to know."""
        slowest = sorted(self.seconds.items(), key=lambda item: -item[1])[:_SLOWEST]
        ended_otherwise = self.broken | set(self.left_out) | set(self.todo)
        return {
            "passed": sorted(self.ran - ended_otherwise),
            "failed": sorted(self.broken),
            "skipped": self.left_out,
            "todo": self.todo,
            "slowest": slowest,
        }


def seeded_order(seed: int) -> Callable[[Any], float]:
    """A sort key that shuffles, but gives every test the same place for the same seed."""
    return lambda thing: random.Random(f"{seed}:{runner.name(thing)}").random()  # noqa: S311


def main(arguments: list[str]) -> int:
    """Run ``RESULT_FILE SEED DEADLINE_SECONDS NAME...`` and return the exit status."""
    result_file = Path(arguments[0]).resolve()
    seed, deadline, names = int(arguments[1]), float(arguments[2]), arguments[3:]
    # Past the deadline every thread's stack is printed and the process ends: a hanging test shows
    # where it hangs, also when it hangs outside the reactor.
    faulthandler.dump_traceback_later(deadline, exit=True)
    loader = runner.TestLoader()
    loader.sorter = seeded_order(seed)
    loader.suiteFactory = runner.DestructiveTestSuite
    suite = loader.loadByNames(names, recurse=True)
    result = runner.TrialRunner(ShareReporter, realTimeErrors=False).run(suite)
    assert isinstance(result, ShareReporter)
    faulthandler.cancel_dump_traceback_later()
    result_file.write_text(json.dumps(result.outcome()))
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    # As trial does: tests may change the working directory, the checkout stays importable.
    sys.path.insert(0, str(Path.cwd()))
    sys.exit(main(sys.argv[1:]))
