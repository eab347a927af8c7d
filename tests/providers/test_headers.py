"""Which fields pass for every provider."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.providers import headers


class AllowTests(SynchronousTestCase):
    def test_rate_limits(self) -> None:
        """The families that tell about a credential's limits."""
        for name in (
            b"x-ratelimit-limit-requests", b"anthropic-ratelimit-tokens-remaining", b"ratelimit",
            b"ratelimit-policy", b"ratelimit-reset", b"x-tokenlimit-remaining",
        ):  # fmt: skip
            self.assertTrue(headers.is_rate_limit(name), name)
        for name in (b"retry-after", b"x-rate", b"ratelimited"):
            self.assertFalse(headers.is_rate_limit(name), name)

    def test_never(self) -> None:
        """No row can allow credentials, cookies, forwarding, framing or our own fields."""
        for name in (
            b"authorization", b"cookie", b"set-cookie", b"host", b"content-length", b"connection",
            b"x-forwarded-for", b"forwarded", b"x-aws-secret-access-key", b"x-amz-security-token",
            b"proxy-authorization", b"access-control-allow-origin", b"x-magicgateway-key",
            b"x-magicapi-api-key", b"x-provider", b"transfer-encoding", b"te", b"upgrade",
            b"user-agent", b"accept-encoding", b"x-api-key", b"api-key", b"x-goog-api-key",
            b"proxy-connection", b"keep-alive", b"trailer", b"expect", b"x-forwarded-host",
        ):  # fmt: skip
            self.assertFalse(headers.may_be_allowed(name), name)
        self.assertTrue(headers.may_be_allowed(b"openai-organization"))

    def test_general_lists(self) -> None:
        """The general lists hold only what may be allowed, in lower case."""
        for name in headers.REQUEST | headers.RESPONSE:
            self.assertTrue(headers.may_be_allowed(name), name)
            self.assertEqual(name.lower(), name)
