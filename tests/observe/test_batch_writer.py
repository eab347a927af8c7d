from __future__ import annotations

import os
import threading
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.observe.batch_writer import BatchWriter
from magicgateway.observe.output import Output


def notice(lines: int, error: str) -> bytes:
    return f"lost {lines}: {error}\n".encode()


class BatchWriterTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = Path(self.mktemp())
        self.writer = self._writer(str(self.path))

    def _writer(self, target: str | int) -> BatchWriter:
        writer = BatchWriter(Output(target), bytes, notice)
        self.addCleanup(writer.end)
        return writer

    def test_order(self) -> None:
        """Batches are written in the order in which they came, each once."""
        for number in range(200):
            self.writer.put(b"%d\n" % number)
        self.assertTrue(self.writer.flush(5))
        self.assertEqual(b"".join(b"%d\n" % n for n in range(200)), self.path.read_bytes())
        self.assertEqual(
            (0, 0, ""), (self.writer.waiting, self.writer.lost, self.writer.last_error)
        )

    def test_no_thread_without_need(self) -> None:
        """Whoever writes nothing gets no thread, and flushes at once."""
        before = threading.active_count()
        self.assertTrue(self.writer.flush(0))
        self.writer.end()
        self.assertEqual(before, threading.active_count())

    def test_end(self) -> None:
        """The thread ends after what was put before."""
        self.writer.put(b"a\n")
        thread = self.writer._thread
        assert thread is not None
        self.writer.end()
        thread.join(5)
        self.assertFalse(thread.is_alive())
        self.assertEqual(b"a\n", self.path.read_bytes())

    def test_reopen(self) -> None:
        """A file that was renamed is let go without a new line, and its path is there again."""
        self.writer.put(b"a\n")
        self.assertTrue(self.writer.flush(5))
        rotated = self.path.rename(self.path.with_suffix(".1"))
        self.writer.reopen()
        self.assertTrue(self.writer.flush(5))
        self.assertEqual((b"a\n", b""), (rotated.read_bytes(), self.path.read_bytes()))

    def test_losses_are_told(self) -> None:
        """Once the output works again, a line in front says how many were lost and why."""
        folder = Path(self.mktemp())
        writer = self._writer(str(folder / "log"))
        writer.put(b"a\nb\n")
        self.assertTrue(writer.flush(5))
        writer.refuse(3)
        self.assertEqual(5, writer.lost)
        self.assertIn("No such file", writer.last_error)
        folder.mkdir()
        writer.put(b"c\n")
        self.assertTrue(writer.flush(5))
        told, line = (folder / "log").read_bytes().splitlines()
        self.assertTrue(told.startswith(b"lost 5: "), told)
        self.assertIn(b"No such file", told)
        self.assertEqual(b"c", line)
        self.assertEqual(5, writer.lost)

    def test_losses_are_told_without_a_new_line(self) -> None:
        """A flush tells of losses, too: the last lines of a process may be the lost ones."""
        self.writer.refuse(2)
        self.assertTrue(self.writer.flush(5))
        self.assertEqual(b"lost 2: \n", self.path.read_bytes())
        self.assertTrue(self.writer.flush(5))
        self.assertEqual(b"lost 2: \n", self.path.read_bytes())

    def test_a_filter_that_fails(self) -> None:
        """What cannot be filtered is not written, and does not end the thread."""

        def clean(batch: bytes) -> bytes:
            if b"bad" in batch:
                raise ZeroDivisionError
            return batch.upper()

        writer = BatchWriter(Output(str(self.path)), clean, notice)
        self.addCleanup(writer.end)
        for batch in (b"a\n", b"bad\nbad\n", b"c\n"):
            writer.put(batch)
        self.assertTrue(writer.flush(5))
        lines = self.path.read_bytes().splitlines()
        self.assertEqual([b"A", b"lost 2: <class 'ZeroDivisionError'>", b"C"], lines)

    def test_a_pipe_that_nobody_reads(self) -> None:
        """Putting never blocks; flushing waits only as long as it is told to."""
        read, write = os.pipe()
        writer = self._writer(write)
        batch = b"x" * 65535 + b"\n"
        for _ in range(4):
            writer.put(batch)
        self.assertFalse(writer.flush(0.05))
        self.assertGreater(writer.waiting, 0)
        got = 0
        while got < 4 * len(batch):
            got += len(os.read(read, 1 << 20))
        self.assertTrue(writer.flush(5))
        self.assertEqual((0, 0), (writer.waiting, writer.lost))
        writer.end()
        assert writer._thread is not None
        writer._thread.join(5)
        os.close(read)
        os.close(write)
