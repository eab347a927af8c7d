"""What the gateway's own errors say."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.errors import ApiError, ConfigError, MagicGatewayError, UpstreamError


class ErrorTests(SynchronousTestCase):
    def test_config(self) -> None:
        """A wrong setting says where it stands, as far as that is known."""
        cases = {
            "it is wrong": ConfigError("it is wrong"),
            "server.listen: it is wrong": ConfigError("it is wrong", key="server.listen"),
            "/etc/x: a.b: it is wrong": ConfigError("it is wrong", source="/etc/x", key="a.b"),
        }
        for expected, error in cases.items():
            self.assertEqual(expected, str(error))

    def test_api(self) -> None:
        """A refusal knows all that an answer needs."""
        error = ApiError(429, "slow_down", "Wait.", param="model", retry_after=3, close=True)
        self.assertEqual("Wait.", str(error))
        self.assertEqual(
            (429, "slow_down", "model", 3, True),
            (error.status, error.code, error.param, error.retry_after, error.close),
        )

    def test_upstream(self) -> None:
        """A fault of the provider's keeps its cause for the operator apart from what is said."""
        error = UpstreamError(502, "x", "It broke.", outcome="truncated", detail="10.0.0.1 reset")
        self.assertNotIn("10.0.0.1", str(error))
        self.assertEqual(("truncated", "10.0.0.1 reset"), (error.outcome, error.detail))
        self.assertIsInstance(error, MagicGatewayError)
