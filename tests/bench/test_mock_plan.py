from __future__ import annotations

import json
import zlib

from twisted.trial.unittest import SynchronousTestCase

from bench.client import chat_body
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
            self.assertEqual(expected, plan_of(chat_body(model, stream=True)), model)

    def test_spacing(self) -> None:
        """Where spaces stand in the JSON makes no difference."""
        for body in (b'{"model":"bench-idle"}', b'{"model" : "bench-idle"}'):
            self.assertEqual(Paced(0, 0), plan_of(body))

    def test_no_model(self) -> None:
        """A body without a model is answered with JSON."""
        self.assertIsNone(plan_of(b"\xff\x00"))


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
