from __future__ import annotations

import json
import zlib
from typing import Any

from botocore.eventstream import EventStreamBuffer
from twisted.trial.unittest import SynchronousTestCase

from bench.events import SIZE, EventReader
from bench.mock_dialects import (
    CHAT,
    CONVERSE,
    MESSAGES,
    SIGNED,
    frame,
    receipt,
    said,
    speech_of,
    target_of,
)
from bench.mock_plan import REPLY_SIZE

ASKED = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}, {"content": " there"}]}


def sse(data: bytes) -> list[dict[str, Any]]:
    """The objects of server-sent events, each under its own name."""
    told = []
    for event in data.decode().split("\n\n")[:-1]:
        name, _, text = event.removeprefix("event: ").partition("\ndata: ")
        told.append(json.loads(text))
        assert name == told[-1]["type"]
    return told


def frames(data: bytes) -> list[tuple[str, dict[str, Any]]]:
    """Kinds and payloads of frames, as AWS's own client reads them."""
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    read = [message.to_response_dict() for message in buffer]
    return [(one["headers"][":event-type"], json.loads(one["body"])) for one in read]


class SpeechTests(SynchronousTestCase):
    """Which dialect is spoken."""

    def test_paths(self) -> None:
        """A request's path says it; what is not known is a chat."""
        for expected, target in (
            (CHAT, "/v1/chat/completions"),
            (CHAT, "/v1/files"),
            (MESSAGES, "/v1/messages"),
            (CONVERSE, "/model/bench/converse-stream"),
        ):
            head = f"POST {target} HTTP/1.1\r\nHost: localhost".encode()
            self.assertEqual(target.encode(), target_of(head))
            self.assertIs(expected, speech_of(head), target)

    def test_signature(self) -> None:
        """Only Converse has to be signed, and what is looked for is how AWS signs."""
        self.assertEqual([False, False, True], [s.signed for s in (CHAT, MESSAGES, CONVERSE)])
        head = "POST / HTTP/1.1\r\nAuthorization: AWS4-HMAC-SHA256 Credential=X/20260102/"
        self.assertIn(SIGNED, head.lower().encode())


class EventTests(SynchronousTestCase):
    """What streams are made of."""

    def test_size(self) -> None:
        """An event has 200 bytes in every dialect, whatever its number."""
        for speech in (CHAT, MESSAGES, CONVERSE):
            for number in (0, 7, 12345678):
                self.assertEqual(SIZE, len(speech.event(number)))

    def test_chat(self) -> None:
        """The chat's are those that the load reads itself."""
        reader = EventReader()
        data = CHAT.opening + CHAT.event(0) + CHAT.event(1) + CHAT.closing
        self.assertEqual(2, reader.feed(data))
        self.assertTrue(reader.done)

    def test_messages(self) -> None:
        """Anthropic's begin, go on and end as its own streams do."""
        told = sse(MESSAGES.opening + MESSAGES.event(0) + MESSAGES.event(12) + MESSAGES.closing)
        self.assertEqual(
            ["message_start", "content_block_start", "content_block_delta", "content_block_delta",
             "content_block_stop", "message_delta", "message_stop"],
            [event["type"] for event in told],
        )  # fmt: skip
        self.assertTrue(told[3]["delta"]["text"].startswith("00000012 "))

    def test_converse(self) -> None:
        """AWS's own client reads the frames, whose checksums it checks."""
        told = frames(CONVERSE.opening + CONVERSE.event(0) + CONVERSE.event(12) + CONVERSE.closing)
        self.assertEqual(
            ["messageStart", "contentBlockDelta", "contentBlockDelta", "contentBlockStop",
             "messageStop", "metadata"],
            [kind for kind, _ in told],
        )  # fmt: skip
        self.assertTrue(told[2][1]["delta"]["text"].startswith("00000012 "))

    def test_frame(self) -> None:
        """A frame holds what it was given."""
        self.assertEqual([("x", {"a": 1})], frames(frame("x", b'{"a":1}')))


class ReplyTests(SynchronousTestCase):
    """Whole answers."""

    def test_receipts(self) -> None:
        """They have 500 bytes and begin with the checksum and length of the words that came."""
        body = json.dumps(ASKED).encode()
        start = f"{zlib.crc32(b'Hi there'):08x} 8 "
        for words, speech in ((_of_messages, MESSAGES), (_of_converse, CONVERSE)):
            answer = speech.reply(body)
            self.assertEqual(REPLY_SIZE, len(answer))
            self.assertTrue(words(json.loads(answer)).startswith(start))

    def test_said(self) -> None:
        """Texts and pictures count, in every dialect's form and in their order."""
        for parts in (
            "Hi",
            [{"text": "Hi"}],
            [{"text": "H"}, {"type": "image", "source": {"data": "i"}}],
            [{"type": "image_url", "image_url": {"url": "data:image/png;base64,Hi"}}],
        ):
            self.assertEqual("Hi", said(json.dumps({"messages": [{"content": parts}]}).encode()))

    def test_receipt(self) -> None:
        """One letter that is another's makes another receipt."""
        self.assertNotEqual(receipt("Hi"), receipt("Ho"))


def _of_messages(answer: dict[str, Any]) -> str:
    words: str = answer["content"][0]["text"]
    return words


def _of_converse(answer: dict[str, Any]) -> str:
    words: str = answer["output"]["message"]["content"][0]["text"]
    return words
