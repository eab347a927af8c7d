from __future__ import annotations

import json

import anthropic
import httpx2
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.dialects.anthropic_messages.errors import error_body, error_event
from magicgateway.errors import ApiError, UpstreamError


class ErrorTests(SynchronousTestCase):
    def test_shape(self) -> None:
        """The body is Anthropic's, with our code in the details and the request id."""
        self.assertEqual(
            {
                "type": "error",
                "error": {
                    "type": "invalid_request_error",
                    "message": "m",
                    "details": {"error_code": "invalid_json"},
                },
                "request_id": "req-1",
            },
            json.loads(error_body(ApiError(400, "invalid_json", "m"), "req-1")),
        )

    def test_types(self) -> None:
        """The type follows the status."""
        cases = [
            (400, "invalid_request_error"),
            (401, "authentication_error"),
            (402, "billing_error"),
            (403, "permission_error"),
            (404, "not_found_error"),
            (408, "timeout_error"),
            (409, "conflict_error"),
            (413, "request_too_large"),
            (422, "invalid_request_error"),
            (429, "rate_limit_error"),
            (500, "api_error"),
            (501, "api_error"),
            (502, "api_error"),
            (503, "overloaded_error"),
            (504, "timeout_error"),
            (529, "overloaded_error"),
        ]
        for status, expected in cases:
            with self.subTest(status=status):
                body = json.loads(error_body(ApiError(status, "c", "m"), ""))
                self.assertEqual(expected, body["error"]["type"])

    def test_event_raises_in_the_official_client(self) -> None:
        """Anthropic's client raises the error in the middle of a stream."""
        event = error_event(UpstreamError(502, "broke", "It broke.", outcome="truncated"), "req-1")
        self.assertEqual((b"event: error\n", b"\n\n"), (event[:13], event[-2:]))

        def answer(_: httpx2.Request) -> httpx2.Response:
            return httpx2.Response(
                200, headers={"content-type": "text/event-stream"}, content=event
            )

        client = anthropic.Anthropic(
            api_key="k",
            base_url="http://gateway.test",
            http_client=httpx2.Client(transport=httpx2.MockTransport(answer)),
        )
        stream = client.messages.create(model="m", messages=[], max_tokens=1, stream=True)
        error = self.assertRaises(anthropic.APIStatusError, list, stream)
        self.assertIn("It broke.", str(error))
