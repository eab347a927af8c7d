"""The demo provider: an HTTP server on loopback that answers like a provider, or fails like one."""

from __future__ import annotations

import socket
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IListeningPort
from twisted.internet.protocol import Factory

from magicgateway.demo.connection import Connection, Stage
from magicgateway.demo.gate import Gate
from magicgateway.demo.journal import KEPT_BODY, Received

LOOPBACK = "127.0.0.1"
JOURNAL_SIZE = 10_000


class DemoProvider(Service):
    """Listens while it runs; answers what ``docs/demo.md`` tells, without keys and without state.

    Args:
        reactor: Where sockets and clocks live.
        port: The TCP port, 0 for any free one.
        journal_size: Requests that are remembered.
        kept_body: Bytes of each request's body that are remembered.
        clock: What time it is, in seconds since 1970; signatures are compared with it.
    """

    name = "demo provider"

    def __init__(
        self,
        reactor: Any,
        port: int = 0,
        journal_size: int = JOURNAL_SIZE,
        kept_body: int = KEPT_BODY,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._reactor = reactor
        self.stage = Stage(deque(maxlen=journal_size), kept_body, clock)
        """What tests may set for the requests to come."""
        self.port = port
        """The port; the real one once the service has started."""
        self.accepted = 0
        """Connections that have been made so far."""
        self.connections: set[Connection] = set()
        """Connections that are open."""
        self._listening: IListeningPort | None = None
        self._bound: socket.socket | None = None
        self._closed: Deferred[None] | None = None

    @classmethod
    def reserved(cls, reactor: Any) -> DemoProvider:
        """A provider whose port is known before it starts, because its socket is bound already."""
        bound = socket.create_server((LOOPBACK, 0), backlog=1024)
        bound.setblocking(False)
        provider = cls(reactor, bound.getsockname()[1])
        provider._bound = bound
        return provider

    @property
    def journal(self) -> deque[Received]:
        """The latest requests, oldest first."""
        return self.stage.journal

    @property
    def scripts(self) -> deque[str]:
        """Scripts of faults for the next requests, one for each, whatever their model's name is."""
        return self.stage.scripts

    def hold(self) -> Gate:
        """A gate for the streamed answers to all requests to come; it replaces an older one."""
        gate = self.stage.gate = Gate()
        return gate

    @property
    def base_url(self) -> str:
        """Where it listens, without a path and without a slash at its end."""
        return f"http://{LOOPBACK}:{self.port}"

    def startService(self) -> None:
        """Listen.

        Raises:
            CannotListenError: The port is taken.
        """
        listening = self._listening = self._listen(_Peers(self))
        self.port = listening.getHost().port
        super().startService()  # type: ignore[no-untyped-call]  # Twisted's is not annotated

    def _listen(self, peers: Factory) -> Any:
        bound, self._bound = self._bound, None
        if bound is None:
            return self._reactor.listenTCP(self.port, peers, 1024, LOOPBACK)
        with bound:  # the port keeps a descriptor of its own
            return self._reactor.adoptStreamPort(bound.fileno(), socket.AF_INET, peers)

    async def _stop(self) -> None:
        bound, self._bound = self._bound, None
        if bound is not None:
            bound.close()
        listening, self._listening = self._listening, None
        if listening is not None and (stopped := listening.stopListening()) is not None:
            await stopped
        if self.connections:
            self._closed = Deferred()
            for connection in list(self.connections):
                connection.transport.abortConnection()
            await self._closed

    def stopService(self) -> Deferred[None]:
        """Stop listening and drop every connection; fires when all are gone."""
        super().stopService()  # type: ignore[no-untyped-call]  # Twisted's is not annotated
        return Deferred.fromCoroutine(self._stop())

    def accept(self) -> Connection:
        """A protocol for one more peer."""
        self.accepted += 1
        connection = Connection(self._reactor, self.accepted, self.stage, self._gone)
        self.connections.add(connection)
        return connection

    def _gone(self, connection: Connection) -> None:
        self.connections.discard(connection)
        if not self.connections and self._closed is not None:
            closed, self._closed = self._closed, None
            closed.callback(None)


class _Peers(Factory):
    """Asks the provider for a protocol per connection."""

    noisy = False

    def __init__(self, provider: DemoProvider) -> None:
        self._provider = provider

    def buildProtocol(self, addr: IAddress | None) -> Connection:
        return self._provider.accept()
