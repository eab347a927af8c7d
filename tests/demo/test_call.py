from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.demo.call import (
    PLACE,
    Refusal,
    data_event,
    json_answer,
    long_json_answer,
    named_event,
    nothing,
    plain,
    stream,
)
from magicgateway.demo.faults import Script
from tests.demo.calls import body_of, call_of, json_of


class CallTests(SynchronousTestCase):
    def test_path(self) -> None:
        """The path is the target without its query."""
        self.assertEqual("/v1/models", call_of(target="/v1/models?limit=2").path)

    def test_header(self) -> None:
        """The first field of a name counts; an absent one is empty."""
        call = call_of(headers=(("a", "1"), ("a", "2")))
        self.assertEqual("1", call.header("a"))
        self.assertEqual("", call.header("b"))

    def test_seed(self) -> None:
        """Equal bodies have the same seed, different ones do not."""
        self.assertEqual(call_of({"a": 1}).seed, call_of({"a": 1}).seed)
        self.assertNotEqual(call_of({"a": 1}).seed, call_of({"a": 2}).seed)

    def test_fields(self) -> None:
        """A JSON object is decoded."""
        self.assertEqual({"a": 1}, call_of({"a": 1}).fields())

    def test_refused_bodies(self) -> None:
        """What is no JSON object is refused with 400, what was not kept whole with 413."""
        for call, status in (
            (call_of(b"{"), 400),
            (call_of([1]), 400),
            (call_of({"a": 1}, body_size=100), 413),
        ):
            with self.subTest(body=call.body):
                self.assertEqual(status, self.assertRaises(Refusal, call.fields).status)


class AnswerTests(SynchronousTestCase):
    def test_plain(self) -> None:
        """A body at hand is one piece of known length; an empty one is none."""
        answer = plain(b"abc", "text/plain")
        self.assertEqual((3, b"abc", False), (answer.length, body_of(answer), answer.streamed))
        self.assertEqual([], list(plain(b"").body()))

    def test_json(self) -> None:
        """A JSON answer is compact."""
        self.assertEqual(b'{"a":1}', body_of(json_answer({"a": 1})))

    def test_stream(self) -> None:
        """An event stream has no length and can be made again."""
        answer = stream(lambda: iter((data_event(1),)), nothing)
        self.assertTrue(answer.streamed)
        self.assertIsNone(answer.length)
        self.assertEqual(b"data: 1\n\n", body_of(answer))
        self.assertEqual(body_of(answer), body_of(answer))
        self.assertEqual(b"", answer.error(Script()))

    def test_named_event(self) -> None:
        """An event's name is its type."""
        self.assertEqual(
            b'event: ping\ndata: {"type":"ping"}\n\n', named_event({"type": "ping"}).data
        )

    def test_long_json(self) -> None:
        """The pieces stand where the place was, and the length is right without joining them."""
        answer = long_json_answer({"a": PLACE, "b": 2}, ["xx", "yyy"])
        self.assertEqual({"a": "xxyyy", "b": 2}, json_of(answer))
        self.assertEqual(4, len(list(answer.body())))
