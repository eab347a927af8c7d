"""The real daemon, in a process of its own, as an operator starts it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from tests.house import ROOT

TWISTD = (sys.executable, "-c", "import sys; from twisted.scripts.twistd import run; run()")
START_SECONDS = 20.0
STOP_SECONDS = 15.0


def free_port() -> int:
    """A port of loopback that nobody had a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as probing:
        port: int = probing.getsockname()[1]
        return port


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a daemon may know: nothing of ours but what coverage needs, and what is given."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR")
    environment = {
        name: value
        for name, value in os.environ.items()
        if name in kept or name.startswith("COVERAGE_")
    }
    return environment | {"PYTHONPATH": str(ROOT)} | dict(extra or {})


class Daemon:
    """``twistd -n magicgateway`` on a free port, with a folder of its own; a context manager.

    Args:
        arguments: After ``magicgateway``; ``--port`` is added.
        toml: The configuration file's text, if there is one.
        environment: Beside ``clean_environment``.
        twistd: Arguments before ``magicgateway``.
        wrap: What the command is started with, for example ``("prlimit", "--nofile=256")``.
    """

    def __init__(
        self,
        *arguments: str,
        toml: str = "",
        environment: Mapping[str, str] | None = None,
        twistd: Sequence[str] = ("-n", "--pidfile="),
        wrap: Sequence[str] = (),
    ) -> None:
        self.port = free_port()
        self._keep = tempfile.TemporaryDirectory()
        self.folder = Path(self._keep.name)
        config = []
        if toml:
            (self.folder / "gateway.toml").write_text(toml)
            config = ["--config", str(self.folder / "gateway.toml")]
        self.command = [
            *wrap,
            *TWISTD,
            *twistd,
            "magicgateway",
            "--port",
            str(self.port),
            *config,
            *arguments,
        ]
        self._environment = clean_environment(environment)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """As a URL without a path."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def said(self) -> str:
        """Everything on standard output and standard error so far."""
        return (self.folder / "said.txt").read_text(errors="replace")

    def start(self, stdout: int | None = None) -> Self:
        """Start it and wait until it answers.

        Args:
            stdout: A descriptor, if standard output shall not go where ``said`` looks.

        Raises:
            AssertionError: It does not.
        """
        with (self.folder / "said.txt").open("wb") as said:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=said if stdout is None else stdout,
                stderr=said,
            )
        end = time.monotonic() + START_SECONDS
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"the daemon did not start:\n{self.said}")
            self.pause()
        return self

    def answers(self) -> bool:
        """Whether ``GET /health`` is answered with 200."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), 5) as client:
                client.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
                return client.recv(64).startswith(b"HTTP/1.1 200 ")
        except OSError:
            return False

    def pause(self) -> None:
        """A moment for the daemon; its end would cut it short."""
        assert self.process is not None
        try:
            self.process.wait(0.01)
        except subprocess.TimeoutExpired:
            return

    def signal(self, number: int) -> None:
        """Send a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def wait(self, seconds: float = STOP_SECONDS) -> int:
        """Its exit status, once it has ended by itself."""
        assert self.process is not None
        return self.process.wait(seconds)

    def stop(self) -> int:
        """SIGTERM, and the exit status."""
        process = self.process
        assert process is not None
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            return process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        try:
            self.stop()
        finally:
            self._keep.cleanup()
