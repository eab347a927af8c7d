from __future__ import annotations

import os
import stat
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.observe.output import Output


def pipe(test: SynchronousTestCase) -> tuple[int, int]:
    """A pipe that the test closes; ends that are closed already are no trouble."""
    ends = os.pipe()
    for end in ends:
        test.addCleanup(_close, end)
    return ends


def _close(fd: int) -> None:
    try:
        os.close(fd)
    except OSError:
        return


class FileTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = Path(self.mktemp())
        self.output = Output(str(self.path))
        self.addCleanup(self.output.close)

    def test_append(self) -> None:
        """Lines are added to what is there."""
        self.path.write_bytes(b"old\n")
        self.assertEqual(0, self.output.write(b"a\n"))
        self.assertEqual(0, self.output.write(b"b\nc\n"))
        self.assertEqual(b"old\na\nb\nc\n", self.path.read_bytes())
        self.assertEqual("", self.output.error)

    def test_nothing_before_the_first_line(self) -> None:
        """The file is created by the first line, not readable for everybody."""
        self.assertFalse(self.path.exists())
        self.output.write(b"a\n")
        self.assertEqual(0, stat.S_IMODE(self.path.stat().st_mode) & 0o137)

    def test_rotation(self) -> None:
        """Once the file was renamed or removed, lines go to a new one."""
        self.output.write(b"a\n")
        old = self.path.with_suffix(".1")
        self.path.rename(old)
        self.output.write(b"b\n")
        self.path.unlink()
        self.output.write(b"c\n")
        self.assertEqual((b"a\n", b"c\n"), (old.read_bytes(), self.path.read_bytes()))

    def test_no_descriptor_is_left(self) -> None:
        """Rotation closes the old file."""
        before = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(20):
            self.output.write(b"a\n")
            self.path.unlink()
        self.output.close()
        self.output.close()
        self.assertEqual(before, len(list(Path("/proc/self/fd").iterdir())))

    def test_a_folder_that_comes_later(self) -> None:
        """A file that cannot be opened costs lines until it can."""
        folder = Path(self.mktemp())
        output = Output(str(folder / "log"))
        self.addCleanup(output.close)
        self.assertEqual(2, output.write(b"a\nb\n"))
        self.assertIn("No such file", output.error)
        folder.mkdir()
        self.assertEqual(0, output.write(b"c\n"))
        self.assertEqual("", output.error)
        self.assertEqual(b"c\n", (folder / "log").read_bytes())

    def test_full_disk(self) -> None:
        """Lines that the disk does not take are counted, with the reason."""
        output = Output("/dev/full")
        self.addCleanup(output.close)
        self.assertEqual(3, output.write(b"a\nb\nc\n"))
        self.assertIn("No space left", output.error)


class DescriptorTests(SynchronousTestCase):
    def test_pipe(self) -> None:
        """Lines go out, and the descriptor stays open in the end."""
        read, write = pipe(self)
        output = Output(write)
        self.assertEqual(0, output.write(b"a\n"))
        output.close()
        self.assertEqual(0, output.write(b"b\n"))
        self.assertEqual(b"a\nb\n", os.read(read, 100))

    def test_nobody_reads(self) -> None:
        """A pipe whose reader is gone costs lines, not the process."""
        read, write = pipe(self)
        output = Output(write)
        os.close(read)
        self.assertEqual(1, output.write(b"a\n"))
        self.assertIn("Broken pipe", output.error)

    def test_closed(self) -> None:
        """A descriptor that is not open costs lines."""
        _, write = pipe(self)
        os.close(write)
        output = Output(write)
        self.assertEqual(1, output.write(b"a\n"))
        self.assertIn("Bad file descriptor", output.error)

    def test_a_number_that_became_another(self) -> None:
        """A number that was closed and is some connection now gets no log line."""
        _, write = pipe(self)
        output = Output(write)
        other_read, other_write = pipe(self)
        os.dup2(other_write, write)
        self.assertEqual(1, output.write(b"a\n"))
        os.set_blocking(other_read, False)
        self.assertRaises(BlockingIOError, os.read, other_read, 10)

    def test_devices(self) -> None:
        """Daemonizing puts /dev/null in the place of standard output; that is fine."""
        _, write = pipe(self)
        output = Output(write)
        null = os.open("/dev/null", os.O_WRONLY)
        os.dup2(null, write)
        os.close(null)
        self.assertEqual(0, output.write(b"a\n"))

    def test_a_broken_line_is_closed(self) -> None:
        """A line of which a part got out counts as lost and is not glued to the next one."""
        path = Path(self.mktemp())
        path.touch()
        read, write = pipe(self)
        os.set_blocking(write, False)
        filler = b"x" * 65536
        self.assertEqual(65536, os.write(write, filler))
        os.read(read, 4096)  # makes room for one page
        output = Output(write)
        lines = b"a\n" * 2000 + b"b" * 5000 + b"\n"
        # Nobody makes more room, and then the reader goes: the rest is lost.
        output_lost = _written_until_closed(output, lines, read)
        self.assertEqual(1, output_lost)
        fresh_read, fresh_write = pipe(self)
        os.dup2(fresh_write, write)
        output._identity = (os.fstat(write).st_dev, os.fstat(write).st_ino)
        self.assertEqual(0, output.write(b"next\n"))
        self.assertEqual(b"\nnext\n", os.read(fresh_read, 100))


def _written_until_closed(output: Output, lines: bytes, read: int) -> int:
    """Write in a thread while the pipe is full, then close its reading end."""
    from threading import Thread  # noqa: PLC0415 - only here something blocks

    lost: list[int] = []
    thread = Thread(target=lambda: lost.append(output.write(lines)))
    thread.start()
    thread.join(0.2)
    os.close(read)
    thread.join()
    return lost[0]
