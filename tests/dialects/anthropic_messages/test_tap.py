from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.dialects.anthropic_messages.tap import MessagesTap, read_usage
from magicgateway.observe.facts import Usage
from tests.dialects.cassettes import body_of, pour, recorded


def event(kind: str, **fields: object) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def start(**counts: object) -> bytes:
    return event("message_start", message={"id": "msg_1", "usage": counts})


def delta(**counts: object) -> bytes:
    return event("message_delta", delta={"stop_reason": "end_turn"}, usage=counts)


class MessagesTapTests(SynchronousTestCase):
    def test_ends(self) -> None:
        """message_stop ends a stream, an error event fails it, no text does either."""
        text = {"type": "text_delta", "text": '"type":"message_stop"\n\nevent: error'}
        cases = [
            (start(input_tokens=1), (False, False)),
            (event("content_block_delta", index=0, delta=text), (False, False)),
            (event("message_stop"), (True, False)),
            (event("ping"), (False, False)),
            (event("error", error={"type": "overloaded_error", "message": "m"}), (False, True)),
            (b'event: message_stop\ndata: {"type":"message_stop"       }\n\n', (True, False)),
            (b'data: {"type":"message_stop"}\n\n', (True, False)),
        ]  # fmt: skip
        for stream, expected in cases:
            tap = MessagesTap()
            tap.feed(stream)
            with self.subTest(stream=stream):
                self.assertEqual(expected, (tap.finished, tap.failed))

    def test_usage(self) -> None:
        """Deltas overwrite the start's counts and never add; input includes what was cached."""
        cases: list[tuple[bytes, Usage | None]] = [
            (event("ping"), None),
            (start(input_tokens=25, output_tokens=1), Usage(input=25, output=1)),
            (start(input_tokens=25, output_tokens=1) + delta(output_tokens=89), Usage(25, 89)),
            (
                start(input_tokens=9, cache_read_input_tokens=1, output_tokens=1)
                + delta(input_tokens=9, cache_read_input_tokens=1, output_tokens=16),
                Usage(input=10, output=16, cached_input=1),
            ),
            (
                start(input_tokens=10, cache_creation_input_tokens=5, cache_read_input_tokens=100)
                + delta(output_tokens=7, output_tokens_details={"thinking_tokens": 4}),
                Usage(115, 7, 100, 5, 4),
            ),
            (start(input_tokens=3) + delta(input_tokens=None, output_tokens=2), Usage(3, 2)),
            (delta(output_tokens=2), Usage(output=2)),
            (event("message_start", message={"usage": "many"}), None),
        ]
        for stream, expected in cases:
            tap = MessagesTap()
            tap.feed(stream)
            with self.subTest(stream=stream):
                self.assertEqual(expected, tap.usage)

    def test_recorded(self) -> None:
        """Recorded streams are complete, in any cuts, with the counts of their last delta."""
        for name, cassette in recorded("messages", stream=True).items():
            stream = body_of(cassette)
            counts: dict[str, int] = {}
            for line in stream.decode().split("\n"):
                if line.startswith('data: {"type":"message_'):
                    data = json.loads(line[6:])
                    counts.update(data.get("usage") or data.get("message", {}).get("usage") or {})
            cached = ("cache_read_input_tokens", "cache_creation_input_tokens")
            total = counts["input_tokens"] + sum(counts.get(key, 0) for key in cached)
            for seed in range(3):
                tap = MessagesTap()
                pour(tap, stream, seed)
                with self.subTest(name=name, seed=seed):
                    self.assertEqual((True, False), (tap.finished, tap.failed))
                    assert tap.usage
                    self.assertEqual(
                        (total, counts["output_tokens"]), (tap.usage.input, tap.usage.output)
                    )


class ReadUsageTests(SynchronousTestCase):
    def test_whole_answers(self) -> None:
        """A whole message's counts are read; without any, nothing is made up."""
        body = b'{"usage":{"input_tokens":12,"cache_creation_input_tokens":100,"output_tokens":40}}'
        self.assertEqual(Usage(input=112, output=40, cache_write=100), read_usage(body))
        for other in (b"{}", b'{"usage":null}', b"[]", b"", b'{"input_tokens":1}'):
            self.assertEqual(None, read_usage(other))
        for cassette in recorded("messages", stream=False).values():
            usage = read_usage(body_of(cassette)) or Usage()
            self.assertEqual(json.loads(body_of(cassette))["usage"]["output_tokens"], usage.output)
