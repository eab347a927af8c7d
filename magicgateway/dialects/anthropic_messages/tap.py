"""What a message cost, and whether its stream is complete.

``message_start`` brings counts, every ``message_delta`` overwrites those it names (they are totals,
not additions), ``message_stop`` ends the stream.

See: https://docs.claude.com/en/docs/build-with-claude/streaming; 2026-10.
"""

from __future__ import annotations

from typing import Any

from magicgateway.dialects.stream_tap import StreamTap, count
from magicgateway.observe.facts import Usage
from magicgateway.wire.jsontext import REFUSALS, Shape, reader


class _Message(Shape):
    usage: Any = None


class MessageEvent(Shape):
    """What is watched of an event."""

    type: str = ""
    message: _Message | None = None
    usage: Any = None
    error: Any = None


_read_event = reader(MessageEvent)
_read_answer = reader(_Message)


class MessagesTap(StreamTap[MessageEvent]):
    """Watches one stream of message events."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        super().__init__(_read_event)
        self._counts: dict[str, Any] = {}

    @property
    def usage(self) -> Usage | None:
        """The counts of the message's start with what its deltas changed."""
        return usage_of(self._counts)

    def _take(self, event: MessageEvent) -> None:
        if event.usage:
            self._merge(event.usage)
        if event.message is not None:
            self._merge(event.message.usage)
        if event.type == "message_stop":
            self.finished = True
        elif event.type == "error" or event.error:
            self.failed = True

    def _merge(self, counts: Any) -> None:
        if isinstance(counts, dict):
            self._counts.update({key: item for key, item in counts.items() if item is not None})


def usage_of(counts: Any) -> Usage | None:
    """A ``usage`` object, None if it counts nothing.

    Anthropic's ``input_tokens`` leaves out what was read from or written to the cache; our input is
    the sum of the three, as in every other dialect.
    """
    read = count(counts, "cache_read_input_tokens")
    write = count(counts, "cache_creation_input_tokens")
    fresh = count(counts, "input_tokens")
    usage = Usage(
        input=None if fresh is None else fresh + (read or 0) + (write or 0),
        output=count(counts, "output_tokens"),
        cached_input=read,
        cache_write=write,
        reasoning=count(counts, "output_tokens_details", "thinking_tokens"),
    )
    return usage if usage != Usage() else None


def read_usage(body: bytes) -> Usage | None:
    """What a whole answer says it cost, None if it does not or cannot be read."""
    try:
        return usage_of(_read_answer(body).usage)
    except REFUSALS:
        return None
