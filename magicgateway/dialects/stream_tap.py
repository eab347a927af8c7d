"""Watching a stream that passes untouched: has it finished, did it fail, what did it cost."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from magicgateway.observe.facts import Usage
from magicgateway.wire import sse
from magicgateway.wire.jsontext import REFUSALS

Event = TypeVar("Event")


class StreamTap(ABC, Generic[Event]):
    """Reads the events of one stream, one dialect each; new for every attempt.

    Every event's data is decoded into a shape that holds only what is watched, which is as fast as
    searching its bytes and cannot be misled by text that looks like a marker.

    Args:
        read: Decodes one event's data, raising one of ``jsontext.REFUSALS``.
    """

    __slots__ = ("_read", "failed", "finished")

    def __init__(self, read: Callable[[bytes], Event]) -> None:
        self._read = read
        self.finished = False
        """The stream is complete: its dialect's terminal event or marker was seen."""
        self.failed = False
        """The provider reported an error inside the stream."""

    @property
    @abstractmethod
    def usage(self) -> Usage | None:
        """What the provider counted so far."""

    @abstractmethod
    def _take(self, event: Event) -> None:
        """Look at one event."""

    def feed(self, events: bytes) -> None:
        """Look at whole events, as ``EventSplitter.feed`` returns them; usually exactly one."""
        if events.startswith(b"data: "):
            start = 6
        else:
            start = events.find(b"\n") + 7
            if events[:1] != b"e" or not events.startswith(b"data: ", start - 6):
                self._feed_each(events)
                return
        try:
            # More than one event, or more than one line of data, is not one JSON text.
            event = self._read(events[start:])
        except REFUSALS:
            self._feed_each(events)
        else:
            self._take(event)

    def _feed_each(self, block: bytes) -> None:
        for _, data in sse.events(block):
            try:
                event = self._read(data)
            except REFUSALS:
                self._take_other(data)
            else:
                self._take(event)

    def _take_other(self, data: bytes) -> None:
        """Look at data that is not the dialect's JSON; most dialects have none."""


LARGEST_COUNT = 2**53
"""Above it readers of JSON disagree about a number, and no provider counts honestly."""


def count(value: Any, *path: str) -> int | None:
    """The whole number at a path of keys, None where there is none; for counts of tokens."""
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST_COUNT:
        return value
    return None
