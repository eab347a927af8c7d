"""What the figures were measured on: cores and versions, nothing that names the machine."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
from importlib import metadata
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")


def describe(nginx: str | None) -> dict[str, str]:
    """The machine, as names and values in the order in which they are told."""
    told = {"cores": f"{len(os.sched_getaffinity(0))} ({_cpu()})"}
    told["Linux"] = platform.release().partition("-")[0]
    told["Python"] = platform.python_version()
    for name in ("Twisted", "klein", "treq", "httptools"):
        told[name] = metadata.version(name)
    told["nginx"] = _nginx_version(nginx) if nginx else "none"
    return told


def raise_descriptor_limit() -> int:
    """Allow this process and all that it starts as many descriptors as the system lets it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


def _cpu() -> str:
    for line in _CPUINFO.read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def _nginx_version(program: str) -> str:
    said = subprocess.run([program, "-v"], capture_output=True, text=True, check=False).stderr
    return said.strip().rpartition("/")[2]
