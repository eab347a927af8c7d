"""Sending one exchange's request to a provider until an answer's head arrives, or it cannot."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from magicgateway.config.settings import TimeoutSettings
from magicgateway.errors import UpstreamError
from magicgateway.policy import retry
from magicgateway.upstream import eager
from magicgateway.upstream.connection import Break, Connection, Sink
from magicgateway.upstream.deadlines import Sweeper
from magicgateway.upstream.pool import GatewayPool, Origin
from magicgateway.wire.response_heads import ResponseHead

_AT_ONCE = 128 * 1024
_PER_TURN = 512 * 1024


class OutgoingRequest(msgspec.Struct):
    """What to send: the head, then the body's pieces; ``streamed`` when more follows later."""

    origin: Origin
    pieces: list[bytes]
    head_request: bool = False
    repeatable: bool = True
    streamed: bool = False


class Reader(Sink, Protocol):
    """Who reads the answer; gets ``attempt_failed`` instead of a head when there is none.

    With a true ``takes_whole`` it has ``answer_received`` for answers that come at once.
    """

    def attempt_failed(self, fault: UpstreamError) -> None: ...
    def attempt_sent(self, connection: Connection) -> None:
        """The request (its head, if the body is streamed) is on its way on ``connection``."""
        ...


class Attempt:
    """See the module's text.

    ``count`` is how many attempts were made, ``sent_at`` when the last one's first byte went out.

    Args:
        pool: Where connections come from.
        sweeper: Checks the deadline for the answer's head.
        clock: The reactor's.
        request: What to send.
        timeouts: Of this provider.
        reader: Who reads the answer.
    """

    _log = Logger()
    # Where every attempt begins; on the class, as setting each costs the hot path.
    connection: Connection | None = None
    count = 0
    sent_at = 0.0
    _leasing: Deferred[Connection] | None = None
    _pause: Any = None
    _ended = False
    _unsent = 0

    def __init__(
        self,
        pool: GatewayPool,
        sweeper: Sweeper,
        clock: IReactorTime,
        request: OutgoingRequest,
        timeouts: TimeoutSettings,
        reader: Reader,
    ) -> None:
        self._pool = pool
        self._sweeper = sweeper
        self._clock = clock
        self._request = request
        self._timeouts = timeouts
        self._reader = reader
        self.takes_whole = getattr(reader, "takes_whole", False)

    def start(self) -> None:
        """Send, on the newest idle connection or a new one."""
        self.count += 1
        connection = self._pool.take_idle(self._request.origin)
        if connection is not None:
            self._send(connection)
        else:
            self._lease(fresh=False)

    def _lease(self, *, fresh: bool) -> None:
        leasing = self._pool.lease(self._request.origin, self._timeouts.connect, fresh=fresh)
        self._leasing = leasing
        leasing.addCallbacks(self._send, self._unreachable)
        leasing.addErrback(self._broken)

    def _send(self, connection: Connection) -> None:
        self._leasing = None
        if self._ended:
            connection.close()
            return
        self.connection = connection
        self.sent_at = self._clock.seconds()
        request = self._request
        self._sweeper.watch(self)
        pieces = request.pieces
        if len(pieces) > 2 and sum(map(len, pieces)) > _AT_ONCE:
            connection.send(self, pieces[:1], head_request=False, more=True)
            Feed(connection, pieces[1:], self._clock).start()
        else:
            connection.send(self, pieces, head_request=request.head_request, more=request.streamed)
        self._reader.attempt_sent(connection)

    def _unreachable(self, reason: Failure) -> None:
        self._leasing = None
        if self._ended:
            return
        fault = reason.value
        if not isinstance(fault, UpstreamError):
            reason.raiseException()
        pause = retry.after_unreachable(self.count, fault.code)
        if pause is None:
            self._fail(fault)
        else:
            self._pause = self._clock.callLater(pause, self._again)

    def _again(self) -> None:
        self._pause = None
        self.start()

    def _broken(self, reason: Failure) -> None:
        """A mistake of ours on the way: the caller still gets an answer."""
        self._log.failure("an attempt failed inside the gateway", reason)
        self.abandon()
        self._fail(
            UpstreamError(500, "internal_error", "The gateway failed.", outcome="unreachable")
        )

    # -- from the connection ----------------------------------------------------------------

    def head_received(self, head: ResponseHead) -> None:
        """From now on the reader hears from the connection itself."""
        self._sweeper.forget(self)
        self._ended = True
        reader = self._reader
        connection, self.connection = self.connection, None
        assert connection is not None
        connection.redirect(reader)
        reader.head_received(head)

    def answer_received(self, head: ResponseHead, body: bytes) -> None:
        """All of the answer came at once, and the connection is back in its pool."""
        self._sweeper.forget(self)
        self._ended = True
        self.connection = None
        reader: Any = self._reader
        reader.answer_received(head, body)

    def body_received(self, data: bytes, framed: bytes) -> None:
        raise AssertionError("a body comes after its head")

    def body_ended(self, *, delimited: bool) -> None:
        raise AssertionError("a body comes after its head")

    def failed(self, broke: Break) -> None:
        """No head came."""
        self.connection = None
        self._sweeper.forget(self)
        if self._ended:
            return
        if retry.after_break(
            self.count,
            reused=broke.reused,
            replied=broke.replied,
            malformed=broke.malformed,
            repeatable=self._request.repeatable,
        ):
            self.count += 1
            self._lease(fresh=True)
            return
        code = "upstream_malformed" if broke.malformed else "upstream_closed"
        text = (
            "The provider's answer is not valid HTTP."
            if broke.malformed
            else "The provider closed the connection without an answer."
        )
        self._fail(UpstreamError(502, code, text, outcome="unreachable", detail=broke.reason))

    # -- ending -----------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Give up when the answer's head is overdue."""
        connection = self.connection
        if connection is not None and connection.sending:
            # The clock for the answer starts when the body is complete; until then the provider
            # only has to go on taking it.
            waiting = eager.unsent(connection.transport)
            if not waiting or waiting != self._unsent:
                self._unsent = waiting
                self.sent_at = now
            elif now - self.sent_at >= self._timeouts.idle:
                self._overdue(
                    "request_body_timeout",
                    f"The provider took nothing of the request for {self._timeouts.idle:g} s"
                    " (timeouts.idle).",
                )
        elif self._timeouts.total and now - self.sent_at >= self._timeouts.total:
            self._overdue(
                "total_timeout",
                f"The answer took longer than {self._timeouts.total:g} s (timeouts.total).",
            )
        elif now - self.sent_at >= self._timeouts.response_head:
            self._overdue(
                "response_head_timeout",
                f"The provider did not answer within {self._timeouts.response_head:g} s"
                " (timeouts.response_head).",
            )

    def _overdue(self, code: str, text: str) -> None:
        self.abandon()
        self._fail(UpstreamError(504, code, text, outcome="timeout"))

    def body_sent(self) -> None:
        """A streamed body is complete: the clock for the answer starts."""
        self.sent_at = self._clock.seconds()

    def no_repeat(self) -> None:
        """A part of the streamed body has left: the request cannot be made again."""
        self._request.repeatable = False

    def abandon(self) -> None:
        """Nobody wants the answer any more: whatever is under way is closed at once."""
        self._ended = True
        self._sweeper.forget(self)
        leasing, self._leasing = self._leasing, None
        if leasing is not None:
            leasing.cancel()
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.abandon()

    def _fail(self, fault: UpstreamError) -> None:
        self._ended = True
        self._reader.attempt_failed(fault)


