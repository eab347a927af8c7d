from __future__ import annotations

import itertools
import random
import time

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.wire.chunked import LAST_CHUNK, BadChunk, ChunkedDecoder, frame

Reading = tuple[bytes, bytes] | str
"""Body and rest, or ``"refused"``, or ``"unfinished"``."""


def read(parts: list[bytes]) -> Reading:
    """What a decoder makes of a stream that comes in these parts; stops where the body ends."""
    decoder = ChunkedDecoder()
    body = b""
    for index, part in enumerate(parts):
        try:
            body += b"".join(decoder.feed(part))
        except BadChunk:
            return "refused"
        if decoder.done:
            return body, decoder.rest + b"".join(parts[index + 1 :])
    return "unfinished"


def bytewise(stream: bytes) -> list[bytes]:
    return [stream[at : at + 1] for at in range(len(stream))]


def every_cut(stream: bytes) -> list[list[bytes]]:
    """Whole, byte by byte, and in two at every place."""
    halves = [[stream[:at], stream[at:]] for at in range(1, len(stream))]
    return [[stream], bytewise(stream), *halves]


class FrameTests(SynchronousTestCase):
    def test_frame(self) -> None:
        """A chunk is its size in hexadecimal, its data, and the line ends."""
        self.assertEqual(b"1\r\nx\r\n", frame(b"x"))
        self.assertEqual(b"ff\r\n" + b"x" * 255 + b"\r\n", frame(b"x" * 255))
        self.assertEqual(b"0\r\n\r\n", LAST_CHUNK)


