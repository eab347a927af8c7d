from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.providers.models.names import (
    claude,
    is_arn,
    last,
    plain,
    without_geography,
)

PROFILE = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/"
MODEL = "arn:aws:bedrock:us-east-1::foundation-model/"
APPLICATION = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2"


class NamesTests(SynchronousTestCase):
    def test_arns(self) -> None:
        """What is an ARN, and what is none."""
        for model, expected in {
            MODEL: True,
            APPLICATION.upper(): True,
            "anthropic.claude-opus-4-8": False,
            "arn": False,
            "": False,
        }.items():
            self.assertEqual(expected, is_arn(model), model)

    def test_claude(self) -> None:
        """Every way to write a Claude's id comes to its maker's undated name."""
        cases = {
            "claude-opus-4-8": "claude-opus-4-8",
            "Claude-Opus-4-8": "claude-opus-4-8",
            "claude-opus-4-20250514": "claude-opus-4",
            "claude-opus-4-1-20250805": "claude-opus-4-1",
            "claude-opus-4-5@20251101": "claude-opus-4-5",
            "claude-3-5-sonnet-20241022": "claude-3-5-sonnet",
            "claude-3-5-sonnet-latest": "claude-3-5-sonnet",
            "claude-3-opus-20240229": "claude-3-opus",
            "anthropic/claude-sonnet-4.5": "claude-sonnet-4-5",
            "anthropic/claude-3.7-sonnet:thinking": "claude-3-7-sonnet",
            "anthropic.claude-3-haiku-20240307-v1:0": "claude-3-haiku",
            "anthropic.claude-3-sonnet-20240229-v1:0:200k": "claude-3-sonnet",
            "us.anthropic.claude-opus-4-6-v1": "claude-opus-4-6",
            "us.anthropic.claude-opus-4-6-v1:0": "claude-opus-4-6",
            "eu.anthropic.claude-sonnet-4-5-20250929-v1:0": "claude-sonnet-4-5",
            "global.anthropic.claude-haiku-4-5-20251001-v1:0": "claude-haiku-4-5",
            "us-gov.anthropic.claude-sonnet-4-6": "claude-sonnet-4-6",
            "anthropic.claude-v2": "claude-v2",
            "anthropic.claude-v2:1": "claude-v2",
            "anthropic.claude-instant-v1": "claude-instant",
            f"{PROFILE}us.anthropic.claude-sonnet-5": "claude-sonnet-5",
            f"{MODEL}anthropic.claude-sonnet-4-20250514-v1:0": "claude-sonnet-4",
            APPLICATION: "",
            "arn:aws:bedrock:us-east-1:1:application-inference-profile/claude-opus-5": "",
            "gpt-5": "",
            "claude-": "",
            "": "",
            "my-claude-opus-4-8": "",
            "x" * 100_000: "",
        }
        for model, expected in cases.items():
            self.assertEqual(expected, claude(model), model[:80])

    def test_plain(self) -> None:
        """An id without ARN and geography; an ARN that names no model gives none."""
        cases = {
            "us.amazon.nova-pro-v1:0": "amazon.nova-pro-v1:0",
            "amazon.nova-pro-v1:0:300k": "amazon.nova-pro-v1:0:300k",
            "apac.amazon.nova-lite-v1:0": "amazon.nova-lite-v1:0",
            "us.deepseek.r1-v1:0": "deepseek.r1-v1:0",
            "sa.model": "sa.model",
            f"{PROFILE}eu.meta.llama3-2-3b-instruct-v1:0": "meta.llama3-2-3b-instruct-v1:0",
            APPLICATION: "",
            "Qwen.Qwen3-32B-v1:0": "qwen.qwen3-32b-v1:0",
        }
        for model, expected in cases.items():
            self.assertEqual(expected, plain(model))

    def test_without_geography(self) -> None:
        """A profile's id as that of the model behind it, letters as they were."""
        self.assertEqual("amazon.Nova", without_geography("us.amazon.Nova"))
        self.assertEqual("amazon.nova-pro-v1:0", without_geography("amazon.nova-pro-v1:0"))
        arn = f"{PROFILE}us.amazon.nova-pro-v1:0"
        self.assertEqual("amazon.nova-pro-v1:0", without_geography(arn))
        self.assertEqual(APPLICATION, without_geography(APPLICATION))

    def test_last(self) -> None:
        """What follows the last slash."""
        for model in ("openai/gpt-oss-20b", "accounts/f/models/GPT-OSS-20b", "gpt-oss-20b"):
            self.assertEqual("gpt-oss-20b", last(model))
