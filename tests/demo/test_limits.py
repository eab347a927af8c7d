from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.demo.limits import Limits, limits_of

MODEL = "anthropic.claude-haiku-4-5-20251001-v1:0"


class LimitTests(SynchronousTestCase):
    def test_ids(self) -> None:
        """Prefixes of regions and ARNs that name a model make no difference."""
        expected = limits_of(MODEL)
        self.assertTrue(expected.claude)
        for name in (
            "us." + MODEL,
            "us-gov." + MODEL,
            f"arn:aws:bedrock:us-east-1::foundation-model/{MODEL}",
            f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.{MODEL}",
        ):
            with self.subTest(name=name):
                self.assertEqual(expected, limits_of(name))

    def test_unknown(self) -> None:
        """What nothing is known of refuses nothing."""
        arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc"
        for name in ("demo", "someone.model-v1:0", arn):
            with self.subTest(name=name):
                self.assertEqual(Limits(redacted=True), limits_of(name))

    def test_generations(self) -> None:
        """Claude's generations differ in what they take."""
        for name, sampling, both, prefill, forced in (
            ("claude-v2:1", True, True, True, True),
            ("claude-3-5-sonnet-20241022-v2:0", True, True, True, True),
            ("claude-sonnet-4-20250514-v1:0", True, True, True, True),
            ("claude-opus-4-1-20250805-v1:0", True, True, True, True),
            ("claude-sonnet-4-5-20250929-v1:0", True, False, True, True),
            ("claude-opus-4-6-v1", True, False, False, True),
            ("claude-opus-4-8", False, True, False, True),
            ("claude-sonnet-5", False, True, False, True),
            ("claude-opus-5-5", False, True, False, False),
            ("claude-fable-5-1", False, True, False, False),
        ):
            with self.subTest(name=name):
                found = limits_of("anthropic." + name)
                self.assertEqual(
                    (sampling, both, prefill, forced),
                    (found.sampling, found.both, found.prefill, found.forced),
                )
