"""Reading a whole answer of a control call, with a bound and a way out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.iweb import IResponse


class BodyTooLarge(ValueError):
    """An answer is larger than whoever reads it takes."""


class _Feeding(Protocol):
    """Passes a body on, piece by piece, until its end or until the taker has enough."""

    def __init__(self, take: Callable[[bytes], object]) -> None:
        self._take = take
        self.done: Deferred[None] | None = Deferred(self._cancelled)

    def dataReceived(self, data: bytes) -> None:
        if self.done is None:
            return
        try:
            self._take(data)
        except Exception:  # noqa: BLE001 - whoever waits for the end is told
            self._end(Failure())
            self._abort()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._end(None if reason.check(ResponseDone, PotentialDataLoss) else reason)

    def _end(self, result: Any) -> None:
        done, self.done = self.done, None
        if done is not None:
            done.callback(result)

    def _cancelled(self, _: object) -> None:
        self.done = None
        self._abort()

    def _abort(self) -> None:
        transport: Any = self.transport
        transport.abortConnection()


def feed(response: IResponse, take: Callable[[bytes], object]) -> Deferred[None]:
    """Pass the body of an answer of ``GatewayAgent`` on as it comes; fires at its end.

    When ``take`` raises, and when the Deferred is cancelled, the connection is closed.

    Raises:
        ResponseFailed: Through the Deferred: it broke off.
        Exception: Through the Deferred: whatever ``take`` raised.
    """
    feeding = _Feeding(take)
    done = feeding.done
    assert done is not None
    response.deliverBody(feeding)
    return done


def read_body(response: IResponse, limit: int) -> Deferred[bytes]:
    """The whole body of an answer of ``GatewayAgent``. Cancelling closes the connection.

    Args:
        response: The answer.
        limit: Bytes that it may have.

    Raises:
        BodyTooLarge: Through the Deferred.
        ResponseFailed: Through the Deferred: it broke off.
    """
    pieces: list[bytes] = []
    size = 0

    def take(data: bytes) -> None:
        nonlocal size
        size += len(data)
        if size > limit:
            raise BodyTooLarge(f"the answer is larger than {limit} bytes")
        pieces.append(data)

    return feed(response, take).addCallback(lambda _: b"".join(pieces))
