"""A provider's whole answer to one of several requests, or to one whose answer is looked into."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from magicgateway.errors import ApiError, UpstreamError
from magicgateway.serving import faults
from magicgateway.upstream.attempt import Attempt, OutgoingRequest
from magicgateway.upstream.connection import Break, Connection
from magicgateway.wire.response_heads import ResponseHead

if TYPE_CHECKING:
    from magicgateway.config.settings import TimeoutSettings
    from magicgateway.serving.plane import DataPlane


@frozen
class WholeAnswer:
    """What came: any status, and all of the body. ``attempts``: how often was asked."""

    head: ResponseHead
    body: bytes
    attempts: int

    @property
    def fields(self) -> dict[str, str]:
        """The head's fields by lower-case name; of several the last."""
        return {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in self.head.raw
        }


def collect(
    plane: DataPlane, outgoing: OutgoingRequest, timeouts: TimeoutSettings, limit: int
) -> Deferred[WholeAnswer]:
    """Send a request and wait for its answer's end. Cancelling closes the connection.

    Args:
        plane: Connections and clocks.
        outgoing: The request.
        timeouts: Of the provider.
        limit: Bytes that the body may have.

    Raises:
        UpstreamError: Through the Deferred: there is no answer, or no whole one.
    """
    collecting = _Collecting(plane, timeouts, limit)
    collecting.attempt = Attempt(
        plane.pool, plane.sweeper, plane.reactor, outgoing, timeouts, collecting
    )
    collecting.attempt.start()
    return collecting.answer


class _Collecting:
    """Reads one answer. State: what came of it so far."""

    attempt: Attempt
    _connection: Connection | None = None
    _head: ResponseHead | None = None

    def __init__(self, plane: DataPlane, timeouts: TimeoutSettings, limit: int) -> None:
        self._plane = plane
        self._timeouts = timeouts
        self._limit = limit
        self._began = self._active_at = plane.now()
        self._pieces: list[bytes] = []
        self._size = 0
        self.answer: Deferred[WholeAnswer] = Deferred(self._cancelled)

    def attempt_sent(self, connection: Connection) -> None:
        """The request is on its way."""
        self._connection = connection

    def attempt_failed(self, fault: UpstreamError) -> None:
        """There is no answer."""
        self.answer.errback(Failure(fault))

    def head_received(self, head: ResponseHead) -> None:
        """An answer begins."""
        self._head = head
        self._active_at = self._plane.now()
        self._plane.sweeper.watch(self)

    def body_received(self, data: bytes, framed: bytes) -> None:
        """A piece of it."""
        del framed
        self._active_at = self._plane.now()
        self._pieces.append(data)
        self._size += len(data)
        if self._size > self._limit:
            self._give_up(faults.no_answer(f"the answer is larger than {self._limit} bytes"))

    def body_ended(self, *, delimited: bool) -> None:
        """All of it came; whether that is so cannot be told where only the close ends it."""
        del delimited
        self._plane.sweeper.forget(self)
        assert self._head is not None
        body = b"".join(self._pieces)
        self.answer.callback(WholeAnswer(self._head, body, self.attempt.count))

    def failed(self, broke: Break) -> None:
        """The connection broke in the middle of the body."""
        self._plane.sweeper.forget(self)
        self.answer.errback(Failure(faults.truncated(broke.reason)))

    def tick(self, now: float) -> None:
        """Give up on an answer that does not come to its end."""
        timeouts = self._timeouts
        if timeouts.total and now - self._began >= timeouts.total:
            self._give_up(faults.total_timeout(timeouts.total))
        elif now - self._active_at >= timeouts.idle:
            self._give_up(faults.idle_timeout(timeouts.idle))

    def _give_up(self, fault: ApiError) -> None:
        self._stop()
        self.answer.errback(Failure(fault))

    def _cancelled(self, _: Deferred[WholeAnswer]) -> None:
        self.attempt.abandon()
        self._stop()

    def _stop(self) -> None:
        self._plane.sweeper.forget(self)
        if self._connection is not None:
            self._connection.abandon()
