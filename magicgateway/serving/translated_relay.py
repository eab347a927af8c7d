"""The way back of an answer that has to be translated.

Streams are translated event by event in the turn they arrive; whole answers are collected first.
Holding the head, back-pressure, deadlines and honest ends are those of every ``Relay``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.logger import Logger
from twisted.python.failure import Failure as Reason

from magicgateway.conversation.reply import Failure
from magicgateway.dialects.catalogue import ANTHROPIC
from magicgateway.dialects.failure_errors import as_error
from magicgateway.dialects.grammar import FailedReply, NoAnswer
from magicgateway.dialects.translation import TranslatedStream, Translation
from magicgateway.errors import ApiError
from magicgateway.observe import facts
from magicgateway.serving import answer, faults
from magicgateway.serving.answer_fields import door_fields, error_fields
from magicgateway.serving.record import own_lines
from magicgateway.serving.relay import Relay
from magicgateway.serving.request import internal_error
from magicgateway.upstream.connection import Break
from magicgateway.wire.chunked import LAST_CHUNK, frame
from magicgateway.wire.response_heads import ResponseHead

if TYPE_CHECKING:
    from magicgateway.config.settings import TimeoutSettings
    from magicgateway.serving.exchange import Exchange

LARGEST_ANSWER = 64 * 1024 * 1024
"""Bytes of a whole answer that are collected to be translated."""
LARGEST_ERROR = 256 * 1024
LARGE = 128 * 1024
"""Bytes from which on a whole answer is translated in a thread, so that nobody waits for it."""
_STREAM_FIELDS = (
    b"Content-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n"
    b"X-Accel-Buffering: no\r\n"
)
_STREAM_TYPES = (b"text/event-stream", b"application/vnd.amazon.eventstream")


class TranslatedRelay(Relay):
    """Reads one answer and writes it downstream in another dialect.

    Args:
        exchange: The exchange it ends.
        translation: Of its request.
        framing: How the provider cuts a stream into events (``dialects.translation``).
        timeouts: Of the provider.
        repair: Has the request made again, if it can, after a refusal of which nothing has
            reached the caller; False: it cannot.
    """

    _log = Logger()
    takes_whole = True
    _working = False
    """A thread is translating the answer."""
    _stream: TranslatedStream | None = None
    _collected = 0

    def __init__(
        self,
        exchange: Exchange,
        translation: Translation,
        framing: str,
        timeouts: TimeoutSettings,
        repair: Callable[[Failure], bool] = lambda _: False,
    ) -> None:
        super().__init__(exchange, "", timeouts)
        self._translation = translation
        self._framing = framing
        self._repair = repair
        self._pieces: list[bytes] = []
        self._fields: dict[bytes, bytes] = {}
        self._lines: list[bytes] = []

    # -- from the connection ----------------------------------------------------------------

    def answer_received(self, head: ResponseHead, body: bytes) -> None:
        """All of the answer is there: unless it is a stream, nothing is left to wait for."""
        if self._is_stream_type(head):
            super().answer_received(head, body)
            return
        exchange = self.exchange
        self._connection = None
        self._status = head.status
        self.head_at = self._active_at = exchange.now()
        exchange.answer_begins()
        self._take_fields(head)
        self._pieces = [body]
        self._collected = len(body)
        self.body_ended(delimited=True)

    def head_received(self, head: ResponseHead) -> None:
        """A stream begins to be translated; everything else is collected."""
        exchange = self.exchange
        self._status = head.status
        self.head_at = self._active_at = exchange.now()
        exchange.answer_begins()
        self._take_fields(head)
        sent = self._translation.sent
        assert sent is not None
        if head.status == 200 and sent.stream and self._is_stream_type(head):
            self.is_stream = True
            self._stream = self._translation.open_stream(self._framing)
            self._held_head = self._stream_head()
        exchange.plane.sweeper.watch(self)

    @staticmethod
    def _is_stream_type(head: ResponseHead) -> bool:
        return head.content_type.lower().startswith(_STREAM_TYPES)

    def _take_fields(self, head: ResponseHead) -> None:
        """The provider's fields that go on, those of our dialects by the door's own names."""
        exchange = self.exchange
        lines, fields = exchange.standing.forwarder.response_fields(
            head.raw, own_credential=exchange.own_credential
        )
        self._lines, self._fields = door_fields(
            lines,
            fields,
            identity_name=exchange.standing.identity_name,
            to_anthropic=exchange.family == ANTHROPIC,
            now=exchange.plane.wall_clock(),
        )

    def body_received(self, data: bytes, framed: bytes) -> None:
        """Translate what came, in the same turn."""
        del framed
        self._active_at = self.exchange.now()
        stream = self._stream
        if stream is None:
            self._collect(data)
            return
        if stream.finished:
            return  # nothing can follow the terminal event
        try:
            out = stream.feed(data)
        except Exception as fault:  # noqa: BLE001 - the caller gets an honest end whatever it is
            self._cannot(fault)
            return
        self._go_on(stream, out)
        if stream.broken and not self._ended:
            self._break_off(faults.no_answer(stream.broken))

    def _cannot(self, fault: BaseException, reason: Reason | None = None) -> None:
        """The answer could not be translated: what came is none, or we made a mistake."""
        if isinstance(fault, FailedReply):
            self._provider_failed(fault.failure)
        elif isinstance(fault, NoAnswer):
            self._break_off(faults.no_answer(str(fault)))
        else:
            self._log.failure("an answer could not be translated", reason)
            self._break_off(internal_error())

    def _go_on(self, stream: TranslatedStream, out: bytes) -> None:
        if out:
            self._pass_on(out)
        if stream.failure is not None:
            self._provider_failed(stream.failure)

    def _pass_on(self, out: bytes) -> None:
        self.body_bytes += len(out)
        whole = frame(out) if self._chunked else out
        if not self.committed:
            self._commit(whole)
            return
        if not self._attached:
            self._attached = True
            self.request.attach(self)
        self._wrote_at = self._active_at
        self.request.send(whole)

    def _collect(self, data: bytes) -> None:
        self._pieces.append(data)
        self._collected += len(data)
        if self._status < 400 and self._collected > LARGEST_ANSWER:
            self._break_off(faults.no_answer("the answer is larger than 64 MiB"))
        elif self._status >= 400 and self._collected > LARGEST_ERROR:
            self._refused()

    def body_ended(self, *, delimited: bool) -> None:
        """The provider is done; whether the answer is complete is another question."""
        self._connection = None
        stream = self._stream
        if stream is None:
            if self._status >= 400:
                self._refused()
            else:
                self._answer_whole()
            return
        self._end(stream, "the provider ended the answer before its end")

    def failed(self, broke: Break) -> None:
        """The connection broke in the middle of the body."""
        self._connection = None
        if self._stream is not None:
            self._end(self._stream, broke.reason)
        else:
            self._break_off(faults.truncated(broke.reason))

    def _end(self, stream: TranslatedStream, reason: str) -> None:
        try:
            out = stream.end()
        except Exception as fault:  # noqa: BLE001 - as in body_received
            self._cannot(fault)
            return
        if self._ended:
            return
        self._go_on(stream, out)
        if self._ended:
            return
        if stream.finished:
            self._complete()
        else:
            self._break_off(
                faults.no_answer(stream.broken) if stream.broken else faults.truncated(reason)
            )

    # -- ending -----------------------------------------------------------------------------

    def _answer_whole(self) -> None:
        """A whole answer came: translate it, to a stream if one was asked for."""
        if self._collected <= LARGE:
            try:
                text = self._translate()
            except Exception as fault:  # noqa: BLE001 - as in body_received
                self._cannot(fault)
            else:
                self._send_whole(text)
            return
        self._working = True
        working = self.exchange.plane.threads.run(self._translate)
        working.addCallbacks(self._translated, self._not_translated)
        working.addErrback(self.exchange.failed_inside)

    def _translate(self) -> bytes:
        """The caller's answer. It touches nothing of the reactor's."""
        pieces, self._pieces = self._pieces, []
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        if not 200 <= self._status < 300:
            raise NoAnswer(f"status {self._status}")
        translation = self._translation
        return translation.one_shot(body) if self._streams else translation.reply(body)

    @property
    def _streams(self) -> bool:
        """The caller wants events, whatever the provider was asked for."""
        request = self._translation.request
        assert request is not None
        return request.stream

    def _translated(self, text: bytes) -> None:
        if not self._ended:
            self._send_whole(text)

    def _not_translated(self, reason: Reason) -> None:
        if not self._ended:
            assert reason.value is not None
            self._cannot(reason.value, reason)

    def _send_whole(self, text: bytes) -> None:
        self.body_bytes = len(text)
        if self._streams:
            self.is_stream = True
            self._held_head = self._stream_head()
            self._commit(frame(text) if self._chunked else text)
            self._complete()
            return
        self._ended = self.committed = True
        self.first_byte_at = self.exchange.now()
        self._release()
        head = self._head(200, [answer.JSON], len(text))
        self.request.send(head + text if len(text) < 65536 else head)
        if len(text) >= 65536:
            self.request.send(text)
        self.exchange.finish(200, facts.COMPLETED)

    def _refused(self) -> None:
        """The provider answered with an error."""
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in self._fields.items()
        }
        body = b"".join(self._pieces)
        self._provider_failed(self._translation.failure(self._status, body, headers))

    def _provider_failed(self, failure: Failure) -> None:
        """An error of the provider's: with its own status while that is possible."""
        exchange = self.exchange
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abandon()
        self._ended = True
        self._release()
        if not self.committed:
            if not self._repair(failure):
                self._refuse(failure)
            return
        self.request.close_after = True
        if self._stream is not None and not self._stream.begun:
            event = self._stream.fail(failure)
            self.request.send(frame(event) if self._chunked else event)
        if self._chunked:
            self.request.send(LAST_CHUNK)
        exchange.finish(200, facts.FAILED)

    def _refuse(self, failure: Failure) -> None:
        exchange = self.exchange
        error = as_error(failure, exchange.family, own_credential=exchange.own_credential)
        assert exchange.attempt is not None
        tried = exchange.attempts + exchange.attempt.count
        lines = [b"x-magicgateway-attempts: %d\r\n" % tried, *error_fields(self._lines, error)]
        exchange.fail(error, lines)

    def tick(self, now: float) -> None:
        """As of every relay; but what is collected commits to nothing before it is whole."""
        if self._stream is not None:
            super().tick(now)
            return
        timeouts = self._timeouts
        quiet = timeouts.idle if self._collected else timeouts.first_event
        if timeouts.total and now - self.request.received >= timeouts.total:
            self._break_off(faults.total_timeout(timeouts.total))
        elif not self._working and now - self._active_at >= quiet:
            self._break_off(
                faults.idle_timeout(quiet) if self._collected else faults.first_event_timeout(quiet)
            )

    def _is_over(self) -> bool:
        return self._stream is not None and self._stream.finished

    def _error_event(self, fault: ApiError) -> bytes:
        assert self._stream is not None
        kind = "timeout" if fault.status == 504 else "server"
        return self._stream.fail(
            Failure(status=fault.status, kind=kind, message=fault.message, own=fault)
        )

    # -- what it says -----------------------------------------------------------------------

    def _stream_head(self) -> bytes:
        return self._head(200, [_STREAM_FIELDS], -1)

    def _head(self, status: int, kind: list[bytes], length: int) -> bytes:
        exchange, request = self.exchange, self.request
        parts = [answer.status_line(status), exchange.plane.own_fields(), *kind, *self._lines]
        parts.append(own_lines(exchange, self._fields, status))
        parts.append(self._translation.warnings())
        if length >= 0:
            parts.append(answer.length_line(length))
        elif request.head.version == 11:
            self._chunked = True
            parts.append(answer.CHUNKED)
        else:
            request.close_after = True
        if request.close_after or exchange.plane.draining:
            request.close_after = True
            parts.append(answer.CLOSE)
        elif request.head.version == 10:
            parts.append(answer.KEEP_ALIVE)
        parts.append(b"\r\n")
        return b"".join(parts)

    def usage(self) -> facts.Usage | None:
        """What the provider counted, if it said so."""
        return self._translation.counted()
