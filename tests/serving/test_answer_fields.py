"""What goes on of the head of an answer that was translated."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.errors import ApiError
from magicgateway.serving.answer_fields import door_fields, error_fields


class DoorFieldsTests(SynchronousTestCase):
    def take(self, fields: dict[str, str], *, anthropic: bool = False) -> list[str]:
        """The lines that a door's caller gets of a provider's fields."""
        raw = [(name.encode(), value.encode()) for name, value in fields.items()]
        lines, _ = door_fields(
            [b"%b: %b\r\n" % field for field in raw],
            {name.lower(): value for name, value in raw},
            identity_name=b"request-id" if anthropic else b"x-request-id",
            to_anthropic=anthropic,
            now=1_800_000_000,
        )
        return [line.decode().removesuffix("\r\n") for line in lines]

    def test_body(self) -> None:
        """F.4 version, F.4 retry: Only what describes the body is left out; the rest stays."""
        self.assertEqual(
            ["Retry-After: 7", "openai-version: 2020-10-01"],
            self.take(
                {
                    "Content-Type": "text/plain",
                    "Content-Language": "en",
                    "ETag": '"1"',
                    "Cache-Control": "no-store",
                    "Retry-After": "7",
                    "openai-version": "2020-10-01",
                }
            ),
        )

    def test_identity(self) -> None:
        """F.4 request id: The provider's goes by the door's name, whatever it is called."""
        for name in ("request-id", "X-Request-Id", "x-amzn-RequestId"):
            self.assertEqual(["x-request-id: r1"], self.take({name: "r1"}))
            self.assertEqual(["request-id: r1"], self.take({name: "r1"}, anthropic=True))

    def test_limits(self) -> None:
        """F.4 limits of requests: Limits go by the door's names, in its formats."""
        given = {"X-RateLimit-Limit-Requests": "60", "x-ratelimit-reset-requests": "6m0s"}
        self.assertEqual(
            [
                "anthropic-ratelimit-requests-limit: 60",
                "anthropic-ratelimit-requests-reset: 2027-01-15T08:06:00Z",
            ],
            self.take(given, anthropic=True),
        )
        self.assertEqual([f"{name.lower()}: {given[name]}" for name in given], self.take(given))


class ErrorFieldsTests(SynchronousTestCase):
    def test_said_once(self) -> None:
        """What an error says itself is not said again by the provider's line."""
        lines = [b"Retry-After: 1.5\r\n", b"x-should-retry: true\r\n", b"x-request-id: r\r\n"]
        plain = ApiError(429, "x", "x")
        timed = ApiError(429, "x", "x", retry_after=2)
        final = ApiError(429, "x", "x")
        final.should_retry = False
        for error, expected in ((plain, lines), (timed, lines[1:]), (final, lines[::2])):
            self.assertEqual(expected, list(error_fields(lines, error)))
