"""The translators are loaded after a start, and no start waits for them."""

from __future__ import annotations

import subprocess
import sys

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.serving.preparation import AFTER_SECONDS, Preparation, load

ROOM = "magicgateway.serving.crossing"
PROBE = """
import sys
import magicgateway.tap, magicgateway.serving.gateway
print(sorted(name for name in sys.modules if name in {names!r}))
"""
LOADED = "from magicgateway.serving.preparation import load; load()"


class Thread:
    """Stands where threads stand: remembers what it was given."""

    def __init__(self, answer: Deferred[None]) -> None:
        self.given: list[object] = []
        self._answer = answer

    def run(self, call: object) -> Deferred[None]:
        self.given.append(call)
        return self._answer


class PreparationTests(SynchronousTestCase):
    def test_later(self) -> None:
        """Once, a moment after the start, in a thread."""
        clock, thread = Clock(), Thread(succeed(None))
        Preparation(clock, thread).start()  # type: ignore[arg-type] # as much of it as is used
        self.assertEqual([], thread.given)
        clock.advance(AFTER_SECONDS)
        clock.advance(100)
        self.assertEqual([load], thread.given)

    def test_stopped(self) -> None:
        """Who stops before that leaves nothing behind."""
        clock, thread = Clock(), Thread(succeed(None))
        preparation = Preparation(clock, thread)  # type: ignore[arg-type] # as above
        preparation.start()
        preparation.stop()
        preparation.stop()
        self.assertEqual([], clock.getDelayedCalls())

    def test_failed(self) -> None:
        """What cannot be loaded is logged, and the gateway goes on."""
        clock = Clock()
        Preparation(clock, Thread(fail(ImportError("x")))).start()  # type: ignore[arg-type] # as above
        clock.advance(AFTER_SECONDS)
        self.assertEqual(1, len(self.flushLoggedErrors(ImportError)))

    def test_not_at_start(self) -> None:
        """What translates, fetches and signs is not imported by a start."""
        names = {
            ROOM,
            "magicgateway.conversation.blocks",
            "magicgateway.upstream.media",
            "magicgateway.upstream.aws_requests",
            "botocore",
        }
        found = subprocess.run(
            [sys.executable, "-c", PROBE.format(names=names)],
            check=True,
            capture_output=True,
            text=True,
        )
        self.assertEqual("[]", found.stdout.strip())

    def test_load(self) -> None:
        """Everything is there after it, what the first scrape and the first list need included."""
        names = {ROOM, "prometheus_client", "treq.client"}
        found = subprocess.run(
            [sys.executable, "-c", f"{LOADED}{PROBE.format(names=names)}"],
            check=True,
            capture_output=True,
            text=True,
        )
        self.assertEqual(str(sorted(names)), found.stdout.strip())
        load()
        self.assertIn(ROOM, sys.modules)
