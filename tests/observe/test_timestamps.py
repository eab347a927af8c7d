from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.observe.timestamps import rfc3339


class Rfc3339Tests(SynchronousTestCase):
    def test_cases(self) -> None:
        """UTC, with exactly three digits of a second."""
        cases = [
            ("1970-01-01T00:00:00.000Z", 0),
            ("1970-01-01T00:00:00.001Z", 0.001),
            ("2026-07-14T03:33:20.000Z", 1784000000),
            ("2026-07-14T03:33:20.123Z", 1784000000.123),
            ("2026-07-14T03:33:20.999Z", 1784000000.9994),
            ("2026-07-14T03:33:21.000Z", 1784000000.9996),
            ("1969-12-31T23:59:58.500Z", -1.5004),
        ]
        for expected, seconds in cases:
            with self.subTest(seconds=seconds):
                self.assertEqual(expected, rfc3339(seconds))

    @given(st.integers(0, 4_000_000_000_000))
    def test_round_trip(self, milliseconds: int) -> None:
        """What another reader makes of it is the same millisecond."""
        text = rfc3339(milliseconds / 1000)
        moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
        self.assertEqual(milliseconds, round(moment.timestamp() * 1000))
