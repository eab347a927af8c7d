from __future__ import annotations

import json

import httpx2
import openai
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.dialects.openai_chat.errors import error_body, error_event
from magicgateway.errors import ApiError, UpstreamError


class ErrorBodyTests(SynchronousTestCase):
    def test_shape(self) -> None:
        """All four keys of OpenAI's error are there, and the request id beside them."""
        error = ApiError(400, "invalid_model", 'no "model"', param="model")
        expected = {
            "message": 'no "model"',
            "type": "invalid_request_error",
            "param": "model",
            "code": "invalid_model",
            "request_id": "req-1",
        }
        self.assertEqual({"error": expected}, json.loads(error_body(error, "req-1")))

    def test_types(self) -> None:
        """The type follows the status, and a fault on the way is never the caller's."""
        cases: list[tuple[ApiError, str]] = [
            (ApiError(400, "c", "m"), "invalid_request_error"),
            (ApiError(401, "c", "m"), "invalid_request_error"),
            (ApiError(404, "c", "m"), "invalid_request_error"),
            (ApiError(408, "c", "m"), "timeout_error"),
            (ApiError(413, "c", "m"), "invalid_request_error"),
            (ApiError(429, "rate_limited", "m"), "requests"),
            (ApiError(429, "insufficient_quota", "m"), "insufficient_quota"),
            (ApiError(500, "c", "m"), "server_error"),
            (ApiError(501, "c", "m"), "server_error"),
            (ApiError(503, "c", "m"), "service_unavailable_error"),
            (UpstreamError(502, "c", "m", outcome="truncated"), "server_error"),
            (UpstreamError(504, "c", "m", outcome="timeout"), "server_error"),
        ]
        for error, expected in cases:
            with self.subTest(error=error):
                self.assertEqual(expected, json.loads(error_body(error, ""))["error"]["type"])

    def test_event_raises_in_the_official_client(self) -> None:
        """OpenAI's client raises the error in the middle of a stream, with our code and id."""
        event = error_event(UpstreamError(502, "broke", "It broke.", outcome="truncated"), "req-1")
        self.assertEqual(b"\n\n", event[-2:])

        def answer(_: httpx2.Request) -> httpx2.Response:
            return httpx2.Response(
                200, headers={"content-type": "text/event-stream"}, content=event
            )

        client = openai.OpenAI(
            api_key="k",
            base_url="http://gateway.test/v1",
            http_client=httpx2.Client(transport=httpx2.MockTransport(answer)),
        )
        stream = client.chat.completions.create(model="m", messages=[], stream=True)
        error = self.assertRaises(openai.APIError, list, stream)
        self.assertEqual(
            ("It broke.", "broke", "server_error"), (error.message, error.code, error.type)
        )
        self.assertEqual("req-1", error.body["request_id"])
