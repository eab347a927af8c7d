"""One connection to a provider: what it makes of every byte, fed directly and over real sockets."""

from __future__ import annotations

from twisted.internet import error
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.config.settings import UpstreamSettings
from magicgateway.upstream.connection import Connection
from magicgateway.upstream.pool import GatewayPool, Origin
from tests.sockets import OK
from tests.upstream.sinks import GET, Cable, Lines, Record, post

ORIGIN = Origin("http", "provider.test", 80)
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5\r\nhello\r\n1;a=b\r\n \r\n5\r\nworld\r\n0\r\nX-Sum: 1\r\n\r\n"
)
MALFORMED = {
    b"HTTP/1.1 99999 OK\r\nContent-Length: 0\r\n\r\n": "status of five digits",
    b"HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n": "status below 100",
    b"HTTP/1.1 +200 OK\r\nContent-Length: 0\r\n\r\n": "signed status",
    b"HTTP/1.1 2_00 OK\r\nContent-Length: 0\r\n\r\n": "underscore in the status",
    b"ICY/1.1 200 OK\r\nContent-Length: 0\r\n\r\n": "another protocol",
    b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n": "another version",
    b"RTSP/1.0 200 OK\r\n\r\n": "RTSP",
    b"SSH-2.0-OpenSSH_9.2\r\n": "no HTTP at all",
    b"\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n": "empty line first",
    b"HTTP/1.1 200 OK\nContent-Length: 0\n\r\n\r\n": "bare LF",
    b"HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 0\r\n\r\n": "NUL in a value",
    b"HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 0\r\n\r\n": "CR in a value",
    b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n": "folded line",
    b"HTTP/1.1 200 OK\r\nX Y: a\r\nContent-Length: 0\r\n\r\n": "blank in a name",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok": "two lengths",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok": "list of lengths",
    b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok": "signed length",
    b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok": "negative length",
    b"HTTP/1.1 200 OK\r\nContent-Length: 0x2\r\n\r\nok": "hexadecimal length",
    b"HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\nok": "empty length",
    b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999999\r\n\r\nok": "19 digits",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n": "both",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n": "both, too",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n": "another coding",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n": "identity",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n": "twice",
    b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n": "chunks in HTTP/1.0",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n": "upgrade nobody asked for",
}  # fmt: skip
BAD_CHUNKS = {
    b"g\r\n": "no number",
    b"-1\r\n": "negative",
    b"0x5\r\nhello\r\n": "prefix",
    b"5 \nhello\r\n": "bare LF",
    b"5\r\nhelloXX": "no CR LF after the chunk",
    b"5\r\nhello\n\r\n": "LF after the chunk",
    b"00000000000000005\r\nhello\r\n": "seventeen digits",
    b"5;" + b"e" * 2048 + b"\r\nhello\r\n": "long extension",
    b"0\r\nX: " + b"y" * 20000 + b"\r\n\r\n": "long trailer",
    b"0\r\nbad trailer\r\n\r\n": "malformed trailer",
}


class FedTestCase(SynchronousTestCase):
    """A connection on a transport without a socket."""

    def setUp(self) -> None:
        self.lines = Lines()
        self.pool = GatewayPool(Clock(), self.lines, UpstreamSettings())
        self.fresh()

    def fresh(self) -> None:
        """Have a new connection, leased."""
        leasing = self.pool.lease(ORIGIN, 5, fresh=True)
        self.connection: Connection = self.lines.complete()
        self.assertIs(self.connection, self.successResultOf(leasing))
        self.cable: Cable = self.connection.transport

    def ask(self, pieces: list[bytes] | None = None, **options: bool) -> Record:
        """Send a request on it."""
        record = Record()
        self.connection.send(
            record,
            pieces or [GET],
            head_request=options.get("head_request", False),
            more=options.get("more", False),
        )
        return record

    def lose(self, reason: type[Exception] = error.ConnectionDone) -> None:
        """The transport says that the connection is gone."""
        self.connection.connectionLost(Failure(reason()))

    def idle(self) -> int:
        """How many connections the pool could lend."""
        return sum(idle for _, idle, _ in self.pool.counts())

    def in_flight(self) -> int:
        """How many it has lent."""
        return sum(busy for _, _, busy in self.pool.counts())


