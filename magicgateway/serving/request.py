"""One request of a caller, as Twisted's resources know it and as the data plane wants it."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.interfaces import IPushProducer
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web import server
from twisted.web.http_headers import Headers

from magicgateway.dialects.catalogue import error_body
from magicgateway.errors import ApiError
from magicgateway.wire.heads import RequestHead

if TYPE_CHECKING:
    from magicgateway.serving.channel import Channel

_log = Logger()


class Intake(Protocol):
    """Who takes a request's body while it arrives, and hears that the caller left."""

    def body_received(self, data: bytes) -> None: ...
    def body_ended(self) -> None: ...
    def caller_left(self) -> None: ...
    def refuse(self, error: ApiError) -> None:
        """The body cannot be read on."""
        ...

    def interrupt(self) -> None:
        """The gateway stops now: say so to the caller and end."""
        ...


class GatewayRequest(server.Request):
    """A ``twisted.web.server.Request`` that costs nothing until it is used as one.

    The data plane reads ``head`` and writes finished bytes; a resource of Klein's or of Twisted's
    own finds everything it knows, made on first touch by ``materialize``.

    Args:
        channel: The connection.
        head: The request's head.
        received: When the head was complete, in the reactor's seconds.
    """

    channel: Any  # a Channel, where Twisted's types know only its own
    intake: Intake | None
    identity = ""
    """The request's id, once an answer of the tree's named it."""
    refusal = ""
    """Machine code of the error that the tree answered with, for the log."""

    def __init__(self, channel: Channel, head: RequestHead, received: float) -> None:
        self.channel = channel
        self.head = head
        self.received = received
        self.intake = None
        self.gone = False
        self.close_after = not head.keep_alive
        self.materialized = False

    def __getattr__(self, name: str) -> Any:
        """Called for what Twisted's constructor would have set."""
        if name.startswith("__") or self.__dict__.get("materialized", True):
            raise AttributeError(name)
        self.materialize()
        return getattr(self, name)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def materialize(self) -> None:
        """Become a complete Twisted request, with headers, path, arguments and an empty body."""
        if self.materialized:
            return
        self.materialized = True
        head = self.head
        channel = self.channel
        super().__init__(channel)  # type: ignore[no-untyped-call] # Twisted's
        for name, value in head.raw:
            self.requestHeaders.addRawHeader(name, value)
        self.parseCookies()  # type: ignore[no-untyped-call] # as above
        self.content = BytesIO()
        self.method = head.method
        self.uri = head.target
        self.clientproto = b"HTTP/1.1" if head.version == 11 else b"HTTP/1.0"
        self.args = {}
        path, _, query = head.target.partition(b"?")
        self.path = path
        if query:
            from twisted.web.http import parse_qs  # noqa: PLC0415 - needs the tree's path only

            self.args = parse_qs(query, 1)
        self.client = channel.getPeer()
        self.host = channel.getHost()
        self.site = channel.site

    # -- what the data plane calls ----------------------------------------------------------

    @property
    def peer(self) -> str:
        """The caller's IP address as the socket knows it."""
        host: str = self.channel.peer
        return host

    def send(self, data: bytes) -> None:
        """Send bytes of an answer, head or body, framed already."""
        self.channel.send(data)

    def done(self) -> None:
        """The answer is complete."""
        self.channel.answered(self)

    def drop(self) -> None:
        """Close with a reset: the answer cannot be completed."""
        self.channel.drop()

    def send_continue(self) -> None:
        """The caller may send its body now."""
        if self.head.expects_continue:
            self.channel.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def ignore_body(self) -> None:
        """The answer does not wait for the body: throw away what still comes of it."""
        self.channel.ignore_body()

    def pause_body(self) -> None:
        """Take no more of the caller's body for now."""
        self.channel.pause_reading()

    def resume_body(self) -> None:
        self.channel.resume_reading()

    def attach(self, producer: IPushProducer) -> None:
        """Pause ``producer`` whenever the caller does not keep up."""
        self.channel.attach(producer)

    def detach(self) -> None:
        self.channel.detach()

    # -- what Twisted calls -----------------------------------------------------------------

    def process_tree(self, body: bytes) -> None:
        """Let the resource tree answer, body in hand."""
        self.materialize()
        self.content = BytesIO(body)
        self.process()  # type: ignore[no-untyped-call] # Twisted's

    def processingFailed(self, reason: Failure) -> Failure:
        """A resource failed: the caller gets our words, never a page of Twisted's."""
        _log.failure("a resource failed", reason)
        if self.startedWriting:
            self.drop()
            return reason
        error = internal_error()
        self.identity = self.identity or self.channel.site.name(self)
        body = error_body("openai", error, self.identity)
        self.setResponseCode(error.status)
        self.responseHeaders = Headers(
            {
                b"content-type": [b"application/json"],
                b"cache-control": [b"no-store"],
                b"content-length": [b"%d" % len(body)],
                b"x-request-id": [self.identity.encode()],
            }
        )
        self.write(body)  # type: ignore[no-untyped-call] # Twisted's
        self.finish()  # type: ignore[no-untyped-call] # Twisted's
        return reason

    def connectionLost(self, reason: Failure) -> None:
        """The caller has gone."""
        self.gone = True
        intake, self.intake = self.intake, None
        if intake is not None:
            intake.caller_left()
        if self.materialized:
            super().connectionLost(reason)  # type: ignore[no-untyped-call] # Twisted's


def internal_error() -> ApiError:
    """The 500 of everything that fails inside."""
    return ApiError(500, "internal_error", "The gateway failed. The fault is not yours.")
