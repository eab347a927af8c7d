"""An answer and its script as steps on the wire: bytes, waiting times, and how it ends.

Pure: the server only carries the steps out. Nothing is built before it is asked for, so an answer
of any size takes no memory.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from http import HTTPStatus

from attrs import frozen

from magicgateway.demo.call import FINISH, TERMINAL, Answer, Event
from magicgateway.demo.faults import HEAD, PLAIN_PIECE, Script
from magicgateway.wire.chunked import LAST_CHUNK, frame

UNASKED = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 7\r\n\r\nunasked"
"""The second answer of ``extra-bytes``."""
BAD_CHUNK = b"xyz\r\nno chunk\r\n"
_REASONS = {status.value: status.phrase for status in HTTPStatus} | {529: "Overloaded"}


class Ending(enum.Enum):
    """What happens to the connection once everything before it was sent."""

    KEEP = enum.auto()
    CLOSE = enum.auto()
    RESET = enum.auto()
    HANG = enum.auto()
    """Nothing more is sent, and the connection stays open."""


class Hold(enum.Enum):
    """A place at which a gate may hold the answer: before an event, and before the end."""

    HERE = enum.auto()


Step = bytes | float | Hold | Ending
"""Bytes to write, seconds to wait (0: until the loop has turned), a place to stop, or the end."""


class Framing(enum.Enum):
    """How a body's end is told."""

    LENGTH = enum.auto()
    CHUNKED = enum.auto()
    UNTIL_CLOSE = enum.auto()


@frozen
class Wanted:
    """What the request says about the form of its answer."""

    version: int = 11
    keep_alive: bool = True
    head_only: bool = False
    gated: bool = False
    """A gate stands before every event."""


def steps(answer: Answer, script: Script, wanted: Wanted) -> Iterator[Step]:
    """Everything that is sent, up to and with one ``Ending``."""
    sent = _steps(answer, script, wanted)
    return _one_by_one(sent) if script.one_byte else sent


def _steps(answer: Answer, script: Script, wanted: Wanted) -> Iterator[Step]:
    wait = script.latency
    if script.rate and not answer.streamed:
        wait += answer.tokens / script.rate
    if wait:
        yield wait
    if script.silence:
        yield Ending.HANG
    elif script.close_before_head:
        yield Ending.CLOSE
    elif script.reset == HEAD:
        yield Ending.RESET
    else:
        framing = _framing(answer, script, wanted)
        keep = wanted.keep_alive and framing is not Framing.UNTIL_CLOSE
        yield _head(answer, script, framing, wanted, keep)
        if wanted.head_only:
            yield Ending.KEEP if keep else Ending.CLOSE
        else:
            sent = _body(answer, script, framing, keep)
            yield from _with_gates(sent) if wanted.gated and answer.streamed else sent


def _framing(answer: Answer, script: Script, wanted: Wanted) -> Framing:
    if script.close_delimited:
        return Framing.UNTIL_CLOSE
    if script.wrong_length is not None:
        return Framing.LENGTH
    if answer.length is not None and script.bad_chunk is None:
        return Framing.LENGTH
    return Framing.CHUNKED if wanted.version == 11 else Framing.UNTIL_CLOSE


def _head(answer: Answer, script: Script, framing: Framing, wanted: Wanted, keep: bool) -> bytes:
    lines = [
        f"HTTP/1.1 {answer.status} {_REASONS.get(answer.status, '')}",
        f"content-type: {answer.content_type}",
    ]
    lines += [f"{name}: {value}" for name, value in answer.headers]
    if framing is Framing.LENGTH:
        lines.append(f"content-length: {_length(answer, script)}")
    elif framing is Framing.CHUNKED:
        lines.append("transfer-encoding: chunked")
    if not keep:
        lines.append("connection: close")
    elif wanted.version == 10:
        lines.append("connection: keep-alive")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _length(answer: Answer, script: Script) -> int:
    """The length to declare; counted first if it is to be wrong about a stream."""
    length = answer.length
    if length is None:
        length = sum(len(event.data) for event in _planned(answer, script))
    return max(0, length + (script.wrong_length or 0))


def _body(answer: Answer, script: Script, framing: Framing, keep: bool) -> Iterator[Step]:
    left = script.cut
    for number, event in enumerate(_planned(answer, script)):
        if (fault := _fault_at(number, script)) is not None:
            yield from fault
            return
        if event.tokens and script.rate and answer.streamed:
            yield event.tokens / script.rate
        data = event.data
        if left is not None:
            data = data[:left]
            left -= len(data)
        if data:
            yield frame(data) if framing is Framing.CHUNKED else data
        if left == 0:
            yield Ending.CLOSE
            return
    # A count that lies beyond the last event strikes at the end of the body.
    fault = _fault_at(None, script)
    if fault is not None:
        yield from fault
    elif script.cut is not None or script.wrong_length is not None:
        yield Ending.CLOSE
    else:
        yield from _end(script, framing, keep)


def _with_gates(sent: Iterator[Step]) -> Iterator[Step]:
    """Places to stop before each event and before the end, which is one step more."""
    ended = False
    for step in sent:
        if not isinstance(step, float) and not ended:
            yield Hold.HERE
            ended = step == LAST_CHUNK or isinstance(step, Ending)
        yield step


def _end(script: Script, framing: Framing, keep: bool) -> Iterator[Step]:
    if framing is Framing.CHUNKED:
        yield LAST_CHUNK
    if script.extra_bytes:
        yield UNASKED
    yield Ending.KEEP if keep else Ending.CLOSE


def _fault_at(number: int | None, script: Script) -> tuple[Step, ...] | None:
    """What happens instead of the event with that number, None standing for the body's end."""
    for count, fault in (
        (script.reset, (Ending.RESET,)),
        (script.stall, (Ending.HANG,)),
        (script.bad_chunk, (BAD_CHUNK, Ending.CLOSE)),
    ):
        if count is not None and number in (count, None):
            return fault
    return None


def _planned(answer: Answer, script: Script) -> Iterator[Event]:
    """The body's events after the faults that change what the events are."""
    if not answer.streamed:
        counted = (script.reset, script.stall, script.bad_chunk)
        yield from _small(answer) if counted != (None, None, None) else answer.body()
        return
    last = FINISH if script.no_finish else TERMINAL
    for number, event in enumerate(answer.body()):
        if number == script.error_event:
            yield Event(answer.error(script))
            return
        if number == script.bad_crc:
            yield Event(event.data[:-1] + bytes((event.data[-1] ^ 1,)), event.tokens)
            continue
        if number == script.half_event:
            yield Event(event.data[: len(event.data) // 2])
            return
        if event.stage >= last and (script.no_finish or script.no_terminal):
            return
        yield event


def _small(answer: Answer) -> Iterator[Event]:
    """A body that is no event stream in the pieces that count as its events."""
    rest = b""
    for event in answer.body():
        data = rest + event.data
        end = len(data) - len(data) % PLAIN_PIECE
        for start in range(0, end, PLAIN_PIECE):
            yield Event(data[start : start + PLAIN_PIECE])
        rest = data[end:]
    if rest:
        yield Event(rest)


def _one_by_one(sent: Iterator[Step]) -> Iterator[Step]:
    for step in sent:
        if not isinstance(step, bytes):
            yield step
            continue
        for place in range(len(step)):
            # A turn of the reactor before each, since what two of them in one turn write is joined.
            yield 0.0
            yield step[place : place + 1]
