"""The way back: a provider's answer to the caller, with back-pressure, to an honest end.

The answer's head is held until its first byte (for a stream: its first whole event), or five
seconds at most; writing it is the commit point. Before that, a failure is an error answer; after
it, a stream ends with an error event in the caller's dialect and everything else with a reset.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from magicgateway.dialects.catalogue import StreamTap, error_event, open_tap, read_usage
from magicgateway.errors import ApiError, UpstreamError
from magicgateway.observe import facts
from magicgateway.serving import answer, faults
from magicgateway.serving.json_answer import JsonAnswer
from magicgateway.serving.record import own_lines
from magicgateway.upstream.connection import Break, Connection
from magicgateway.wire.chunked import LAST_CHUNK, frame
from magicgateway.wire.heads import UNTIL_CLOSE
from magicgateway.wire.response_heads import ResponseHead
from magicgateway.wire.sse import EventSplitter, EventTooLong

if TYPE_CHECKING:
    from magicgateway.config.settings import TimeoutSettings
    from magicgateway.serving.exchange import Exchange

COMMIT_SECONDS = 5.0
_KEEP_ALIVE = b": keep-alive\n\n"


@implementer(IPushProducer)
class Relay:
    """Reads one answer and writes it downstream. One per exchange; it knows the commit point.

    Args:
        exchange: The exchange it ends.
        dialect: Of the answer's body, if it is one that can be read.
        timeouts: Of the provider.
    """

    # Where every relay begins. On the class, because setting two dozen attributes per request
    # costs as much as reading a small head.
    takes_whole = True
    committed = False
    is_stream = False
    body_bytes = 0
    head_at = 0.0
    first_byte_at = 0.0
    _connection: Connection | None = None
    _status = 0
    _held_head = b""
    _splitter: EventSplitter | None = None
    _tap: StreamTap | None = None
    _json: JsonAnswer | None = None
    _text = b""
    _chunked = False
    _attached = False
    _paused = False
    _ended = False
    _active_at = 0.0
    _wrote_at = 0.0

    def __init__(self, exchange: Exchange, dialect: str, timeouts: TimeoutSettings) -> None:
        self.exchange = exchange
        self.request = exchange.request
        self._dialect = dialect
        self._timeouts = timeouts

    # -- from the attempt -------------------------------------------------------------------

    def attempt_sent(self, connection: Connection) -> None:
        """The request is on its way."""
        self._connection = connection
        self.exchange.request_sent(connection)

    def attempt_failed(self, fault: UpstreamError) -> None:
        """There is no answer."""
        self._ended = True
        self.exchange.fail(fault)

    # -- from the connection ----------------------------------------------------------------

    def answer_received(self, head: ResponseHead, body: bytes) -> None:
        """All of the answer is there; most JSON answers come like this."""
        self._connection = None
        if not body or not head.content_type.startswith(b"application/json"):
            self.head_received(head)
            if body:
                self.body_received(body, b"")
            if not self._ended:
                self.body_ended(delimited=True)
            return
        exchange = self.exchange
        self._status = head.status
        self._ended = self.committed = True
        self.head_at = self.first_byte_at = exchange.now()
        exchange.answer_begins()
        lines, fields = exchange.standing.forwarder.response_fields(
            head.raw, own_credential=exchange.own_credential
        )
        if b"content-encoding" not in fields:
            self._text = body
        self.body_bytes = len(body)
        self.request.send(self._build_head(head, lines, fields) + body)
        exchange.finish(head.status, facts.FAILED if head.status >= 400 else facts.COMPLETED)

    def head_received(self, head: ResponseHead) -> None:
        """Prepare our own head; it goes out with the first byte."""
        exchange = self.exchange
        self._status = head.status
        self.head_at = self._active_at = exchange.now()
        exchange.answer_begins()
        lines, fields = exchange.standing.forwarder.response_fields(
            head.raw, own_credential=exchange.own_credential
        )
        content_type = fields.get(b"content-type", b"").lower()
        if b"content-encoding" not in fields and head.status == 200:
            if content_type.startswith(b"text/event-stream"):
                self.is_stream = True
                self._splitter = EventSplitter()
                self._tap = open_tap(self._dialect)
            elif content_type.startswith(b"application/json"):
                self._json = JsonAnswer(until_close=head.length == UNTIL_CLOSE)
        self._held_head = self._build_head(head, lines, fields)
        exchange.plane.sweeper.watch(self)

    def _build_head(
        self, head: ResponseHead, lines: list[bytes], fields: dict[bytes, bytes]
    ) -> bytes:
        request = self.request
        length = head.length
        parts = [answer.status_line(head.status), self.exchange.plane.own_fields()]
        parts += lines
        parts.append(own_lines(self.exchange, fields, head.status))
        if request.head.method == b"HEAD" or head.status in (204, 304):
            pass
        elif length >= 0 and not self.is_stream:
            parts.append(answer.length_line(length))
        elif request.head.version == 11:
            self._chunked = True
            parts.append(answer.CHUNKED)
        else:
            request.close_after = True
        if request.close_after or self.exchange.plane.draining:
            request.close_after = True
            parts.append(answer.CLOSE)
        elif request.head.version == 10:
            parts.append(answer.KEEP_ALIVE)
        parts.append(b"\r\n")
        return b"".join(parts)

    def body_received(self, data: bytes, framed: bytes) -> None:
        """Pass on what came, in the same turn."""
        self._active_at = self.exchange.now()
        splitter = self._splitter
        if splitter is not None:
            try:
                whole = splitter.feed(data)
            except EventTooLong:
                self._break_off(faults.event_too_long())
                return
            if not whole:
                return
            if whole is not data:
                framed = b""
                data = whole
            if self._tap is not None:
                self._tap.feed(data)
        elif self._json is not None:
            self._json.add(data)
        self.body_bytes += len(data)
        out = (framed or frame(data)) if self._chunked else data
        if self.committed:
            if not self._attached:
                self._attached = True
                self.request.attach(self)
            self._wrote_at = self._active_at
            self.request.send(out)
        else:
            self._commit(out)

    def body_ended(self, *, delimited: bool) -> None:
        """The provider is done; whether the answer is complete is another question."""
        self._connection = None
        self._take_rest_of_stream(delimited=delimited)
        if self._is_complete(delimited=delimited):
            self._complete()
        else:
            self._break_off(faults.truncated("the provider ended the answer before its end"))

    def failed(self, broke: Break) -> None:
        """The connection broke in the middle of the body."""
        self._connection = None
        if self._tap is not None:
            self._take_rest_of_stream(delimited=False)
            if self._tap.finished or self._tap.failed:
                self._complete()
                return
        self._break_off(faults.truncated(broke.reason))

    # -- ending -----------------------------------------------------------------------------

    def _take_rest_of_stream(self, *, delimited: bool) -> None:
        """A last event without its empty line counts if it is the terminal one, or an error.

        An error gets the empty line, or no caller would see it. Half an event is left out; only of
        a stream that is not read, and whose framing says that this is all, everything goes on.
        """
        splitter, tap = self._splitter, self._tap
        if splitter is None or not splitter.held:
            return
        rest = splitter.take_held()
        last = open_tap(self._dialect)
        if tap is None or last is None:
            if delimited:
                self._send_tail(rest)
            return
        tap.feed(rest + b"\n\n")
        last.feed(rest + b"\n\n")
        if last.finished:
            self._send_tail(rest)
        elif last.failed:
            self._send_tail(rest + b"\n\n")

    def _send_tail(self, rest: bytes) -> None:
        """Send the bytes after the last whole event as they came."""
        self.body_bytes += len(rest)
        out = frame(rest) if self._chunked else rest
        if self.committed:
            self.request.send(out)
        else:
            self._commit(out)

    def _is_complete(self, *, delimited: bool) -> bool:
        if self._tap is not None:
            return self._tap.finished or self._tap.failed
        if delimited:
            return True
        if self._json is not None:
            return self._json.is_whole()
        return not self.is_stream

    def _complete(self) -> None:
        self._ended = True
        tail = LAST_CHUNK if self._chunked else b""
        if not self.committed:
            self._commit(tail)
        elif tail:
            self.request.send(tail)
        self._release()
        failed = self._status >= 400 or (self._tap is not None and self._tap.failed)
        self.exchange.finish(self._status, facts.FAILED if failed else facts.COMPLETED)

    def _break_off(self, fault: ApiError) -> None:
        """The answer cannot be brought to its end, unless all that matters of it is there."""
        if self._ended:
            return
        self._ended = True
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abandon()
        if self._is_over():
            self._complete()
        elif not self.committed:
            self._release()
            self.exchange.fail(fault)
        else:
            self._say_broken(fault)
            self.exchange.finish(self._status, facts.TRUNCATED, fault)

    def _is_over(self) -> bool:
        """Whether a stream has said all that matters, be its body complete or not."""
        return self._tap is not None and (self._tap.finished or self._tap.failed)

    def _error_event(self, fault: ApiError) -> bytes:
        return error_event(self.exchange.family, fault, self.exchange.request_id)

    def _say_broken(self, fault: ApiError) -> None:
        """After the commit point: an error event, or for what is no stream a reset."""
        self.request.close_after = True
        self._release()
        if self.is_stream:
            event = self._error_event(fault)
            if self._chunked:
                self.request.send(frame(event) + LAST_CHUNK)
            else:
                self.request.send(event)
        elif not self.request.gone:
            self.request.drop()

    def interrupt(self, fault: ApiError) -> None:
        """The gateway stops in the middle of the body."""
        self._break_off(fault)

    def caller_left(self) -> None:
        """Nobody reads any more: stop the provider at once."""
        self._ended = True
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abandon()
        self._attached = False
        self.exchange.plane.sweeper.forget(self)

    def _release(self) -> None:
        self.exchange.plane.sweeper.forget(self)
        if self._attached:
            self._attached = False
            self.request.detach()

    def _commit(self, out: bytes) -> None:
        self.committed = True
        self._wrote_at = self.first_byte_at = self.exchange.now()
        head, self._held_head = self._held_head, b""
        self.request.send(head + out if len(out) < 65536 else head)
        if len(out) >= 65536:
            self.request.send(out)

    # -- what was in it ---------------------------------------------------------------------

    def usage(self) -> facts.Usage | None:
        """What the provider counted, if it said so."""
        if self._tap is not None:
            return self._tap.usage
        text = self._text or (self._json.text if self._json is not None else b"")
        return read_usage(self._dialect, text) if text else None

    # -- back-pressure and time -------------------------------------------------------------

    def pauseProducing(self) -> None:
        """The caller does not keep up: the provider has to wait."""
        self._paused = True
        if self._connection is not None:
            self._connection.pause()

    def resumeProducing(self) -> None:
        """The caller took what was waiting."""
        self._paused = False
        self._active_at = self.exchange.now()
        if self._connection is not None:
            self._connection.resume()

    def stopProducing(self) -> None:
        """The caller's connection is gone; ``caller_left`` follows."""
        self._attached = False
        if self._connection is not None:
            self._connection.abandon()
            self._connection = None

    def tick(self, now: float) -> None:
        """Commit a silent stream, keep it alive, or give up on it."""
        if self._paused or self._ended:
            return
        timeouts = self._timeouts
        if timeouts.total and now - self.exchange.request.received >= timeouts.total:
            self._break_off(faults.total_timeout(timeouts.total))
        elif not self.committed:
            if now - self.head_at >= timeouts.first_event:
                self._break_off(faults.first_event_timeout(timeouts.first_event))
            elif now - self.head_at >= COMMIT_SECONDS:
                self._commit(b"")
        elif (
            self.is_stream and not self.body_bytes and (now - self.head_at >= timeouts.first_event)
        ):
            self._break_off(faults.first_event_timeout(timeouts.first_event))
        elif now - self._active_at >= timeouts.idle:
            self._break_off(faults.idle_timeout(timeouts.idle))
        else:
            self._keep_caller_alive(now)

    def _keep_caller_alive(self, now: float) -> None:
        every = self.exchange.plane.settings.upstream.keep_alive_comment_seconds
        if self.is_stream and every and now - self._wrote_at >= every:
            self._wrote_at = now
            self.request.send(frame(_KEEP_ALIVE) if self._chunked else _KEEP_ALIVE)
