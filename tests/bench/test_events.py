from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from bench.events import DONE, SIZE, BrokenStream, EventReader, event


class EventTests(SynchronousTestCase):
    """What one event looks like."""

    def test_size(self) -> None:
        """Every event has 200 bytes, the first and the millionth."""
        for sequence, stamp in ((0, 0), (1_000_000, 10**15), (99_999_999, 10**16 - 1)):
            self.assertEqual(SIZE, len(event(sequence, stamp)))


class EventReaderTests(SynchronousTestCase):
    """A stream is checked while it arrives."""

    def test_whole_and_in_bytes(self) -> None:
        """However a stream arrives, its events are counted, and comments are not."""
        wire = event(0, 5) + b": keep-alive\n\n" + event(1, 6) + event(2, 7) + DONE
        for size in (len(wire), 1, 3, 199, 201):
            reader = EventReader()
            starts = range(0, len(wire), size)
            self.assertEqual(3, sum(reader.feed(wire[at : at + size]) for at in starts))
            self.assertEqual((3, True, 7), (reader.count, reader.done, reader.stamp_us))

    def test_broken(self) -> None:
        """A lost, repeated, changed, cut or late event is found."""
        for wire in (
            event(0, 0) + event(2, 0),
            event(0, 0) + event(0, 0),
            event(1, 0),
            event(0, 0).replace(b"....", b"...", 1),
            event(0, 0)[1:],
            b"data: {}\n\n",
            event(0, 0) + DONE + event(1, 0),
            DONE + DONE,
        ):
            self.assertRaises(BrokenStream, EventReader().feed, wire)
