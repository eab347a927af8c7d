"""The bench's stream events: 200 bytes each, numbered and stamped, so that nothing can be lost."""

from __future__ import annotations

SIZE = 200
DONE = b"data: [DONE]\n\n"
_PREFIX = (
    b'data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1700000000,'
    b'"model":"bench","choices":[{"index":0,"delta":{"content":"'
)
_SEQUENCE = slice(len(_PREFIX), len(_PREFIX) + 8)
_STAMP = slice(_SEQUENCE.stop + 1, _SEQUENCE.stop + 17)
_SUFFIX = b'"},"finish_reason":null}]}\n\n'
_WIDTH = SIZE - len(_PREFIX) - len(_SUFFIX) - 26


def mark(sequence: int) -> str:
    """How the words of an event begin where it has no stamp."""
    return f"{sequence:08d} {0:016d} "


class BrokenStream(Exception):
    """A stream does not hold the events that were sent, in their order."""


def event(sequence: int, stamp_us: int) -> bytes:
    """One event.

    Args:
        sequence: Its place in the stream, from 0.
        stamp_us: When it was written, in microseconds of the monotonic clock.
    """
    return b"%b%08d %016d %b%b" % (_PREFIX, sequence, stamp_us, b"." * _WIDTH, _SUFFIX)


class EventReader:
    """Checks one stream as it arrives; owns the unfinished event.

    ``count`` is how many events came, ``done`` whether ``[DONE]`` did, ``stamp_us`` the last
    event's stamp.
    """

    def __init__(self) -> None:
        self.count = 0
        self.done = False
        self.stamp_us = 0
        self._pending = b""

    def feed(self, data: bytes) -> int:
        """Take bytes of the body; how many events they completed.

        Raises:
            BrokenStream: when an event is missing, repeated, changed or follows ``[DONE]``.
        """
        before = self.count
        *events, self._pending = (self._pending + data).split(b"\n\n")
        for text in events:
            if text.startswith(b":"):
                continue
            self._take(text)
        return self.count - before

    def _take(self, text: bytes) -> None:
        if self.done:
            raise BrokenStream(f"after [DONE] came {text[:60]!r}")
        if text == DONE[:-2]:
            self.done = True
            return
        if len(text) != SIZE - 2 or text[_SEQUENCE] != b"%08d" % self.count:
            raise BrokenStream(f"event {self.count} is {text!r}")
        self.stamp_us = int(text[_STAMP])
        self.count += 1
