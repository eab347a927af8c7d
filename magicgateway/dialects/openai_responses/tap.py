"""What a response cost, and whether its stream is complete.

A stream ends with ``response.completed``, ``response.incomplete`` or ``response.failed``, each with
the whole response and its usage; OpenAI sends no ``[DONE]`` here.

See: https://platform.openai.com/docs/api-reference/responses-streaming; 2026-10.
"""

from __future__ import annotations

from typing import Any

from magicgateway.dialects.stream_tap import StreamTap, count
from magicgateway.observe.facts import Usage
from magicgateway.wire.jsontext import REFUSALS, Shape, reader

_TERMINAL = frozenset({"response.completed", "response.incomplete", "response.failed"})


class _Response(Shape):
    usage: Any = None


class ResponseEvent(Shape):
    """What is watched of an event."""

    type: str = ""
    response: _Response | None = None
    error: Any = None


_read_event = reader(ResponseEvent)
_read_answer = reader(_Response)


class ResponsesTap(StreamTap[ResponseEvent]):
    """Watches one stream of response events."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        super().__init__(_read_event)
        self._counts: Any = None

    @property
    def usage(self) -> Usage | None:
        """The last counts that came."""
        return usage_of(self._counts)

    def _take(self, event: ResponseEvent) -> None:
        if event.type in _TERMINAL:
            self.finished = True
            self.failed = self.failed or event.type == "response.failed"
        elif event.type == "error" or event.error:
            self.failed = True
        if event.response is not None and event.response.usage:
            self._counts = event.response.usage


def usage_of(counts: Any) -> Usage | None:
    """A ``usage`` object, None if it counts nothing. Its input includes what was cached."""
    usage = Usage(
        input=count(counts, "input_tokens"),
        output=count(counts, "output_tokens"),
        cached_input=count(counts, "input_tokens_details", "cached_tokens"),
        cache_write=count(counts, "input_tokens_details", "cache_write_tokens"),
        reasoning=count(counts, "output_tokens_details", "reasoning_tokens"),
    )
    return usage if usage != Usage() else None


def read_usage(body: bytes) -> Usage | None:
    """What a whole answer says it cost, None if it does not or cannot be read."""
    try:
        return usage_of(_read_answer(body).usage)
    except REFUSALS:
        return None
