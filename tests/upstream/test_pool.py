"""Which connection a request gets, how many there may be, and what waits for one."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.internet import error
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.config.settings import UpstreamSettings
from magicgateway.errors import UpstreamError
from magicgateway.upstream.connection import Connection
from magicgateway.upstream.pool import GatewayPool, Origin
from tests.sockets import OK
from tests.upstream.sinks import GET, Lines, Record

ORIGIN = Origin("http", "provider.test", 80)
OTHER = Origin("https", "provider.test", 443)


class PoolTestCase(SynchronousTestCase):
    """A pool on a clock of the test's, with connections that the test makes."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.lines = Lines()
        self.configure()

    def configure(self, **changes: Any) -> None:
        """Have a pool with other settings."""
        self.pool = GatewayPool(self.clock, self.lines, evolve(UpstreamSettings(), **changes))

    def lease(self) -> Connection:
        """A new connection in flight."""
        leasing = self.pool.lease(ORIGIN, 5, fresh=True)
        connection = self.lines.complete()
        self.assertIs(connection, self.successResultOf(leasing))
        return connection

    def serve(self, connection: Connection) -> None:
        """One request is answered on it, so it comes back."""
        record = Record()
        connection.send(record, [GET], head_request=False, more=False)
        connection.dataReceived(OK)
        self.assertTrue(record.ended)

    def counts(self) -> tuple[int, int]:
        """Idle and in flight."""
        for name, idle, busy in self.pool.counts():
            if name == str(ORIGIN):
                return idle, busy
        return 0, 0

    def fault(self, leasing: Deferred[Connection]) -> UpstreamError:
        """Why there is no connection."""
        fault = self.failureResultOf(leasing, UpstreamError).value
        assert isinstance(fault, UpstreamError)
        return fault


class IdleTests(PoolTestCase):
    """Connections that wait for their next request."""

    def test_newest_first(self) -> None:
        """The connection that was idle for the shortest time is used first."""
        first, second, third = self.lease(), self.lease(), self.lease()
        for connection in (second, third, first):
            self.serve(connection)
        taken = [self.pool.take_idle(ORIGIN) for _ in range(4)]
        self.assertEqual([first, third, second, None], taken)
        self.assertEqual((0, 3), self.counts())

    def test_lease_takes_idle(self) -> None:
        """A lease is an idle connection if there is one, unless only a fresh one will do."""
        connection = self.lease()
        self.serve(connection)
        fresh = self.pool.lease(ORIGIN, 5, fresh=True)
        self.assertNoResult(fresh)
        self.assertIs(connection, self.successResultOf(self.pool.lease(ORIGIN, 5)))
        self.lines.complete()

    def test_origins(self) -> None:
        """A connection serves its own origin only: scheme, host and port."""
        self.serve(self.lease())
        for origin in (OTHER, Origin("http", "provider.test", 81), Origin("http", "x.test", 80)):
            self.assertIsNone(self.pool.take_idle(origin))
        self.assertIsNotNone(self.pool.take_idle(ORIGIN))

    def test_idle_timeout(self) -> None:
        """After 45 s of idleness a connection is closed; before, it serves."""
        connection = self.lease()
        self.serve(connection)
        self.clock.advance(44.9)
        self.assertIs(connection, self.pool.take_idle(ORIGIN))
        self.serve(connection)
        self.clock.pump([1] * 46)
        self.assertEqual("ABORTED", connection.state)
        self.assertEqual([], list(self.pool.counts()))
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_idle_timeout_when_taken(self) -> None:
        """One that is too old when it is asked for is closed, even if no timer has run."""
        self.configure(max_age_seconds=60)
        connection = self.lease()
        self.serve(connection)
        self.clock.rightNow += 45
        self.assertIsNone(self.pool.take_idle(ORIGIN))
        self.assertEqual("ABORTED", connection.state)
        self.assertEqual((0, 0), self.counts())

    def test_max_age(self) -> None:
        """A connection lives at most ``max_age_seconds``, whether idle or busy by then."""
        self.configure(max_age_seconds=60)
        busy, idle = self.lease(), self.lease()
        self.clock.advance(59)
        self.serve(idle)
        self.assertEqual((1, 1), self.counts())
        self.clock.advance(1)
        self.assertIsNone(self.pool.take_idle(ORIGIN))
        self.serve(busy)
        self.assertEqual(["ABORTED"] * 2, [idle.state, busy.state])
        self.assertEqual((0, 0), self.counts())

    def test_max_idle(self) -> None:
        """Of more than ``max_idle``, the one idle for the longest time is closed."""
        self.configure(max_idle=2)
        connections = [self.lease() for _ in range(3)]
        for connection in connections:
            self.serve(connection)
        self.assertEqual(
            ["ABORTED", "QUIESCENT", "QUIESCENT"], [item.state for item in connections]
        )
        self.assertEqual((2, 0), self.counts())

    def test_lost_while_idle(self) -> None:
        """An idle connection that the provider closes is not lent any more."""
        connection = self.lease()
        self.serve(connection)
        connection.connectionLost(Failure(error.ConnectionDone()))
        self.assertIsNone(self.pool.take_idle(ORIGIN))
        self.assertEqual((0, 0), self.counts())

    def test_close(self) -> None:
        """Closing closes what is idle at once, what is busy when it comes back."""
        idle, busy = self.lease(), self.lease()
        self.serve(idle)
        self.assertIsNone(self.successResultOf(self.pool.closeCachedConnections()))
        self.assertEqual(["ABORTED", "QUIESCENT"], [idle.state, busy.state])
        self.serve(busy)
        self.assertEqual("ABORTED", busy.state)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_twisted_names(self) -> None:
        """What asks as Twisted's agents ask gets a connection of the same pool."""
        leasing = self.pool.getConnection((b"http", b"provider.test", 80), None)
        connection = self.lines.complete()
        self.assertIs(connection, self.successResultOf(leasing))
        self.assertEqual((0, 1), self.counts())

    def test_origin_name(self) -> None:
        """An origin reads like a URL."""
        self.assertEqual("http://[::1]:80", str(Origin("http", "::1", 80)))
        self.assertEqual("https://provider.test:443", str(OTHER))


