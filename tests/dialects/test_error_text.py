from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.dialects.error_text import typed, written
from magicgateway.errors import ApiError, UpstreamError


class TypedTests(SynchronousTestCase):
    def test_by_status(self) -> None:
        """A status has its own type, or that of whose fault it is."""
        cases: list[tuple[ApiError, str]] = [
            (ApiError(404, "c", "m"), "own"),
            (ApiError(400, "c", "m"), "caller"),
            (ApiError(500, "c", "m"), "gateway"),
            (UpstreamError(502, "c", "m", outcome="unreachable"), "gateway"),
            (UpstreamError(400, "c", "m", outcome="refused"), "gateway"),
            (UpstreamError(404, "c", "m", outcome="refused"), "own"),
        ]
        for error, expected in cases:
            with self.subTest(error=error):
                self.assertEqual(
                    expected, typed(error, {404: "own"}, caller="caller", gateway="gateway")
                )


class WrittenTests(SynchronousTestCase):
    def test_any_text_can_be_written(self) -> None:
        """Half a surrogate pair from a caller does not break the answer."""
        self.assertEqual(
            b'{"a":{"b":"x?","c":null,"d":1}}',
            written({"a": {"b": "x\ud800", "c": None, "d": 1}}),
        )
        self.assertEqual('{"a":"é\\n\\""}'.encode(), written({"a": 'é\n"'}))
