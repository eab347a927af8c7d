"""Streams: many at once with a steady beat, first events at a given rate, idle ones, one unread."""

from __future__ import annotations

import socket
import zlib
from functools import partial
from time import monotonic, sleep

from bench import doors, events, mock_plan, usage
from bench.client import CHAT, Client, chat_body, dial, request
from bench.events import BrokenStream
from bench.framing import MessageReader
from bench.jobs import Job, Outcome, percentile
from bench.load_requests import SHORT_STREAM, SHORT_STREAM_EVENTS
from bench.measure import Measurement

GAP_SECONDS = 0.020
FIREHOSE_MB = 200
_OPENING_AT_ONCE = 32
_SETTLE_SECONDS = 1.0
_SAMPLE_SECONDS = 0.05
_FIRST_BYTES = 1024
_WARM_STREAMS = 8
_READ_BYTES = 1_048_576


class _Stream:
    """One caller that reads one stream after the other."""

    def __init__(self, load: EventLoad | FirstEventLoad | IdleLoad) -> None:
        self._load = load
        self._client = Client(load.loop, load.job.port, load.fail)
        self._client.on_body = self._body
        self._client.on_end = self._end
        self.events = doors.reader(load.job.door)
        self.due = 0.0

    def open(self, wire: bytes, due: float = 0.0) -> None:
        self.due = due or monotonic()
        self.events = doors.reader(self._load.job.door)
        self._client.send(wire)

    def close(self) -> None:
        self._client.close()

    def _body(self, piece: bytes) -> None:
        try:
            new = self.events.feed(piece)
        except BrokenStream as error:
            self._load.fail(str(error))
            return
        if new:
            self._load.arrived(self, new)

    def _end(self) -> None:
        self._load.ended(self)


def opening_offset(number: int, count: int, seconds: float) -> float:
    """When a stream is opened, so that events come one by one and the opening is no burst.

    Args:
        number: The stream's, from 0.
        count: How many there are; their beats divide the gap between events evenly.
        seconds: How long opening all of them takes, about.
    """
    beats = max(round(seconds / GAP_SECONDS), 1)
    return GAP_SECONDS * (number * 37 % beats + number / count)


class EventLoad(Measurement):
    """``count`` streams with an event every 20 ms; a unit is an event. Their beats are spread."""

    def begin(self) -> None:
        seconds = self.job.warm_seconds + self.job.seconds + 2
        model = f"bench-stream-{round(seconds / GAP_SECONDS)}-{round(GAP_SECONDS * 1000)}ms"
        # What the first stream of a process needs to be loaded is no cost of the others.
        _short_stream(self.job)
        wire = _stream_request(self.job, model)
        self._streams = [_Stream(self) for _ in range(self.job.count)]
        for number, stream in enumerate(self._streams):
            offset = opening_offset(number, self.job.count, self.job.warm_seconds)
            self.loop.after(offset, partial(stream.open, wire))
        self.loop.after(self.job.warm_seconds + 0.5, self.open_period)

    def arrived(self, _: _Stream, count: int) -> None:
        """Events came."""
        self.outcome.units += count

    def ended(self, stream: _Stream) -> None:
        """A stream must outlive the period."""
        self.fail(f"a stream ended after {stream.events.count} events")

    def close_period(self) -> None:
        super().close_period()
        due = self.job.count * self.outcome.seconds / GAP_SECONDS
        if self.outcome.units < 0.9 * due:
            self.fail(f"{self.outcome.units} events arrived of {due:.0f}")


class FirstEventLoad(Measurement):
    """``rate`` short streams per second, evenly spaced, whatever the answers do.

    A latency counts from the moment at which the request was due, so a contender that is late
    cannot slow its own load down.
    """

    def begin(self) -> None:
        self._wire = request(CHAT, self.job.headers, chat_body(SHORT_STREAM, stream=True))
        self._idle = [_Stream(self) for _ in range(self.job.count)]
        self._measuring = False
        self._lags_ms: list[float] = []
        self._due = monotonic() + 0.01
        self.loop.at(self._due, self._send)
        self.loop.after(self.job.warm_seconds, self.open_period)

    def open_period(self) -> None:
        super().open_period()
        self._measuring = True

    def close_period(self) -> None:
        super().close_period()
        self.outcome.own_lag_ms = percentile(self._lags_ms, 0.99)

    def arrived(self, stream: _Stream, _: int) -> None:
        """The first event, or a later one."""
        if stream.events.count == 1 and self._measuring:
            self.outcome.latencies_ms.append((monotonic() - stream.due) * 1000)
            self.outcome.units += 1

    def ended(self, stream: _Stream) -> None:
        """A stream is whole; its connection serves the next."""
        if not stream.events.done or stream.events.count != SHORT_STREAM_EVENTS:
            self.fail(f"a stream ended after {stream.events.count} events")
        self._idle.append(stream)

    def _send(self) -> None:
        if not self._idle:
            self.fail(f"{self.job.count} streams were open at once: the load is too high")
            return
        self._lags_ms.append((monotonic() - self._due) * 1000)
        self._idle.pop().open(self._wire, self._due)
        self._due += 1 / self.job.rate
        self.loop.at(self._due, self._send)


