"""The demo provider in a process of its own, for tests whose client blocks.

``python -m tests.demo_process`` listens on a free port of loopback and prints it on one line.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Self

from tests.daemon import clean_environment
from tests.house import ROOT


class DemoProcess:
    """A running demo provider; a context manager."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self.address = ""
        """As a URL without a path, once it has started."""

    def start(self) -> Self:
        """Start it and wait until it listens."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.demo_process"],
            cwd=ROOT,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        port = self._process.stdout.readline().decode().strip()
        assert port.isdigit(), "the demo provider did not start"
        self.address = f"http://127.0.0.1:{port}"
        return self

    def stop(self) -> None:
        """End it and wait for its end."""
        assert self._process is not None
        self._process.terminate()
        self._process.communicate()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def main() -> None:
    """Serve until SIGTERM."""
    from twisted.internet import reactor  # noqa: PLC0415 - importing must not install it

    from magicgateway.demo.server import DemoProvider  # noqa: PLC0415 - as above

    demo = DemoProvider(reactor)
    demo.startService()
    print(demo.port, flush=True)
    reactor.run()


if __name__ == "__main__":
    main()
