"""Sending a request until an answer begins: what is tried again, what is given up, and when."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred, fail
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from magicgateway.config.settings import TimeoutSettings, UpstreamSettings
from magicgateway.upstream.attempt import Attempt, OutgoingRequest
from magicgateway.upstream.connection import Connection
from magicgateway.upstream.deadlines import Sweeper
from magicgateway.upstream.pool import GatewayPool, Origin
from tests.sockets import CLOSE, OK, RESET, Peer, closed_port, until
from tests.upstream.sinks import GET, Lines, Record, SocketTestCase, post, read_then


class StaleTests(SocketTestCase):
    """R1: the provider drops a connection that had served before, at the very moment of its use."""

    async def test_repeated(self) -> None:
        """The caller sees the answer; the provider sees the request exactly once more."""
        for action in ("close", "reset"):
            server = self.serve(read_then(action), [OK])
            origin = self.origin(server)
            await self.exchange(origin)
            record = await self.exchange(origin, post())
            self.assertEqual((200, b"ok"), (record.status, record.body))
            self.assertEqual(["sent", "sent", "head", "body", "ended"], record.calls)
            self.assertEqual([GET] + [b"".join(post())] * 2, server.requests())
            self.assertEqual(2, len(server.peers))

    async def test_closed_before(self) -> None:
        """A connection that was closed while idle costs no attempt that the provider sees."""
        server = self.serve([OK, CLOSE], [OK])
        await self.exchange(self.origin(server))
        await until(server.peers[0].finished.is_set)
        record = await self.exchange(self.origin(server), post())
        self.assertEqual(200, record.status)
        self.assertEqual(2, len(server.requests()))

    async def test_bound(self) -> None:
        """Three attempts at most; a fresh connection that is closed unanswered is no reason."""
        server = self.serve(read_then("close"), [b"", CLOSE])
        await self.exchange(self.origin(server))
        record = await self.exchange(self.origin(server))
        assert record.fault is not None
        self.assertEqual((502, "upstream_closed"), (record.fault.status, record.fault.code))
        self.assertEqual(3, len(server.requests()))

    async def test_fresh(self) -> None:
        """R2: on a fresh connection a request is sent once: it may have been served and billed."""
        for action in (CLOSE, RESET):
            server = self.serve([b"", action])
            record = await self.exchange(self.origin(server), post())
            assert record.fault is not None
            self.assertEqual("upstream_closed", record.fault.code)
            self.assertEqual("unreachable", record.fault.outcome)
            self.assertEqual(1, len(server.requests()))

    async def test_replied(self) -> None:
        """A byte of an answer is an answer: nothing is sent again."""
        for reply in (b"H", OK[:20], b"HTTP/1.1 100 Continue\r\n\r\n"):
            server = self.serve(read_then("close", reply), [OK])
            await self.exchange(self.origin(server))
            record = await self.exchange(self.origin(server), post())
            assert record.fault is not None
            self.assertEqual("upstream_closed", record.fault.code)
            self.assertEqual(2, len(server.requests()))

    async def test_malformed(self) -> None:
        """An answer that is not HTTP is no reason either, and is said to be that."""
        server = self.serve(read_then("read_to_end", b"SSH-2.0-x\r\n"), [OK])
        await self.exchange(self.origin(server))
        record = await self.exchange(self.origin(server), post())
        assert record.fault is not None
        self.assertEqual((502, "upstream_malformed"), (record.fault.status, record.fault.code))
        self.assertEqual(2, len(server.requests()))

    async def test_not_repeatable(self) -> None:
        """A request that may not be repeated is not."""
        server = self.serve(read_then("close"), [OK])
        await self.exchange(self.origin(server))
        record = await self.exchange(self.origin(server), post(), repeatable=False)
        assert record.fault is not None
        self.assertEqual((2, "upstream_closed"), (len(server.requests()), record.fault.code))

    async def test_streamed_body(self) -> None:
        """A streamed upload is sent again while no byte of its body has left."""
        attempt, record = await self._upload()
        await until(lambda: record.calls == ["sent", "sent"])
        assert record.connection is not None
        record.connection.send_more(post()[1])
        record.connection.sent_all()
        attempt.body_sent()
        await until(lambda: record.ended)
        self.assertEqual((200, 2), (record.status, attempt.count))
        self.assertEqual([GET, b"".join(post())], self.server.requests())

    async def test_streamed_body_begun(self) -> None:
        """Once a byte of its body has left, it is not."""
        attempt, record = await self._upload()
        attempt.no_repeat()
        assert record.connection is not None
        record.connection.send_more(post()[1])
        await until(lambda: record.ended)
        assert record.fault is not None
        self.assertEqual(("upstream_closed", 1), (record.fault.code, attempt.count))
        self.assertEqual(1, len(self.server.peers))

    async def _upload(self) -> tuple[Attempt, Record]:
        """A streamed upload on a connection that is about to be dropped."""

        def drop(peer: Peer) -> None:
            peer.read_request()
            peer.send(OK)
            peer.read_head()
            peer.reset()

        self.server = self.serve(drop, [OK])
        await self.exchange(self.origin(self.server))
        return self.attempt(self.origin(self.server), post()[:1], streamed=True)


class UnreachableTests(SocketTestCase):
    """R0: nothing was written."""

    async def test_refused(self) -> None:
        """A provider that refuses is tried once more, then the caller is told."""
        attempt, record = self.attempt(Origin("http", "127.0.0.1", closed_port()), [GET])
        await until(lambda: record.ended)
        assert record.fault is not None
        self.assertEqual((502, "upstream_unreachable"), (record.fault.status, record.fault.code))
        self.assertEqual((["attempt_failed"], 2), (record.calls, attempt.count))

    async def test_comes_back(self) -> None:
        """One that is back for the second try answers, and nobody notices."""
        lines = Lines()
        pool = GatewayPool(self.clock, lines, UpstreamSettings())
        record = Record()
        request = OutgoingRequest(Origin("http", "provider.test", 80), [GET])
        attempt = Attempt(pool, self.sweeper, self.clock, request, self.timeouts, record)
        attempt.start()
        lines.refuse()
        await until(lambda: lines.opening)
        lines.complete().dataReceived(OK)
        self.assertEqual((200, 2), (record.status, attempt.count))
        await pool.closeCachedConnections()

    async def test_not_again(self) -> None:
        """What does not get better in a moment is tried once."""
        for code in ("upstream_tls", "upstream_dns", "connect_timeout", "upstream_busy"):
            lines = Lines()
            pool = GatewayPool(self.clock, lines, UpstreamSettings())
            record = Record()
            request = OutgoingRequest(Origin("http", "provider.test", 80), [GET])
            attempt = Attempt(pool, self.sweeper, self.clock, request, self.timeouts, record)
            attempt.start()
            lines.refuse(code)
            assert record.fault is not None
            self.assertEqual((code, 1), (record.fault.code, attempt.count))

    async def test_busy(self) -> None:
        """Over the cap, the caller gets 503 and when to come back; the place is free afterwards."""
        self.use(UpstreamSettings(max_in_flight=1, wait_seconds=0.1))
        server = self.serve(Peer.read_to_end)
        first, _ = self.attempt(self.origin(server), [GET])
        record = await self.exchange(self.origin(server))
        assert record.fault is not None
        self.assertEqual((503, 1), (record.fault.status, record.fault.retry_after))
        first.abandon()
        self.assertEqual(0, sum(busy for _, _, busy in self.pool.counts()))


class TimeTests(SocketTestCase):
    """Deadlines."""

    async def test_response_head(self) -> None:
        """A provider that takes the request and says nothing has ``response_head`` seconds."""
        self.timeouts = evolve(self.timeouts, response_head=0.1)
        server = self.serve(Peer.read_to_end)
        record = await self.exchange(self.origin(server))
        assert record.fault is not None
        self.assertEqual((504, "response_head_timeout"), (record.fault.status, record.fault.code))
        self.assertIn("timeouts.response_head", record.fault.message)
        await until(lambda: server.peers[0].end)
        self.assertEqual(0, len(self.sweeper))

    async def test_interim_is_no_head(self) -> None:
        """An interim answer does not stop that clock."""
        self.timeouts = evolve(self.timeouts, response_head=0.1)

        def hint(peer: Peer) -> None:
            peer.read_request()
            peer.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")
            peer.read_to_end()

        record = await self.exchange(self.origin(self.serve(hint)))
        assert record.fault is not None
        self.assertEqual("response_head_timeout", record.fault.code)

    async def test_body_not_taken(self) -> None:
        """A provider that stops taking the body has ``idle`` seconds to go on."""
        self.timeouts = evolve(self.timeouts, idle=0.2, response_head=60)
        server = self.serve(lambda _: server.stopping.wait(10))
        record = await self.exchange(
            self.origin(server), [*post(1)[:1], *[b"x" * 65536] * 400], repeatable=False
        )
        assert record.fault is not None
        self.assertEqual((504, "request_body_timeout"), (record.fault.status, record.fault.code))

    async def test_clock_starts_after_the_body(self) -> None:
        """The clock for the answer starts when a streamed body is complete."""
        self.timeouts = evolve(self.timeouts, response_head=0.15)
        server = self.serve([OK])
        head, body = post(20)
        attempt, record = self.attempt(self.origin(server), [head], streamed=True)
        await until(lambda: record.connection)
        connection = record.connection
        assert connection is not None
        for at in range(20):
            await deferLater(self.clock, 0.02)
            connection.send_more(body[at : at + 1])
        connection.sent_all()
        attempt.body_sent()
        await until(lambda: record.ended)
        self.assertEqual(200, record.status)


class BrokenReader(Record):
    """One that fails when it is told."""

    def attempt_sent(self, connection: Connection) -> None:
        super().attempt_sent(connection)
        raise ZeroDivisionError


class MistakeTests(TestCase):
    """A mistake of ours on the way is an answer to the caller, too."""

    def _attempt(self, pool: Any, record: Record) -> None:
        from twisted.internet import reactor  # noqa: PLC0415 - importing must not install it

        clock: Any = reactor
        sweeper = Sweeper(clock, 1)
        self.addCleanup(sweeper.stop)
        request = OutgoingRequest(Origin("http", "provider.test", 80), [GET])
        Attempt(pool, sweeper, clock, request, TimeoutSettings(), record).start()

    def test_reader_fails(self) -> None:
        """The caller gets a 500, the log the traceback, and the connection is closed."""
        from twisted.internet import reactor  # noqa: PLC0415 - as above

        lines = Lines()
        clock: Any = reactor
        record = BrokenReader()
        self._attempt(GatewayPool(clock, lines, UpstreamSettings()), record)
        connection = lines.complete()
        assert record.fault is not None
        self.assertEqual((500, "internal_error"), (record.fault.status, record.fault.code))
        self.assertEqual("ABORTED", connection.state)
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))

    def test_pool_fails(self) -> None:
        """So it is when a connection fails in a way that nobody thought of."""

        class Broken:
            def take_idle(self, _: Origin) -> Connection | None:
                return None

            def lease(self, *_: Any, **__: Any) -> Deferred[Connection]:
                return fail(KeyError("x"))

        record = Record()
        self._attempt(Broken(), record)
        assert record.fault is not None
        self.assertEqual("internal_error", record.fault.code)
        self.assertEqual(1, len(self.flushLoggedErrors(KeyError)))
