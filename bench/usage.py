"""CPU time and memory of processes, read from /proc."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from attrs import frozen

_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")


@frozen
class ProcessUsage:
    """What some processes have used since they began, in seconds."""

    cpu_seconds: float
    waited_seconds: float


def family(pids: Iterable[int]) -> list[int]:
    """The processes and everything they started that still lives."""
    children: dict[int, list[int]] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found: list[int] = []
    open_ends = list(pids)
    while open_ends:
        pid = open_ends.pop()
        found.append(pid)
        open_ends += children.get(pid, [])
    return found


def usage(pids: Iterable[int]) -> ProcessUsage:
    """User and system time of the processes, all their threads and the children they reaped."""
    ticks = 0
    waited = 0
    for pid in pids:
        fields = _stat(pid)
        ticks += sum(int(field) for field in fields[11:15])
        waited += sum(_waited_ns(pid))
    return ProcessUsage(ticks / _TICKS, waited / 1e9)


def rss_kib(pids: Iterable[int]) -> int:
    """Resident memory of the processes together."""
    return sum(_rss(pid) for pid in pids)


def _stat(pid: int) -> list[str]:
    """The fields from ``state`` on: what stands before may contain anything."""
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return []
    return text.rpartition(")")[2].split()


def _waited_ns(pid: int) -> Iterable[int]:
    for task in (_PROC / str(pid) / "task").glob("*/schedstat"):
        try:
            yield int(task.read_text().split()[1])
        except OSError:
            continue


def _rss(pid: int) -> int:
    """``smaps_rollup`` counts pages; the counters in ``status`` lag behind on many cores."""
    for name, label in (("smaps_rollup", "Rss:"), ("status", "VmRSS:")):
        try:
            text = (_PROC / str(pid) / name).read_text()
        except OSError:
            continue
        for line in text.splitlines():
            if line.startswith(label):
                return int(line.split()[1])
    return 0
