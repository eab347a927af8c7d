"""A demo provider that runs, and plain sockets that talk to it from a thread."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from magicgateway.demo.server import DemoProvider
from magicgateway.wire import jsontext
from tests.demo.calls import HELLO

T = TypeVar("T")
clock: Any = reactor


class ProviderTestCase(TestCase):
    """Has a provider that is stopped after the test, with every connection."""

    timeout = 20

    def setUp(self) -> None:
        self.provider = DemoProvider(reactor)
        self.provider.startService()
        self.addCleanup(self.provider.stopService)

    def in_thread(self, call: Callable[..., T], *args: Any) -> Deferred[T]:
        """The result of blocking code, run beside the reactor."""
        return deferToThread(call, *args)

    def connect(self) -> socket.socket:
        """A plain connection; blocking, so for threads only."""
        peer = socket.create_connection(("127.0.0.1", self.provider.port), 10)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return peer

    def exchange(self, request: bytes) -> bytes:
        """Send bytes, read until the provider closes; a reset is told by its name at the end."""
        with self.connect() as peer:
            peer.sendall(request)
            return read_to_end(peer)

    async def until(self, condition: Callable[[], Any]) -> None:
        """Let the reactor run until a condition holds; the test's time limit is the bound."""
        while not condition():
            turned: Deferred[None] = Deferred()
            clock.callLater(0.002, turned.callback, None)
            await turned


def read_to_end(peer: socket.socket) -> bytes:
    """All bytes up to the end of the connection."""
    data = b""
    while True:
        try:
            piece = peer.recv(65536)
        except ConnectionResetError:
            return data + b"<reset>"
        if not piece:
            return data
        data += piece


def read_until(peer: socket.socket, end: bytes) -> bytes:
    """All bytes through those that were waited for."""
    data = b""
    while not data.endswith(end):
        piece = peer.recv(65536)
        if not piece:
            raise AssertionError(f"closed after {data!r}")
        data += piece
    return data


def reset(peer: socket.socket) -> None:
    """Close at once, without the farewells."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


def post(value: Any, path: str = "/v1/chat/completions", *fields: bytes) -> bytes:
    """A request with a JSON body."""
    body = jsontext.encode(value)
    lines = [b"POST %b HTTP/1.1" % path.encode(), b"Host: demo", *fields]
    lines += [b"Content-Length: %d" % len(body), b"", body]
    return b"\r\n".join(lines)


def chat(script: str = "", *fields: bytes, **more: Any) -> bytes:
    """A chat whose model asks for a script."""
    model = f"demo-fault:{script}" if script else "demo"
    return post({"model": model, "messages": HELLO} | more, "/v1/chat/completions", *fields)


def get(path: str, *fields: bytes) -> bytes:
    """A request without a body."""
    return b"\r\n".join([b"GET %b HTTP/1.1" % path.encode(), b"Host: demo", *fields, b"", b""])
