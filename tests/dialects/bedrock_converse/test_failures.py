from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.reply import Failure
from magicgateway.dialects.bedrock_converse.failures import (
    read_failure,
    repair_of,
    shortened,
    stream_failure,
)

SILENT = "The provider answered with status {} and no message."
EXTRA = "output_config.format: Extra inputs are not permitted"
NO_STREAM = "This model doesn't support tool use in streaming mode."
CORAL = ":http://internal.amazon.com/coral/com.amazon.coral.service/"


class FailureTests(SynchronousTestCase):
    maxDiff = None

    def test_names(self) -> None:
        """Every name of the reference's table has its kind, wherever it stands."""
        cases: list[tuple[str, int, int, str]] = [
            ("ValidationException", 400, 400, "invalid_request"),
            ("AccessDeniedException", 403, 403, "permission"),
            ("AccessDeniedException", 400, 403, "permission"),
            ("UnrecognizedClientException", 403, 401, "authentication"),
            ("InvalidSignatureException", 403, 401, "authentication"),
            ("ExpiredTokenException", 403, 401, "authentication"),
            ("InvalidClientTokenId", 403, 401, "authentication"),
            ("MissingAuthenticationToken", 403, 401, "authentication"),
            ("IncompleteSignature", 400, 401, "authentication"),
            ("ResourceNotFoundException", 404, 404, "not_found"),
            ("ThrottlingException", 429, 429, "rate_limit"),
            ("ThrottlingException", 400, 429, "rate_limit"),
            ("ModelNotReadyException", 429, 503, "overloaded"),
            ("ServiceQuotaExceededException", 400, 429, "quota"),
            ("ModelTimeoutException", 408, 504, "timeout"),
            ("ModelErrorException", 424, 502, "server"),
            ("ModelStreamErrorException", 424, 502, "server"),
            ("InternalServerException", 500, 500, "server"),
            ("ServiceUnavailableException", 503, 503, "overloaded"),
            ("ConflictException", 400, 409, "conflict"),
            ("UnknownOperationException", 404, 502, "server"),
        ]
        for name, status, expected, kind in cases:
            body = {"message": "m"}
            for given, headers in (
                (body, {"x-amzn-errortype": name}),
                (body, {"x-amzn-errortype": name + CORAL}),
                ({**body, "__type": f"com.amazon.coral.validate#{name}"}, {}),
            ):
                failure = read_failure(status, given, headers)
                found = (failure.status, failure.kind, failure.code)
                self.assertEqual((expected, kind, name), found, name)

    def test_words(self) -> None:
        """J70, J72: a validation that is about the model or the length is known by its words."""
        cases = [
            ("The provided model identifier is invalid.", 404, "not_found"),
            ("This model version has reached the end of its life.", 404, "not_found"),
            ("Input is too long for requested model.", 400, "context_length"),
            ("prompt is too long: 9 tokens", 400, "context_length"),
            ("Too many input tokens", 400, "context_length"),
            ("Request body is too large", 413, "too_large"),
            ("another", 400, "invalid_request"),
        ]
        for message, status, kind in cases:
            for headers in ({"x-amzn-errortype": "ValidationException"}, {}):
                failure = read_failure(400, {"message": message}, headers)
                self.assertEqual(
                    (status, kind, message), (failure.status, failure.kind, failure.message)
                )

    def test_api_keys(self) -> None:
        """What AWS says of a Bedrock API key has no name, and is about the credential."""
        for message in ("Invalid API Key format: Must start with x", "Bearer Token has expired"):
            failure = read_failure(403, {"Message": message}, {})
            found = (failure.status, failure.kind, failure.message)
            self.assertEqual((401, "authentication", message), found)
        self.assertEqual("permission", read_failure(403, {"Message": "no"}, {}).kind)

    def test_profiles(self) -> None:
        """J70: a model that only a profile has comes with a hint which prefix to try."""
        said = "Invocation of model ID x with on-demand throughput isn\u2019t supported."
        failure = read_failure(400, {"message": said}, {})
        self.assertEqual((404, "not_found"), (failure.status, failure.kind))
        self.assertIn("us.", failure.message.removeprefix(said))

    def test_signatures(self) -> None:
        """J69: a message that quotes the signed request, token and all, is not passed on."""
        said = "The Canonical String should have been 'POST\nx-amz-security-token:SECRET'"
        headers = {"x-amzn-errortype": "InvalidSignatureException" + CORAL}
        failure = read_failure(403, {"message": said}, headers)
        self.assertEqual((401, "authentication"), (failure.status, failure.kind))
        self.assertNotIn("SECRET", failure.message)

    def test_quota(self) -> None:
        """J71, J74: throttling is a rate, a quota is a quota whatever its status."""
        throttled = read_failure(429, {"message": "Too many tokens, please wait."}, {})
        self.assertEqual((429, "rate_limit"), (throttled.status, throttled.kind))
        quota = read_failure(400, {}, {"x-amzn-errortype": "ServiceQuotaExceededException"})
        self.assertEqual((429, "quota"), (quota.status, quota.kind))

    def test_bodies(self) -> None:
        """J73: bodies of every sort have a message and a kind."""
        cases: list[tuple[int, Any, int, str, str]] = [
            (400, {"Message": "x"}, 400, "invalid_request", "x"),
            (403, {"Message": "not yours"}, 403, "permission", "not yours"),
            (503, "<html>x</html>", 503, "overloaded", SILENT.format(503)),
            (500, "", 500, "server", SILENT.format(500)),
            (502, " plain ", 502, "server", "plain"),
            (418, [], 400, "invalid_request", SILENT.format(418)),
            (424, {"message": " ", "originalMessage": "o"}, 502, "server", "o"),
            (429, {"message": 1}, 429, "rate_limit", SILENT.format(429)),
        ]
        for status, body, expected, kind, message in cases:
            failure = read_failure(status, body, {})
            self.assertEqual(
                (expected, kind, message), (failure.status, failure.kind, failure.message)
            )
        long = read_failure(400, {"message": "x" * 1000}, {})
        self.assertEqual(500, len(long.message))

    def test_model_errors(self) -> None:
        """An error of the model that was the request's fault is the caller's."""
        body = {"message": "m", "originalStatusCode": 400}
        failure = read_failure(424, body, {"x-amzn-errortype": "ModelErrorException"})
        self.assertEqual((400, "invalid_request"), (failure.status, failure.kind))

    def test_retry_after(self) -> None:
        """Seconds to wait are read where they are told."""
        for value, expected in (("7", 7), ("soon", None), ("\u00b2", None)):
            failure = read_failure(429, {}, {"retry-after": value})
            self.assertEqual(expected, failure.retry_after)

    def test_streams(self) -> None:
        """J58, J59: exceptions in streams have the same kinds, and those unknown are named."""
        cases: list[tuple[str, Any, int, str]] = [
            ("throttlingException", {"message": "m"}, 429, "rate_limit"),
            ("validationException", {"message": "m"}, 400, "invalid_request"),
            ("serviceUnavailableException", {"message": "m"}, 503, "overloaded"),
            ("modelStreamErrorException", {"originalMessage": "m"}, 502, "server"),
            ("modelTimeoutException", {"message": "m"}, 504, "timeout"),
            ("internalServerException", {"message": "m"}, 500, "server"),
            ("InternalError", {"message": "m"}, 500, "server"),
        ]
        for name, data, status, kind in cases:
            expected = Failure(status=status, kind=kind, message="m", code=name)
            self.assertEqual(expected, stream_failure(name, data))
        unknown = stream_failure("brandNew", None)
        self.assertEqual(("server", "brandNew"), (unknown.kind, unknown.code))
        self.assertIn("brandNew", unknown.message)
        self.assertIn("no reason", stream_failure("", {}).message)

    def test_shortened(self) -> None:
        """Names are compared without what differs from place to place."""
        for name in ("ThrottlingException", "throttlingException", "a.b#Throttling:http://x"):
            self.assertEqual("throttling", shortened(name))
        self.assertEqual("modelerror", shortened("ModelErrorException"))
        self.assertEqual("internal", shortened("InternalError"))

    def test_repairs(self) -> None:
        """J42, J67: three failures are worth another try in another way."""
        cases: list[tuple[str | None, int, str, str]] = [
            ("schema", 400, "ValidationException", EXTRA),
            ("schema", 400, "ValidationException", "x: output_config.format.schema: no"),
            ("schema", 400, "ValidationException", "Schema is too complex"),
            ("unary", 400, "ValidationException", NO_STREAM),
            ("unary", 400, "ValidationException", "The model is unsupported for streaming"),
            ("unary", 400, "ValidationException", "This model doesn't support streaming."),
            ("credentials", 403, "ExpiredTokenException", "expired"),
            (None, 403, "InvalidSignatureException", "x"),
            (None, 400, "ValidationException", "x"),
            (None, 429, "ThrottlingException", "Schema is too complex"),
        ]
        for expected, status, name, message in cases:
            failure = read_failure(status, {"message": message}, {"x-amzn-errortype": name})
            self.assertEqual(expected, repair_of(failure), message)
