"""Clocks that a test moves."""

from __future__ import annotations

from typing import Any


class ShiftedReactor:
    """The reactor with a clock that the test can put forward."""

    def __init__(self) -> None:
        from twisted.internet import reactor  # noqa: PLC0415 - importing must not install it

        self._reactor: Any = reactor
        self.shift = 0.0

    def seconds(self) -> float:
        return float(self._reactor.seconds()) + self.shift

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)
