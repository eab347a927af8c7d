"""Reading a whole answer of a control call, with a bound and a way out."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.iweb import IResponse


class BodyTooLarge(ValueError):
    """An answer is larger than whoever reads it takes."""


class _Collector(Protocol):
    """Collects a body."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._pieces: list[bytes] = []
        self._size = 0
        self.body: Deferred[bytes] | None = Deferred(self._cancelled)

    def dataReceived(self, data: bytes) -> None:
        self._size += len(data)
        if self.body is not None and self._size > self._limit:
            self._end(Failure(BodyTooLarge(f"the answer is larger than {self._limit} bytes")))
            self._abort()
        else:
            self._pieces.append(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if reason.check(ResponseDone, PotentialDataLoss):
            self._end(b"".join(self._pieces))
        else:
            self._end(reason)

    def _end(self, result: Any) -> None:
        body, self.body = self.body, None
        self._pieces = []
        if body is not None:
            body.callback(result)

    def _cancelled(self, _: object) -> None:
        self.body = None
        self._abort()

    def _abort(self) -> None:
        transport: Any = self.transport
        transport.abortConnection()


def read_body(response: IResponse, limit: int) -> Deferred[bytes]:
    """The whole body of an answer of ``GatewayAgent``. Cancelling closes the connection.

    Args:
        response: The answer.
        limit: Bytes that it may have.

    Raises:
        BodyTooLarge: Through the Deferred.
        ResponseFailed: Through the Deferred: it broke off.
    """
    collector = _Collector(limit)
    body = collector.body
    assert body is not None
    response.deliverBody(collector)
    return body
