from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.errors import ApiError
from tests.dialects.openai_chat.bodies import chat, read


class RequestTests(SynchronousTestCase):
    def test_streams(self) -> None:
        """Whether the answer is streamed, and whether its usage is wanted in a chunk."""
        for fields, expected in (
            ({}, (False, False)),
            ({"stream": None}, (False, False)),
            ({"stream": True}, (True, False)),
            ({"stream": True, "stream_options": {"include_usage": True}}, (True, True)),
            ({"stream": True, "stream_options": {"include_usage": False}}, (True, False)),
        ):
            request, _ = read(chat(**fields))
            self.assertEqual(expected, (request.stream, request.include_usage))

    def test_model(self) -> None:
        """The model is the caller's."""
        self.assertEqual("m", read(chat())[0].model)

    def test_refusals(self) -> None:
        """Without a model or a message there is no request."""
        cases: list[tuple[dict[str, Any], str]] = [
            ({"messages": [{"role": "user", "content": "x"}]}, "model"),
            ({"model": "m"}, "messages"),
            ({"model": "m", "messages": []}, "messages"),
            ({"model": "m", "messages": "x"}, "messages"),
            ({"model": "m", "messages": ["x"]}, "messages[0]"),
            (chat(stream="yes"), "stream"),
        ]
        for body, place in cases:
            refused = self.assertRaises(ApiError, read, body)
            self.assertEqual((400, place), (refused.status, refused.param))
