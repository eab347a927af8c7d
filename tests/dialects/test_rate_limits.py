"""Limits of a credential, told by the names that the caller's SDK knows."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.dialects.rate_limits import translated_limits

NOW = 1_800_000_000.25
"""2027-01-15T08:00:00.25Z"""


class LimitTests(SynchronousTestCase):
    def test_names(self) -> None:
        """F.4 limits of requests, F.4 limits of tokens: Each has its counterpart."""
        pairs = {
            "x-ratelimit-limit-requests": "anthropic-ratelimit-requests-limit",
            "x-ratelimit-remaining-requests": "anthropic-ratelimit-requests-remaining",
            "x-ratelimit-limit-tokens": "anthropic-ratelimit-tokens-limit",
            "x-ratelimit-remaining-tokens": "anthropic-ratelimit-tokens-remaining",
        }
        openai = {name: str(number) for number, name in enumerate(pairs)}
        anthropic = {name: str(number) for number, name in enumerate(pairs.values())}
        self.assertEqual(anthropic, translated_limits(openai, NOW, to_anthropic=True))
        self.assertEqual(openai, translated_limits(anthropic, NOW, to_anthropic=False))
        for fields, to_anthropic in ((openai, False), (anthropic, True)):
            self.assertEqual(fields, translated_limits(fields, NOW, to_anthropic=to_anthropic))

    def test_durations(self) -> None:
        """A duration becomes the time after it, to the next whole second."""
        for duration, expected in (
            ("1s", "2027-01-15T08:00:02Z"),
            ("20ms", "2027-01-15T08:00:01Z"),
            ("0s", "2027-01-15T08:00:01Z"),
            ("6m0s", "2027-01-15T08:06:01Z"),
            ("2m59.56s", "2027-01-15T08:03:00Z"),
            ("1h0m0.75s", "2027-01-15T09:00:01Z"),
            ("1d", "2027-01-16T08:00:01Z"),
            ("750000µs", "2027-01-15T08:00:01Z"),
            ("12.5", "2027-01-15T08:00:13Z"),
            (" 7 ", "2027-01-15T08:00:08Z"),
        ):
            fields = {"x-ratelimit-reset-tokens": duration}
            self.assertEqual(
                {"anthropic-ratelimit-tokens-reset": expected},
                translated_limits(fields, NOW, to_anthropic=True),
                duration,
            )

    def test_times(self) -> None:
        """A time becomes the duration until it, as OpenAI writes them."""
        for time, expected in (
            ("2027-01-15T08:00:01Z", "750ms"),
            ("2027-01-15T08:00:02Z", "2s"),
            ("2027-01-15T08:06:00Z", "6m0s"),
            ("2027-01-15T08:01:26.5+00:00", "1m27s"),
            ("2027-01-15T10:00:01+01:00", "1h0m1s"),
            ("2027-01-15T08:00:00Z", "0s"),
            ("2020-01-01T00:00:00Z", "0s"),
        ):
            fields = {"anthropic-ratelimit-requests-reset": time}
            self.assertEqual(
                {"x-ratelimit-reset-requests": expected},
                translated_limits(fields, NOW, to_anthropic=False),
                time,
            )

    def test_rest(self) -> None:
        """What has no counterpart, cannot be read or is there already goes on as it came."""
        for fields, to_anthropic in (
            ({"anthropic-ratelimit-input-tokens-remaining": "7"}, False),
            ({"anthropic-priority-input-tokens-limit": "7"}, False),
            ({"x-ratelimit-limit-project-tokens": "7"}, True),
            ({"ratelimit-policy": '"default";q=100'}, True),
            *(
                ({"x-ratelimit-reset-requests": value}, True)
                for value in ("", "soon", "1800000000", "1s 2s", "s", "1x", "-1s", "99999999999d")
            ),
            *(
                ({"anthropic-ratelimit-tokens-reset": value}, False)
                for value in ("", "6m0s", "2027-01-15T08:00:00", "2027-13-01T00:00:00Z")
            ),
            (
                {
                    "x-ratelimit-limit-tokens": "1",
                    "anthropic-ratelimit-tokens-limit": "2",
                },
                True,
            ),
        ):
            self.assertEqual(fields, translated_limits(fields, NOW, to_anthropic=to_anthropic))
