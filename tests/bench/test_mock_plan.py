from __future__ import annotations

import json
import zlib

from twisted.trial.unittest import SynchronousTestCase

from bench.client import CHAT, chat_body
from bench.events import DONE, EventReader
from bench.mock_plan import (
    LAST_CHUNK,
    REPLY_SIZE,
    Firehose,
    Paced,
    Plan,
    chunk,
    firehose_body,
    large_reply,
    model_of,
    plan_of,
    reply,
)


class PlanTests(SynchronousTestCase):
    """The model's name says what is answered."""

    def test_table(self) -> None:
        """Each name has its answer, and any other name is answered with JSON."""
        cases: tuple[tuple[Plan, str], ...] = (
            (Paced(200, 0.02), "bench-stream-200-20ms"),
            (Paced(2, 0.0), "bench-stream-2-0ms"),
            (Paced(0, 0), "bench-idle"),
            (Firehose(12_500), "bench-firehose-200mb"),
            (None, "bench"),
            (None, "bench-stream-200"),
            (None, "xbench-idle"),
            (None, ""),
        )
        for expected, model in cases:
            self.assertEqual(expected, plan_of(model), model)

    def test_model(self) -> None:
        """It is found in the body, wherever its spaces stand, or in a path of Bedrock's."""
        chat = CHAT.encode()
        for expected, target, body in (
            ("bench", chat, chat_body("bench", stream=True)),
            ("a", chat, b'{"model":"a"}'),
            ("a", chat, b'{"model" : "a"}'),
            ("", chat, b"\xff\x00"),
            ("b", b"/model/b/converse-stream", b'{"model":"a"}'),
        ):
            self.assertEqual(expected, model_of(target, body))


class ReplyTests(SynchronousTestCase):
    """The JSON answers."""

    def test_small(self) -> None:
        """A reply has 500 bytes and carries the checksum of what arrived."""
        body = chat_body("bench", stream=False, size=500)
        answer = reply(body)
        content = json.loads(answer)["choices"][0]["message"]["content"]
        self.assertEqual((REPLY_SIZE, 500), (len(answer), len(body)))
        self.assertIn(f"{zlib.crc32(body):08x}", content)

    def test_large(self) -> None:
        """The reply to a large body says how much arrived, and its digest."""
        told = json.loads(large_reply(7, "ab"))
        self.assertEqual((7, "ab"), (told["bytes"], told["sha256"]))


class ChunkTests(SynchronousTestCase):
    """What streams are made of."""

    def test_chunk(self) -> None:
        """A chunk carries its length in hexadecimal."""
        self.assertEqual(b"10\r\n0123456789abcdef\r\n", chunk(b"0123456789abcdef"))
        self.assertEqual(LAST_CHUNK, chunk(b""))

    def test_firehose(self) -> None:
        """A chunk of a firehose is whole events."""
        reader = EventReader()
        self.assertEqual(80, reader.feed(firehose_body() + DONE))
        self.assertTrue(reader.done)
