"""One HTTP/1.1 connection to a provider: one exchange of messages at a time.

The sink of a message gets ``head_received``, any number of ``body_received``, then exactly one of
``body_ended`` and ``failed``; after either, and after ``abandon``, the connection does not know it
any more. The connection is back in its pool *before* the end is announced. A sink with a true
``takes_whole`` gets ``answer_received(head, body)`` instead when a whole answer came at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from twisted.internet import error, protocol
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IHandshakeListener
from twisted.python.failure import Failure
from zope.interface import implementer

from magicgateway.upstream import eager
from magicgateway.wire.chunked import BadChunk, ChunkedDecoder
from magicgateway.wire.heads import CHUNKED, UNTIL_CLOSE, BadHead, HeadLimits
from magicgateway.wire.response_heads import ResponseHead

if TYPE_CHECKING:
    from magicgateway.upstream.pool import GatewayPool, Origin

LIMITS = HeadLimits(fields=200)
_INTERIM_LIMIT = 10
READ_BYTES = 16 * 1024
"""Read at once: Twisted's 64 KiB cost more to allocate than a small answer costs to read."""


class Break(msgspec.Struct, frozen=True):
    """Why an exchange of messages failed.

    ``replied`` says whether a byte of the answer had come, ``reused`` whether the connection had
    served before; ``malformed`` that the provider does not speak HTTP/1.1 properly. ``reason`` is
    for the operator and holds nothing that came from a caller.
    """

    reason: str
    replied: bool = False
    reused: bool = False
    malformed: bool = False


class Sink(Protocol):
    """Who reads an answer. See the module's text for the order of calls."""

    def head_received(self, head: ResponseHead) -> None: ...
    def body_received(self, data: bytes, framed: bytes) -> None:
        """``framed`` is the same data as chunks, as they came, or empty when it must be framed."""
        ...

    def body_ended(self, *, delimited: bool) -> None:
        """``delimited``: the framing said so; otherwise the connection just ended."""
        ...

    def failed(self, broke: Break) -> None: ...


