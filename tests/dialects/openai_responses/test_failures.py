from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.dialects.openai_responses.failures import read_failure, stream_failure


def error(**fields: Any) -> dict[str, Any]:
    return {"error": {"message": "m", "type": "t", "param": None, "code": None, **fields}}


class ReadFailureTests(SynchronousTestCase):
    def test_kinds(self) -> None:
        """F.2: the code says what went wrong, else the status does."""
        cases: list[tuple[int, Any, str]] = [
            (400, error(), "invalid_request"),
            (400, error(code="context_length_exceeded"), "context_length"),
            (401, error(code="invalid_api_key"), "authentication"),
            (429, error(), "rate_limit"),
            (429, error(code="insufficient_quota"), "quota"),
            (502, "<html>…</html>", "server"),
        ]
        for status, content, kind in cases:
            failure = read_failure(status, content, {})
            self.assertEqual((status, kind), (failure.status, failure.kind), content)


class StreamFailureTests(SynchronousTestCase):
    def test_codes(self) -> None:
        """A code in a stream stands for a status."""
        cases: list[tuple[Any, tuple[int, str]]] = [
            ({"code": "rate_limit_exceeded", "message": "m"}, (429, "rate_limit")),
            ({"code": "server_error", "message": "m"}, (500, "server")),
            ({"code": "invalid_prompt", "message": "m"}, (400, "invalid_request")),
            ({"code": "context_length_exceeded"}, (400, "context_length")),
            ({"code": "vector_store_timeout"}, (504, "timeout")),
            ({"type": "error", "code": "server_error"}, (500, "server")),
            ({"code": "invalid_image_url", "message": "m"}, (400, "invalid_request")),
            ({"type": "server_is_overloaded", "code": None}, (503, "overloaded")),
            ({"code": "odd"}, (502, "server")),
            (None, (502, "server")),
            ("words", (502, "server")),
        ]
        for content, expected in cases:
            failure = stream_failure(content)
            self.assertEqual(expected, (failure.status, failure.kind), content)
