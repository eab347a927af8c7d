"""A gate in front of every event of streamed answers, which a test opens step by step."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from twisted.internet.defer import Deferred


class Gate:
    """Holds streamed answers before each of their events, and before their end.

    An answer's head is never held, nor is an answer that is no stream. Several answers that stand
    at the gate pass in the order in which they came.
    """

    def __init__(self) -> None:
        self._permits = 0
        self._open = False
        self._standing: deque[Callable[[], None]] = deque()
        self._watching: list[Deferred[None]] = []

    @property
    def standing(self) -> int:
        """Answers that stand at the gate now."""
        return len(self._standing)

    def release(self, events: int = 1) -> None:
        """Let so many events pass, now or when they come; an answer's end counts as one."""
        self._permits += events
        self._let_pass()

    def open(self) -> None:
        """Let everything pass from now on."""
        self._open = True
        self._let_pass()

    def arrival(self) -> Deferred[None]:
        """Fires when an answer stands at the gate; at once if one does already."""
        arrived: Deferred[None] = Deferred()
        self._watching.append(arrived)
        self._tell()
        return arrived

    def passes(self, go_on: Callable[[], None]) -> bool:
        """Whether an answer may go on; if not, it is told when it may.

        Args:
            go_on: Called once when the answer may send what it stopped before.
        """
        if self._open:
            return True
        if self._permits and not self._standing:
            self._permits -= 1
            return True
        self._standing.append(go_on)
        self._tell()
        return False

    def leave(self, go_on: Callable[[], None]) -> None:
        """Forget an answer that stands at the gate, because its peer has gone."""
        if go_on in self._standing:
            self._standing.remove(go_on)

    def _let_pass(self) -> None:
        while self._standing and (self._open or self._permits):
            if not self._open:
                self._permits -= 1
            self._standing.popleft()()

    def _tell(self) -> None:
        if self._standing:
            watching, self._watching = self._watching, []
            for arrived in watching:
                arrived.callback(None)
