from __future__ import annotations

import uuid

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.demo.aws.refusals import AwsRefusal, aws_refused, invalid, is_aws, request_id
from magicgateway.demo.call import Refusal
from tests.demo.calls import call_of, json_of


class RefusalTests(SynchronousTestCase):
    def test_paths(self) -> None:
        """AWS's paths are told from everybody else's."""
        for path, expected in (
            ("/model/m/converse", True),
            ("/foundation-models?byProvider=x", True),
            ("/inference-profiles/x", True),
            ("/v1/models", False),
            ("/models", False),
        ):
            with self.subTest(path=path):
                self.assertIs(expected, is_aws(call_of(target=path)))

    def test_names(self) -> None:
        """An error has the name that was given, else the one of its status."""
        for refusal, name in (
            (invalid("no"), "ValidationException"),
            (
                AwsRefusal(400, "ServiceQuotaExceededException", "no"),
                "ServiceQuotaExceededException",
            ),
            (Refusal(429, "no"), "ThrottlingException"),
            (Refusal(418, "no"), "ValidationException"),
            (Refusal(599, "no"), "InternalServerException"),
            (
                AwsRefusal(403, "ExpiredTokenException", "no"),
                "ExpiredTokenException:http://internal.amazon.com/coral/com.amazon.coral.service/",
            ),
        ):
            with self.subTest(name=name):
                answer = aws_refused(refusal, ("a", "b"))
                self.assertEqual(refusal.status, answer.status)
                self.assertEqual((("a", "b"), ("x-amzn-errortype", name)), answer.headers)
                self.assertEqual({"message": "no"}, json_of(answer))

    def test_request_id(self) -> None:
        """The id is a UUID, the same for equal bodies."""
        first = request_id(call_of({"a": 1}))
        self.assertEqual(first, str(uuid.UUID(first)))
        self.assertEqual(first, request_id(call_of({"a": 1})))
        self.assertNotEqual(first, request_id(call_of({"a": 2})))
