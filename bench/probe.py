"""Asks ``GET /health`` every 5 ms on a connection of its own: how long is a reactor away?

``python -m bench.probe PORT`` prints ``ready`` after a warm-up, goes on until its standard input
is closed, and prints the longest time for which an answer was missing.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import sys
from time import monotonic, sleep

import msgspec

from bench.client import dial
from bench.framing import MessageReader

INTERVAL_SECONDS = 0.005
_WARM_ASKS = 40
_LIFE_SECONDS = 120.0
_REQUEST = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


class Stall(msgspec.Struct):
    """``longest_ms`` without an answer; ``own_lag_ms``: by how much the probe itself came late."""

    asks: int = 0
    longest_ms: float = 0.0
    own_lag_ms: float = 0.0
    failure: str = ""


class Probe:
    """One connection that asks again and again. Owns its stall."""

    def __init__(self, sock: socket.socket) -> None:
        self.stall = Stall()
        self._sock = sock
        self._ended = False
        self._reader = MessageReader(self._head, lambda _: None, self._end, until_close=True)
        self._next = monotonic()

    def ask(self) -> None:
        """Wait for the next beat, ask, and note how long the answer took."""
        self._next += INTERVAL_SECONDS
        now = monotonic()
        if self._next > now:
            sleep(self._next - now)
            lag = monotonic() - self._next
            self.stall.own_lag_ms = max(self.stall.own_lag_ms, lag * 1000)
        else:
            self._next = now
        began = monotonic()
        self._ended = False
        self._sock.sendall(_REQUEST)
        while not self._ended and not self.stall.failure:
            data = self._sock.recv(65_536)
            if not data:
                self.stall.failure = "the probe's connection was closed"
            self._reader.feed(data)
        self.stall.asks += 1
        self.stall.longest_ms = max(self.stall.longest_ms, (monotonic() - began) * 1000)

    def _head(self, head: bytes) -> None:
        if not head.startswith(b"HTTP/1.1 200 "):
            self.stall.failure = f"GET /health was answered {head[:40]!r}"

    def _end(self) -> None:
        self._ended = True


def main() -> None:
    """Ask until standard input ends."""
    with contextlib.suppress(OSError):
        # Else the probe waits for its own core and blames the contender.
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    with dial(int(sys.argv[1])) as sock:
        probe = Probe(sock)
        for _ in range(_WARM_ASKS):
            probe.ask()
        probe.stall = Stall(failure=probe.stall.failure)
        print("ready", flush=True)
        end = monotonic() + _LIFE_SECONDS
        while not probe.stall.failure and monotonic() < end:
            probe.ask()
            if select.select([sys.stdin], [], [], 0)[0]:
                break
    print(msgspec.json.encode(probe.stall).decode())


if __name__ == "__main__":
    main()
