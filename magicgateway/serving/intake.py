"""Taking a caller's body: collected to be read, or passed on while it arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from magicgateway.errors import ApiError
from magicgateway.upstream.connection import Connection
from magicgateway.wire.chunked import LAST_CHUNK, frame
from magicgateway.wire.heads import CHUNKED
from magicgateway.wire.json_peek import Peek, peek
from magicgateway.wire.json_scan import JsonScanner

if TYPE_CHECKING:
    from magicgateway.serving.request import GatewayRequest

SCANNED_FROM = 256 * 1024
"""Larger bodies are scanned as they arrive, so that no single turn has to read them whole."""
_CARRIER = b'"mgw1.'
_QUEUED_LIMIT = 64 * 1024


def too_large(limit: int, setting: str) -> ApiError:
    """The 413 that names the setting."""
    return ApiError(
        413,
        "body_too_large",
        f"The request body is larger than {limit} bytes ({setting}).",
    )


class CarrierSearch:
    """Looks for a string that begins as ``conversation.sealed`` begins its own.

    The gateway gave it to the caller in an earlier turn, for reasoning of another family. State:
    the last bytes of what was fed, and whether it was found.
    """

    __slots__ = ("_before", "found")

    def __init__(self) -> None:
        self._before = b""
        self.found = False

    def feed(self, piece: bytes) -> None:
        """Look at the next bytes of a body, cut anywhere."""
        size = len(_CARRIER)
        if not self.found:
            self.found = _CARRIER in piece or _CARRIER in self._before + piece[:size]
            self._before = (self._before + piece[-size:])[-size:]


class JsonBody:
    """A JSON body on its way in: kept in the pieces it came in, never joined when it is large.

    Args:
        limit: Bytes it may have (``server.max_body_bytes``).
    """

    __slots__ = ("_carrier", "_limit", "_scanner", "pieces", "size")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._scanner: JsonScanner | None = None
        self._carrier: CarrierSearch | None = None
        self.pieces: list[bytes] = []
        self.size = 0

    def add(self, piece: bytes) -> None:
        """Take a piece.

        Raises:
            ApiError: It is too large, or not JSON.
        """
        self.size += len(piece)
        if self.size > self._limit:
            raise too_large(self._limit, "server.max_body_bytes")
        self.pieces.append(piece)
        if self._scanner is not None:
            self._look_at(piece)
        elif self.size > SCANNED_FROM:
            self._scanner = JsonScanner()
            self._carrier = CarrierSearch()
            for earlier in self.pieces:
                self._look_at(earlier)

    def _look_at(self, piece: bytes) -> None:
        assert self._scanner is not None
        assert self._carrier is not None
        self._scanner.feed(piece)
        self._carrier.feed(piece)

    def holds_carrier(self) -> bool:
        """Whether the body, which has been read, brings reasoning back that we gave out."""
        if self._carrier is not None:
            return self._carrier.found
        return bool(self.pieces) and _CARRIER in self.pieces[0]  # ``read`` has joined them

    def read(self) -> Peek:
        """The model and the kind of answer that the complete body asks for.

        Raises:
            ApiError: It is not a JSON object, or not clear about its model.
        """
        if self._scanner is not None:
            return self._scanner.finish()
        if len(self.pieces) > 1:
            self.pieces = [b"".join(self.pieces)]
        return peek(self.pieces[0] if self.pieces else b"")


class RawBody(JsonBody):
    """A body that is collected because all of it is signed; what it says is nobody's affair."""

    __slots__ = ()

    def add(self, piece: bytes) -> None:
        """Take a piece.

        Raises:
            ApiError: It is too large.
        """
        self.size += len(piece)
        if self.size > self._limit:
            raise too_large(self._limit, "server.max_body_bytes")
        self.pieces.append(piece)

    def read(self) -> Peek:
        """Nothing is looked for."""
        return Peek(None, stream=False, span=None)


@implementer(IPushProducer)
class Upload:
    """A body that goes to the provider as it arrives; a slow provider pauses the caller.

    Args:
        request: The caller's.
        limit: Bytes it may have (``server.max_upload_bytes``).
    """

    def __init__(self, request: GatewayRequest, limit: int) -> None:
        self._request = request
        self._limit = limit
        self._chunked = request.head.length == CHUNKED
        self._queue: list[bytes] = []
        self._queued = 0
        self._connection: Connection | None = None
        self._complete = False
        self._stopped = False
        self.size = 0
        self.begun = False
        """A byte of the body has left."""

    def add(self, piece: bytes) -> None:
        """Take a piece of the body and pass it on, or keep it until there is a connection.

        Raises:
            ApiError: It is too large.
        """
        if self._stopped:
            return
        self.size += len(piece)
        if self.size > self._limit:
            raise too_large(self._limit, "server.max_upload_bytes")
        self._pass_on(frame(piece) if self._chunked else piece)

    def complete(self) -> None:
        """The caller has sent everything."""
        self._complete = True
        if self._chunked:
            self._pass_on(LAST_CHUNK)
        if self._connection is not None:
            self._end()

    def connected(self, connection: Connection) -> None:
        """There is a connection, and the head has gone out on it."""
        self._connection = connection
        if not self._complete or self._queued > _QUEUED_LIMIT:
            connection.transport.registerProducer(self, True)
        queue, self._queue = self._queue, []
        self._queued = 0
        for data in queue:
            self.begun = True
            connection.send_more(data)
        if self._complete:
            self._end()
        else:
            self._request.resume_body()

    def stop(self) -> None:
        """The answer is there before the body was complete, or nobody wants it any more."""
        self._stopped = True
        self._queue = []
        connection, self._connection = self._connection, None
        if connection is not None and connection.transport is not None:
            connection.transport.unregisterProducer()

    def _pass_on(self, data: bytes) -> None:
        if self._connection is not None:
            self.begun = True
            self._connection.send_more(data)
            return
        self._queue.append(data)
        self._queued += len(data)
        if self._queued > _QUEUED_LIMIT:
            self._request.pause_body()

    def _end(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.transport.unregisterProducer()
            connection.sent_all()

    def pauseProducing(self) -> None:
        """The provider does not keep up."""
        self._request.pause_body()

    def resumeProducing(self) -> None:
        self._request.resume_body()

    def stopProducing(self) -> None:
        """The provider's connection is gone: what comes now waits for the next, or for the end."""
        self._connection = None
