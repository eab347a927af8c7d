from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from bench.framing import BadMessage, MessageReader

LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
EMPTY = b"HTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5;name=value\r\nhello\r\n00A\r\n, my\r\nfive\r\n0\r\nTrailer: x\r\n\r\n"
)
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\n\r\n"


class Recorder:
    """A reader whose calls are kept."""

    def __init__(self, *, until_close: bool = True) -> None:
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []
        self._body = b""
        self.reader = MessageReader(
            self.heads.append, self._piece, self._end, until_close=until_close
        )

    def _piece(self, piece: bytes) -> None:
        self._body += piece

    def _end(self) -> None:
        self.bodies.append(self._body)
        self._body = b""


class MessageReaderTests(SynchronousTestCase):
    """Messages, whole, byte by byte, and with what follows them."""

    CASES = (
        ([b"hello"], LENGTH),
        ([b""], EMPTY),
        ([b"hello, my\r\nfive"], CHUNKED),
        ([b"", b"hello"], CONTINUE + LENGTH),
        ([b"hello", b"", b"hello"], LENGTH + EMPTY + LENGTH),
    )

    def test_whole_and_in_bytes(self) -> None:
        """However a message arrives, the same bodies come out of it."""
        for expected, wire in self.CASES:
            for size in (len(wire), 1, 2, 3, 7):
                recorder = Recorder()
                for start in range(0, len(wire), size):
                    recorder.reader.feed(wire[start : start + size])
                self.assertEqual(expected, recorder.bodies, (wire, size))
                self.assertTrue(recorder.reader.close())

    def test_heads(self) -> None:
        """A head is told whole, without its empty line."""
        recorder = Recorder()
        recorder.reader.feed(LENGTH)
        self.assertEqual([LENGTH[: LENGTH.index(b"\r\n\r\n")]], recorder.heads)

    def test_until_close(self) -> None:
        """An answer without a length ends with its connection."""
        recorder = Recorder()
        recorder.reader.feed(UNTIL_CLOSE + b"some")
        recorder.reader.feed(b"thing")
        self.assertEqual([], recorder.bodies)
        self.assertTrue(recorder.reader.close())
        self.assertEqual([b"something"], recorder.bodies)

    def test_request_without_length(self) -> None:
        """A request without a length has no body."""
        recorder = Recorder(until_close=False)
        recorder.reader.feed(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertEqual([b""], recorder.bodies)

    def test_broken_off(self) -> None:
        """A close anywhere within a message is no end of it."""
        for wire in (LENGTH, CHUNKED):
            for cut in range(1, len(wire)):
                recorder = Recorder()
                recorder.reader.feed(wire[:cut])
                self.assertFalse(recorder.reader.close(), wire[:cut])

    def test_refused(self) -> None:
        """What is not HTTP/1.1 is refused, and nothing grows without bound."""
        start = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        for wire in (
            start + b"xyz\r\n",
            start + b"1\r\nab\r\n",
            start + b"1" * 5000,
            b"a" * 70_000,
        ):
            self.assertRaises(BadMessage, Recorder().reader.feed, wire)
