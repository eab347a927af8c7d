from __future__ import annotations

import os
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from bench.usage import family, rss_kib, usage

BURN = """
import sys, time
data = bytearray(32 * 1024 * 1024)
while time.process_time() < 0.3:
    pass
print("done", flush=True)
sys.stdin.read()
"""


class UsageTests(SynchronousTestCase):
    """CPU time and memory of a real process, seen through the shell that started it."""

    def test_child_of_the_watched(self) -> None:
        """What a child uses is counted to the process that was named."""
        command = ["sh", "-c", '"$0" -c "$1"; true', sys.executable, BURN]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as shell:
            assert shell.stdout is not None
            self.assertEqual("done\n", shell.stdout.readline())
            pids = family([shell.pid])
            self.assertEqual((2, shell.pid), (len(pids), pids[0]))
            used = usage(pids).cpu_seconds
            self.assertTrue(0.28 <= used < 3, used)
            self.assertTrue(32 * 1024 < rss_kib(pids) < 128 * 1024, rss_kib(pids))
            shell.communicate()

    def test_nobody(self) -> None:
        """A process that is gone has used nothing."""
        gone = subprocess.Popen(["true"])
        gone.wait()
        self.assertEqual((0.0, 0), (usage([gone.pid]).cpu_seconds, rss_kib([gone.pid])))

    def test_own(self) -> None:
        """One's own memory is told in KiB."""
        self.assertTrue(10_000 < rss_kib([os.getpid()]) < 4_000_000)