@implementer(IPushProducer)
class Feed:
    """Writes a large body piece by piece as the connection takes it, without joining it.

    A provider that takes everything at once still gets only so much in one turn of the reactor:
    everybody else's turn comes in between, and so does an answer that makes the rest unwanted.
    """

    def __init__(self, connection: Connection, pieces: list[bytes], clock: IReactorTime) -> None:
        self._connection = connection
        self._pieces = iter(pieces)
        self._clock = clock
        self._paused = False
        self._next_turn: IDelayedCall | None = None

    def start(self) -> None:
        self._connection.transport.registerProducer(self, True)
        self.resumeProducing()

    def resumeProducing(self) -> None:
        self._paused = False
        if self._next_turn is None:
            self._write()

    def _go_on(self) -> None:
        self._next_turn = None
        if not self._paused:
            self._write()

    def _write(self) -> None:
        connection = self._connection
        left = _PER_TURN
        while not self._paused:
            if left <= 0:
                self._next_turn = self._clock.callLater(0, self._go_on)
                return
            piece = next(self._pieces, None)
            if piece is None or connection.state != "TRANSMITTING":
                self._pieces = iter(())
                connection.transport.unregisterProducer()
                connection.sent_all()
                return
            connection.send_more(piece)
            left -= len(piece)

    def pauseProducing(self) -> None:
        self._paused = True

    def stopProducing(self) -> None:
        self._paused = True
        self._pieces = iter(())
        if self._next_turn is not None:
            self._next_turn.cancel()
            self._next_turn = None
