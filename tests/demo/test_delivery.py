from __future__ import annotations

from itertools import islice, pairwise

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.demo.call import FINISH, TERMINAL, Answer, Event, plain, stream
from magicgateway.demo.delivery import BAD_CHUNK, UNASKED, Ending, Hold, Step, Wanted, steps
from magicgateway.demo.faults import parse

EVENTS = (
    Event(b"one\n\n", 1),
    Event(b"two\n\n", 2),
    Event(b"fin\n\n", 0, FINISH),
    Event(b"end\n\n", 0, TERMINAL),
)
STREAM = stream(lambda: iter(EVENTS), lambda script: b"broken: %d\n\n" % (script.error_event or 0))
PLAIN = plain(b"p" * 100, "text/plain", tokens=10)
STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
    b"cache-control: no-cache\r\n"
)
CHUNKED = STREAM_HEAD + b"transfer-encoding: chunked\r\n\r\n"
SIZED = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: %d\r\n\r\n"
CLOSED = STREAM_HEAD + b"connection: close\r\n\r\n"
ONE, TWO, FIN, END = (b"5\r\n%b\r\n" % event.data for event in EVENTS)
LAST = b"0\r\n\r\n"

STREAMED: tuple[tuple[str, list[Step]], ...] = (
    ("", [CHUNKED, ONE, TWO, FIN, END, LAST, Ending.KEEP]),
    ("latency=0.5", [0.5, CHUNKED, ONE, TWO, FIN, END, LAST, Ending.KEEP]),
    ("rate=4", [CHUNKED, 0.25, ONE, 0.5, TWO, FIN, END, LAST, Ending.KEEP]),
    ("silence", [Ending.HANG]),
    ("close-before-head", [Ending.CLOSE]),
    ("reset=head;latency=1", [1.0, Ending.RESET]),
    ("reset=0", [CHUNKED, Ending.RESET]),
    ("reset=2", [CHUNKED, ONE, TWO, Ending.RESET]),
    ("reset=99", [CHUNKED, ONE, TWO, FIN, END, Ending.RESET]),
    ("stall=1", [CHUNKED, ONE, Ending.HANG]),
    ("stall=99", [CHUNKED, ONE, TWO, FIN, END, Ending.HANG]),
    ("cut=0", [CHUNKED, Ending.CLOSE]),
    ("cut=7", [CHUNKED, ONE, b"2\r\ntw\r\n", Ending.CLOSE]),
    ("cut=10", [CHUNKED, ONE, TWO, Ending.CLOSE]),
    ("cut=99", [CHUNKED, ONE, TWO, FIN, END, Ending.CLOSE]),
    ("half-event", [CHUNKED, ONE, TWO, b"2\r\nfi\r\n", LAST, Ending.KEEP]),
    ("half-event=0", [CHUNKED, b"2\r\non\r\n", LAST, Ending.KEEP]),
    ("bad-crc=1", [CHUNKED, ONE, b"5\r\ntwo\n\x0b\r\n", FIN, END, LAST, Ending.KEEP]),
    ("error-event=1", [CHUNKED, ONE, b"b\r\nbroken: 1\n\n\r\n", LAST, Ending.KEEP]),
    ("no-terminal", [CHUNKED, ONE, TWO, FIN, LAST, Ending.KEEP]),
    ("no-finish", [CHUNKED, ONE, TWO, LAST, Ending.KEEP]),
    ("bad-chunk", [CHUNKED, ONE, BAD_CHUNK, Ending.CLOSE]),
    ("bad-chunk=0", [CHUNKED, BAD_CHUNK, Ending.CLOSE]),
    ("extra-bytes", [CHUNKED, ONE, TWO, FIN, END, LAST, UNASKED, Ending.KEEP]),
    ("close-delimited", [CLOSED, *(event.data for event in EVENTS), Ending.CLOSE]),
    (
        "wrong-length=+3",
        [
            STREAM_HEAD + b"content-length: 23\r\n\r\n",
            *(event.data for event in EVENTS),
            Ending.CLOSE,
        ],
    ),
)
WHOLE: tuple[tuple[str, list[Step]], ...] = (
    ("", [SIZED % 100, b"p" * 100, Ending.KEEP]),
    ("latency=1;rate=20", [1.5, SIZED % 100, b"p" * 100, Ending.KEEP]),
    ("cut=30", [SIZED % 100, b"p" * 30, Ending.CLOSE]),
    ("reset=1", [SIZED % 100, b"p" * 64, Ending.RESET]),
    ("stall=1", [SIZED % 100, b"p" * 64, Ending.HANG]),
    ("wrong-length=-40", [SIZED % 60, b"p" * 100, Ending.CLOSE]),
    ("wrong-length=-400", [SIZED % 0, b"p" * 100, Ending.CLOSE]),
    ("extra-bytes", [SIZED % 100, b"p" * 100, UNASKED, Ending.KEEP]),
)


