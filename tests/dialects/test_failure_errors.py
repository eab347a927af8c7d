"""A provider's failure in the words of another dialect (openai-anthropic.md F.2)."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.reply import Failure
from magicgateway.dialects.catalogue import error_body
from magicgateway.dialects.failure_errors import as_error
from magicgateway.errors import ApiError
from magicgateway.wire.jsontext import decode


def failure(kind: str, status: int = 400, message: str = "m", **rest: str) -> Failure:
    return Failure(status=status, kind=kind, message=message, **rest)  # type: ignore[arg-type]


class FailureTests(SynchronousTestCase):
    def test_own(self) -> None:
        """An error of the gateway's own is said as it is, whatever kind it resembles."""
        error = ApiError(503, "gateway_stopping", "m", retry_after=1)
        for kind in ("server", "timeout", "permission"):
            failed = Failure(status=503, kind=kind, message="m", own=error)
            for family in ("openai", "anthropic"):
                self.assertIs(error, as_error(failed, family, own_credential=False))

    def test_kinds(self) -> None:
        """Status, type and code that callers of either API get for each kind."""
        for kind, openai, anthropic in (
            (
                "invalid_request",
                (400, "invalid_request_error", "upstream_refused"),
                (400, "invalid_request_error"),
            ),
            (
                "context_length",
                (400, "invalid_request_error", "context_length_exceeded"),
                (400, "invalid_request_error"),
            ),
            (
                "authentication",
                (401, "invalid_request_error", "invalid_api_key"),
                (401, "authentication_error"),
            ),
            (
                "permission",
                (403, "invalid_request_error", "permission_denied"),
                (403, "permission_error"),
            ),
            (
                "not_found",
                (404, "invalid_request_error", "model_not_found"),
                (404, "not_found_error"),
            ),
            ("conflict", (409, "invalid_request_error", "conflict"), (409, "conflict_error")),
            (
                "too_large",
                (413, "invalid_request_error", "request_too_large"),
                (413, "request_too_large"),
            ),
            ("rate_limit", (429, "requests", "rate_limit_exceeded"), (429, "rate_limit_error")),
            (
                "quota",
                (429, "insufficient_quota", "insufficient_quota"),
                (429, "rate_limit_error"),
            ),
            (
                "overloaded",
                (503, "service_unavailable_error", "server_is_overloaded"),
                (529, "overloaded_error"),
            ),
            ("timeout", (504, "server_error", "timeout"), (504, "timeout_error")),
            ("server", (502, "server_error", "upstream_error"), (500, "api_error")),
            ("something new", (502, "server_error", "upstream_error"), (500, "api_error")),
        ):
            with self.subTest(kind=kind):
                error = as_error(failure(kind), "openai", own_credential=True)
                said = decode(error_body("openai", error, "r"))["error"]
                self.assertEqual(openai, (error.status, said["type"], said["code"]))
                error = as_error(failure(kind), "anthropic", own_credential=True)
                said = decode(error_body("anthropic", error, "r"))["error"]
                self.assertEqual(anthropic, (error.status, said["type"]))

    def test_operators_credential(self) -> None:
        """That the operator's key is refused, or not paid for, is no fault of the caller's."""
        for kind, status in (("authentication", 401), ("permission", 403), ("quota", 402)):
            error = as_error(failure(kind, status, "bad key sk-1"), "openai", own_credential=False)
            self.assertEqual((502, "upstream_auth", False), _brief(error))
            self.assertNotIn("sk-1", error.message)

    def test_details(self) -> None:
        """The provider's own words, code, field and hint arrive, a 422 as itself in OpenAI's."""
        given = Failure(
            status=422, kind="invalid_request", message="m", param="x", code="c", retry_after=3
        )
        error = as_error(given, "openai", own_credential=True)
        self.assertEqual(
            (422, "c", "m", "x", 3),
            (error.status, error.code, error.message, error.param, error.retry_after),
        )
        self.assertEqual(400, as_error(given, "anthropic", own_credential=True).status)

    def test_too_long(self) -> None:
        """Anthropic's clients look for how its message begins."""
        for message, expected in (
            ("big", "prompt is too long: big"),
            ("prompt is too long: x",) * 2,
        ):
            error = as_error(
                failure("context_length", message=message), "anthropic", own_credential=True
            )
            self.assertEqual(expected, error.message)

    def test_spent(self) -> None:
        """A spent budget is not asked for again."""
        error = as_error(failure("quota", 429), "openai", own_credential=True)
        self.assertEqual((429, "insufficient_quota", False), _brief(error))

    def test_no_words(self) -> None:
        """There is always a sentence, and never an endless one."""
        self.assertTrue(
            as_error(failure("server", message=""), "openai", own_credential=True).message
        )
        error = as_error(failure("server", message="x" * 9999), "openai", own_credential=True)
        self.assertEqual(2000, len(error.message))


def _brief(error: object) -> tuple[object, ...]:
    return tuple(getattr(error, name) for name in ("status", "code", "should_retry"))
