from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from subprocess import run

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.observe.sink import (
    BATCH_BYTES,
    BATCH_SECONDS,
    LogSink,
    human_notice,
    json_notice,
)
from magicgateway.wire.jsontext import decode
from tests.house import ROOT

FORKING = """
import os, sys
from twisted.internet.task import Clock
from magicgateway.observe.sink import LogSink

sink = LogSink(sys.argv[1], Clock())
sink.write(b"handed over by the parent\\n")
assert sink.flush()
sink.write(b"collected before the fork\\n")
if os.fork():
    os.wait()
    os._exit(0)  # as twistd's parent does
if sys.argv[2] == "quiet":
    sink._lines.clear()
    assert sink.flush(), "a child that has nothing to write waits for nobody"
else:
    sink.write(b"written by the child\\n")
    assert sink.flush()
assert sink.stop()
os._exit(0)
"""


class LogSinkTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.path = Path(self.mktemp())
        self.sink = LogSink(str(self.path), self.clock)
        self.addCleanup(self.sink.stop)

    def _written(self) -> bytes:
        return self.path.read_bytes() if self.path.exists() else b""

    def test_a_batch_after_a_moment(self) -> None:
        """Lines are collected for 50 ms, with one timer however many they are."""
        for _ in range(3):
            self.sink.write(b"a\n")
        self.assertEqual(1, len(self.clock.getDelayedCalls()))
        self.clock.advance(BATCH_SECONDS)
        self.assertEqual([], self.clock.getDelayedCalls())
        self.assertTrue(self.sink._writer.flush(5))
        self.assertEqual(b"a\na\na\n", self._written())
        self.sink.write(b"b\n")
        self.clock.advance(BATCH_SECONDS)
        self.assertTrue(self.sink._writer.flush(5))
        self.assertEqual(b"a\na\na\nb\n", self._written())

    def test_a_full_batch_at_once(self) -> None:
        """A batch that is full waits for no timer."""
        line = b"x" * 1023 + b"\n"
        for _ in range(BATCH_BYTES // len(line)):
            self.sink.write(line)
        self.assertTrue(self.sink._writer.flush(5))
        self.assertEqual(BATCH_BYTES, len(self._written()))

    def test_other_threads(self) -> None:
        """A line from another thread never touches the reactor's timers."""
        thread = threading.Thread(target=self.sink.write, args=(b"a\n",))
        thread.start()
        thread.join()
        self.assertEqual([], self.clock.getDelayedCalls())
        self.assertTrue(self.sink.flush())
        self.assertEqual(b"a\n", self._written())

    def test_many_threads(self) -> None:
        """Lines of many threads are all there, each whole, each thread's in order."""

        def write(name: int) -> None:
            for number in range(500):
                self.sink.write(b"%d %d\n" % (name, number))

        threads = [threading.Thread(target=write, args=(name,)) for name in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertTrue(self.sink.flush())
        lines = [tuple(map(int, line.split())) for line in self._written().splitlines()]
        for name in range(4):
            self.assertEqual(
                [(name, n) for n in range(500)], [one for one in lines if one[0] == name]
            )

    def test_stop(self) -> None:
        """Stopping writes what waits and leaves no timer; lines written later go out at once."""
        self.sink.write(b"a\n")
        self.assertTrue(self.sink.stop())
        self.assertEqual([], self.clock.getDelayedCalls())
        self.assertEqual(b"a\n", self._written())
        self.sink.write(b"b\n")
        self.assertEqual([], self.clock.getDelayedCalls())
        self.assertTrue(self.sink.flush())
        self.assertEqual(b"a\nb\n", self._written())
        self.assertTrue(self.sink.stop())

    def test_reopen(self) -> None:
        """Reopening comes after the lines that were taken before, and needs none to follow."""
        self.sink.write(b"a\n")
        self.assertTrue(self.sink.flush())
        self.path.rename(self.path.with_suffix(".1"))
        self.sink.reopen()
        self.assertTrue(self.sink.flush())
        self.assertEqual(b"", self.path.read_bytes())
        self.sink.write(b"b\n")
        self.sink.reopen()
        self.assertTrue(self.sink.flush())
        self.assertEqual(b"b\n", self.path.read_bytes())

    def test_full_disk(self) -> None:
        """A full disk costs lines, which are counted, and raises nothing."""
        sink = LogSink("/dev/full", self.clock)
        self.addCleanup(sink.stop)
        for _ in range(10):
            sink.write(b"a\n")
            self.assertTrue(sink.flush())
        self.assertEqual(10, sink.dropped)
        self.assertIn("No space left", sink.last_error)

    def test_recovery(self) -> None:
        """Once there is room again, a line in the log's own form says how many were lost."""
        full = Path(self.mktemp())
        full.symlink_to("/dev/full")
        sink = LogSink(str(full), self.clock)
        self.addCleanup(sink.stop)
        sink.write(b"a\nb\n".replace(b"\n", b"", 1))
        sink.write(b"c\n")
        self.assertTrue(sink.flush())
        full.unlink()
        sink.write(b"d\n")
        self.assertTrue(sink.flush())
        told, line = full.read_bytes().splitlines()
        self.assertEqual(b"d", line)
        self.assertEqual(2, decode(told)["lost"])
        self.assertIn("No space left", decode(told)["message"])
        self.assertEqual(2, sink.dropped)

    def test_nobody_reads(self) -> None:
        """A pipe that nobody reads blocks nobody; what does not fit is dropped and counted."""
        read, write = os.pipe()
        sink = LogSink(write, self.clock, max_waiting_bytes=300_000)
        line = b"x" * 999 + b"\n"
        for _ in range(2000):
            sink.write(line)
        self.clock.advance(BATCH_SECONDS)
        self.assertFalse(sink.flush(0.01))
        self.assertGreater(sink.dropped, 1000)
        self.assertLessEqual(sink._writer.waiting, 300_000)
        kept = 2000 - sink.dropped
        got: list[bytes] = []

        def drain() -> None:
            while data := os.read(read, 1 << 20):
                got.append(data)

        reader = threading.Thread(target=drain)
        reader.start()
        self.assertTrue(sink.flush())
        self.assertTrue(sink.stop())
        os.close(write)
        reader.join(10)
        os.close(read)
        lines = b"".join(got).splitlines(keepends=True)
        self.assertEqual(kept, lines.count(line))
        told = [decode(one)["lost"] for one in lines if one != line]
        self.assertEqual(2000 - kept, sum(told))

    def test_filter(self) -> None:
        """Every line passes the filter."""
        path = Path(self.mktemp())
        sink = LogSink(str(path), self.clock, clean=bytes.upper)
        self.addCleanup(sink.stop)
        sink.write(b"a\n")
        self.assertTrue(sink.flush())
        self.assertEqual(b"A\n", path.read_bytes())

    def test_no_thread(self) -> None:
        """A system that gives no thread costs lines, not requests."""

        def refuse(batch: bytes) -> None:
            raise RuntimeError(f"can't start new thread for {len(batch)} bytes")

        self.sink._writer.put = refuse  # type: ignore[method-assign]
        self.sink.write(b"a\n")
        self.clock.advance(BATCH_SECONDS)
        self.assertEqual(1, self.sink.dropped)


class ForkTests(SynchronousTestCase):
    def _forked(self, how: str) -> bytes:
        path = Path(self.mktemp()).absolute()
        done = run(
            [sys.executable, "-c", FORKING, str(path), how],
            capture_output=True, check=False, text=True, cwd=ROOT, timeout=30,
        )  # fmt: skip
        self.assertEqual("", done.stderr)
        return path.read_bytes()

    def test_daemonizing_keeps_lines(self) -> None:
        """After a fork the child writes what was collected before it, once, and goes on."""
        self.assertEqual(
            b"handed over by the parent\ncollected before the fork\nwritten by the child\n",
            self._forked("busy"),
        )

    def test_a_quiet_child(self) -> None:
        """A child that has nothing to write does not wait for its parent's thread."""
        self.assertEqual(b"handed over by the parent\n", self._forked("quiet"))


class NoticeTests(SynchronousTestCase):
    def test_json(self) -> None:
        """One line of ASCII, in the form of the gateway's messages."""
        line = json_notice(3, "é\n\u2028")
        self.assertTrue(line[:-1].decode("ascii").isprintable())
        told = decode(line)
        self.assertEqual(("warn", 3), (told["level"], told["lost"]))
        self.assertIn("3 log lines were lost", told["message"])

    def test_human(self) -> None:
        """The same in words; without an error nobody was reading."""
        line = human_notice(3, "").decode()
        self.assertIn("3 log lines were lost: the output was not read\n", line)
        self.assertTrue(human_notice(3, "a\nb\x1b").decode()[:-1].isprintable())
