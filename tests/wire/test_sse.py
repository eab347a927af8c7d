from __future__ import annotations

import itertools
import re

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.wire.sse import EventSplitter, EventTooLong, events

LINE_END = re.compile(rb"\r\n|\n|\r")
"""An independent reading of the specification's line ends."""
OTHER_ENDS = "\u2028\u2029\u0085\x0b\x0c\x1c".encode()
"""What other readers of text take for line ends."""


def whole_length(stream: bytes) -> int:
    """Where the last event of a stream ends, found by walking its lines one by one."""
    end = start = 0
    for match in LINE_END.finditer(stream):
        if match.start() == start:
            end = match.end()
        start = match.end()
    return end


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(min(place, len(stream)) for place in places), len(stream)]
    return [stream[start:end] for start, end in itertools.pairwise(edges)]


STREAMS = st.lists(
    st.sampled_from(
        [b"\n", b"\r", b"\r\n", b"\n\n", b"\r\n\r\n", b"a", b"data: x", b": c", b"\xff"]
    ),
    max_size=14,
).map(b"".join)


class EventSplitterTests(SynchronousTestCase):
    def test_whole_event_is_passed_as_it_is(self) -> None:
        """A read that ends with an event comes back as the same object."""
        splitter = EventSplitter()
        for data in (b"data: x\n\n", b"data: x\r\n\r\n", b"data: x\r\r", b"data: x\n\ndata: y\n\n"):
            self.assertIs(data, splitter.feed(data))
            self.assertEqual(0, splitter.held)

    def test_every_line_end_at_every_cut(self) -> None:
        """An event comes out at its boundary, whatever ends its lines and wherever it is cut."""
        for first, second in itertools.product((b"\n", b"\r", b"\r\n"), repeat=2):
            if first + second == b"\r\n":
                continue
            stream = b"data: a" + first + second
            for place in range(len(stream) + 1):
                splitter = EventSplitter()
                out = splitter.feed(stream[:place]) + splitter.feed(stream[place:])
                with self.subTest(stream=stream, place=place):
                    self.assertEqual(stream, out)
                    self.assertEqual(0, splitter.held)

    def test_half_event_is_held(self) -> None:
        """What follows the last boundary waits for its end."""
        splitter = EventSplitter()
        self.assertEqual(b"a\n\n", splitter.feed(b"a\n\nb"))
        self.assertEqual(1, splitter.held)
        self.assertEqual(b"", splitter.feed(b""))
        self.assertEqual(b"", splitter.feed(b"c\n"))
        self.assertEqual(3, splitter.held)
        self.assertEqual(b"bc\n\nd\n\n", splitter.feed(b"\nd\n\ne"))
        self.assertEqual(b"e", splitter.take_held())
        self.assertEqual((0, b""), (splitter.held, splitter.take_held()))

    def test_crlf_is_one_line_end(self) -> None:
        """A CR and an LF in different reads end one line, not two."""
        splitter = EventSplitter()
        self.assertEqual(b"", splitter.feed(b"event: x\r"))
        self.assertEqual(b"", splitter.feed(b"\ndata: y\r"))
        self.assertEqual(b"event: x\r\ndata: y\r\n\r", splitter.feed(b"\n\r"))
        self.assertEqual(b"\n", splitter.feed(b"\n"))

    @given(STREAMS, st.lists(st.integers(0, 60), max_size=5))
    def test_any_stream_any_cuts(self, stream: bytes, places: list[int]) -> None:
        """All that is whole has come out at any time, and no byte is lost or moved."""
        for pieces in (cut(stream, places), [stream[at : at + 1] for at in range(len(stream))]):
            splitter = EventSplitter()
            fed = out = b""
            for piece in pieces:
                fed += piece
                out += splitter.feed(piece)
                self.assertEqual(fed[: whole_length(fed)], out)
            self.assertEqual(stream, out + splitter.take_held())

    def test_limit(self) -> None:
        """An event may be held up to the limit and not a byte more."""
        splitter = EventSplitter(10)
        self.assertEqual(b"", splitter.feed(b"x" * 10))
        self.assertRaises(EventTooLong, splitter.feed, b"x")
        splitter = EventSplitter(10)
        self.assertEqual(b"a\n\n", splitter.feed(b"a\n\n" + b"x" * 10))
        self.assertRaises(EventTooLong, splitter.feed, b"x")

    def test_whole_events_come_before_the_refusal(self) -> None:
        """Events that are whole are returned before an endless one is refused."""
        splitter = EventSplitter(4)
        self.assertEqual(b"a\n\n", splitter.feed(b"a\n\nxxxxxxx"))
        self.assertRaises(EventTooLong, splitter.feed, b"x")

    def test_pieces_are_not_joined_early(self) -> None:
        """A long line is kept as the pieces that came, joined once at its end."""
        splitter = EventSplitter()
        piece = b"x" * 65536
        for _ in range(100):
            self.assertEqual(b"", splitter.feed(piece))
        self.assertEqual(100 * 65536, splitter.held)
        self.assertEqual(piece * 100 + b"\n\n", splitter.feed(b"\n\n"))


class EventsTests(SynchronousTestCase):
    def test_cases(self) -> None:
        """Blocks are read as the specification says."""
        cases: list[tuple[bytes, list[tuple[str, bytes]]]] = [
            (b"", []),
            (b"data: x\n\n", [("message", b"x")]),
            (b"data:x\n\n", [("message", b"x")]),
            (b"data:  x\n\n", [("message", b" x")]),
            (b"data: x\ndata: y\n\n", [("message", b"x\ny")]),
            (b"data\n\n", [("message", b"")]),
            (b"data\ndata\n\n", [("message", b"\n")]),
            (b"event: e\ndata: x\n\ndata: y\n\n", [("e", b"x"), ("message", b"y")]),
            (b"event: e\n\ndata: y\n\n", [("message", b"y")]),
            (b"event: e\r\ndata: x\r\n\r\n", [("e", b"x")]),
            (b"event: e\rdata: x\r\r", [("e", b"x")]),
            (b": comment\n\n", []),
            (b": comment\ndata: x\nid: 1\nretry: 5\nother\n\n", [("message", b"x")]),
            (b"\xef\xbb\xbfdata: x\n\n", [("message", b"x")]),
            (b"data: a\x00b\n\n", [("message", b"a\x00b")]),
            (b"data: a%bb\n\n" % OTHER_ENDS, [("message", b"a%bb" % OTHER_ENDS)]),
            (b"event: \xff\ndata: \xff\n\n", [("\ufffd", b"\xff")]),
            (b"data: unfinished\n", []),
            (b"\n\n\ndata: x\n\n\n", [("message", b"x")]),
        ]  # fmt: skip
        for block, expected in cases:
            with self.subTest(block=block):
                self.assertEqual(expected, list(events(block)))
