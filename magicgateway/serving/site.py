"""The listening side: connections, the fast lane for API paths, the tree for everything else."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote_to_bytes

from twisted.internet.interfaces import IAddress
from twisted.web import resource, server

from magicgateway.dialects.catalogue import error_body
from magicgateway.errors import ApiError
from magicgateway.observe import facts
from magicgateway.routing.doors import Target, read_target
from magicgateway.serving import answer
from magicgateway.serving.channel import Channel
from magicgateway.serving.exchange import Exchange
from magicgateway.serving.intake import too_large
from magicgateway.serving.plane import DataPlane
from magicgateway.serving.request import GatewayRequest
from magicgateway.upstream.deadlines import Sweeper
from magicgateway.wire.heads import HeadLimits

_TARGETS_REMEMBERED = 1024
_PLAIN_PATH = re.compile(rb"(?:/[A-Za-z0-9_.-]+)*/?|\*")
"""What the tree may be asked for. Klein would decode escapes and fold slashes."""
_TREE_BODY_LIMIT = 64 * 1024
_LINGERING = 64
"""So many connections that were turned away may take their time to read why."""
_FAMILY = "openai"
"""Errors outside every door are said in this family's words."""


class GatewaySite(server.Site):
    """Builds channels and sends each request where it belongs.

    Args:
        plane: What exchanges share.
        root: The resource tree.
        fast_lane: Send API paths straight to the resource that the tree names for them.
    """

    displayTracebacks = False
    noisy = False

    def __init__(
        self, plane: DataPlane, root: resource.IResource, *, fast_lane: bool = True
    ) -> None:
        super().__init__(  # type: ignore[no-untyped-call] # Twisted's
            root, parsePOSTFormSubmission=False, reactor=plane.reactor
        )
        settings = plane.settings
        self.plane = plane
        self.now = plane.now
        self.own_fields = plane.own_fields
        self.limits = settings.limits
        self.head_limits = HeadLimits(
            head_bytes=settings.limits.head_bytes,
            line_bytes=settings.limits.line_bytes,
            target_bytes=settings.limits.target_bytes,
            fields=settings.limits.fields,
        )
        self.sweeper = Sweeper(plane.reactor, 0.5)
        self.presence = Sweeper(plane.reactor, 0.05)
        self.channels: set[Channel] = set()
        self._turned_away: set[Channel] = set()
        self._fast_lane = fast_lane
        self._max_connections = settings.server.max_connections
        self._targets: dict[bytes, Target | None] = {}

    # -- connections ------------------------------------------------------------------------

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """A channel for a new connection."""
        return Channel(self)

    def startFactory(self) -> None:
        """Nothing to open: requests are logged by the observers."""

    def stopFactory(self) -> None:
        """Nothing to close."""

    def joined(self, channel: Channel) -> None:
        """A connection was accepted; over the cap it is told to come back later."""
        self.sweeper.watch(channel)
        if len(self.channels) >= self._max_connections:
            self._turned_away.add(channel)
            channel.turn_away(
                ApiError(
                    503,
                    "too_many_connections",
                    f"The gateway has {self._max_connections} connections already"
                    " (server.max_connections).",
                    retry_after=1,
                ),
                linger=len(self._turned_away) <= _LINGERING,
            )
            return
        self.channels.add(channel)

    def left(self, channel: Channel) -> None:
        """A connection is gone."""
        self.channels.discard(channel)
        self._turned_away.discard(channel)
        self.sweeper.forget(channel)

    @property
    def draining(self) -> bool:
        """Answers end their connections."""
        return self.plane.draining

    # -- requests ---------------------------------------------------------------------------

    def open(self, request: GatewayRequest) -> None:
        """A request's head is there: send it on its way."""
        try:
            target = self.find(request.head.target)
        except ApiError as error:
            self.answer(request, error)
            return
        if target is None:
            request.intake = TreeIntake(self, request)
            request.intake.open()
        elif self._fast_lane:
            Exchange(self.plane, request, target).open()
        elif not is_readable(request.head.target):
            self.answer(request, not_found())
        else:
            request.materialize()
            request.process()  # type: ignore[no-untyped-call] # Twisted's

    def find(self, raw: bytes) -> Target | None:
        """What an API path asks for, remembered for paths without a query."""
        target = self._targets.get(raw)
        if target is None:
            registry = self.plane.registry
            target = read_target(raw, lambda name: registry.get(name) is not None)
            if b"?" not in raw and len(raw) <= 256 and target is not None:
                if len(self._targets) >= _TARGETS_REMEMBERED:
                    self._targets.clear()
                self._targets[raw] = target
        return target

    # -- answers of our own -----------------------------------------------------------------

    def name(self, request: Any) -> str:
        """The id of a request that no exchange has named."""
        given = request.requestHeaders.getRawHeaders(b"x-request-id")
        return self.plane.request_ids.name(given[0] if given else None)

    def refuse(self, peer: str, error: ApiError) -> bytes:
        """The whole answer to a connection that has no request, or none that can be read.

        Nothing of what it sent is told to the observers: there may be anything in it.
        """
        identity = self.plane.request_ids.name(None)
        whole = self._refusal(error, identity)
        self.plane.finished(
            facts.Finished(
                time=self.plane.wall_clock(),
                request_id=identity,
                client=peer,
                method="",
                path="",
                status=error.status,
                outcome=facts.REFUSED,
                duration_ms=0.0,
                response_bytes=len(whole.partition(b"\r\n\r\n")[2]),
                error=error.code,
            )
        )
        return whole

    def _refusal(
        self, error: ApiError, identity: str, cors: bytes = b"", *, send_body: bool = True
    ) -> bytes:
        lines = [answer.JSON, answer.NO_STORE, answer.CLOSE, cors]
        if error.retry_after is not None:
            lines.append(b"Retry-After: %d\r\n" % error.retry_after)
        lines.append(b"x-magicgateway-request-id: %b\r\n" % identity.encode())
        lines.append(b"x-request-id: %b\r\n" % identity.encode())
        body = error_body(_FAMILY, error, identity)
        return answer.whole(error.status, self.own_fields(), lines, body, send_body=send_body)

    def answer(self, request: GatewayRequest, error: ApiError) -> None:
        """Refuse a request outside every door, or before its door is known."""
        request.close_after = True
        request.ignore_body()
        request.intake = None
        head = request.head
        request.identity = self.plane.request_ids.name(head.fields.get(b"x-request-id"))
        cors = self.plane.cors.fields(head.fields.get(b"origin"))
        whole = self._refusal(error, request.identity, cors, send_body=head.method != b"HEAD")
        request.send(whole)
        self.record(request, error.status, error.code, len(whole.partition(b"\r\n\r\n")[2]))
        request.done()

    def log(self, request: Any) -> None:
        """The tree has answered a request."""
        if isinstance(request, GatewayRequest):
            self.record(request, int(request.code), request.refusal, request.sentLength)

    def record(self, request: GatewayRequest, status: int, code: str, size: int = 0) -> None:
        """Tell the observers of an answer that no exchange made."""
        plane = self.plane
        head = request.head
        path = head.target.partition(b"?")[0][:256].decode("latin-1")
        duration = (self.now() - request.received) * 1000
        plane.finished(
            facts.Finished(
                time=plane.wall_clock() - duration / 1000,
                request_id=request.identity
                or plane.request_ids.name(head.fields.get(b"x-request-id")),
                client=plane.proxies.caller(request.peer, head.fields.get(b"x-forwarded-for")),
                method=head.method.decode("latin-1"),
                path=path,
                status=status,
                outcome=facts.REFUSED if status >= 400 else facts.COMPLETED,
                duration_ms=duration,
                operation=path.lstrip("/").partition("/")[0],
                response_bytes=size,
                error=code,
            )
        )

    # -- draining ---------------------------------------------------------------------------

    def close_idle(self) -> None:
        """Close every connection that no request is using."""
        for channel in list(self.channels):
            channel.close_if_idle()

    def stop(self) -> None:
        """Close everything that is left."""
        self.sweeper.stop()
        self.presence.stop()
        for channel in (*self.channels, *self._turned_away):
            channel.transport.abortConnection()


