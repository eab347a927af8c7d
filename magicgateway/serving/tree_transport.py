"""What a resource of Twisted's or Klein's expects of the channel below its request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IAddress, ISSLTransport
from twisted.web.http_headers import Headers

_OWN = frozenset({b"server", b"connection", b"keep-alive", b"x-content-type-options"})


class TreeTransport:
    """The part of ``twisted.web.http.HTTPChannel`` that ``http.Request`` calls.

    It is a mixin of the channel, which has ``send``, ``answered``, ``attach`` and ``detach``.
    """

    transport: Any
    site: Any
    _request: Any
    send: Callable[[bytes], None]
    answered: Callable[[Any], None]
    attach: Callable[[Any], None]
    detach: Callable[[], None]

    def writeHeaders(self, version: bytes, code: bytes, reason: bytes, headers: Headers) -> None:
        """Send an answer's head, with our own name on it."""
        request = self._request
        wishes = headers.getRawHeaders(b"connection", ())
        if version != b"HTTP/1.1" or any(b"close" in wish.lower() for wish in wishes):
            request.close_after = True
        lines = [b"HTTP/1.1 %b %b\r\n" % (code, reason), self.site.own_fields()]
        for name, values in headers.getAllRawHeaders():
            if name.lower() not in _OWN and name.lower() != b"date":
                lines.extend(b"%b: %b\r\n" % (name, value) for value in values)
        if request.close_after or self.site.draining:
            request.close_after = True
            lines.append(b"Connection: close\r\n")
        lines.append(b"\r\n")
        self.send(b"".join(lines))

    def write(self, data: bytes) -> None:
        """Send body bytes."""
        if data:
            self.send(data)

    def writeSequence(self, iovec: list[bytes]) -> None:
        """Send body bytes."""
        self.write(b"".join(iovec))

    def requestDone(self, request: Any) -> None:
        """The answer is complete."""
        self.answered(request)

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Pull producers are turned into push producers: an eager write would starve them."""
        if not streaming:
            from twisted.internet._producer_helpers import _PullToPush  # noqa: PLC0415

            producer = _PullToPush(producer, self)
            self._pulled = producer
        self.attach(producer)
        if not streaming:
            producer.startStreaming()

    def unregisterProducer(self) -> None:
        """The producer has no more."""
        pulled = self.__dict__.pop("_pulled", None)
        if pulled is not None:
            pulled.stopStreaming()
        self.detach()

    def loseConnection(self) -> None:
        """Close after what was written has gone out."""
        self.transport.loseConnection()

    def abortConnection(self) -> None:
        """Close at once."""
        self.transport.abortConnection()

    def getPeer(self) -> IAddress:
        """The caller's address."""
        address: IAddress = self.transport.getPeer()
        return address

    def getHost(self) -> IAddress:
        """Our own address on this connection."""
        address: IAddress = self.transport.getHost()
        return address

    def isSecure(self) -> bool:
        """Whether TLS ends here."""
        return ISSLTransport(self.transport, None) is not None
