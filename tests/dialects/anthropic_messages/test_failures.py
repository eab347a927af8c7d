from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.dialects.anthropic_messages.failures import failure_of, read_failure


def error(kind: str, message: str = "m", **fields: Any) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message, **fields}}


class FailureTests(SynchronousTestCase):
    def test_types(self) -> None:
        """Every type has its kind; in a stream it stands for the status too (case I.63)."""
        for kind, status, expected in (
            ("invalid_request_error", 400, "invalid_request"),
            ("authentication_error", 401, "authentication"),
            ("billing_error", 402, "quota"),
            ("permission_error", 403, "permission"),
            ("not_found_error", 404, "not_found"),
            ("conflict_error", 409, "conflict"),
            ("request_too_large", 413, "too_large"),
            ("rate_limit_error", 429, "rate_limit"),
            ("timeout_error", 504, "timeout"),
            ("api_error", 500, "server"),
            ("overloaded_error", 529, "overloaded"),
        ):
            for failure in (read_failure(status, error(kind), {}), failure_of(error(kind))):
                self.assertEqual(
                    (status, expected, "m"), (failure.status, failure.kind, failure.message)
                )

    def test_status(self) -> None:
        """The answer's own status stays, and is all there is where the type is unknown."""
        failure = read_failure(503, error("overloaded_error"), {"retry-after": "7"})
        self.assertEqual(
            (503, "overloaded", 7), (failure.status, failure.kind, failure.retry_after)
        )
        self.assertEqual("rate_limit", read_failure(429, error("odd"), {}).kind)
        self.assertEqual(502, failure_of({"type": "error"}).status)

    def test_too_long(self) -> None:
        """A prompt that is too long is told apart from other bad requests."""
        said = "prompt is too long: 210000 tokens > 200000 maximum"
        self.assertEqual(
            "context_length", read_failure(400, error("invalid_request_error", said), {}).kind
        )

    def test_codes(self) -> None:
        """A machine code is kept, and those of spent limits are no matter of waiting."""
        spent = error("rate_limit_error", details={"error_code": "enforced_spend_limit_reached"})
        failure = read_failure(429, spent, {})
        self.assertEqual(("quota", "enforced_spend_limit_reached"), (failure.kind, failure.code))
        other = read_failure(400, error("invalid_request_error", details={"error_code": "c"}), {})
        self.assertEqual(("invalid_request", "c"), (other.kind, other.code))

    def test_of_aws(self) -> None:
        """What InvokeModel says itself is told in AWS's words, with a name or without."""
        kind = {"__type": "com.amazon.coral.validate#ThrottlingException", "message": "m"}
        for body, status, expected in (
            ({"Message": "m"}, 400, (400, "invalid_request", "m")),
            ({"Message": "Invalid API Key format"}, 403, (401, "authentication", None)),
            (kind, 400, (429, "rate_limit", "m")),
        ):
            failure = read_failure(status, body, {})
            said = failure.message if expected[2] else None
            self.assertEqual(expected, (failure.status, failure.kind, said))

    def test_no_json(self) -> None:
        """A page of markup has a status and no words (case I.94)."""
        failure = read_failure(502, "<html><body>nginx</body></html>", {})
        self.assertEqual((502, "server"), (failure.status, failure.kind))
        self.assertNotIn("nginx", failure.message)
        odd: list[Any] = [None, [], {"error": "plain"}, {"error": {"type": 1, "details": 2}}]
        for body in odd:
            self.assertEqual(500, read_failure(500, body, {}).status)