@implementer(IHandshakeListener)
class Connection(protocol.Protocol):
    """See the module's text. ``state`` is in the words of Twisted's own client protocol."""

    transport: Any

    def __init__(self, pool: GatewayPool, origin: Origin) -> None:
        self.pool = pool
        self.origin = origin
        self.ready: Deferred[Connection] | None = Deferred()
        self.state = "CONNECTING"
        self.leased = False
        self.served = 0
        self.born = self.idle_since = pool.now()
        self._plain = False
        self._reset_message()

    def _reset_message(self) -> None:
        self._sink: Sink | None = None
        self._buffer = b""
        self._head: ResponseHead | None = None
        self._left = 0
        self._decoder: ChunkedDecoder | None = None
        self._interim = 0
        self._replied = False
        self._head_request = False
        self._paused = False
        self.sending = False

    # -- from below -------------------------------------------------------------------------

    def connectionMade(self) -> None:
        transport = self.transport
        transport.setTcpNoDelay(True)
        transport.setTcpKeepAlive(True)
        self._plain = eager.is_plain_tcp(transport)
        if self._plain:
            # Endpoints put a wrapper between the two, which is of no use once they are connected.
            transport.protocol = self
            transport.bufferSize = READ_BYTES
        if not self.origin.secure:
            self._become_ready()

    def handshakeCompleted(self) -> None:
        """The provider's certificate was verified; only now may a request go out."""
        self._become_ready()

    def _become_ready(self) -> None:
        ready, self.ready = self.ready, None
        if ready is not None:
            self.state = "QUIESCENT"
            ready.callback(self)

    def dataReceived(self, data: bytes) -> None:
        if self._sink is None:
            self.close()  # nobody asked: it cannot belong to a later request either
            return
        self._replied = True
        try:
            if self._head is None:
                self._read_head(data)
            else:
                self._read_body(data)
        except BadHead as fault:
            self._break(str(fault), malformed=True)
        except BadChunk as fault:
            if fault.pieces and self._sink is not None:
                self._sink.body_received(b"".join(fault.pieces), b"")
            self._break(str(fault), malformed=True)

    def connectionLost(self, reason: Failure = protocol.connectionDone) -> None:
        self.state = "CLOSED"
        self.pool.lost(self)
        ready, self.ready = self.ready, None
        if ready is not None:
            ready.errback(reason)
        sink, head = self._sink, self._head
        if sink is None:
            return
        clean = reason.check(error.ConnectionDone) is not None
        if head is not None and head.length == UNTIL_CLOSE and clean:
            self._sink = None
            sink.body_ended(delimited=False)
        else:
            self._break(_describe(reason))

    # -- from above -------------------------------------------------------------------------

    def send(self, sink: Sink, pieces: list[bytes], *, head_request: bool, more: bool) -> None:
        """Send a request's head and as much of its body as there is.

        Args:
            sink: Who reads the answer.
            pieces: The bytes, head first.
            head_request: The method is HEAD.
            more: Further body follows through ``send_more``.
        """
        self.state = "TRANSMITTING"
        self._sink = sink
        self._head_request = head_request
        self.sending = more
        if len(pieces) == 1:
            self.write(pieces[0])
        elif sum(map(len, pieces)) <= 65536:
            self.write(b"".join(pieces))
        else:
            self.transport.writeSequence(pieces)

    def send_more(self, data: bytes) -> None:
        """Send further body, framed already."""
        self.write(data)

    def redirect(self, sink: Sink) -> None:
        """From now on another sink reads this answer."""
        self._sink = sink

    def sent_all(self) -> None:
        """The streamed body is complete."""
        self.sending = False

    def write(self, data: bytes) -> None:
        if self._plain:
            eager.write(self.transport, data)
        else:
            self.transport.write(data)

    def abandon(self) -> None:
        """The sink wants no more of this exchange: the connection is closed at once."""
        self._sink = None
        self.close()

    def close(self) -> None:
        """Close at once; whatever the provider does, this does not wait."""
        if self.state != "CLOSED":
            self.state = "ABORTED"
            self.pool.lost(self)
            if self.transport is not None:
                self.transport.abortConnection()

    def abort(self) -> Deferred[None]:
        """``close`` in the form that Twisted's pool calls it."""
        self.close()
        return succeed(None)

    def pause(self) -> None:
        if self.state == "TRANSMITTING":
            self._paused = True
            self.transport.pauseProducing()

    def resume(self) -> None:
        if self.state == "TRANSMITTING":
            self._paused = False
            self.transport.resumeProducing()

    # -- reading ----------------------------------------------------------------------------

    def _read_head(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        end = buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(buffer) > LIMITS.head_bytes:
                raise BadHead(502, "bad_response_head", "the response head is too large")
            if buffer[:5] != b"HTTP/"[: len(buffer)]:
                raise BadHead(502, "bad_response_head", "the answer is not HTTP")
            self._buffer = buffer
            return
        self._buffer = b""
        end += 4
        if end > LIMITS.head_bytes:
            raise BadHead(502, "bad_response_head", "the response head is too large")
        head = self.pool.response_heads.read(buffer[:end], to_head_request=self._head_request)
        rest = buffer[end:]
        if head.status < 200:
            self._skip_interim(head)
            if rest:
                self._read_head(rest)
            return
        if len(rest) == head.length and getattr(self._sink, "takes_whole", False):
            self._deliver_whole(head, rest)
            return
        self._head = head
        if head.length == CHUNKED:
            self._decoder = ChunkedDecoder()
        else:
            self._left = head.length
        assert self._sink is not None
        self._sink.head_received(head)
        if self._sink is None:
            return  # abandoned because of this head
        if head.length == 0:
            self._finish(rest)
        elif rest:
            self._read_body(rest)

    def _deliver_whole(self, head: ResponseHead, body: bytes) -> None:
        """All of a small answer came in one read: the sink gets it in one call."""
        sink: Any = self._sink
        reusable = head.keep_alive and not self._head_request and not self.sending
        if self._paused:
            self.resume()
        # Nothing else of a message's state was touched on this way.
        self._sink = None
        self._replied = self._head_request = self._paused = self.sending = False
        self._interim = 0
        self._hand_over(reusable=reusable)
        sink.answer_received(head, body)

    def _skip_interim(self, head: ResponseHead) -> None:
        self._interim += 1
        if head.status == 101 or self._interim > _INTERIM_LIMIT:
            raise BadHead(502, "bad_response_head", f"unexpected interim status {head.status}")

    def _read_body(self, data: bytes) -> None:
        sink = self._sink
        assert sink is not None
        decoder = self._decoder
        if decoder is not None:
            pieces = decoder.feed(data)
            if pieces:
                body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
                sink.body_received(body, data if decoder.whole else b"")
            if decoder.done and self._sink is not None:
                self._finish(decoder.rest)
        elif self._left == UNTIL_CLOSE:
            sink.body_received(data, b"")
        elif len(data) < self._left:
            self._left -= len(data)
            sink.body_received(data, b"")
        else:
            rest = data[self._left :]
            sink.body_received(data[: self._left] if rest else data, b"")
            if self._sink is not None:
                self._finish(rest)

    def _finish(self, rest: bytes) -> None:
        """The answer is complete: give the connection back, then say so."""
        sink, head = self._sink, self._head
        assert sink is not None
        assert head is not None
        reusable = head.keep_alive and not rest and not self._head_request and not self.sending
        if self._paused:
            self.resume()  # whoever paused has all of it; the next one must be able to read
        self._give_back(reusable=reusable)
        sink.body_ended(delimited=True)

    def _give_back(self, *, reusable: bool) -> None:
        self._reset_message()
        self._hand_over(reusable=reusable)

    def _hand_over(self, *, reusable: bool) -> None:
        self.served += 1
        if reusable and self.state == "TRANSMITTING":
            self.state = "QUIESCENT"
            self.pool.give_back(self)
        else:
            self.close()

    def _break(self, reason: str, *, malformed: bool = False) -> None:
        sink, self._sink = self._sink, None
        broke = Break(reason, self._replied, self.served > 0, malformed)
        self.close()
        if sink is not None:
            sink.failed(broke)

    def __repr__(self) -> str:
        return f"<Connection {self.origin} {self.state} served={self.served}>"


def _describe(reason: Failure) -> str:
    """A lost connection in a few words for the operator."""
    value: Any = reason.value
    if reason.check(error.ConnectionDone):
        return "the provider closed the connection"
    if reason.check(error.ConnectionLost):
        return "the connection to the provider was lost"
    return f"the connection to the provider failed: {type(value).__name__}"
