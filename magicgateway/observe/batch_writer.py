"""The thread that may block on log output, so that nothing else has to."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue

from magicgateway.observe.output import Output

Clean = Callable[[bytes], bytes]
"""A filter over whole lines."""
LossNotice = Callable[[int, str], bytes]
"""Spells the line that tells of a loss: how many lines, and the last error or an empty text."""

_REOPEN = b""
"""In the queue; batches have lines in them."""


class BatchWriter:
    """Writes batches of lines in order, in one daemon thread, which starts with the first batch.

    Nothing in it raises: what cannot be written is counted, and once the output works again a
    line says how many were lost. Each counter has one writing thread, so none needs a lock.

    Args:
        output: Used by the thread alone.
        clean: Applied to each batch before it is written.
        notice: Spells the line about lost ones.
    """

    def __init__(self, output: Output, clean: Clean, notice: LossNotice) -> None:
        self._output = output
        self._clean = clean
        self._notice = notice
        self._queue: SimpleQueue[bytes | threading.Event | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._accepted = 0
        self._settled = 0
        self._refused = 0
        self._failed = 0
        self._announced = 0
        self.last_error = ""
        """The latest failure, kept after the output works again."""

    @property
    def waiting(self) -> int:
        """Bytes that were put and are not written yet."""
        return self._accepted - self._settled

    @property
    def lost(self) -> int:
        """Lines that were refused or could not be written."""
        return self._refused + self._failed

    def put(self, batch: bytes) -> None:
        """Queue whole lines. Never blocks.

        Raises:
            RuntimeError: The system gives us no thread.
        """
        self._start()
        self._accepted += len(batch)
        self._queue.put(batch)

    def reopen(self) -> None:
        """Let go of a file that was renamed and open its path anew, without waiting for a line.

        Raises:
            RuntimeError: The system gives us no thread.
        """
        self._start()
        self._queue.put(_REOPEN)

    def refuse(self, lines: int) -> None:
        """Count lines that were never put."""
        self._refused += lines

    def flush(self, seconds: float) -> bool:
        """Wait until everything put before is settled; False: it took longer than that."""
        if self._thread is None and not self.lost:
            return True
        self._start()
        done = threading.Event()
        self._queue.put(done)
        return done.wait(seconds)

    def end(self) -> None:
        """Let the thread end once everything put before is settled."""
        if self._thread is not None:
            self._queue.put(None)

    def _start(self) -> None:
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
            thread.start()
            self._thread = thread

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            if isinstance(item, threading.Event):
                self._guarded(b"")
                item.set()
            elif item == _REOPEN:
                self._output.write(b"")
            else:
                self._guarded(item)
                self._settled += len(item)
        self._output.close()

    def _guarded(self, batch: bytes) -> None:
        try:
            lost = self._write(batch)
        except Exception as error:  # noqa: BLE001 - better lost than written unfiltered
            self.last_error = repr(type(error))
            lost = batch.count(b"\n")
        self._failed += lost

    def _write(self, batch: bytes) -> int:
        cleaned = self._clean(batch)
        if not self._announce():
            return batch.count(b"\n")
        lost = self._output.write(cleaned) if cleaned else 0
        self.last_error = self._output.error or self.last_error
        return lost

    def _announce(self) -> bool:
        """Tell of lines lost since the last time; False: the output still does not work."""
        lost = self.lost
        if lost == self._announced:
            return True
        if self._output.write(self._notice(lost - self._announced, self.last_error)):
            self.last_error = self._output.error
            return False
        self._announced = lost
        return True
