from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.dialects.openai_chat.tap import ChatTap, read_usage
from magicgateway.observe.facts import Usage
from tests.dialects.cassettes import body_of, pour, recorded

DELTA = (
    b'data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":'
    b'{"content":"Hi"},"finish_reason":null}],"usage":null}\n\n'
)
FINISH = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4}}\n\n'


def watch(stream: bytes) -> ChatTap:
    tap = ChatTap()
    tap.feed(stream)
    return tap


class ChatTapTests(SynchronousTestCase):
    def test_finished(self) -> None:
        """A finish reason of any choice, or [DONE], makes the stream complete; nothing else."""
        cases = [
            (DELTA, False),
            (FINISH, True),
            (USAGE, False),
            (b"data: [DONE]\n\n", True),
            (b"data:[DONE]\n\n", True),
            (b"data: [DONE] \r\n\r\n", True),
            (DELTA + FINISH + USAGE, True),
            (b'data: {"choices":[{"finish_reason":""}]}\n\n', False),
            (b'data: {"choices":[{},{"finish_reason":"length"}]}\n\n', True),
            (b'data: {"choices":null}\n\n', False),
            (b'data: {"choices":"stop"}\n\n', False),
            (b'data: {"choices":[{"text":"x","finish_reason":"stop"}]}\n\n', True),
            (b": [DONE]\n\n", False),
        ]
        for stream, expected in cases:
            with self.subTest(stream=stream):
                self.assertEqual(expected, watch(stream).finished)

    def test_failed(self) -> None:
        """An error object in a chunk is a failure, with or without choices or an event's name."""
        cases = [
            (b'data: {"error":{"message":"m"}}\n\n', True),
            (b'event: error\ndata: {"error":{"message":"m"}}\n\n', True),
            (b'data: {"error":"overloaded"}\n\n', True),
            (b'data: {"error":null,"choices":[]}\n\n', False),
            (b'data: {"error":{"code":502},"choices":[{"finish_reason":"error"}]}\n\n', True),
            (DELTA, False),
        ]
        for stream, expected in cases:
            with self.subTest(stream=stream):
                self.assertEqual(expected, watch(stream).failed)

    def test_usage(self) -> None:
        """The last counts win, wherever the provider puts them."""
        groq = b'data: {"choices":[],"x_groq":{"id":"r","usage":{"prompt_tokens":1}}}\n\n'
        details = {
            "prompt_tokens": 100,
            "completion_tokens": 20,
            "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 7},
            "completion_tokens_details": {"reasoning_tokens": 5},
        }
        full = b'data: {"choices":[],"usage":%b}\n\n' % json.dumps(details).encode()
        cases = [
            (DELTA, None),
            (USAGE, Usage(input=9, output=4)),
            (USAGE + full, Usage(100, 20, 60, 7, 5)),
            (full + DELTA, Usage(100, 20, 60, 7, 5)),
            (groq, Usage(input=1)),
            (b'data: {"x_groq":{"id":"r"}}\n\n', None),
            (b'data: {"x_groq":"r"}\n\n', None),
            (b'data: {"usage":"many"}\n\n', None),
            (b'data: {"usage":{"prompt_cache_hit_tokens":3}}\n\n', Usage(cached_input=3)),
            (b'data: {"usage":{"cached_tokens":0}}\n\n', Usage(cached_input=0)),
        ]
        for stream, expected in cases:
            with self.subTest(stream=stream):
                self.assertEqual(expected, watch(stream).usage)

    def test_text_is_never_a_marker(self) -> None:
        """What a model says, marker-like as it may be, changes nothing."""
        sayings = [
            '"finish_reason":"stop"',
            '","finish_reason":"stop","x":"',
            'data: [DONE]\n\n[DONE]"usage":{"prompt_tokens":1}',
            '"error":{"message":"x"}',
            "\u2028data: [DONE]\u2029\x00\\",
        ]
        for text in sayings:
            chunk = {"choices": [{"delta": {"content": text}, "finish_reason": None}]}
            for ascii_only in (True, False):
                data = json.dumps(chunk, ensure_ascii=ascii_only).encode()
                tap = watch(b"data: " + data + b"\n\n")
                with self.subTest(text=text):
                    self.assertEqual((False, False, None), (tap.finished, tap.failed, tap.usage))

    def test_recorded(self) -> None:
        """Recorded streams are complete, in any cuts, with the usage their last chunk states."""
        for name, cassette in recorded("chat_completions", stream=True).items():
            stream = body_of(cassette)
            counts = None
            for line in stream.decode().split("\n"):
                if line.startswith("data: {"):
                    chunk = json.loads(line[6:])
                    counts = chunk.get("usage") or chunk.get("x_groq", {}).get("usage") or counts
            for seed in range(3):
                tap = ChatTap()
                pour(tap, stream, seed)
                usage = tap.usage or Usage()
                with self.subTest(name=name, seed=seed):
                    self.assertEqual((True, False), (tap.finished, tap.failed))
                    self.assertEqual((counts or {}).get("prompt_tokens"), usage.input)
                    self.assertEqual((counts or {}).get("completion_tokens"), usage.output)


class ReadUsageTests(SynchronousTestCase):
    def test_whole_answers(self) -> None:
        """A whole answer's counts are read; without any, nothing is made up."""
        self.assertEqual(
            Usage(input=5, output=0),
            read_usage(b'{"usage":{"prompt_tokens":5,"completion_tokens":0}}'),
        )
        for body in (b"{}", b'{"usage":null}', b'{"usage":[]}', b"[]", b"", b"<html>"):
            self.assertEqual(None, read_usage(body))

    def test_recorded(self) -> None:
        """Recorded answers give the counts they state."""
        for name, cassette in recorded("chat_completions", stream=False).items():
            body = body_of(cassette)
            counts = json.loads(body).get("usage") or {}
            usage = read_usage(body) or Usage()
            with self.subTest(name=name):
                self.assertEqual(counts.get("prompt_tokens"), usage.input)
                self.assertEqual(counts.get("completion_tokens"), usage.output)
