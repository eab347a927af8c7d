from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from bench.__main__ import parse
from bench.contenders import ROOT
from bench.figures import MEASURED
from bench.usage import family

COMMAND = [sys.executable, "-m", "bench", "--quick"]


class OptionTests(SynchronousTestCase):
    """The command line."""

    def test_nothing(self) -> None:
        """Without options everything is measured at full length."""
        options = parse([])
        self.assertEqual((None, None, False), (options.rounds, options.only, options.quick))

    def test_refused(self) -> None:
        """What cannot be measured is refused, and the message says why."""
        for arguments, reason in (
            (["--only", "luck"], "invalid choice: 'luck'"),
            (["--contenders", "apache"], "invalid choice: 'apache'"),
            (["--rounds", "0"], "at least 1"),
        ):
            asked = subprocess.run(
                [*COMMAND, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
            )
            self.assertEqual(2, asked.returncode, arguments)
            self.assertIn(reason, asked.stderr)


class SmokeTests(SynchronousTestCase):
    """The real thing, without the two who may not be there."""

    def test_klein_and_direct(self) -> None:
        """A quick run measures who is there, says who is not, and leaves nothing behind."""
        file = Path(self.mktemp()).resolve()
        only = ["--only", "requests", "first-event", "slow-reader", "start-up"]
        contenders = ["--contenders", "gateway", "klein_treq", "direct"]
        run = subprocess.run(
            [*COMMAND, "--json", str(file), "--gateway-command", "false", *only, *contenders],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        self.assertEqual(1, run.returncode, run.stderr)
        self.assertIn("- gateway could not run: it ended with status 1.", run.stdout)
        self.assertEqual(1, run.stdout.count("| figure |"))
        told = json.loads(file.read_bytes())
        self.assertEqual(
            [name for name in MEASURED if name in told["rounds"][0]], list(told["rounds"][0])
        )
        measured = told["rounds"][0]
        self.assertEqual({"klein_treq"}, set(measured["requests"]))
        self.assertEqual({"direct"}, set(measured["first-event"]))
        self.assertEqual({"klein_treq", "import"}, set(measured["start-up"]))
        for measurement, outcomes in measured.items():
            for name, outcome in outcomes.items():
                self.assertNotIn("failure", outcome, (measurement, name))
                self.assertGreater(outcome["units"], 0, (measurement, name))
        self.assertGreater(measured["requests"]["klein_treq"]["cpu_seconds"], 0.1)
        self.assertGreater(measured["slow-reader"]["klein_treq"]["rss_kib"], 100_000)

    def test_ended(self) -> None:
        """However the bench is ended, whoever it started ends as well."""
        folder = Path(self.mktemp()).resolve()
        folder.mkdir()
        for signum in (signal.SIGTERM, signal.SIGKILL):
            with subprocess.Popen(
                [*COMMAND, "--only", "requests", "--contenders", "klein_treq", "--rounds", "50"],
                cwd=ROOT,
                env=os.environ | {"TMPDIR": str(folder)},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            ) as bench:
                assert bench.stderr is not None
                self.assertIn("round 1", bench.stderr.readline())
                started = self._all_of(bench.pid)
                self.assertGreaterEqual(len(started), 5, started)
                bench.send_signal(signum)
                bench.wait(15)
            self.assertEqual([], self._still_there(started))

    def _all_of(self, pid: int) -> list[int]:
        """The bench's mock provider, the contender, the load, and what keeps the last two."""
        end = time.monotonic() + 10
        found: list[int] = []
        while len(found) < 6 and time.monotonic() < end:
            found = family([pid])
        return found[1:]

    def _still_there(self, pids: list[int]) -> list[int]:
        """Who lives after 10 s."""
        end = time.monotonic() + 10
        while time.monotonic() < end:
            pids = [pid for pid in pids if _lives(pid)]
            if not pids:
                break
        return pids


def _lives(pid: int) -> bool:
    try:
        return b") Z " not in Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
