"""Where log lines go in the end: a file or an open descriptor. Blocking; owned by one thread."""

from __future__ import annotations

import os
import select
import stat

_FILE_MODE = 0o640
_WAIT_MS = 1000


class Output:
    """An append-only place for lines, which may fail at any time and may work again later.

    A file is opened with O_APPEND, created when it is missing, and opened anew once its path
    names another file: logrotate and twistd rename the old one. A descriptor is used only while
    it is what it was at first (or a device such as /dev/null, which daemonizing puts there): a
    number that was closed soon belongs to some caller's connection.

    Args:
        target: A path, or the number of an open descriptor, which stays open in the end.
    """

    def __init__(self, target: str | int) -> None:
        self.error = ""
        """Why the last write failed; empty again once one works."""
        self._path = target if isinstance(target, str) else None
        self._fd = target if isinstance(target, int) else -1
        self._identity = (0, 0)
        self._broken_line = False
        if isinstance(target, int):
            try:
                self._identity = _identity(os.fstat(target))
            except OSError as error:
                self.error = str(error)

    def write(self, lines: bytes) -> int:
        """Write whole lines; blocks for as long as the other side does.

        Returns:
            How many lines did not get out. A line of which a part got out counts as lost, and is
            closed with a newline before the next one.
        """
        rest = memoryview(lines)
        try:
            fd = self._open_path() if self._path is not None else self._same_descriptor()
            if self._broken_line:
                _write_some(fd, memoryview(b"\n"))
                self._broken_line = False
            while rest:
                rest = rest[_write_some(fd, rest) :]
        except OSError as error:
            self.error = str(error)
            written = len(lines) - len(rest)
            if written:
                self._broken_line = lines[written - 1] != 0x0A
            return bytes(rest).count(b"\n")
        self.error = ""
        return 0

    def _open_path(self) -> int:
        path = self._path
        assert path is not None
        if self._fd >= 0 and not self._still_there(path):
            self.close()
        if self._fd < 0:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOCTTY
            self._fd = os.open(path, flags, _FILE_MODE)
            self._identity = _identity(os.fstat(self._fd))
        return self._fd

    def _still_there(self, path: str) -> bool:
        try:
            return _identity(os.stat(path)) == self._identity  # noqa: PTH116 - no Path per batch
        except OSError:
            return False

    def _same_descriptor(self) -> int:
        now = os.fstat(self._fd)
        if _identity(now) != self._identity and not stat.S_ISCHR(now.st_mode):
            raise OSError("the descriptor was closed and is something else now")
        return self._fd

    def close(self) -> None:
        """Close what was opened here; the next write opens it again. Never raises."""
        if self._path is not None and self._fd >= 0:
            fd, self._fd = self._fd, -1
            self._broken_line = False
            try:
                os.close(fd)
            except OSError as error:
                self.error = str(error)


def _identity(status: os.stat_result) -> tuple[int, int]:
    return (status.st_dev, status.st_ino)


def _write_some(fd: int, data: memoryview) -> int:
    """``os.write`` that waits where somebody made the descriptor non-blocking."""
    while True:
        try:
            return os.write(fd, data)
        except BlockingIOError:
            poll = select.poll()
            poll.register(fd, select.POLLOUT)
            poll.poll(_WAIT_MS)
