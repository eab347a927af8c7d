from __future__ import annotations

import itertools

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.policy import retry


class UnreachableTests(SynchronousTestCase):
    def test_one_more_try(self) -> None:
        """R0: a provider that refused the connection is tried once more, after a short pause."""
        self.assertEqual(0.05, retry.after_unreachable(1, "upstream_unreachable"))
        self.assertIsNone(retry.after_unreachable(2, "upstream_unreachable"))
        self.assertIsNone(retry.after_unreachable(3, "upstream_unreachable"))

    def test_other_failures(self) -> None:
        """A timeout, a certificate or a name does not get better in a moment."""
        for code in ("upstream_timeout", "upstream_tls", "upstream_dns", "upstream_broken", ""):
            self.assertIsNone(retry.after_unreachable(1, code))


class BreakTests(SynchronousTestCase):
    def test_only_the_stale_connection(self) -> None:
        """R1: only what the break of an idle connection looks like is sent again."""
        for reused, replied, malformed, repeatable in itertools.product((True, False), repeat=4):
            expected = (reused, replied, malformed, repeatable) == (True, False, False, True)
            with self.subTest(reused=reused, replied=replied, malformed=malformed):
                self.assertIs(
                    expected,
                    retry.after_break(
                        1,
                        reused=reused,
                        replied=replied,
                        malformed=malformed,
                        repeatable=repeatable,
                    ),
                )

    def test_it_ends(self) -> None:
        """However often it breaks, there are three attempts."""
        made = [
            retry.after_break(
                attempts, reused=True, replied=False, malformed=False, repeatable=True
            )
            for attempts in (1, 2, 3, 4)
        ]
        self.assertEqual([True, True, False, False], made)
