"""Errors as AWS's services write them."""

from __future__ import annotations

from botocore.parsers import create_parser
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.dialects.bedrock_converse.errors import error_body, error_event
from magicgateway.errors import ApiError, UpstreamError
from magicgateway.wire.event_stream import FrameReader


class ErrorTests(SynchronousTestCase):
    def test_body(self) -> None:
        """AWS's client finds an exception's name and the message."""
        parser = create_parser("rest-json")
        for status, name in (
            (400, "ValidationException"),
            (401, "UnrecognizedClientException"),
            (403, "AccessDeniedException"),
            (404, "ResourceNotFoundException"),
            (413, "ValidationException"),
            (429, "ThrottlingException"),
            (500, "InternalServerException"),
            (502, "InternalServerException"),
            (503, "ServiceUnavailableException"),
            (504, "ModelTimeoutException"),
        ):
            body = error_body(ApiError(status, "some_code", "What is wrong."), "req_1")
            answer = {"status_code": status, "headers": {}, "body": body}
            error = parser.parse(answer, None)["Error"]
            self.assertEqual((name, "What is wrong."), (error["Code"], error["Message"]))
            self.assertIn(b'"error":"some_code","request_id":"req_1"', body)

    def test_not_the_callers(self) -> None:
        """A fault on the way to the provider is never put down to the caller."""
        fault = UpstreamError(400, "x", "X.", outcome="refused")
        self.assertIn(b"InternalServerException", error_body(fault, "r"))

    def test_event(self) -> None:
        """In a stream it is a frame with an exception."""
        error = ApiError(429, "x", "Later.")
        (frame,) = FrameReader().feed(error_event(error, "r"))
        self.assertEqual("exception", frame.headers[":message-type"])
        self.assertEqual("ThrottlingException", frame.headers[":exception-type"])
        self.assertEqual(error_body(error, "r"), frame.payload)
