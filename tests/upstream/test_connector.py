"""Opening connections: within one deadline, and with a clear word when there is none."""

from __future__ import annotations

import os
import resource
import socket
import threading
from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from magicgateway.config.settings import UpstreamSettings
from magicgateway.errors import UpstreamError
from magicgateway.upstream import race
from magicgateway.upstream.connection import Connection
from magicgateway.upstream.pool import Origin
from magicgateway.upstream.resolver import Resolver
from tests.sockets import OK, FullBacklog, Peer, closed_port, until
from tests.upstream.sinks import SocketTestCase


class Names:
    """Looks names up in a table; an Event in it stalls until it is set."""

    def __init__(self) -> None:
        self.table: dict[str, Any] = {}

    def __call__(self, name: str, *_: Any) -> list[Any]:
        found = self.table.get(name)
        if isinstance(found, threading.Event):
            found.wait(10)
            found = None
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, 0)) for host in found]


class ConnectorTests(SocketTestCase):
    """Plain connections; TLS has tests of its own."""

    def setUp(self) -> None:
        super().setUp()
        self.names = Names()
        self.resolver = Resolver(self.clock, 0.3, self.names)
        self.use(UpstreamSettings())

    def lease(self, origin: Origin, timeout: float = 5) -> Deferred[Connection]:
        """Ask for a connection."""
        return self.pool.lease(origin, timeout)

    async def fault(self, origin: Origin, seconds: float = 5) -> UpstreamError:
        """Why there is none; and no place is held for it."""
        fault = await self.refused(self.lease(origin, seconds))
        self.assertEqual(0, sum(busy for _, _, busy in self.pool.counts()))
        return fault

    async def refused(self, leasing: Deferred[Any]) -> UpstreamError:
        """Why there is none."""
        fault: object = await self.assertFailure(leasing, UpstreamError)
        assert isinstance(fault, UpstreamError)
        return fault

    async def test_name(self) -> None:
        """A name is looked up by our own resolver, and the connection is ready."""
        server = self.serve([OK])
        self.names.table["provider.test"] = ["127.0.0.1"]
        connection = await self.connect(Origin("http", "provider.test", server.port))
        self.assertEqual("QUIESCENT", connection.state)
        self.assertTrue(connection.transport.getTcpNoDelay())
        self.assertTrue(connection.transport.getTcpKeepAlive())

    async def test_underscores(self) -> None:
        """Names of containers have underscores, and are names like others."""
        server = self.serve([OK])
        self.names.table["llm_server"] = ["127.0.0.1"]
        connection = await self.connect(Origin("http", "llm_server", server.port))
        self.assertEqual("QUIESCENT", connection.state)

    async def test_second_address(self) -> None:
        """When the first address refuses, the next one is tried at once."""
        self.patch(race, "SILENT_SECONDS", 60)
        server = self.serve([OK])
        self.names.table["provider.test"] = ["127.0.0.99", "127.0.0.1"]
        connection = await self.connect(Origin("http", "provider.test", server.port))
        self.assertEqual("QUIESCENT", connection.state)

    async def test_refused(self) -> None:
        """Nobody listens: 502; the log learns where and why, the caller no address."""
        fault = await self.fault(Origin("http", "127.0.0.1", closed_port()))
        self.assertEqual((502, "upstream_unreachable"), (fault.status, fault.code))
        self.assertIn("ConnectionRefusedError", fault.detail)
        self.assertNotIn("127.0.0.1", fault.message)
        self.assertEqual("unreachable", fault.outcome)

    async def test_refused_at_once(self) -> None:
        """The last refusal is the end when it comes, and nothing else is waited for."""
        self.patch(race, "SILENT_SECONDS", 60)
        self.names.table["provider.test"] = ["127.0.0.98", "127.0.0.99"]
        fault = await self.fault(Origin("http", "provider.test", closed_port()), 30)
        self.assertEqual("upstream_unreachable", fault.code)

    async def test_no_answer(self) -> None:
        """Nobody accepts: 504 after the connect timeout."""
        full = FullBacklog()
        self.addCleanup(full.stop)
        start = self.clock.seconds()
        fault = await self.fault(Origin("http", "127.0.0.1", full.port), 0.2)
        self.assertLess(self.clock.seconds() - start, 2)
        self.assertEqual((504, "connect_timeout"), (fault.status, fault.code))
        self.assertEqual("timeout", fault.outcome)
        self.assertIn("0.2 s (timeouts.connect)", fault.message)

    async def test_unknown_name(self) -> None:
        """A name without an address: 502, said as such."""
        fault = await self.fault(Origin("http", "missing.test", 80))
        self.assertEqual((502, "upstream_dns"), (fault.status, fault.code))

    async def test_impossible_names(self) -> None:
        """A name that cannot be one is a failure like any other."""
        for host in ("a..b.test", "x" * 70 + ".test", "\u2603" * 70, ""):
            for scheme in ("http", "https"):
                fault = await self.fault(Origin(scheme, host, 80), 1)
                self.assertEqual(502, fault.status, host)

    async def test_slow_name(self) -> None:
        """A lookup that stalls ends with its own deadline, and holds up nobody else."""
        for number in range(13):
            stall = self.names.table[f"slow-{number}.test"] = threading.Event()
            self.addCleanup(stall.set)
        slow = [self.lease(Origin("http", f"slow-{number}.test", 80)) for number in range(13)]
        server = self.serve([OK])
        self.names.table["provider.test"] = ["127.0.0.1"]
        start = self.clock.seconds()
        await self.connect(Origin("http", "provider.test", server.port))
        self.assertLess(self.clock.seconds() - start, 0.25)
        for leasing in slow:
            fault = await self.refused(leasing)
            self.assertEqual("upstream_dns", fault.code)

    async def test_slow_name_in_connect_timeout(self) -> None:
        """The lookup is inside the connect timeout."""
        stall = self.names.table["slow.test"] = threading.Event()
        self.addCleanup(stall.set)
        fault = await self.fault(Origin("http", "slow.test", 80), 0.05)
        self.assertEqual((504, "connect_timeout"), (fault.status, fault.code))

    async def test_cancelled_in_lookup(self) -> None:
        """Cancelling during the lookup makes no connection later."""
        server = self.serve([OK])
        stall = threading.Event()
        self.names.table["slow.test"] = stall
        leasing = self.lease(Origin("http", "slow.test", server.port))
        leasing.cancel()
        await self.assertFailure(leasing, CancelledError)
        stall.set()
        await until(lambda: not self.resolver._running)
        self.assertEqual([], server.peers)

    async def test_cancelled_while_connecting(self) -> None:
        """Cancelling before the connection is made leaves none."""
        full = FullBacklog()
        self.addCleanup(full.stop)
        leasing = self.lease(Origin("http", "127.0.0.1", full.port))
        leasing.cancel()
        await self.assertFailure(leasing, CancelledError)
        self.assertEqual(0, sum(busy for _, _, busy in self.pool.counts()))

    async def test_two_attempts(self) -> None:
        """Of two addresses tried at once one connection is kept, and the other closed."""
        server = self.serve(Peer.read_to_end)
        full = FullBacklog()
        self.addCleanup(full.stop)
        listener = socket.create_server(("127.0.0.2", full.port))
        self.addCleanup(listener.close)
        self.names.table["provider.test"] = ["127.0.0.1", "127.0.0.2"]
        connection = await self.connect(Origin("http", "provider.test", full.port))
        self.assertEqual("127.0.0.2", connection.transport.getPeer().host)
        self.assertEqual([], server.peers)

    async def test_no_descriptors(self) -> None:
        """Without a free file descriptor the caller is asked to come back: 503."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        free = os.dup(0)
        os.close(free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
        try:
            leasing = self.lease(Origin("http", "127.0.0.1", closed_port_number()))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        fault = await self.refused(leasing)
        self.assertEqual((503, 1), (fault.status, fault.retry_after))
        self.assertEqual(0, sum(busy for _, _, busy in self.pool.counts()))


def closed_port_number() -> int:
    """A port that nobody uses, without opening a socket to find out."""
    return 1
