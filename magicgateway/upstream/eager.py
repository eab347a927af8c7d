"""Sending at once, and what a transport still holds: the one place that looks inside a transport.

``transport.write`` queues the bytes and asks the reactor to say when the socket is writable; the
bytes leave one turn later, after two ``epoll_ctl`` and one ``epoll_wait``. When nothing is queued,
sending at once saves all of that; what the kernel does not take is queued as ever, so producers,
pausing, closing and errors behave as before. Only push producers may be registered: a pull producer
is asked for more when the queue runs empty, and an eager write leaves none.
"""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from typing import Any

from twisted.internet.tcp import Connection as TcpConnection

_CLOSE_WAIT = 8
_LINGER_NONE = struct.pack("ii", 1, 0)


def is_plain_tcp(transport: Any) -> bool:
    """Whether ``write`` below may send at once on this transport."""
    return isinstance(transport, TcpConnection) and getattr(transport, "TLS", False) is False


def write(transport: Any, data: bytes) -> None:
    """Send ``data`` on a plain TCP transport, at once if nothing waits there.

    A send that fails is queued like any other: the reactor meets the error on the next turn and
    reports the lost connection from there, never from inside this call.
    """
    if (
        transport.dataBuffer
        or transport._tempDataBuffer  # noqa: SLF001 - pinned by a guard test
        or not transport.connected
        or transport.disconnecting
        or transport._aborting  # noqa: SLF001 - as above
    ):
        transport.write(data)
        return
    try:
        sent = transport.socket.send(data)
    except OSError:
        sent = 0
    if sent < len(data):
        transport.write(data[sent:] if sent else data)


def lower_transport(transport: Any) -> Any:
    """The TCP transport below a TLS one, or the transport itself."""
    while not isinstance(transport, TcpConnection):
        below = getattr(transport, "transport", None)
        if below is None:
            return transport
        transport = below
    return transport


def unsent(transport: Any) -> int:
    """How many bytes wait in the process for the peer to take them."""
    tcp = lower_transport(transport)
    if not isinstance(tcp, TcpConnection):
        return 0
    return len(tcp.dataBuffer) - tcp.offset + tcp._tempDataLen  # noqa: SLF001 - see above


def peer_has_closed(transport: Any) -> bool:
    """Whether the peer has closed its side, asked of the kernel: for when reading is paused.

    While nobody reads, neither data nor the end of it is announced. Linux says in ``TCP_INFO``
    that a connection waits for us to close; elsewhere the answer is always no.
    """
    tcp = lower_transport(transport)
    if not isinstance(tcp, TcpConnection) or not hasattr(socket, "TCP_INFO"):
        return False
    if not tcp.connected:
        return True
    if tcp.socket.family not in (socket.AF_INET, socket.AF_INET6):
        return False  # a UNIX socket, which TCP knows nothing of
    try:
        info = tcp.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
    except OSError:
        return True
    state = info[0]
    return state in (0, 7, _CLOSE_WAIT, 9, 11)


def reset(transport: Any) -> None:
    """Close at once with a reset, so that the peer cannot take a cut body for a whole one."""
    tcp = lower_transport(transport)
    if isinstance(tcp, TcpConnection) and tcp.connected:
        with suppress(OSError):  # closed already
            tcp.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NONE)
    transport.abortConnection()
