from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.dialects.openai_chat import errors as chat_errors
from magicgateway.dialects.openai_responses.errors import error_body, error_event
from magicgateway.errors import ApiError, UpstreamError
from magicgateway.wire.sse import events


class ErrorTests(SynchronousTestCase):
    def test_body(self) -> None:
        """An error answer is OpenAI's."""
        error = ApiError(404, "unknown_path", "m")
        self.assertEqual(chat_errors.error_body(error, "r"), error_body(error, "r"))

    def test_event(self) -> None:
        """The event is of type error, with an error object that makes the SDKs raise."""
        error = UpstreamError(504, "idle_timeout", "Silent.", outcome="timeout")
        [(name, data)] = events(error_event(error, "req-1"))
        content = json.loads(data)
        self.assertEqual("error", name)
        self.assertEqual("server_error", content.pop("error")["type"])
        self.assertEqual(
            {
                "type": "error",
                "sequence_number": 0,
                "code": "idle_timeout",
                "message": "Silent.",
                "param": None,
            },
            content,
        )
