from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.dialects.openai_responses.tap import ResponsesTap, read_usage
from magicgateway.observe.facts import Usage
from tests.dialects.cassettes import body_of, pour, recorded


def event(kind: str, **fields: object) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


COUNTS = {
    "input_tokens": 30,
    "input_tokens_details": {"cached_tokens": 10, "cache_write_tokens": 2},
    "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 3},
    "total_tokens": 37,
}
FULL = Usage(30, 7, 10, 2, 3)


class ResponsesTapTests(SynchronousTestCase):
    def test_cases(self) -> None:
        """The three terminal events end a stream; an error or a failed response is a failure."""
        cases: list[tuple[bytes, tuple[bool, bool, Usage | None]]] = [
            (event("response.created", response={"usage": None}), (False, False, None)),
            (event("response.output_text.delta", delta="Hi"), (False, False, None)),
            (event("response.output_text.delta", delta="response.completed"), (False, False, None)),
            (event("response.completed", response={"usage": COUNTS}), (True, False, FULL)),
            (event("response.incomplete", response={"usage": COUNTS}), (True, False, FULL)),
            (event("response.failed", response={"usage": None}), (True, True, None)),
            (event("error", code="c", message="m"), (False, True, None)),
            (b'data: {"error":{"message":"m"}}\n\n', (False, True, None)),
            (b'data: {"type":7}\n\n', (False, False, None)),
            (b"data: [DONE]\n\n", (False, False, None)),
        ]
        for stream, expected in cases:
            tap = ResponsesTap()
            tap.feed(stream)
            with self.subTest(stream=stream):
                self.assertEqual(expected, (tap.finished, tap.failed, tap.usage))

    def test_recorded(self) -> None:
        """A recorded stream is complete, in any cuts, with its usage."""
        for name, cassette in recorded("responses", stream=True).items():
            stream = body_of(cassette)
            last = json.loads(stream.rstrip().rsplit(b"data: ", 1)[1])["response"]["usage"]
            for seed in range(3):
                tap = ResponsesTap()
                pour(tap, stream, seed)
                with self.subTest(name=name, seed=seed):
                    self.assertEqual((True, False), (tap.finished, tap.failed))
                    assert tap.usage
                    self.assertEqual(last["input_tokens"], tap.usage.input)
                    self.assertEqual(last["output_tokens"], tap.usage.output)


class ReadUsageTests(SynchronousTestCase):
    def test_whole_answers(self) -> None:
        """A whole response's counts are read; without any, nothing is made up."""
        self.assertEqual(FULL, read_usage(json.dumps({"usage": COUNTS}).encode()))
        for body in (b"{}", b'{"usage":null}', b"[]", b""):
            self.assertEqual(None, read_usage(body))
        for cassette in recorded("responses", stream=False).values():
            counts = json.loads(body_of(cassette))["usage"]
            usage = read_usage(body_of(cassette)) or Usage()
            self.assertEqual(counts["input_tokens"], usage.input)
