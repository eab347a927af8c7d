from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.request import Request
from magicgateway.dialects.openai_completions.request_reader import read_request
from magicgateway.errors import ApiError
from tests.dialects.openai_chat.bodies import says, write


def read(**fields: Any) -> Request:
    return read_request({"model": "m", "prompt": "Once", **fields}, Ledger())


class CompletionRequestTests(SynchronousTestCase):
    maxDiff = None

    def test_prompts(self) -> None:
        """One prompt is what the user says, in a list or not."""
        for prompt in ("Once", ["Once"]):
            sent, notes = write(read(prompt=prompt))
            expected = {"model": "m", "messages": [says("user", "Once")]}
            self.assertEqual((expected, []), (sent.body, notes))

    def test_settings(self) -> None:
        """Settings that chats have too arrive; extensions stay with the family."""
        settings: dict[str, Any] = {
            "max_tokens": 5, "temperature": 0.5, "top_p": 0.9, "n": 2, "stop": "x", "seed": 1,
            "presence_penalty": 1, "frequency_penalty": 1, "logit_bias": {"1": 2}, "user": "u",
            "best_of": 1, "echo": False, "suffix": "", "logprobs": None, "min_p": 0.1,
        }  # fmt: skip
        sent, notes = write(read(**settings))
        expected = {
            "max_completion_tokens": 5, "temperature": 0.5, "top_p": 0.9, "n": 2, "stop": ["x"],
            "seed": 1, "presence_penalty": 1, "frequency_penalty": 1, "logit_bias": {"1": 2},
            "user": "u", "min_p": 0.1,
        }  # fmt: skip
        self.assertEqual([], notes)
        for name in ("model", "messages"):
            sent.body.pop(name)
        self.assertEqual(expected, sent.body)

    def test_streams(self) -> None:
        """Streams and their usage are asked for as in chats."""
        request = read(stream=True, stream_options={"include_usage": True})
        self.assertEqual((True, True), (request.stream, request.include_usage))
        self.assertEqual((False, False), (read().stream, read().include_usage))

    def test_refusals(self) -> None:
        """What no chat could answer is refused, naming the field."""
        cases: list[tuple[str, Any]] = [
            ("prompt", ["a", "b"]), ("prompt", [1, 2]), ("prompt", [[1, 2]]), ("prompt", []),
            ("prompt", ""), ("prompt", None), ("prompt", 7), ("suffix", "x"), ("echo", True),
            ("best_of", 2), ("logprobs", 0), ("logprobs", 3), ("model", None), ("n", 0),
            ("max_tokens", 0),
        ]  # fmt: skip
        for name, value in cases:
            refused = self.assertRaises(ApiError, read, **{name: value})
            self.assertEqual((400, name), (refused.status, refused.param))