class DecoderTests(SynchronousTestCase):
    def test_bodies(self) -> None:
        """What is in form is read, wherever it is cut."""
        long_extension = b";" + b"e" * (256 - 4)
        cases: list[tuple[bytes, bytes, bytes]] = [
            (b"", b"0\r\n\r\n", b""),
            (b"hello", b"5\r\nhello\r\n0\r\n\r\n", b""),
            (b"hello world", b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", b""),
            (b"hello", b"0000000000000005\r\nhello\r\n000\r\n\r\n", b""),
            (b"0123456789", b"A\r\n0123456789\r\n0\r\n\r\n", b""),
            (b"0123456789", b"a\r\n0123456789\r\n0\r\n\r\n", b""),
            (b"\r\n0\r\n\r\n", b"7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n", b""),
            (b"hi", b"2;a=b\r\nhi\r\n0;c\r\n\r\n", b""),
            (b"hi", b'2 ; a="b;c"\r\nhi\r\n0 \t;\r\n\r\n', b""),
            (b"hi", b"2" + long_extension[:-1] + b"\r\nhi\r\n0\r\n\r\n", b""),
            (b"hi", b"2\r\nhi\r\n0\r\nVary: *\r\nX:\r\nContent-Length: 9\r\n\r\n", b""),
            (b"hi", b"2\r\nhi\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"),
            (b"hi", b"2\r\nhi\r\n0\r\nA: b\r\n\r\n\r\n", b"\r\n"),
        ]
        for body, stream, rest in cases:
            for parts in every_cut(stream):
                with self.subTest(stream=stream, parts=parts):
                    self.assertEqual((body, rest), read(parts))

    def test_refusals(self) -> None:
        """What two readers could understand differently is refused, wherever it is cut."""
        cases = [
            b"x\r\n",
            b"\r\n",
            b"-5\r\nhello\r\n",
            b"+5\r\nhello\r\n",
            b"0x5\r\nhello\r\n",
            b"5 \r\nhello\r\n0\r\n\r\n",
            b" 5\r\nhello\r\n",
            b"6_0\r\n",
            b"5.0\r\n",
            b"00000000000000005\r\nhello\r\n0\r\n\r\n",
            b"5\nhello\n0\n\n",
            b"5\r\nhello\n0\r\n\r\n",
            b"5\r\nhello0\r\n\r\n",
            b"5\r\nhello!\r\n0\r\n\r\n",
            b"5\r\nhell\r\n0\r\n\r\n",
            b"5\r\nhello\r0\r\n\r\n",
            b"5\rhello",
            b"5;\x00\r\nhello\r\n",
            b"5;a\nb\r\nhello\r\n",
            b"5;" + b"e" * 256 + b"\r\nhello\r\n",
            b"0\r\nno colon\r\n\r\n",
            b"0\r\n: no name\r\n\r\n",
            b"0\r\na : b\r\n\r\n",
            b"0\r\na: b\r\n c\r\n\r\n",
            b"0\r\na: b\n\r\n",
            b"0\r\na: \x00\r\n\r\n",
        ]
        for stream in cases:
            for parts in every_cut(stream):
                with self.subTest(stream=stream, parts=parts):
                    self.assertEqual("refused", read(parts))

    def test_cut_streams_are_not_done(self) -> None:
        """A body that stops before its last byte is never taken for a whole one."""
        stream = b"5;x\r\nhello\r\n6\r\n world\r\n0\r\nA: b\r\n\r\n"
        for end in range(len(stream)):
            with self.subTest(end=end):
                self.assertEqual("unfinished", read([stream[:end]]))

    def test_what_came_before_a_fault(self) -> None:
        """The body in front of a fault is not lost."""
        decoder = ChunkedDecoder()
        fault = self.assertRaises(BadChunk, decoder.feed, b"2\r\nhi\r\n3\r\nyou\r\nzz\r\n")
        self.assertEqual((b"hi", b"you"), fault.pieces)

    @given(
        st.lists(st.binary(min_size=1, max_size=40), max_size=6),
        st.lists(st.integers(0, 300), max_size=8),
        st.binary(max_size=8),
    )
    def test_any_cuts(self, chunks: list[bytes], places: list[int], rest: bytes) -> None:
        """Any chunks in any cuts give the same body and leave the same rest."""
        stream = b"".join(map(frame, chunks)) + LAST_CHUNK + rest
        edges = [0, *sorted(min(place, len(stream)) for place in places), len(stream)]
        parts = [stream[start:end] for start, end in itertools.pairwise(edges)]
        self.assertEqual((b"".join(chunks), rest), read(parts))

    @given(
        st.lists(
            st.sampled_from(
                [b"0", b"2", b"\r\n", b"\r", b"\n", b"hi", b";", b" ", b"a: b", b":", b"f" * 9]
            ),
            max_size=12,
        ).map(b"".join),
        st.lists(st.integers(0, 40), max_size=6),
    )
    @example(b"0\r\n" + b"a:" + b"x" * 8190 + b"\r\n\r\n", [8196])
    @example(b"0\r\n" + b"a:" + b"x" * 8191 + b"\r\n\r\n", [8197])
    def test_cuts_change_no_verdict(self, stream: bytes, places: list[int]) -> None:
        """Whether a stream is taken, refused or unfinished does not depend on how it was cut."""
        edges = [0, *sorted(min(place, len(stream)) for place in places), len(stream)]
        parts = [stream[start:end] for start, end in itertools.pairwise(edges)]
        whole = read([stream])
        self.assertEqual(whole, read(parts))
        self.assertEqual(whole, read(bytewise(stream)) if len(stream) else "unfinished")


class BoundTests(SynchronousTestCase):
    def test_size_line(self) -> None:
        """A size line of 256 bytes is taken, one of 257 is not, finished or not."""
        fits = b"1;" + b"e" * (256 - 4) + b"\r\n"
        self.assertEqual((b"x", b""), read([fits + b"x\r\n" + LAST_CHUNK]))
        for stream in (b"1;" + b"e" * (257 - 4) + b"\r\nx\r\n" + LAST_CHUNK, b"1;" + b"e" * 256):
            self.assertEqual("refused", read([stream]))
            self.assertEqual("refused", read(bytewise(stream)))

    def test_trailers(self) -> None:
        """Trailers of 8 KiB are taken, a byte more is not, in one line or many, however cut."""
        many = b"a: bcd\r\n" * 1365  # six bytes each without the line end
        cases: list[tuple[bool, bytes]] = [
            (True, b"a:" + b"x" * 8190 + b"\r\n"),
            (False, b"a:" + b"x" * 8191 + b"\r\n"),
            (True, many + b"a:\r\n"),
            (False, many + b"a:b\r\n"),
            (False, b"a:\r\n" * 5000),
        ]
        for taken, trailers in cases:
            stream = b"0\r\n" + trailers + b"\r\n"
            expected: Reading = (b"", b"") if taken else "refused"
            with self.subTest(size=len(trailers), taken=taken):
                self.assertEqual(expected, read([stream]))
                self.assertEqual(expected, read(bytewise(stream)))

    def test_endless_trailers_end(self) -> None:
        """A peer that sends trailer after trailer is refused after 8 KiB of them."""
        decoder = ChunkedDecoder()
        decoder.feed(b"0\r\n")
        with self.assertRaises(BadChunk):
            for _ in range(10_000):
                decoder.feed(b"a: b\r\n")

    def test_many_trailers_in_one_read_are_quick(self) -> None:
        """A read full of tiny trailers costs no time that grows with its square."""
        flood = b"0\r\n" + b"a:\r\n" * 250_000
        began = time.process_time()
        self.assertEqual("refused", read([flood]))
        self.assertLess(time.process_time() - began, 0.5)

    def test_nothing_is_held(self) -> None:
        """Of a large chunk nothing is kept: what comes in goes out at once."""
        decoder = ChunkedDecoder()
        self.assertEqual([], decoder.feed(b"ffffffffffffffff\r\n"))
        for _ in range(5):
            self.assertEqual([b"x" * 1000], decoder.feed(b"x" * 1000))


class WholeTests(SynchronousTestCase):
    def test_whole(self) -> None:
        """Only complete chunks without extensions may be forwarded framed as they came."""
        cases = [
            (True, [b"2\r\nhi\r\n"]),
            (True, [b"2\r\nhi\r\n3\r\nyou\r\n"]),
            (True, [b"2\r\nh", b"i\r\n", b"2\r\nhi\r\n"]),
            (False, [b"2\r\nhi\r\n0\r\n\r\n"]),
            (False, [b"2;x\r\nhi\r\n"]),
            (False, [b"2\r\nhi\r"]),
            (False, [b"2\r\nhi\r\n3"]),
            (False, [b"2\r\nh"]),
            (False, [b"2\r\nh", b"i\r\n"]),
            (False, [b"2\r\nh", b"i\r\n2\r\nhi\r\n"]),
            (False, [b"2", b"\r\nhi\r\n"]),
            (False, [b"0\r\nA: b"]),
        ]
        for expected, parts in cases:
            decoder = ChunkedDecoder()
            for part in parts:
                decoder.feed(part)
            with self.subTest(parts=parts):
                self.assertIs(expected, decoder.whole)

    def test_forwarding_as_it_came_adds_up(self) -> None:
        """Whole reads as they came and the others framed anew give the same body."""
        chance = random.Random(7)  # noqa: S311 - cuts, not secrets
        body = bytes(range(256)) * 20
        stream = b"".join(frame(body[at : at + 100]) for at in range(0, len(body), 100))
        for _ in range(50):
            decoder = ChunkedDecoder()
            out = b""
            at = 0
            while at < len(stream):
                data = stream[at : at + chance.randint(1, 400)]
                at += len(data)
                pieces = decoder.feed(data)
                out += data if decoder.whole else b"".join(map(frame, filter(None, pieces)))
            self.assertEqual((body, b""), read([out + LAST_CHUNK]))