class ReadingTests(FedTestCase):
    """Good answers, cut anywhere."""

    def test_length_cut_everywhere(self) -> None:
        """An answer is the same wherever the network cuts it in two."""
        for cut in range(1, len(OK)):
            record = self.ask()
            self.connection.dataReceived(OK[:cut])
            self.connection.dataReceived(OK[cut:])
            self.assertEqual((200, b"ok", True), (record.status, record.body, record.delimited))
            self.assertIs(self.connection, self.pool.take_idle(ORIGIN), f"cut at {cut}")

    def test_chunked_cut_everywhere(self) -> None:
        """So is a chunked one, its extensions and trailers thrown away."""
        for cut in range(1, len(CHUNKED)):
            record = self.ask()
            self.connection.dataReceived(CHUNKED[:cut])
            self.connection.dataReceived(CHUNKED[cut:])
            self.assertEqual(
                (200, b"hello world", True), (record.status, record.body, record.delimited)
            )
            self.assertIs(self.connection, self.pool.take_idle(ORIGIN), f"cut at {cut}")

    def test_single_bytes(self) -> None:
        """Single bytes make the same answers, one after another on one connection."""
        for answer, body in ((CHUNKED, b"hello world"), (OK, b"ok")) * 2:
            record = self.ask()
            for position in range(len(answer)):
                self.connection.dataReceived(answer[position : position + 1])
            self.assertEqual((body, True), (record.body, record.delimited))
            self.pool.take_idle(ORIGIN)
        self.assertEqual(4, self.connection.served)

    def test_framed(self) -> None:
        """Whole plain chunks are given framed as they came, and only those."""
        record = self.ask()
        self.connection.dataReceived(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        pieces = (b"3\r\nabc\r\n", b"1\r\nd\r\n1\r\ne\r\n", b"2;x=y\r\nfg\r\n", b"2\r\nh", b"i\r\n")
        for piece in pieces:
            self.connection.dataReceived(piece)
        self.assertEqual([b"abc", b"de", b"fg", b"h", b"i"], record.pieces)
        self.assertEqual([pieces[0], pieces[1], b"", b"", b""], record.framed)

    def test_until_close(self) -> None:
        """A body without length ends with the connection, and nobody takes that for a sure end."""
        record = self.ask()
        self.connection.dataReceived(b"HTTP/1.1 200 OK\r\n\r\nab")
        self.connection.dataReceived(b"cd")
        self.assertIsNone(record.delimited)
        self.lose()
        self.assertEqual((b"abcd", False), (record.body, record.delimited))
        self.assertEqual((0, 0), (self.idle(), self.in_flight()))

    def test_until_close_broken(self) -> None:
        """Such a body that ends with an error is broken."""
        record = self.ask()
        self.connection.dataReceived(b"HTTP/1.1 200 OK\r\n\r\nab")
        self.lose(error.ConnectionLost)
        self.assertEqual(["head", "body", "failed"], record.calls)

    def test_no_body(self) -> None:
        """204, 304 and answers to HEAD have no body, whatever their fields say."""
        for status in (b"204 No Content", b"304 Not Modified"):
            record = self.ask()
            self.connection.dataReceived(b"HTTP/1.1 %b\r\nContent-Length: 5\r\n\r\n" % status)
            self.assertEqual(["head", "ended"], record.calls)
            self.pool.take_idle(ORIGIN)

    def test_head(self) -> None:
        """A connection that carried HEAD is not used again: who knows what follows."""
        record = self.ask(head_request=True)
        self.connection.dataReceived(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        self.assertEqual(["head", "ended"], record.calls)
        self.assertEqual((0, 0), (self.idle(), self.in_flight()))
        self.assertEqual(1, self.cable.aborted)

    def test_back_before_the_end(self) -> None:
        """The connection is back in its pool before the end is announced."""
        record = self.ask()
        seen: list[int] = []
        record.on_end = lambda: seen.append(self.idle())
        self.connection.dataReceived(OK)
        self.assertEqual([1], seen)

    def test_paused_then_reused(self) -> None:
        """A reader that pauses at the last bytes does not leave a deaf connection to the next."""
        record = self.ask()
        record.on_body = self.connection.pause
        self.connection.dataReceived(OK)
        self.assertTrue(record.ended)
        self.assertTrue(self.cable.reading)
        self.assertEqual(1, self.idle())

    def test_pause(self) -> None:
        """Pausing and resuming reach the transport while an answer comes, and only then."""
        self.connection.pause()
        self.assertTrue(self.cable.reading)
        self.ask()
        self.connection.pause()
        self.assertFalse(self.cable.reading)
        self.connection.resume()
        self.assertTrue(self.cable.reading)
        self.connection.close()
        self.connection.pause()
        self.assertTrue(self.cable.reading)

    def test_abandon_inside(self) -> None:
        """A reader may abandon the answer whenever it is told something, and hears no more."""
        for moment in ("on_head", "on_body"):
            for answer in (OK, CHUNKED, b"HTTP/1.1 200 OK\r\n\r\nab"):
                self.fresh()
                record = self.ask()
                setattr(record, moment, self.connection.abandon)
                self.connection.dataReceived(answer)
                self.lose(error.ConnectionAborted)
                self.assertNotIn("ended", record.calls)
                self.assertNotIn("failed", record.calls)
                self.assertEqual((0, 1), (self.idle(), self.in_flight()))


class RefusalTests(FedTestCase):
    """Answers that nobody may trust."""

    def test_malformed_heads(self) -> None:
        """A head that two readers could understand differently breaks the exchange."""
        for answer, fault in MALFORMED.items():
            self.fresh()
            record = self.ask()
            self.connection.dataReceived(answer)
            self.assertEqual(["failed"], record.calls, fault)
            assert record.broke is not None
            self.assertTrue(record.broke.malformed, fault)
            self.assertTrue(record.broke.replied, fault)
            self.assertEqual(1, self.cable.aborted, fault)
        self.assertEqual((0, 1), (self.idle(), self.in_flight()))

    def test_malformed_chunks(self) -> None:
        """Broken chunk framing ends the body as broken, after what came before it."""
        for tail, fault in BAD_CHUNKS.items():
            self.fresh()
            record = self.ask()
            head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            self.connection.dataReceived(head + b"2\r\nok\r\n" + tail)
            self.assertEqual(["head", "body", "failed"], record.calls, fault)
            self.assertEqual(b"ok", record.body[:2], fault)
            assert record.broke is not None
            self.assertTrue(record.broke.malformed, fault)
            self.assertEqual(1, self.cable.aborted, fault)

    def test_cut_short(self) -> None:
        """An answer that ends before its end is broken, wherever it ends, however politely."""
        for answer in (OK, CHUNKED):
            for cut in range(len(answer)):
                self.fresh()
                record = self.ask()
                if cut:
                    self.connection.dataReceived(answer[:cut])
                self.lose()
                self.assertEqual("failed", record.calls[-1], f"cut at {cut}")
                assert record.broke is not None
                self.assertEqual(
                    (cut > 0, False, False),
                    (record.broke.replied, record.broke.malformed, record.broke.reused),
                )

    def test_interim(self) -> None:
        """Up to ten interim answers are skipped; the eleventh is one too many."""
        interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 5
        record = self.ask()
        self.connection.dataReceived(interim + OK)
        self.assertEqual((200, b"ok"), (record.status, record.body))
        self.fresh()
        record = self.ask()
        self.connection.dataReceived(interim + b"HTTP/1.1 102 Processing\r\n\r\n" + OK)
        self.assertEqual(["failed"], record.calls)

    def test_head_size(self) -> None:
        """A response head has at most 64 KiB, whether or not it comes to an end."""
        size = 64 * 1024
        start, line = b"HTTP/1.1 204 No\r\n", b"X: " + b"y" * 8000 + b"\r\n"
        room = size - len(start + line * 8 + b"Z: \r\n\r\n")
        for excess, status in ((0, 204), (1, 0)):
            self.fresh()
            record = self.ask()
            last = b"Z: " + b"z" * (room + excess) + b"\r\n\r\n"
            self.connection.dataReceived(start + line * 8 + last)
            self.assertEqual(status, record.status)
        self.fresh()
        record = self.ask()
        self.connection.dataReceived(start)
        for _ in range(8):
            self.connection.dataReceived(line)
            self.assertEqual([], record.calls)
        self.connection.dataReceived(line)
        self.assertEqual(["failed"], record.calls)

    def test_line_size(self) -> None:
        """A line of it has at most 16 KiB."""
        for size, status in ((16 * 1024, 204), (16 * 1024 + 1, 0)):
            self.fresh()
            record = self.ask()
            self.connection.dataReceived(
                b"HTTP/1.1 204 No\r\nX: " + b"y" * (size - 3) + b"\r\n\r\n"
            )
            self.assertEqual(status, record.status)

    def test_field_count(self) -> None:
        """It has at most 200 fields."""
        for count, status in ((200, 204), (201, 0)):
            self.fresh()
            record = self.ask()
            self.connection.dataReceived(b"HTTP/1.1 204 No\r\n" + b"X: y\r\n" * count + b"\r\n")
            self.assertEqual(status, record.status)

    def test_not_persistent(self) -> None:
        """Whatever says close, in any spelling, is not kept; HTTP/1.0 only with keep-alive."""
        for version, field, kept in (
            (b"1.1", b"close", False),
            (b"1.1", b"Close", False),
            (b"1.1", b"CLOSE", False),
            (b"1.1", b"close, x", False),
            (b"1.1", b"x ,\tclose", False),
            (b"1.1", b"x\r\nConnection: close", False),
            (b"1.1", b"keep-alive, close", False),
            (b"1.1", b"x-close", True),
            (b"1.1", b"keep-alive", True),
            (b"1.0", b"x", False),
            (b"1.0", b"Keep-Alive", True),
        ):
            self.fresh()
            record = self.ask()
            self.connection.dataReceived(
                b"HTTP/%b 200 OK\r\nConnection: %b\r\nContent-Length: 2\r\n\r\nok"
                % (version, field)
            )
            self.assertTrue(record.delimited, field)
            kept_now = self.pool.take_idle(ORIGIN)
            self.assertEqual(kept, kept_now is self.connection, field)
            self.assertEqual(0 if kept else 1, self.cable.aborted, field)

    def test_excess(self) -> None:
        """Bytes after an answer never become the next answer, in the same segment or a later."""
        for answer in (OK, CHUNKED):
            self.fresh()
            record = self.ask()
            self.connection.dataReceived(answer + OK)
            self.assertTrue(record.delimited)
            self.assertEqual((0, 1), (self.idle(), self.cable.aborted))
            self.fresh()
            self.ask()
            self.connection.dataReceived(answer)
            self.assertEqual((1, 0), (self.idle(), self.cable.aborted))
            self.connection.dataReceived(OK[:1])
            self.assertEqual((0, 1), (self.idle(), self.cable.aborted))

    def test_early_answer(self) -> None:
        """A final answer while the body is still sent is given, and the connection closed."""
        record = self.ask(post()[:1], more=True)
        self.connection.send_more(b"x")
        self.connection.dataReceived(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
        self.assertEqual((413, b"no", True), (record.status, record.body, record.delimited))
        self.assertEqual((0, 1), (self.idle(), self.cable.aborted))

    def test_complete_upload(self) -> None:
        """An answer after a streamed body is complete lets the connection live on."""
        self.ask(post()[:1], more=True)
        self.connection.send_more(b"xx")
        self.connection.sent_all()
        self.connection.dataReceived(OK)
        self.assertEqual(b"".join(post()), self.cable.written)
        self.assertEqual(1, self.idle())

    def test_places_freed_once(self) -> None:
        """However often a connection ends, its place is freed once."""
        self.ask()
        self.connection.close()
        self.connection.close()
        self.successResultOf(self.connection.abort())
        self.lose(error.ConnectionAborted)
        self.assertEqual(0, self.in_flight())
        self.assertIn("CLOSED", repr(self.connection))
