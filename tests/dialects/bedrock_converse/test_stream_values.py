from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import CONVERSE, Extras
from magicgateway.conversation.events import TextDelta
from magicgateway.dialects.bedrock_converse.stream_reader import open_reader
from magicgateway.dialects.bedrock_converse.stream_values import (
    Broken,
    place_of,
    read_words,
    rest_without,
    text_of,
    value_of,
)
from magicgateway.wire.jsontext import REFUSALS, encode
from tests.dialects.bedrock_converse.streams import SENT, START, Wire, call, delta, kinds, read


class ValueTests(SynchronousTestCase):
    def test_values(self) -> None:
        """What is there is told; what cannot be an event's is broken."""
        self.assertEqual({"a": 1}, value_of(b'{"a":1}'))
        self.assertEqual(3, place_of({"contentBlockIndex": 3}))
        self.assertEqual("x", text_of({"a": "x"}, "a"))
        for data in (b"", b"[]"):
            self.assertRaises(Broken, value_of, data)
        for odd in ({}, {"contentBlockIndex": True}, {"contentBlockIndex": "1"}):
            self.assertRaises(Broken, place_of, odd)
        for value in (None, {}, {"a": 1}):
            self.assertRaises(Broken, text_of, value, "a")

    def test_rest(self) -> None:
        """What is not known is kept."""
        rest = rest_without({"a": 1, "b": 2}, "a", "c")
        self.assertEqual(Extras(CONVERSE, "", {"b": 2}), rest)

    def test_words(self) -> None:
        """Words alone are read at once; anything else besides is for the slow way."""
        found = read_words(b'{"contentBlockIndex":1,"delta":{"text":"a"},"p":"x"}')
        self.assertEqual((1, "a"), (found.contentBlockIndex, found.delta.text))
        for data in (
            b'{"contentBlockIndex":1,"delta":{"text":"a","citation":{}}}',
            b'{"contentBlockIndex":1,"delta":{"text":1}}',
            b'{"contentBlockIndex":1,"delta":{"toolUse":{"input":""}}}',
        ):
            self.assertRaises(REFUSALS, read_words, data)

    def test_both_ways(self) -> None:
        """The fast way and the slow one say the same, whatever is open."""
        slow = {"citation": {"title": "t"}}
        for second in (delta(0, text="b"), delta(0, text=""), delta(0, text="b", **slow)):
            reader = open_reader(SENT)
            for name, payload in (START, delta(0, text="a")):
                tuple(reader.feed(name, encode(payload)))
            told = list(reader.feed(second[0], encode(second[1])))
            words = second[1]["delta"]["text"]
            self.assertEqual([TextDelta(0, words)] if words else [], told[:1])
        wire: list[Wire] = [START, call(0), delta(0, text="x")]
        self.assertEqual("TextDelta", kinds(read(*wire))[-1])
