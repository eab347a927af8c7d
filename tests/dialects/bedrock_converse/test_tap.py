from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.dialects.bedrock_converse.frames import event_frame, exception_frame
from magicgateway.dialects.bedrock_converse.tap import (
    FramesTap,
    head_usage,
    read_usage,
    usage_of,
)
from magicgateway.observe.facts import Usage
from magicgateway.wire.event_stream import encode_frame

COUNTS = {
    "inputTokens": 10, "outputTokens": 7, "totalTokens": 122,
    "cacheReadInputTokens": 100, "cacheWriteInputTokens": 5,
}  # fmt: skip
METRICS = {
    "inputTokenCount": 10, "outputTokenCount": 7, "firstByteLatency": 3,
    "cacheReadInputTokenCount": 100, "cacheWriteInputTokenCount": 5,
}  # fmt: skip
USAGE = Usage(input=115, output=7, cached_input=100, cache_write=5)
METADATA = event_frame("metadata", {"usage": COUNTS, "metrics": {"latencyMs": 1}})
DELTA = event_frame("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "metadata"}})


def chunk(value: Any) -> bytes:
    coded = b64encode(json.dumps(value).encode()).decode()
    return event_frame("chunk", {"bytes": coded, "p": "abc"})


LAST_CHUNK = chunk({"type": "message_stop", "amazon-bedrock-invocationMetrics": METRICS})


class FramesTapTests(SynchronousTestCase):
    def test_streams(self) -> None:
        """The event metadata or the last chunk counts; exceptions and errors fail a stream."""
        error = encode_frame({":message-type": "error", ":error-code": "x"})
        cases: list[tuple[bytes, Usage | None, bool, bool]] = [
            (b"", None, False, False),
            (DELTA, None, False, False),
            (DELTA + METADATA, USAGE, True, False),
            (event_frame("metadata", {"metrics": {}}), None, True, False),
            (event_frame("metadata", {"usage": {"inputTokens": "9"}}), None, True, False),
            (encode_frame({":event-type": "metadata"}, b"{"), None, True, False),
            (chunk({"type": "message_start"}) + LAST_CHUNK, USAGE, False, False),
            (chunk({"amazon-bedrock-invocationMetrics": 1}), None, False, False),
            (chunk([1]), None, False, False),
            (event_frame("chunk", {"bytes": "a"}), None, False, False),
            (event_frame("chunk", {"bytes": "é"}), None, False, False),
            (LAST_CHUNK + error, USAGE, False, True),
            (DELTA + exception_frame("throttlingException", {}), None, False, True),
            (exception_frame("metadata", {"usage": COUNTS}), None, False, True),
        ]
        for stream, usage, finished, failed in cases:
            tap = FramesTap()
            tap.feed(stream)
            with self.subTest(stream=stream):
                self.assertEqual((usage, finished, failed), (tap.usage, tap.finished, tap.failed))

    def test_asked_twice(self) -> None:
        """Counts are the same however often they are asked for."""
        tap = FramesTap()
        tap.feed(METADATA)
        self.assertEqual([USAGE, USAGE], [tap.usage, tap.usage])

    def test_cuts(self) -> None:
        """Frames may be cut anywhere, one byte at a time."""
        for stream in (DELTA + METADATA, LAST_CHUNK):
            tap = FramesTap()
            for at in range(len(stream)):
                tap.feed(stream[at : at + 1])
            self.assertEqual(USAGE, tap.usage)

    def test_no_frames(self) -> None:
        """After what is no frame nothing is looked at, and nothing is raised."""
        tap = FramesTap()
        tap.feed(METADATA + b"data: no frame at all\n\n")
        tap.feed(event_frame("metadata", {"usage": {"inputTokens": 1}}))
        self.assertEqual(USAGE, tap.usage)


class UsageTests(SynchronousTestCase):
    def test_counts(self) -> None:
        """Input is the sum of what is fresh and what a cache read or wrote; unknown stays so."""
        cases: list[tuple[Any, Usage | None]] = [
            (COUNTS, USAGE),
            (METRICS, USAGE),
            ({"inputTokens": 3, "outputTokens": 0}, Usage(3, 0)),
            ({"outputTokens": 4}, Usage(output=4)),
            ({"inputTokens": True, "outputTokens": -1}, None),
            ({}, None),
            ("many", None),
            (None, None),
        ]
        for counts, usage in cases:
            with self.subTest(counts=counts):
                self.assertEqual(usage, usage_of(counts))

    def test_whole(self) -> None:
        """A whole answer of Converse is read, and one without counts has none."""
        whole = {"output": {"message": {}}, "stopReason": "end_turn", "usage": COUNTS}
        self.assertEqual(USAGE, read_usage(json.dumps(whole).encode()))
        for body in (b"{}", b"[1]", b"{", b'{"usage":"\xff"}'):
            self.assertIsNone(read_usage(body))

    def test_head(self) -> None:
        """Fields of InvokeModel's answer count, in any case; what is no number does not."""
        name = b"X-Amzn-Bedrock-%b-Token-Count"
        cases: list[tuple[list[tuple[bytes, bytes]], Usage | None]] = [
            ([], None),
            ([(b"content-type", b"1"), (b"input-token-count", b"1")], None),
            ([(name % b"Input", b"9")], Usage(9)),
            (
                [
                    (name % b"Input", b"10"),
                    (name % b"output", b"7"),
                    (name % b"Cache-Read-Input", b"100"),
                    (name % b"Cache-Write-Input", b"5"),
                    (b"X-Amzn-Bedrock-Invocation-Latency", b"321"),
                ],
                USAGE,
            ),
            ([(name % b"Input", b"-1"), (name % b"Output", b"many")], None),
            ([(name % b"Input", b"9" * 5000), (name % b"Output", b"\xb2")], None),
        ]
        for fields, usage in cases:
            with self.subTest(fields=fields):
                self.assertEqual(usage, head_usage(fields))
