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
            (402, error(), "quota"),
            (403, error(), "permission"),
            (404, error(code="model_not_found"), "not_found"),
            (409, error(), "conflict"),
            (413, error(), "too_large"),
            (422, error(), "invalid_request"),
            (429, error(), "rate_limit"),
            (429, error(code="insufficient_quota"), "quota"),
            (500, error(), "server"),
            (503, error(code="server_is_overloaded"), "overloaded"),
            (504, error(), "timeout"),
            (529, {}, "overloaded"),
        ]
        for status, content, kind in cases:
            failure = read_failure(status, content, {})
            self.assertEqual((status, kind), (failure.status, failure.kind), content)

    def test_fields(self) -> None:
        """The message, the field and the code are the provider's."""
        failure = read_failure(400, error(param="input[0]", code="c"), {})
        self.assertEqual(("m", "input[0]", "c"), (failure.message, failure.param, failure.code))

    def test_other_bodies(self) -> None:
        """I.94: what is no error of this API is still one; pages are not quoted."""
        cases: list[tuple[Any, str]] = [
            ("plain words", "plain words"),
            ("x" * 900, "x" * 500),
            ("  <html>…</html>", "The provider answered 502."),
            ({"error": "words"}, "words"),
            ({"message": "flat"}, "flat"),
            (None, "The provider answered 502."),
            ([1], "The provider answered 502."),
        ]
        for content, message in cases:
            self.assertEqual(message, read_failure(502, content, {}).message)

    def test_retry_after(self) -> None:
        """When to come back, in whole seconds."""
        cases: list[tuple[dict[str, str], int | None]] = [
            ({}, None),
            ({"retry-after": "7"}, 7),
            ({"retry-after": "0.5"}, 1),
            ({"retry-after-ms": "1500", "retry-after": "9"}, 2),
            ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
            ({"retry-after": "-1"}, None),
            ({"retry-after": "nan"}, None),
        ]
        for headers, expected in cases:
            self.assertEqual(expected, read_failure(429, {}, headers).retry_after)


class StreamFailureTests(SynchronousTestCase):
    def test_codes(self) -> None:
        """A code in a stream stands for a status."""
        cases: list[tuple[Any, tuple[int, str]]] = [
            ({"code": "rate_limit_exceeded", "message": "m"}, (429, "rate_limit")),
            ({"code": "server_error", "message": "m"}, (500, "server")),
            ({"code": "invalid_prompt", "message": "m"}, (400, "invalid_request")),
            ({"code": "invalid_image_url", "message": "m"}, (400, "invalid_request")),
            ({"type": "server_is_overloaded", "code": None}, (503, "overloaded")),
            ({"code": "odd"}, (502, "server")),
            (None, (502, "server")),
            ("words", (502, "server")),
        ]
        for content, expected in cases:
            failure = stream_failure(content)
            self.assertEqual(expected, (failure.status, failure.kind), content)
