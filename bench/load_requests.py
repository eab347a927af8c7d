"""Closed loop: each connection sends its next request when its last answer is whole."""

from __future__ import annotations

from bench import doors, mock_dialects, mock_plan
from bench.client import Client, request
from bench.measure import Measurement

REQUEST_BYTES = 500
SHORT_STREAM = "bench-stream-2-20ms"
SHORT_STREAM_EVENTS = 2


class RequestLoad(Measurement):
    """``count`` connections, 500 bytes in and out; a unit is a checked answer."""

    def begin(self) -> None:
        door = self.job.door
        body = doors.body(door, "bench", stream=False, size=REQUEST_BYTES)
        self._request = request(doors.path(door), self.job.headers, body)
        self._expected = mock_plan.reply(body)
        self._receipt = mock_dialects.receipt(mock_dialects.said(body)) if door else ""
        self._warm = False
        self._clients = [_Caller(self) for _ in range(self.job.count)]
        for caller in self._clients:
            caller.send()

    def close_period(self) -> None:
        super().close_period()
        self.outcome.reconnects = sum(caller.client.reconnects for caller in self._clients)

    def answered(self, caller: _Caller, body: bytes) -> None:
        """An answer is whole."""
        if not self._warm:
            # What has to be loaded for the first answer is no part of the warm-up.
            self._warm = True
            self.loop.after(self.job.warm_seconds, self.open_period)
        if not self._is_right(body):
            self.fail(f"the answer's body is {body[:200]!r}")
            return
        self.outcome.units += 1
        caller.send()

    def _is_right(self, body: bytes) -> bool:
        if not self._receipt:
            return body == self._expected
        start, dots, rest = doors.answer_text(body).partition(self._receipt)
        return bool(dots) and not start and not rest.strip(".")

    @property
    def request(self) -> bytes:
        """What every caller sends."""
        return self._request


class _Caller:
    def __init__(self, load: RequestLoad) -> None:
        self.client = Client(load.loop, load.job.port, load.fail)
        self.client.on_body = self._body
        self.client.on_end = self._end
        self._load = load
        self._text = b""

    def send(self) -> None:
        self._text = b""
        self.client.send(self._load.request)

    def _body(self, piece: bytes) -> None:
        self._text += piece

    def _end(self) -> None:
        self._load.answered(self, self._text)
