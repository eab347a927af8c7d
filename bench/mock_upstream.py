"""The mock provider: answers at once, and must never be the slowest part of a measurement.

``python -m bench.mock_upstream CERTIFICATE`` listens on two free ports of loopback, plain and
TLS, prints them on one line and serves until its standard input is closed.
"""

from __future__ import annotations

import gc
import hashlib
import os
import signal
import socket
import ssl
import sys
from functools import lru_cache, partial
from time import monotonic

from bench import events, mock_dialects, mock_plan
from bench.framing import BadMessage, MessageReader
from bench.loop import READ, WRITE, Loop
from bench.mock_plan import Firehose, Paced

_READ_BYTES = 262_144
_BACKLOG = 4096
_FIREHOSE_BATCH = 4
_LIFE_SECONDS = 1800


class MockConnection:
    """One connection of the gateway's; answers one request after the other."""

    def __init__(self, loop: Loop, sock: socket.socket) -> None:
        self._loop = loop
        self._sock = sock
        self._reader = MessageReader(self._head, self._body, self._end, until_close=False)
        self._speech = mock_dialects.CHAT
        self._target = b""
        self._refused = False
        self._pieces: list[bytes] = []
        self._length = 0
        self._digest = hashlib.sha256()
        self._out = b""
        self._firehose = 0
        self._open = True
        self._loop.watch(sock.fileno(), READ, self._ready)

    def _ready(self, mask: int) -> None:
        try:
            if mask & WRITE:
                self._flush()
            if mask & ~WRITE:
                self._read()
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except (OSError, BadMessage):
            self._close()

    def _read(self) -> None:
        while self._open:
            data = self._sock.recv(_READ_BYTES)
            if not data:
                self._close()
                return
            self._reader.feed(data)
            if len(data) < _READ_BYTES and not isinstance(self._sock, ssl.SSLSocket):
                return

    def _head(self, head: bytes) -> None:
        self._pieces.clear()
        self._length = 0
        self._target = mock_dialects.target_of(head)
        self._speech = mock_dialects.speech_of(head)
        self._refused = self._speech.signed and mock_dialects.SIGNED not in head.lower()
        if b"100-continue" in head:
            self._write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _body(self, piece: bytes) -> None:
        self._length += len(piece)
        if self._length <= mock_plan.LARGE or not self._speech.hashed:
            self._pieces.append(piece)
            return
        if self._pieces:
            self._digest = hashlib.sha256(b"".join(self._pieces))
            self._pieces.clear()
        self._digest.update(piece)

    def _end(self) -> None:
        speech = self._speech
        if self._refused:
            self._write(mock_dialects.REFUSAL)
            return
        if self._length > mock_plan.LARGE and speech.hashed:
            answer = mock_plan.large_reply(self._length, self._digest.hexdigest())
            self._write(mock_plan.JSON_HEAD % len(answer) + answer)
            return
        body = b"".join(self._pieces)
        plan = mock_plan.plan_of(mock_plan.model_of(self._target, body))
        if isinstance(plan, Paced):
            first = mock_plan.chunk(speech.opening + speech.event(0))
            self._write(speech.head + first)
            if plan.count:
                due = monotonic() + plan.gap_seconds
                self._loop.at(due, partial(self._next_event, plan, 1, due))
        elif isinstance(plan, Firehose):
            self._firehose = plan.chunks
            self._write(mock_plan.STREAM_HEAD)
            self._pour()
        else:
            answer = speech.reply(body)
            self._write(mock_plan.JSON_HEAD % len(answer) + answer)

    def _next_event(self, plan: Paced, number: int, due: float) -> None:
        if not self._open:
            return
        if number == plan.count:
            self._write(mock_plan.chunk(self._speech.closing) + mock_plan.LAST_CHUNK)
            return
        self._write(mock_plan.chunk(self._speech.event(number)))
        due += plan.gap_seconds
        self._loop.at(due, partial(self._next_event, plan, number + 1, due))

    def _pour(self) -> None:
        while self._firehose and not self._out and self._open:
            count = min(_FIREHOSE_BATCH, self._firehose)
            self._firehose -= count
            end = b"" if self._firehose else mock_plan.chunk(events.DONE) + mock_plan.LAST_CHUNK
            self._write(_firehose_chunk() * count + end)

    def _write(self, data: bytes) -> None:
        if self._out:
            self._out += data
            return
        try:
            sent = self._sock.send(data)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            sent = 0
        except OSError:
            self._close()
            return
        if sent < len(data):
            self._out = data[sent:]
            self._loop.change(self._sock.fileno(), READ | WRITE)

    def _flush(self) -> None:
        sent = self._sock.send(self._out)
        self._out = self._out[sent:]
        if not self._out:
            self._loop.change(self._sock.fileno(), READ)
            self._pour()

    def _close(self) -> None:
        if self._open:
            self._open = False
            self._loop.forget(self._sock.fileno())
            self._sock.close()


@lru_cache(maxsize=1)
def _firehose_chunk() -> bytes:
    return mock_plan.chunk(mock_plan.firehose_body())


class MockUpstream:
    """The two listeners, plain and TLS, on free ports of loopback.

    Args:
        certificate: PEM file with the certificate of 127.0.0.1 and its key.
    """

    def __init__(self, loop: Loop, certificate: str) -> None:
        self._loop = loop
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        self.port = self._listen(tls=False)
        self.tls_port = self._listen(tls=True)

    def _listen(self, *, tls: bool) -> int:
        listener = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
        listener.setblocking(False)
        self._loop.watch(listener.fileno(), READ, partial(self._accept, listener, tls))
        port: int = listener.getsockname()[1]
        return port

    def _accept(self, listener: socket.socket, tls: bool, _: int) -> None:
        while True:
            try:
                sock, _peer = listener.accept()
            except OSError:
                return
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if tls:
                sock = self._context.wrap_socket(
                    sock, server_side=True, do_handshake_on_connect=False
                )
            MockConnection(self._loop, sock)


def main() -> None:
    """Serve until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()
    loop = Loop()
    upstream = MockUpstream(loop, sys.argv[1])
    loop.watch(sys.stdin.fileno(), READ, lambda _: None if os.read(0, 4096) else loop.stop())
    loop.after(_LIFE_SECONDS, loop.stop)
    print(upstream.port, upstream.tls_port, flush=True)
    loop.run()


if __name__ == "__main__":
    main()