class TreeIntake:
    """Collects a small body, then lets the resource tree answer."""

    def __init__(self, site: GatewaySite, request: GatewayRequest) -> None:
        self._site = site
        self._request = request
        self._pieces: list[bytes] = []
        self._size = 0

    def open(self) -> None:
        """Answer at once what does not need the body.

        A caller that asks first whether it should send its body learns the answer instead: no path
        of the tree reads one.
        """
        head = self._request.head
        if not _PLAIN_PATH.fullmatch(head.target.partition(b"?")[0]):
            self._site.answer(self._request, not_found())
        elif head.length > _TREE_BODY_LIMIT:
            self.refuse(_tree_body_too_large())
        elif head.expects_continue and head.length:
            self._request.ignore_body()
            self.body_ended()

    def body_received(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > _TREE_BODY_LIMIT:
            self.refuse(_tree_body_too_large())
        else:
            self._pieces.append(data)

    def body_ended(self) -> None:
        self._request.intake = None
        self._request.process_tree(b"".join(self._pieces))

    def refuse(self, error: ApiError) -> None:
        self._site.answer(self._request, error)

    def caller_left(self) -> None:
        self._pieces.clear()

    def interrupt(self) -> None:
        """Nothing to say: the tree answers within the turn."""


def is_readable(target: bytes) -> bool:
    """Whether Klein can read a path, which logs a traceback when it cannot."""
    try:
        unquote_to_bytes(target.partition(b"?")[0]).decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def not_found() -> ApiError:
    """The 404 of everything that is not here."""
    return ApiError(
        404,
        "not_found",
        "There is nothing at this path. The API is below /v1, for example /v1/chat/completions.",
    )


def _tree_body_too_large() -> ApiError:
    return too_large(_TREE_BODY_LIMIT, "fixed for paths outside /v1")