class IdleLoad(Measurement):
    """``count`` streams that stay silent after one event; the outcome is memory."""

    def begin(self) -> None:
        self._wire = request(CHAT, self.job.headers, chat_body("bench-idle", stream=True))
        self._streams: list[_Stream] = []
        self._before = 0
        self._opened = 0
        self._goal = _OPENING_AT_ONCE * 2
        for _ in range(_OPENING_AT_ONCE):
            self._open()

    def arrived(self, stream: _Stream, count: int) -> None:
        """A stream has its one event."""
        self.outcome.units += count
        if self.outcome.units < self._goal:
            if self._opened < self._goal:
                self._open()
        elif not self._before:
            # What the first streams of a process cost is no cost of a stream.
            self._before = usage.rss_kib(self.pids)
            self._goal += self.job.count
            for _ in range(_OPENING_AT_ONCE):
                self._open()
        else:
            self.loop.after(_SETTLE_SECONDS, self._weigh)

    def ended(self, _: _Stream) -> None:
        """An idle stream must not end."""
        self.fail("an idle stream ended")

    def _open(self) -> None:
        self._opened += 1
        stream = _Stream(self)
        self._streams.append(stream)
        self.loop.after(0, partial(stream.open, self._wire))

    def _weigh(self) -> None:
        self.outcome.rss_kib = usage.rss_kib(self.pids) - self._before
        self.outcome.units = self.job.count
        self.loop.stop()


def slow_reader(job: Job) -> Outcome:
    """One caller that takes nothing of a 200 MB stream for a while, and then all of it."""
    outcome = Outcome()
    pids = usage.family(job.watch)
    # Here too, what the first streams of a process cost is no cost of this one.
    for _ in range(_WARM_STREAMS):
        _short_stream(job)
    body = chat_body(f"bench-firehose-{FIREHOSE_MB}mb", stream=True)
    with dial(job.port) as sock:
        before = usage.rss_kib(pids)
        sock.sendall(request(CHAT, job.headers, body))
        end = monotonic() + job.seconds
        while monotonic() < end:
            sleep(_SAMPLE_SECONDS)
            outcome.rss_kib = max(outcome.rss_kib, usage.rss_kib(pids) - before)
        outcome.failure = _drink(sock)
    outcome.units = 1
    outcome.seconds = job.seconds
    return outcome


def _stream_request(job: Job, model: str) -> bytes:
    body = doors.body(job.door, model, stream=True)
    return request(doors.path(job.door), job.headers, body)


def _short_stream(job: Job) -> None:
    ends: list[bool] = []
    reader = MessageReader(
        lambda _: None, lambda _: None, partial(ends.append, True), until_close=True
    )
    with dial(job.port) as sock:
        sock.sendall(_stream_request(job, SHORT_STREAM))
        while not ends and (data := sock.recv(_READ_BYTES)):
            reader.feed(data)


def _drink(sock: socket.socket) -> str:
    """Read the whole stream; what is wrong with it."""
    length = 0
    checksum = 0
    heads: list[bytes] = []
    ends: list[bool] = []

    def body(piece: bytes) -> None:
        nonlocal length, checksum
        length += len(piece)
        checksum = zlib.crc32(piece, checksum)

    reader = MessageReader(heads.append, body, lambda: ends.append(True), until_close=True)
    while not ends:
        data = sock.recv(_READ_BYTES)
        if not data:
            return f"the stream broke after {length} bytes"
        reader.feed(data)
    block = mock_plan.firehose_body()
    repeats = FIREHOSE_MB * 1_000_000 // len(block)
    expected = 0
    for _ in range(repeats):
        expected = zlib.crc32(block, expected)
    expected = zlib.crc32(events.DONE, expected)
    if not heads[0].startswith(b"HTTP/1.1 200 "):
        return f"answered {heads[0][:60]!r}"
    if length != len(block) * repeats + len(events.DONE) or checksum != expected:
        return f"the stream of {length} bytes is not what was sent"
    return ""
