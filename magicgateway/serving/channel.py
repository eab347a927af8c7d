"""One downstream connection: HTTP/1.1 in, one request at a time, everything bounded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet import protocol
from twisted.internet.interfaces import IDelayedCall, IPushProducer
from twisted.python.failure import Failure

from magicgateway.errors import ApiError
from magicgateway.serving.presence import Presence
from magicgateway.serving.request import GatewayRequest
from magicgateway.serving.tree_transport import TreeTransport
from magicgateway.upstream import eager
from magicgateway.upstream.connection import READ_BYTES
from magicgateway.wire.chunked import BadChunk, ChunkedDecoder
from magicgateway.wire.head_reader import HeadReader
from magicgateway.wire.heads import CHUNKED, BadHead, RequestHead, find_fault

if TYPE_CHECKING:
    from magicgateway.serving.site import GatewaySite

HEAD = 0
"""Waiting for a head, or reading one."""
BODY = 1
WAIT = 2
"""The request is complete, its answer is not."""
DISCARD = 3
"""What comes is thrown away; the connection ends with the current answer."""

PIPELINED_LIMIT = 64 * 1024
UNREAD_LIMIT = 64 * 1024
"""With more than this waiting for the caller to read it, no further request is begun."""
BEGUN_PER_TURN = 32
"""Pipelined requests; the others wait for the reactor's next turn."""
LINGER_SECONDS = 2.0