class CapTests(PoolTestCase):
    """At most ``max_in_flight`` requests at a time go to one origin."""

    def setUp(self) -> None:
        super().setUp()
        self.configure(max_in_flight=2, wait_seconds=1.0)
        self.busy = [self.lease(), self.lease()]

    def test_waits(self) -> None:
        """One more waits until a connection comes back, and gets that one."""
        waiting = self.pool.lease(ORIGIN, 5)
        self.assertNoResult(waiting)
        self.serve(self.busy[0])
        self.assertIs(self.busy[0], self.successResultOf(waiting))
        self.assertEqual((0, 2), self.counts())

    def test_in_order(self) -> None:
        """Who waits longest is served first."""
        waiting = [self.pool.lease(ORIGIN, 5) for _ in range(2)]
        for connection, served in zip(self.busy, waiting, strict=True):
            self.serve(connection)
            self.assertIs(connection, self.successResultOf(served))

    def test_busy(self) -> None:
        """After ``wait_seconds`` it is refused: 503, and when to come back."""
        waiting = self.pool.lease(ORIGIN, 5)
        self.clock.pump([0.25] * 3)
        self.assertNoResult(waiting)
        self.clock.pump([0.25] * 2)
        fault = self.fault(waiting)
        self.assertEqual((503, "upstream_busy", 1), (fault.status, fault.code, fault.retry_after))
        self.assertIn("upstream.max_in_flight", fault.message)
        self.assertEqual((0, 2), self.counts())
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_other_origins(self) -> None:
        """The cap is per origin."""
        leasing = self.pool.lease(OTHER, 5)
        self.lines.opening.pop()[1].cancel()
        self.failureResultOf(leasing, CancelledError)

    def test_idle_above_the_cap(self) -> None:
        """An idle connection does not serve above the cap either."""
        self.serve(self.busy[0])
        self.assertIsNotNone(self.pool.take_idle(ORIGIN))
        self.assertIsNone(self.pool.take_idle(ORIGIN))

    def test_cancelled_while_waiting(self) -> None:
        """One that is cancelled takes nobody's place and no connection."""
        first, second = self.pool.lease(ORIGIN, 5), self.pool.lease(ORIGIN, 5)
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.serve(self.busy[0])
        self.assertIs(self.busy[0], self.successResultOf(second))

    def test_lost(self) -> None:
        """A connection that is lost makes room: whoever waits gets a new one."""
        waiting = self.pool.lease(ORIGIN, 5)
        self.busy[0].close()
        self.assertNoResult(waiting)
        connection = self.lines.complete()
        self.assertIs(connection, self.successResultOf(waiting))
        self.assertEqual((0, 2), self.counts())

    def test_cancelled_while_opening_for_waiter(self) -> None:
        """One that waited and is cancelled while its connection is made gives up the place."""
        waiting = self.pool.lease(ORIGIN, 5)
        self.busy[0].close()
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.assertEqual((1, (0, 1)), (self.lines.cancelled, self.counts()))

    def test_refused_while_opening_for_waiter(self) -> None:
        """The failure to open reaches the one that waited, and the next one's turn comes."""
        first, second = self.pool.lease(ORIGIN, 5), self.pool.lease(ORIGIN, 5)
        self.busy[0].close()
        self.lines.refuse()
        self.assertEqual("upstream_unreachable", self.fault(first).code)
        connection = self.lines.complete()
        self.assertIs(connection, self.successResultOf(second))

    def test_too_old_for_the_waiter(self) -> None:
        """A connection past its age is not handed on: the waiter gets a new one."""
        self.clock.advance(600)
        waiting = self.pool.lease(ORIGIN, 5)
        self.serve(self.busy[0])
        connection = self.lines.complete()
        self.assertIs(connection, self.successResultOf(waiting))
        self.assertIsNot(connection, self.busy[0])

    def test_fresh_for_the_waiter(self) -> None:
        """Who asked for a new connection, after an old one failed, waits for a new one too."""
        self.configure(max_in_flight=1)
        busy = self.lease()
        waiting = self.pool.lease(ORIGIN, 5, fresh=True)
        self.serve(busy)
        self.assertEqual("ABORTED", busy.state)
        fresh = self.lines.complete()
        self.assertIs(fresh, self.successResultOf(waiting))
        self.assertEqual((0, 1), self.counts())

    def test_close_refuses_waiting(self) -> None:
        """When the pool is closed, nobody waits for a connection that will not come."""
        waiting = self.pool.lease(ORIGIN, 5)
        self.successResultOf(self.pool.closeCachedConnections())
        self.assertEqual("upstream_busy", self.fault(waiting).code)
        self.assertEqual([], self.clock.getDelayedCalls())


class OpeningTests(PoolTestCase):
    """Connections that are being made."""

    def test_cancelled(self) -> None:
        """Cancelling a lease cancels the connection and frees the place."""
        leasing = self.pool.lease(ORIGIN, 5)
        self.assertEqual((0, 1), self.counts())
        leasing.cancel()
        self.failureResultOf(leasing, CancelledError)
        self.assertEqual((1, (0, 0)), (self.lines.cancelled, self.counts()))

    def test_refused(self) -> None:
        """A connection that cannot be made frees the place."""
        leasing = self.pool.lease(ORIGIN, 5)
        self.lines.refuse("upstream_tls")
        self.assertEqual("upstream_tls", self.fault(leasing).code)
        self.assertEqual((0, 0), self.counts())

    def test_forgotten(self) -> None:
        """An origin that is not used any more is forgotten."""
        for number in range(50):
            leasing = self.pool.lease(Origin("http", f"host-{number}", 80), 5)
            self.serve(self.lines.complete())
            self.successResultOf(leasing)
        self.assertEqual(50, len(list(self.pool.counts())))
        self.clock.pump([10] * 6)
        self.assertEqual([], list(self.pool.counts()))
