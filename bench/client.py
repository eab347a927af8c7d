"""The load generator's side of one connection."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Mapping

from bench.framing import BadMessage, MessageReader
from bench.loop import READ, Loop

_READ_BYTES = 262_144
_CONNECT_SECONDS = 10.0
CHAT = "/v1/chat/completions"


def request(
    path: str, headers: Mapping[str, str], body: bytes, kind: str = "application/json"
) -> bytes:
    """A whole POST as it goes on the wire."""
    fields = {"Host": "127.0.0.1", "Content-Type": kind, "Content-Length": str(len(body))}
    lines = [f"{name}: {value}\r\n" for name, value in (fields | dict(headers)).items()]
    return f"POST {path} HTTP/1.1\r\n{''.join(lines)}\r\n".encode("ascii") + body


def chat_body(model: str, *, stream: bool, size: int = 0) -> bytes:
    """A chat request; filled up to ``size`` bytes."""
    message = {"role": "user", "content": ""}
    content: dict[str, object] = {"model": model, "stream": stream, "messages": [message]}
    message["content"] = "x" * (size - len(json.dumps(content)))
    return json.dumps(content).encode("ascii")


def dial(port: int) -> socket.socket:
    """A blocking connection to a contender on loopback."""
    sock = socket.create_connection(("127.0.0.1", port), timeout=_CONNECT_SECONDS)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


class Client:
    """One keep-alive connection; opened by the first ``send`` and again after a close.

    Set ``on_body`` and ``on_end`` before sending. Anything but a whole answer with status 200
    ends in ``on_failure``, with a sentence.
    """

    def __init__(self, loop: Loop, port: int, on_failure: Callable[[str], None]) -> None:
        self.on_body: Callable[[bytes], None] = lambda _: None
        self.on_end: Callable[[], None] = lambda: None
        self.reconnects = 0
        self._loop = loop
        self._port = port
        self._on_failure = on_failure
        self._sock: socket.socket | None = None
        self._reader = self._new_reader()
        self._busy = False
        self._last = False

    def send(self, data: bytes) -> None:
        """Send a request that fits the kernel's buffer."""
        if self._sock is None:
            self._sock = dial(self._port)
            self._sock.setblocking(False)
            self._loop.watch(self._sock.fileno(), READ, self._ready)
        self._busy = True
        try:
            sent = self._sock.send(data)
        except OSError as error:
            self._fail(f"sending: {error}")
            return
        if sent < len(data):
            self._fail("the kernel did not take a small request")

    def close(self) -> None:
        """Hang up, whatever is going on."""
        if self._sock is not None:
            self._loop.forget(self._sock.fileno())
            self._sock.close()
            self._sock = None
        self._busy = False
        self._reader = self._new_reader()

    def _new_reader(self) -> MessageReader:
        return MessageReader(self._head, self._body, self._end, until_close=True)

    def _ready(self, _: int) -> None:
        assert self._sock is not None
        try:
            data = self._sock.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._fail(str(error))
            return
        if data:
            try:
                self._reader.feed(data)
            except BadMessage as error:
                self._fail(str(error))
            return
        whole = self._reader.close() and not self._busy
        self.reconnects += 1
        if whole:
            self.close()
        else:
            self._fail("closed before the answer was whole")

    def _head(self, head: bytes) -> None:
        if not head.startswith(b"HTTP/1.1 200 "):
            self._fail(f"answered {head.partition(bytes((13, 10)))[0].decode('latin-1')}")
        self._last = b"\r\nconnection: close" in head.lower()

    def _body(self, piece: bytes) -> None:
        self.on_body(piece)

    def _end(self) -> None:
        self._busy = False
        if self._last:
            self.reconnects += 1
            self.close()
        self.on_end()

    def _fail(self, reason: str) -> None:
        self.close()
        self._on_failure(reason)
