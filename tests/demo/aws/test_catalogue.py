from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.demo.aws.catalogue import (
    MODELS,
    PROFILES,
    foundation_models,
    inference_profiles,
    one_profile,
)
from magicgateway.demo.aws.refusals import AwsRefusal
from tests.demo.calls import call_of, json_of


def models(query: str = "") -> list[Any]:
    found: list[Any] = json_of(foundation_models(call_of(target="/foundation-models" + query)))[
        "modelSummaries"
    ]
    return found


def page(query: str = "") -> Any:
    return json_of(inference_profiles(call_of(target="/inference-profiles" + query)))


class ModelTests(SynchronousTestCase):
    def test_filters(self) -> None:
        """Models are listed, and filtered by what the query names."""
        self.assertEqual(len(MODELS), len(models()))
        for query, count in (
            ("?byProvider=Anthropic", 2),
            ("?byInferenceType=ON_DEMAND", 4),
            ("?byOutputModality=EMBEDDING", 2),
            ("?byOutputModality=TEXT&byInferenceType=ON_DEMAND", 2),
        ):
            with self.subTest(query=query):
                self.assertEqual(count, len(models(query)))


class ProfileTests(SynchronousTestCase):
    def test_pages(self) -> None:
        """Profiles come in pages, however many are asked for; the token leads to the next."""
        first = page("?maxResults=1000")
        second = page("?maxResults=1000&nextToken=" + first["nextToken"])
        names = [
            p["inferenceProfileId"] for f in (first, second) for p in f["inferenceProfileSummaries"]
        ]
        self.assertEqual([profile[0] for profile in PROFILES], names)
        self.assertNotIn("nextToken", second)

    def test_types(self) -> None:
        """Only profiles of the wanted type."""
        [only] = page("?type=APPLICATION")["inferenceProfileSummaries"]
        self.assertIn("application-inference-profile", only["inferenceProfileArn"])

    def test_bad_pages(self) -> None:
        """What is no page is refused."""
        for query in ("?maxResults=0", "?maxResults=x", "?nextToken=x", "?maxResults=1001"):
            with self.subTest(query=query):
                self.assertRaises(AwsRefusal, page, query)

    def test_one(self) -> None:
        """A profile is found by id and by ARN; one that is not there is refused."""
        arn = (
            "arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Aapplication-inference-profile%2Fdemo1234profile"
        )
        for name in ("demo1234profile", arn):
            self.assertEqual("APPLICATION", json_of(one_profile(call_of(), name))["type"])
        self.assertRaises(AwsRefusal, one_profile, call_of(), "x")
