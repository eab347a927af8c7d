"""An exchange on a request that is not ours: below ``Site``, ``treq.testing`` or any other tree."""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IPushProducer

from magicgateway.routing.doors import Target
from magicgateway.serving.plane import DataPlane
from magicgateway.serving.request import Intake
from magicgateway.wire.heads import RequestHead, lower_name


class TreeRequest:
    """Offers what an exchange needs of a request, on top of a ``twisted.web.server.Request``.

    The body is complete already. Our answers are whole HTTP messages; they are written below the
    request's own writer, which then only has to end.

    Args:
        plane: What exchanges share.
        request: The request of stock Twisted.
    """

    def __init__(self, plane: DataPlane, request: Any) -> None:
        self._plane = plane
        self._request = request
        self.head = _read_head(request)
        self.received = plane.now()
        self.peer = getattr(request.getClientAddress(), "host", "unix")
        self.intake: Intake | None = None
        self.gone = False
        self.close_after = False
        self.channel = self

    def begin(self, target: Target) -> None:
        """Run the exchange that the path asks for."""
        from magicgateway.serving.exchange import Exchange  # noqa: PLC0415 - it knows requests too

        self._request.notifyFinish().addErrback(self._left)
        exchange = Exchange(self._plane, self, target)  # type: ignore[arg-type] # same shape
        exchange.open()
        body = self._request.content.read()
        if self.intake is not None and body:
            self.intake.body_received(body)
        if self.intake is not None:
            self.intake.body_ended()

    def _left(self, _: object) -> None:
        self.gone = True
        intake, self.intake = self.intake, None
        if intake is not None:
            intake.caller_left()

    def send(self, data: bytes) -> None:
        """Write bytes of our answer as they are."""
        self._request.startedWriting = 1
        self._request.channel.write(data)

    def done(self) -> None:
        """The answer is complete."""
        if self.gone:
            return
        channel = self._request.channel
        self._request.finish()
        if self.close_after:
            channel.loseConnection()

    def drop(self) -> None:
        """The answer cannot be completed."""
        self._request.channel.loseConnection()

    def send_continue(self) -> None:
        """The body is there already."""

    def ignore_body(self) -> None:
        """The body is there already."""

    def pause_body(self) -> None:
        """The body is there already."""

    def resume_body(self) -> None:
        """The body is there already."""

    def attach(self, producer: IPushProducer) -> None:
        """Pause ``producer`` whenever the caller does not keep up."""
        self._request.registerProducer(producer, True)

    def detach(self) -> None:
        """The producer has no more."""
        self._request.unregisterProducer()


def _read_head(request: Any) -> RequestHead:
    raw = [
        (name, value)
        for name, values in request.requestHeaders.getAllRawHeaders()
        for value in values
    ]
    fields: dict[bytes, bytes] = {}
    for name, value in raw:
        low = lower_name(name)
        fields[low] = fields[low] + b", " + value if low in fields else value
    fields.setdefault(b"host", b"localhost")
    length = request.getHeader("content-length")
    return RequestHead(
        method=request.method,
        target=request.uri,
        version=11 if request.clientproto == b"HTTP/1.1" else 10,
        raw=raw,
        fields=fields,
        length=int(length) if length else (-1 if b"transfer-encoding" in fields else 0),
        keep_alive=True,
        expects_continue=False,
    )
