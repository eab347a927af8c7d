"""Servers of plain blocking sockets in threads, for tests of everything that speaks to one.

No Twisted here, so that a mistake of Twisted's on both sides cannot hide. A script says what one
connection does: a list, of which each ``bytes`` means "read one request, then send this", or a
function that is given the connection and does as it likes::

    server = ScriptedServer([OK, OK], lambda peer: peer.reset())
    self.addCleanup(server.stop)
"""

from __future__ import annotations

import re
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from twisted.internet.task import deferLater

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CLOSE = "close"
"""In a script: close the connection properly."""
RESET = "reset"
"""In a script: close it with a reset."""
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked", re.IGNORECASE)


class Gone(Exception):
    """The other side has left, or the server is being stopped."""


class Peer:
    """One connection as the server sees it; its methods block and are for its own thread.

    ``received`` holds every byte that came, ``requests`` each whole request, ``end`` how the other
    side left (``eof``, ``reset`` or empty: it has not), ``fault`` why a script ended early.
    """

    def __init__(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = connection
        self._received = bytearray()
        self.requests: list[bytes] = []
        self.end = ""
        self.fault: Exception | None = None
        self.server_name: str | None = None
        self.finished = threading.Event()
        self._pending = b""

    @property
    def received(self) -> bytes:
        """Every byte that came so far."""
        return bytes(self._received)

    def read(self, size: int = 65536) -> bytes:
        """Whatever comes next; empty when the other side has left."""
        try:
            data = self.socket.recv(size)
        except OSError as fault:
            self.end = self.end or "reset"
            if isinstance(fault, ConnectionError | ssl.SSLError):
                return b""
            raise Gone from fault
        if not data:
            self.end = self.end or "eof"
        self._received += data
        return data

    def read_head(self) -> bytes:
        """A request's head, through the empty line.

        Raises:
            Gone: The other side left before.
        """
        while b"\r\n\r\n" not in self._pending:
            self._pending += self._more()
        head, _, self._pending = self._pending.partition(b"\r\n\r\n")
        return head + b"\r\n\r\n"

    def read_request(self) -> bytes:
        """One whole request, head and body as they came; also kept in ``requests``.

        Raises:
            Gone: The other side left before its end.
        """
        head = self.read_head()
        length = _LENGTH.search(head)
        if _CHUNKED.search(head):
            while not re.search(rb"(?:\A|\r\n)0\r\n\r\n", self._pending):
                self._pending += self._more()
            match = re.search(rb"(?:\A|\r\n)0\r\n\r\n", self._pending)
            size = match.end() if match else 0
        else:
            size = int(length[1]) if length else 0
            pieces = [self._pending]
            had = len(self._pending)
            while had < size:
                pieces.append(self._more())
                had += len(pieces[-1])
            self._pending = b"".join(pieces)
        body, self._pending = self._pending[:size], self._pending[size:]
        self.requests.append(head + body)
        return head + body

    def read_to_end(self) -> None:
        """Read until the other side leaves."""
        while self.read():
            pass

    def send(self, data: bytes) -> None:
        """Send everything.

        Raises:
            Gone: The other side left before.
        """
        try:
            self.socket.sendall(data)
        except OSError as fault:
            self.end = self.end or "reset"
            raise Gone from fault

    def half_close(self) -> None:
        """Send no more, but go on reading."""
        self.socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close properly, by FIN."""
        self.shutdown()
        self.socket.close()

    def reset(self) -> None:
        """Close with a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def shutdown(self) -> None:
        """End both directions; a thread that is reading wakes up."""
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def _more(self) -> bytes:
        data = self.read()
        if not data:
            raise Gone
        return data


Script = Callable[[Peer], Any] | Sequence[bytes | str]


class ScriptedServer:
    """Listens on loopback and does with each connection what its script says.

    ``peers`` are the connections in the order they came. When a list of bytes is done, the
    connection stays open and is read until the other side leaves.

    Args:
        scripts: One for each connection; the last one is for all that come after it too.
        context: Speak TLS with this; a failed handshake is the peer's ``fault``.
        backlog: Of the listening socket.
        host: The address to listen on.
    """

    def __init__(
        self,
        *scripts: Script,
        context: ssl.SSLContext | None = None,
        backlog: int = 128,
        host: str = "127.0.0.1",
    ) -> None:
        self._scripts = scripts
        self._context = context
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family, backlog=backlog)
        self.port: int = self._listener.getsockname()[1]
        self.peers: list[Peer] = []
        self.stopping = threading.Event()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def requests(self) -> list[bytes]:
        """Every whole request that came, over all connections."""
        return [request for peer in self.peers for request in peer.requests]

    def stop(self) -> None:
        """Close everything and wait for the threads."""
        self.stopping.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._threads[0].join(5)
        for peer in self.peers:
            peer.shutdown()
        for thread in self._threads:
            thread.join(5)
            if thread.is_alive():
                raise AssertionError("a server thread does not end")

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            if self.stopping.is_set():
                connection.close()
                return
            peer = Peer(connection)
            script = self._scripts[min(len(self.peers), len(self._scripts) - 1)]
            self.peers.append(peer)
            thread = threading.Thread(target=self._serve, args=(peer, script), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, peer: Peer, script: Script) -> None:
        try:
            if self._context is not None:
                peer.socket = _wrapped(self._context, peer)
            if callable(script):
                script(peer)
            else:
                _play(script, peer)
        except Gone:
            pass
        except Exception as fault:  # noqa: BLE001 - the test looks at it
            peer.fault = fault
        finally:
            peer.socket.close()
            peer.finished.set()


def _wrapped(context: ssl.SSLContext, peer: Peer) -> ssl.SSLSocket:
    """The server's end of a TLS connection, after the handshake; notes the name asked for."""

    def note(_: object, name: str | None, __: object) -> None:
        peer.server_name = name

    context.sni_callback = note
    return context.wrap_socket(peer.socket, server_side=True)


def _play(script: Sequence[bytes | str], peer: Peer) -> None:
    for step in script:
        if step == CLOSE:
            peer.close()
            return
        if step == RESET:
            peer.reset()
            return
        assert isinstance(step, bytes)
        peer.read_request()
        peer.send(step)
    peer.read_to_end()


class FullBacklog:
    """An address where a TCP connection is neither accepted nor refused: its queue is full."""

    def __init__(self) -> None:
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(0)
        self.port: int = self._listener.getsockname()[1]
        self._waiting: list[socket.socket] = []
        for _ in range(4):
            waiting = socket.socket()
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", self.port))
            self._waiting.append(waiting)

    def stop(self) -> None:
        """Close everything."""
        for waiting in self._waiting:
            waiting.close()
        self._listener.close()


def closed_port() -> int:
    """A port of 127.0.0.1 where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


async def until(condition: Callable[[], Any], seconds: float = 5.0) -> None:
    """Let the reactor run until a condition holds.

    Args:
        condition: Asked every few milliseconds.
        seconds: Longer than this is a failure.

    Raises:
        AssertionError: The condition did not come to hold in time.
    """
    from twisted.internet import reactor  # noqa: PLC0415 - importing must not install it

    clock: Any = reactor
    end = clock.seconds() + seconds
    while not condition():
        if clock.seconds() > end:
            raise AssertionError("what was waited for did not happen")
        await deferLater(clock, 0.002)
