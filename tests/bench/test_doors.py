from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from bench import doors
from bench.client import chat_body
from bench.doors import CHAT, MESSAGES, TRANSLATED, TranslatedReader
from bench.events import BrokenStream, EventReader, mark
from bench.figures import MEASURED

DONE = b"data: [DONE]\n\n"


def chunk(number: int, more: str = "...") -> bytes:
    """One chunk of a chat, with the words of an event."""
    choice = {"index": 0, "delta": {"content": mark(number) + more}}
    return b"data: %b\n\n" % json.dumps({"id": "x", "choices": [choice]}).encode()


def event(kind: str, **fields: object) -> bytes:
    """One event of Messages."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def words(number: int) -> bytes:
    """One event of Messages, with the words of an event."""
    delta = {"type": "text_delta", "text": mark(number) + "..."}
    return event("content_block_delta", index=0, delta=delta)


EMPTY_CHUNK = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n'
USAGE_CHUNK = b'data: {"choices":[],"usage":{"total_tokens":1}}\n\n'


class TranslatedReaderTests(SynchronousTestCase):
    """Checking a translated stream."""

    def test_whole(self) -> None:
        """Events with words are counted in both dialects, however the stream is cut."""
        start = event("message_start", message={}) + event("ping")
        last = event("message_delta", delta={"stop_reason": "end_turn"}) + event("message_stop")
        for door, data in (
            (CHAT, EMPTY_CHUNK + chunk(0) + b": ping\n\n" + chunk(1) + USAGE_CHUNK + DONE),
            (MESSAGES, start + words(0) + words(1) + last),
        ):
            for size in (1, 7, len(data)):
                reader = TranslatedReader(door)
                pieces = [data[at : at + size] for at in range(0, len(data), size)]
                self.assertEqual(2, sum(map(reader.feed, pieces)), (door, size))
                self.assertTrue(reader.done)

    def test_broken(self) -> None:
        """What is missing, repeated, cut, out of place or no event of the dialect is noticed."""
        for door, data in (
            (CHAT, chunk(1)),
            (CHAT, chunk(0) + chunk(0)),
            (CHAT, chunk(0) + chunk(1, "..")),
            (CHAT, chunk(0, "..?")),
            (CHAT, DONE + chunk(0)),
            (CHAT, b'data: {"error":{"message":"no"}}\n\n'),
            (CHAT, b"data: {\n\n"),
            (MESSAGES, words(1)),
            (MESSAGES, event("message_stop") + words(0)),
            (MESSAGES, event("error", error={})),
            (MESSAGES, b"data: {}\n\n"),
        ):
            self.assertRaises(BrokenStream, TranslatedReader(door).feed, data)

    def test_not_done(self) -> None:
        """A stream without its last event has not ended."""
        reader = TranslatedReader(CHAT)
        self.assertEqual(1, reader.feed(chunk(0)))
        self.assertFalse(reader.done)


class DoorTests(SynchronousTestCase):
    """How callers ask."""

    def test_reader(self) -> None:
        """What was passed on is compared as it was sent."""
        self.assertIsInstance(doors.reader(""), EventReader)
        self.assertIsInstance(doors.reader(CHAT), TranslatedReader)

    def test_bodies(self) -> None:
        """Those who pass on get what they always got; a request to translate says something."""
        self.assertEqual(chat_body("a", stream=True), doors.body("", "a", stream=True))
        for door in (CHAT, MESSAGES):
            asked = json.loads(doors.body(door, "a", stream=True))
            self.assertEqual(("a", True), (asked["model"], asked["stream"]))
            self.assertTrue(asked["messages"][0]["content"])
        self.assertEqual(500, len(doors.body(CHAT, "a", stream=False, size=500)))

    def test_paths(self) -> None:
        """A chat and what is passed on go to the chat's door."""
        told = [doors.path(door) for door in ("", CHAT, MESSAGES)]
        self.assertEqual(["/v1/chat/completions"] * 2 + ["/v1/messages"], told)

    def test_answer(self) -> None:
        """The words of a chat's answer; what is none has none."""
        for expected, answer in (
            ("Hi", b'{"choices":[{"message":{"content":"Hi"}}]}'),
            ("", b'{"choices":[]}'),
            ("", b'{"error":{}}'),
            ("", b"no"),
        ):
            self.assertEqual(expected, doors.answer_text(answer))

    def test_measured(self) -> None:
        """Each is a measurement; all say their provider, and show what it takes."""
        self.assertEqual(set(), set(TRANSLATED) - set(MEASURED))
        for asked in TRANSLATED.values():
            self.assertEqual(asked.provider, asked.headers["x-provider"])
            aws = any(name.startswith("x-aws-") for name in asked.headers)
            self.assertEqual(aws, asked.provider == "bedrock")
