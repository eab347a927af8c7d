"""What answers of AWS's runtime cost that pass untouched: in their bodies, fields or frames.

Converse counts in ``usage``, InvokeModel in fields of the answer's head. Of streams it is the event
``metadata``, or the last ``chunk``, whose bytes then have AWS's own metrics beside the model's
values. The input that these count leaves out what was read from or written to the cache; our input
is the sum of the three, as in every other dialect.

See: botocore 1.44.5, bedrock-runtime; 2026-11.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable
from typing import Any

from magicgateway.dialects.bedrock_converse.frames import ERROR, EXCEPTION, named
from magicgateway.dialects.stream_tap import LARGEST_COUNT, StreamTap, count
from magicgateway.observe.facts import Usage
from magicgateway.wire.event_stream import FrameError, FrameReader
from magicgateway.wire.jsontext import REFUSALS, Shape, reader

_FIELD = b"x-amzn-bedrock-"
_COUNTS = (
    b"input-token-count",
    b"output-token-count",
    b"cache-read-input-token-count",
    b"cache-write-input-token-count",
)
_METADATA, _CHUNK = "metadata", "chunk"


class _Answer(Shape):
    usage: Any = None


class _Chunk(Shape):
    bytes: str = ""


class _Value(Shape, rename={"metrics": "amazon-bedrock-invocationMetrics"}):
    metrics: Any = None


_read_answer = reader(_Answer)
_read_chunk = reader(_Chunk)
_read_value = reader(_Value)


class FramesTap(StreamTap[Usage | None]):
    """Watches the frames of one stream, which may be cut anywhere.

    Of what may have counts only the last frame is kept, to be read when it is asked for.
    """

    __slots__ = ("_frames", "_last", "_usage")

    def __init__(self) -> None:
        super().__init__(_read_counts)
        self._frames: FrameReader | None = FrameReader()
        self._last = b""
        self._usage: Usage | None = None

    @property
    def usage(self) -> Usage | None:
        """What the stream's end says."""
        last, self._last = self._last, b""
        if last:
            self._take(self._read(last))
        return self._usage

    def feed(self, events: bytes) -> None:
        """Look at what came; what is no frame is not looked at further."""
        if self._frames is None:
            return
        try:
            for frame in self._frames.feed(events):
                name, payload = named(frame)
                if name in (_METADATA, _CHUNK):
                    self._last = payload
                    self.finished = name == _METADATA
                elif name.startswith((EXCEPTION, ERROR)):
                    self.failed = True
        except FrameError:
            self._frames = None

    def _take(self, event: Usage | None) -> None:
        if event is not None:
            self._usage = event


def _read_counts(payload: bytes) -> Usage | None:
    """What the payload of an event ``metadata`` or ``chunk`` says."""
    try:
        coded = _read_chunk(payload).bytes
        if not coded:
            return usage_of(_read_answer(payload).usage)
        return usage_of(_read_value(b64decode(coded)).metrics)
    except (*REFUSALS, ValueError):
        return None


def usage_of(counts: Any) -> Usage | None:
    """A ``usage`` object, or one of AWS's metrics; None if it counts nothing."""
    return _usage(
        _either(counts, "inputToken"),
        _either(counts, "outputToken"),
        _either(counts, "cacheReadInputToken"),
        _either(counts, "cacheWriteInputToken"),
    )


def _either(counts: Any, name: str) -> int | None:
    number = count(counts, f"{name}s")
    return count(counts, f"{name}Count") if number is None else number


def _usage(
    fresh: int | None, output: int | None, read: int | None, write: int | None
) -> Usage | None:
    usage = Usage(
        input=None if fresh is None else fresh + (read or 0) + (write or 0),
        output=output,
        cached_input=read,
        cache_write=write,
    )
    return usage if usage != Usage() else None


def read_usage(body: bytes) -> Usage | None:
    """What a whole answer of Converse says it cost, None if it does not or cannot be read."""
    try:
        return usage_of(_read_answer(body).usage)
    except REFUSALS:
        return None


def head_usage(fields: Iterable[tuple[bytes, bytes]]) -> Usage | None:
    """What the head of an answer says it cost, None if it does not.

    Args:
        fields: Names and values as they came.
    """
    found = {
        name.lower().removeprefix(_FIELD): value
        for name, value in fields
        if name.lower().startswith(_FIELD)
    }
    return _usage(*(_number(found.get(name, b"")) for name in _COUNTS))


def _number(value: bytes) -> int | None:
    """A field's whole number; None for anything else."""
    if not value.isdigit() or len(value) > len(str(LARGEST_COUNT)):
        return None
    return count(int(value))
