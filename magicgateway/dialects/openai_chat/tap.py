"""What a chat completion, a completion or an embedding cost, and whether its stream is complete.

A stream is complete when a choice has a ``finish_reason`` or ``[DONE]`` came; providers differ in
which of the two they send. Usage comes on the last chunk, in one of its own without choices, on
every chunk (then the last counts), or in Groq's ``x_groq``.

See: https://platform.openai.com/docs/api-reference/chat-streaming; 2026-10.
"""

from __future__ import annotations

from typing import Any

from magicgateway.dialects.stream_tap import StreamTap, count
from magicgateway.observe.facts import Usage
from magicgateway.wire.jsontext import REFUSALS, Count, Shape, reader


class _Choice(Shape):
    finish_reason: Any = None


class Chunk(Shape):
    """What is watched of a chunk, or of a whole answer."""

    choices: list[_Choice] | None = None
    usage: Any = None
    error: Any = None
    x_groq: Any = None


class _Answer(Shape):
    usage: Any = None


class InputDetails(Shape):
    """What is counted of the input beside its sum."""

    cached_tokens: Count | None = None
    cache_write_tokens: Count | None = None


class OutputDetails(Shape):
    """What is counted of the output beside its sum."""

    reasoning_tokens: Count | None = None


class Counts(Shape):
    """A ``usage`` object of the usual shape."""

    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    prompt_tokens_details: InputDetails | None = None
    completion_tokens_details: OutputDetails | None = None
    prompt_cache_hit_tokens: Count | None = None
    cached_tokens: Count | None = None


class _Counted(Shape):
    usage: Counts | None = None


_NO_USAGE = Usage()
_read_counted = reader(_Counted)
_read_chunk = reader(Chunk)
_read_answer = reader(_Answer)


class ChatTap(StreamTap[Chunk]):
    """Watches one stream of chunks."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        super().__init__(_read_chunk)
        self._counts: Any = None

    @property
    def usage(self) -> Usage | None:
        """The last counts that came."""
        return usage_of(self._counts)

    def _take(self, event: Chunk) -> None:
        if event.choices:
            for choice in event.choices:
                if choice.finish_reason:
                    self.finished = True
        if event.usage:
            self._counts = event.usage
        if event.error:
            self.failed = True
        if event.x_groq and (counts := _groq_counts(event.x_groq)):
            self._counts = counts

    def _take_other(self, data: bytes) -> None:
        if data.startswith(b"[DONE]"):
            self.finished = True


def _groq_counts(extra: Any) -> Any:
    return extra.get("usage") if isinstance(extra, dict) else None


def usage_of(counts: Any) -> Usage | None:
    """A ``usage`` object, None if it counts nothing. Its input includes what was cached."""
    cached = count(counts, "prompt_tokens_details", "cached_tokens")
    if cached is None:
        cached = count(counts, "prompt_cache_hit_tokens")  # DeepSeek
    if cached is None:
        cached = count(counts, "cached_tokens")  # Together, Moonshot
    usage = Usage(
        input=count(counts, "prompt_tokens"),
        output=count(counts, "completion_tokens"),
        cached_input=cached,
        cache_write=count(counts, "prompt_tokens_details", "cache_write_tokens"),
        reasoning=count(counts, "completion_tokens_details", "reasoning_tokens"),
    )
    return usage if usage != Usage() else None


def read_usage(body: bytes) -> Usage | None:
    """What a whole answer says it cost, None if it does not or cannot be read."""
    try:
        counts = _read_counted(body).usage
    except REFUSALS:
        pass  # not the usual shape: look at it value by value
    else:
        return None if counts is None else _usual_usage(counts)
    try:
        return usage_of(_read_answer(body).usage)
    except REFUSALS:
        return None


def _usual_usage(counts: Counts) -> Usage | None:
    read, written = counts.prompt_tokens_details, counts.completion_tokens_details
    cached = read.cached_tokens if read is not None else None
    if cached is None:
        cached = counts.prompt_cache_hit_tokens
    if cached is None:
        cached = counts.cached_tokens
    usage = Usage(
        counts.prompt_tokens,
        counts.completion_tokens,
        cached,
        read.cache_write_tokens if read is not None else None,
        written.reasoning_tokens if written is not None else None,
    )
    return usage if usage != _NO_USAGE else None
