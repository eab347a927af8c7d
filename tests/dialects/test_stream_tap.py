from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.dialects.stream_tap import StreamTap, count
from magicgateway.observe.facts import Usage
from magicgateway.wire.jsontext import reader


class _Collector(StreamTap[Any]):
    def __init__(self) -> None:
        super().__init__(reader(dict))
        self.taken: list[Any] = []

    @property
    def usage(self) -> Usage | None:
        return None

    def _take(self, event: Any) -> None:
        self.taken.append(event)


class FeedTests(SynchronousTestCase):
    def test_every_event_is_taken_once(self) -> None:
        """However events are written and bundled, each one's JSON is taken, in order."""
        one: list[Any] = [{"a": 1}]
        two: list[Any] = [{"a": 1}, {"b": 2}]
        cases: list[tuple[bytes, list[Any]]] = [
            (b'data: {"a":1}\n\n', one),
            (b'data:{"a":1}\n\n', one),
            (b'data: {"a":1}\r\n\r\n', one),
            (b'data: {"a":1}\r\r', one),
            (b'event: x\ndata: {"a":1}\n\n', one),
            (b'event: x\r\ndata: {"a":1}\r\n\r\n', one),
            (b'event: x\rdata: {"a":1}\r\r', one),
            (b'event: x\nid: 1\ndata: {"a":1}\n\n', one),
            (b'data: {"a":1}\nid: 1\n\n', one),
            (b'data: {"a":\ndata: 1}\n\n', one),
            (b'data:{"a":\ndata: 1}\n\n', one),
            (b': c\n\ndata: {"a":1}\n\n', one),
            (b': c\ndata: {"a":1}\n\n', one),
            (b'data: {"a":1}\n\ndata: {"b":2}\n\n', two),
            (b'data:{"a":1}\n\ndata: {"b":2}\n\n', two),
            (b'event: x\ndata: {"a":1}\n\nevent: y\ndata: {"b":2}\n\n', two),
            (b'event: x\n\ndata: {"a":1}\n\n', one),
            (b'data: {"a":1}\n\ndata: nonsense\n\n: c\n\ndata: {"b":2}\n\n', two),
            (b": keep-alive\n\n", []),
            (b"data: [DONE]\n\n", []),
            (b"data: " + b"[" * 100_000 + b"\n\n", []),
            (b"\n", []),
            (b"", []),
        ]
        for block, expected in cases:
            tap = _Collector()
            tap.feed(block)
            with self.subTest(block=block[:50]):
                self.assertEqual(expected, tap.taken)
                self.assertEqual((False, False), (tap.finished, tap.failed))


class CountTests(SynchronousTestCase):
    def test_only_whole_numbers_count(self) -> None:
        """Anything but a whole number at the path is unknown, never zero."""
        cases: list[tuple[object, int | None]] = [
            ({"a": {"b": 3}}, 3),
            ({"a": {"b": 0}}, 0),
            ({"a": {"b": -1}}, None),
            ({"a": {"b": 2**53}}, 2**53),
            ({"a": {"b": 2**53 + 1}}, None),
            ({"a": {"b": 10**400}}, None),
            ({"a": {"b": True}}, None),
            ({"a": {"b": 1.5}}, None),
            ({"a": {"b": "3"}}, None),
            ({"a": {}}, None),
            ({"a": None}, None),
            ([], None),
            (None, None),
        ]
        for value, expected in cases:
            with self.subTest(value=value):
                self.assertEqual(expected, count(value, "a", "b"))
