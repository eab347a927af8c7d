from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.demo.journal import KEPT_BODY, received
from tests.demo.calls import call_of


class JournalTests(SynchronousTestCase):
    def test_entry(self) -> None:
        """An entry tells what arrived, of a large body the beginning, and of the end nothing."""
        call = call_of(b"x" * (KEPT_BODY + 1), target="/a?b")
        entry = received(call, (("X-A", "1"), ("x-a", "2")), 3, 7.5)
        self.assertEqual(
            ("POST", "/a?b", 3, 7.5),
            (entry.method, entry.target, entry.connection, entry.received_at),
        )
        self.assertEqual((KEPT_BODY, KEPT_BODY + 1), (len(entry.body), entry.body_size))
        self.assertEqual(call.body_sha256, entry.body_sha256)
        self.assertEqual(
            (0, 0, False, None), (entry.sent, entry.status, entry.whole, entry.left_at)
        )

    def test_header(self) -> None:
        """Names are found in any spelling, the first of them counts."""
        entry = received(call_of(), (("X-A", "1"), ("x-a", "2")), 1, 0.0)
        self.assertEqual("1", entry.header("x-a"))
        self.assertIsNone(entry.header("x-b"))
