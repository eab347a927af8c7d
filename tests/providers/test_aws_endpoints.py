"""Where AWS services are, judged by botocore's own rules."""

from __future__ import annotations

import itertools
from typing import Any
from urllib.parse import unquote

from botocore.endpoint_provider import EndpointProvider
from botocore.loaders import Loader
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.errors import ApiError
from magicgateway.providers.aws_endpoints import (
    CONTROL,
    RUNTIME,
    Region,
    arn_region,
    choose_region,
    find_region,
    host,
    model_path,
)

PROFILE = "arn:aws:bedrock:eu-west-3:123456789012:application-inference-profile/abc"


def region(name: str) -> Region:
    found = find_region(name)
    assert found is not None, name
    return found


class RegionTests(SynchronousTestCase):
    """What is a region."""

    def test_every_region(self) -> None:
        """All regions that AWS lists are found, in their partition, and nothing else it lists."""
        for partition in Loader().load_data("partitions")["partitions"]:
            for name in partition["regions"]:
                found = find_region(name)
                if name.endswith("-global"):
                    self.assertIsNone(found, name)
                    continue
                self.assertEqual(partition["id"], found and found.partition, name)

    def test_a_newer_region(self) -> None:
        """A region that the installed data do not list yet is found by its form."""
        self.assertEqual("amazonaws.com", region("eu-newplace-7").suffix)

    def test_no_regions(self) -> None:
        """J6: What could lead a host name elsewhere is no region."""
        for name in (
            "", "us-east-1.evil.com#", "us-east-1.evil.com", "x.y/", "us-east-1\n", "\nus-east-1",
            "US-EAST-1", "a" * 300, "us-east-1 ", "us-east", "us-east-x", "us-éast-1",
            "us-east-\u0661", "us_east-1", "xx-east-1", "aws-global", "us-east-1@evil", "us--1",
            "us-verylongname-verylongname-1", "us-a-b-c-d-e-1", "us-east_1-1", "us-east-123",
        ):  # fmt: skip
            with self.subTest(name=name):
                self.assertIsNone(find_region(name))

    def test_choice(self) -> None:
        """The header wins, then the model's ARN, then the operator's choices, then us-east-1."""
        for expected, asked, model, configured in (
            ("us-west-2", "us-west-2", PROFILE, ("eu-north-1",)),
            ("eu-west-3", "", PROFILE, ("eu-north-1",)),
            ("eu-north-1", "", "amazon.nova-lite-v1:0", ("", "eu-north-1", "us-west-2")),
            ("us-east-1", "", "amazon.nova-lite-v1:0:a:b:c:d", ("", "")),
            ("us-east-1", "", "arn:aws:bedrock::123456789012:prompt/x", ()),
        ):
            self.assertEqual(expected, choose_region(asked, model, configured).name)

    def test_wrong_choice(self) -> None:
        """Who named what is no region is told so; nothing else is tried instead."""
        evil = "x.evil.com/?"
        for status, param, asked, model, configured in (
            (400, "x-aws-region", evil, PROFILE, ("eu-north-1",)),
            (400, "model", "", f"arn:aws:bedrock:{evil}:1:prompt/x", ("eu-north-1",)),
            (500, None, "", "m", ("", evil)),
        ):
            error = self.assertRaises(ApiError, choose_region, asked, model, configured)
            self.assertEqual(
                (status, "invalid_region", param), (error.status, error.code, error.param)
            )
            self.assertNotIn("evil", error.message)

    def test_arn(self) -> None:
        """Only an ARN names a region."""
        self.assertEqual("eu-west-3", arn_region(PROFILE))
        for model in ("", "arn", "arn:aws:bedrock:eu-west-3", "a:b:c:eu-west-3:d:e"):
            self.assertEqual("", arn_region(model))


class HostTests(SynchronousTestCase):
    """Host names."""

    def test_judge_agrees(self) -> None:
        """Every host name is the one that botocore's rules give."""
        loader = Loader()
        partitions = loader.load_data("partitions")
        for service in (RUNTIME, CONTROL):
            rules = loader.load_service_model(service, "endpoint-rule-set-1")
            judge: Any = EndpointProvider(rules, partitions)
            for name, fips, dual_stack in itertools.product(
                ("us-east-1", "cn-north-1", "us-gov-west-1", "eusc-de-east-1", "us-iso-east-1",
                 "us-isob-east-1", "eu-isoe-west-1", "us-isof-south-1", "ap-southeast-7"),
                (False, True),
                (False, True),
            ):  # fmt: skip
                url = judge.resolve_endpoint(Region=name, UseFIPS=fips, UseDualStack=dual_stack).url
                ours = host(service, region(name), fips=fips, dual_stack=dual_stack)
                self.assertEqual(url, f"https://{ours}")

    def test_examples(self) -> None:
        """J7: Some host names as people know them."""
        self.assertEqual(
            "bedrock-runtime.cn-north-1.amazonaws.com.cn", host(RUNTIME, region("cn-north-1"))
        )
        self.assertEqual(
            "bedrock-runtime.us-gov-west-1.amazonaws.com", host(RUNTIME, region("us-gov-west-1"))
        )
        self.assertEqual(
            "bedrock-runtime-fips.us-gov-west-1.amazonaws.com",
            host(RUNTIME, region("us-gov-west-1"), fips=True),
        )
        self.assertEqual("bedrock.us-east-1.amazonaws.com", host(CONTROL, region("us-east-1")))


class ModelPathTests(SynchronousTestCase):
    """The model in the path."""

    def test_encoded_once(self) -> None:
        """J3: Everything but letters, digits and ``-._~`` is encoded, once."""
        for expected, model in (
            ("anthropic.claude-v2%3A1", "anthropic.claude-v2:1"),
            ("a%2F..%2F..%2Fx", "a/../../x"),
            ("a%2F%2Fb", "a//b"),
            ("a%253Ab", "a%3Ab"),
            ("a.b_c-d~e", "a.b_c-d~e"),
            ("...", "..."),
        ):
            self.assertEqual(f"/model/{expected}/converse", model_path(model, "converse"))

    def test_arn_has_no_raw_slash(self) -> None:
        """J4: The path of an ARN has three slashes and nothing of the ARN is lost."""
        path = model_path(PROFILE, "converse-stream")
        self.assertEqual(3, path.count("/"))
        self.assertEqual(PROFILE, unquote(path.split("/")[2]))

    def test_what_no_model_is_called(self) -> None:
        """J5: An id that would change the path or the request is refused."""
        for model in (
            "", ".", "..", "a b", "a\r\nX: 1", "a\x00", "a?b", "a#b", "é", "a\n", "x" * 2049,
        ):  # fmt: skip
            with self.subTest(model=model):
                error = self.assertRaises(ApiError, model_path, model, "converse")
                self.assertEqual(
                    (400, "invalid_model", "model"), (error.status, error.code, error.param)
                )
        self.assertIn("x" * 2048, model_path("x" * 2048, "converse"))