def planned(answer: Answer, script: str = "", wanted: Wanted | None = None) -> list[Step]:
    return list(steps(answer, parse(script), wanted or Wanted()))


class StepTests(SynchronousTestCase):
    maxDiff = None

    def test_streams(self) -> None:
        """Each fault of a stream, byte for byte."""
        for script, expected in STREAMED:
            with self.subTest(script=script):
                self.assertEqual(expected, planned(STREAM, script))

    def test_other_answers(self) -> None:
        """Each fault of any other answer, byte for byte; 64 bytes count as an event."""
        for script, expected in WHOLE:
            with self.subTest(script=script):
                self.assertEqual(expected, planned(PLAIN, script))

    def test_bad_chunk_without_a_stream(self) -> None:
        """A bad chunk makes an answer chunked."""
        head, first, *rest = planned(PLAIN, "bad-chunk")
        assert isinstance(head, bytes)
        self.assertIn(b"transfer-encoding: chunked\r\n", head)
        self.assertEqual(b"40\r\n%b\r\n" % (b"p" * 64), first)
        self.assertEqual([BAD_CHUNK, Ending.CLOSE], rest)

    def test_one_byte(self) -> None:
        """With one-byte every byte is a step, and the loop turns before each."""
        sent = planned(PLAIN, "one-byte;latency=2")
        self.assertEqual((2.0, Ending.KEEP), (sent[0], sent[-1]))
        between = sent[1:-1]
        data = [step for step in between if isinstance(step, bytes)]
        self.assertEqual([0.0] * len(data), [s for s in between if not isinstance(s, bytes)])
        kinds = list(map(type, between))
        self.assertTrue(all(one is not other for one, other in pairwise(kinds)))
        self.assertEqual({1}, set(map(len, data)))
        self.assertEqual(SIZED % 100 + b"p" * 100, b"".join(data))

    def test_small_pieces_across_events(self) -> None:
        """What counts as one event does not depend on how the body is made."""
        answer = Answer("text/plain", lambda: (Event(b"p" * 10) for _ in range(10)), 100)
        expected = [SIZED % 100, b"p" * 64, b"p" * 36, Ending.HANG]
        self.assertEqual(expected, planned(answer, "stall=2"))

    def test_laziness(self) -> None:
        """Of an endless body only as much is made as is asked for."""

        def endless() -> Answer:
            def body() -> object:
                while True:
                    yield Event(b"x")

            return stream(body, lambda _: b"")  # type: ignore[arg-type]  # a generator of events

        self.assertEqual(5, len(list(islice(steps(endless(), parse(""), Wanted()), 5))))


class WantedTests(SynchronousTestCase):
    def test_gates(self) -> None:
        """A gate may stand before each event and before the end of a stream, nowhere else."""
        gated = Wanted(gated=True)
        sent = planned(STREAM, "rate=2", wanted=gated)
        places = [place for place, step in enumerate(sent) if step is Hold.HERE]
        self.assertEqual(len(EVENTS) + 1, len(places))
        self.assertTrue(all(isinstance(sent[place + 1], bytes) for place in places))
        self.assertEqual([Hold.HERE, LAST, Ending.KEEP], sent[-3:])
        broken = planned(STREAM, "reset=1", wanted=gated)
        self.assertEqual([Hold.HERE, Ending.RESET], broken[-2:])
        self.assertNotIn(Hold.HERE, planned(PLAIN, wanted=gated))

    def test_old_versions(self) -> None:
        """HTTP/1.0 gets no chunks; a length lets the connection stay open when that was asked."""
        self.assertEqual(
            [CLOSED, *(event.data for event in EVENTS), Ending.CLOSE],
            planned(STREAM, wanted=Wanted(10)),
        )
        head, _, ending = planned(PLAIN, wanted=Wanted(10))
        assert isinstance(head, bytes)
        self.assertIn(b"connection: keep-alive\r\n", head)
        self.assertIs(Ending.KEEP, ending)

    def test_close(self) -> None:
        """A caller who wants to close is told that this is done."""
        head, *_, ending = planned(PLAIN, wanted=Wanted(keep_alive=False))
        assert isinstance(head, bytes)
        self.assertIn(b"connection: close\r\n", head)
        self.assertIs(Ending.CLOSE, ending)

    def test_head(self) -> None:
        """HEAD gets the head alone, with the length of the body."""
        self.assertEqual([SIZED % 100, Ending.KEEP], planned(PLAIN, wanted=Wanted(head_only=True)))
        self.assertEqual([CHUNKED, Ending.KEEP], planned(STREAM, wanted=Wanted(head_only=True)))

    def test_reasons(self) -> None:
        """The status line has a reason where there is one, and its space in any case."""
        for status, line in ((529, b"HTTP/1.1 529 Overloaded"), (499, b"HTTP/1.1 499 ")):
            with self.subTest(status=status):
                head = planned(plain(b"x", status=status))[0]
                assert isinstance(head, bytes)
                self.assertEqual(line, head.split(b"\r\n")[0])