class Channel(TreeTransport, protocol.Protocol):
    """See the module's text.

    It uses seven methods of its transport, ``write``, ``writeSequence``, ``loseConnection``,
    ``abortConnection``, ``pauseProducing``, ``resumeProducing`` and ``registerProducer``, each
    in one place.
    """

    def __init__(self, site: GatewaySite) -> None:
        self.site = self.factory = site
        self._peer: str | None = None
        self._state = HEAD
        self._buffer = b""
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._pumping = False
        self._request: GatewayRequest | None = None
        self._decoder: ChunkedDecoder | None = None
        self._left = 0
        self._deadline = 0.0
        self._plain = False
        self._closing = False
        self._written = 0
        self._taken = 0
        self._stalled_since = 0.0
        self._paused = False
        self._resting = False
        self.next_turn: IDelayedCall | None = None
        self._weighed = 0
        self._presence = Presence(self)
        self._heads = HeadReader(site.head_limits)

    @property
    def peer(self) -> str:
        """The caller's address, ``unix`` where there is none.

        It is first asked for when there is a request: only then has been read what a balancer says
        of whom it speaks for (``haproxy:``), and nobody may pass for that balancer.
        """
        if self._peer is None:
            self._peer = getattr(self.transport.getPeer(), "host", "unix")
        return self._peer

    # -- from the transport -----------------------------------------------------------------

    def connectionMade(self) -> None:
        lower = eager.lower_transport(self.transport)
        if hasattr(lower, "setTcpNoDelay"):
            lower.setTcpNoDelay(True)
            lower.setTcpKeepAlive(True)
        self._plain = eager.is_plain_tcp(self.transport)
        if self._plain:
            self.transport.bufferSize = READ_BYTES
        self._deadline = self.site.now() + self.site.limits.keep_alive_seconds
        self.site.joined(self)

    def connectionLost(self, reason: Failure = protocol.connectionDone) -> None:
        self._closing = True
        self._state = DISCARD
        self._pending.clear()
        self.site.presence.forget(self._presence)
        self.site.left(self)
        request, self._request = self._request, None
        if request is not None:
            request.connectionLost(reason)

    def dataReceived(self, data: bytes) -> None:
        if self._state == BODY:
            self._read_body(data)
        elif self._state != DISCARD:
            self._keep(data)
        if self._pending and not self._pumping:
            self._pump()

    def _keep(self, data: bytes) -> None:
        """Bytes of a head; while an answer is under way they wait, up to a bound.

        What is over the bound is read and forgotten, so that a caller that leaves is noticed and
        the answer under way arrives whole; the connection ends with it.
        """
        self._pending_bytes += len(data)
        if self._request is not None and self._pending_bytes > PIPELINED_LIMIT:
            self._pending.clear()
            self._state = DISCARD
            self._request.close_after = True
        else:
            self._pending.append(data)

    def _pump(self) -> None:
        """Begin one request after the other, without recursion however many are waiting."""
        self._pumping = True
        begun = 0
        try:
            while self._pending and self._request is None and not self._resting:
                if begun >= BEGUN_PER_TURN:
                    self._rest()
                    self.next_turn = self.site.plane.reactor.callLater(0, self.wake)
                    break
                begun += 1
                pending = self._pending
                data = pending[0] if len(pending) == 1 else b"".join(pending)
                self._pending = []
                self._pending_bytes = 0
                self._read_head(data)
        finally:
            self._pumping = False

    def _rest(self) -> None:
        """Begin no request for now, and read none."""
        self._resting = True
        self.pause_reading()

    def wake(self) -> None:
        """Go on if the caller has read most of what it was sent."""
        if self._resting and not self._closing and eager.unsent(self.transport) <= UNREAD_LIMIT:
            self._resting = False
            self.resume_reading()
            if self._pending:
                self._pump()

    # -- reading ----------------------------------------------------------------------------

    def _read_head(self, data: bytes) -> None:
        site = self.site
        held = len(self._buffer)
        buffer = self._buffer + data if held else data
        if buffer[0] in b"\r\n":
            buffer = buffer.removeprefix(b"\r\n")  # RFC 9112 2.2: an empty line is ignored
            held = 0
            if buffer in (b"", b"\r"):
                self._buffer = buffer  # no head has begun, so no deadline begins either
                return
        end = buffer.find(b"\r\n\r\n", max(held - 3, 0))
        if end < 0:
            if not held:
                self._deadline = site.now() + site.limits.head_seconds
            self._buffer = buffer
            fault = find_fault(buffer, site.head_limits, held)
            if fault is not None:
                self._refuse(fault)
            return
        self._buffer = b""
        try:
            head = self._heads.read(buffer[: end + 4])
        except BadHead as fault:
            self._refuse(fault)
            return
        self._begin(head, buffer[end + 4 :])

    def _begin(self, head: RequestHead, rest: bytes) -> None:
        site = self.site
        request = self._request = GatewayRequest(self, head, site.now())
        if head.length == 0:
            self._state = WAIT
            if rest:
                self._pending.append(rest)
                self._pending_bytes = len(rest)
            site.open(request)
            if self._request is request and request.intake is not None:
                request.intake.body_ended()
            return
        self._state = BODY
        self._deadline = request.received + site.limits.body_gap_seconds
        self._decoder = ChunkedDecoder() if head.length == CHUNKED else None
        self._left = head.length
        site.open(request)
        if rest and self._state == BODY:
            self._read_body(rest)

    def _read_body(self, data: bytes) -> None:
        self._deadline = self.site.now() + self.site.limits.body_gap_seconds
        decoder = self._decoder
        request = self._request
        assert request is not None
        if decoder is None:
            left = self._left
            piece, rest = (data, b"") if len(data) <= left else (data[:left], data[left:])
            self._left = left - len(piece)
            done = self._left == 0
        else:
            try:
                pieces = decoder.feed(data)
            except BadChunk as fault:
                self._refuse_body(ApiError(400, "bad_chunk", f"The body is malformed: {fault}."))
                return
            piece = pieces[0] if len(pieces) == 1 else b"".join(pieces)
            rest = decoder.rest
            done = decoder.done
        if done:
            self._state = WAIT
            if rest:
                self._keep(rest)
        if piece and request.intake is not None:
            request.intake.body_received(piece)
        if done and self._request is request and request.intake is not None:
            request.intake.body_ended()

    # -- refusing ---------------------------------------------------------------------------

    def _refuse(self, fault: BadHead) -> None:
        """Answer a head that cannot be taken; the connection is not used again."""
        self._state = DISCARD
        self._buffer = b""
        self._pending.clear()
        error = ApiError(fault.status, fault.code, fault.message, close=True)
        self.send(self.site.refuse(self.peer, error))
        self._close()

    def _refuse_body(self, error: ApiError) -> None:
        """The body cannot be read on: whoever takes it answers, then the connection ends."""
        self._state = DISCARD
        request = self._request
        if request is not None:
            request.close_after = True
            if request.intake is not None:
                request.intake.refuse(error)

    def turn_away(self, error: ApiError, *, linger: bool) -> None:
        """There is no room for this connection: say so and close it.

        Args:
            error: What to say.
            linger: Wait a moment for the caller to read it.
        """
        self._state = DISCARD if linger else WAIT
        self.send(self.site.refuse(self.peer, error))
        self._close()

    def close_if_idle(self) -> None:
        """Close, unless a request is under way."""
        if self._request is None:
            self._close()

    def ignore_body(self) -> None:
        """The request is answered before its body was read: what still comes is thrown away."""
        if self._state == BODY:
            self._state = DISCARD
            if self._request is not None:
                self._request.close_after = True
            if self._paused:
                self.resume_reading()

    # -- answering --------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """Send bytes, at once if nothing waits."""
        self._written += len(data)
        if self._plain:
            eager.write(self.transport, data)
        else:
            self.transport.write(data)

    def answered(self, request: GatewayRequest) -> None:
        """The answer to the request in progress is complete."""
        if request is not self._request:
            return
        self.ignore_body()
        self._request = None
        if request.close_after or self._state != WAIT or self.site.draining:
            self._close()
            return
        self._state = HEAD
        self._pending_bytes = 0
        self._deadline = self.site.now() + self.site.limits.keep_alive_seconds
        if self._written - self._weighed > UNREAD_LIMIT:
            self._weighed = self._written
            if eager.unsent(self.transport) > UNREAD_LIMIT:
                self._rest()
        if self._pending and not self._pumping:
            self._pump()

    def drop(self) -> None:
        """Close at once, with a reset."""
        self._closing = True
        self._state = DISCARD
        self._pending.clear()
        eager.reset(self.transport)

    def _close(self) -> None:
        """Close after what was written has gone out.

        When the caller may still be sending, our side is closed first and what comes is read and
        thrown away for a moment: closing a socket with unread bytes in it would reset the
        connection and could take the answer from the caller.
        """
        if self._closing:
            return
        self._closing = True
        self._deadline = self.site.now() + LINGER_SECONDS
        linger = self._plain and (self._state == DISCARD or bool(self._pending))
        self._state = DISCARD
        self._pending.clear()
        if linger:
            self.transport.loseWriteConnection()
        else:
            self.transport.loseConnection()

    # -- back-pressure ----------------------------------------------------------------------

    def pause_reading(self) -> None:
        """Read no more; whether the caller is still there is then asked of the kernel."""
        if not self._paused and not self._closing:
            self._paused = True
            self.site.presence.watch(self._presence)
            self.transport.pauseProducing()

    def resume_reading(self) -> None:
        if self._paused:
            self._paused = False
            self.site.presence.forget(self._presence)
            if self._state == BODY:
                self._deadline = self.site.now() + self.site.limits.body_gap_seconds
            if not self._closing:
                self.transport.resumeProducing()

    def attach(self, producer: IPushProducer) -> None:
        """Register a push producer with the transport."""
        self.transport.registerProducer(producer, True)

    def detach(self) -> None:
        self.transport.unregisterProducer()

    # -- time -------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Check the deadlines; see ``[limits]``."""
        if self._closing:
            self._give_up_writing(now)
        elif self._state == HEAD and now >= self._deadline:
            if self._buffer.strip(b"\r"):
                self._refuse(_HEAD_TIMEOUT)
            else:
                self._close()
        elif self._state == BODY and now >= self._deadline and not self._paused:
            self._refuse_body(_body_timeout())
        else:
            self._give_up_writing(now)

    def _give_up_writing(self, now: float) -> None:
        waiting = eager.unsent(self.transport)
        taken = self._written - waiting
        if not waiting or taken != self._taken:
            self._taken = taken
            self._stalled_since = now
            if self._closing and not waiting and now >= self._deadline:
                self.transport.abortConnection()
        elif now - self._stalled_since >= self.site.limits.write_progress_seconds:
            self.drop()


_HEAD_TIMEOUT = BadHead(
    408, "head_timeout", "The request head did not arrive in time (limits.head_seconds)."
)


def _body_timeout() -> ApiError:
    return ApiError(
        408, "body_timeout", "The request body stopped arriving (limits.body_gap_seconds)."
    )
