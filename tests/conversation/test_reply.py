from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.reply import NO_USAGE, Usage


class UsageTests(SynchronousTestCase):
    def test_sums(self) -> None:
        """Sums are of what is known, and of nothing known there is no sum (I.51, J51)."""
        cases = [
            (NO_USAGE, None, None),
            (Usage(input=0), 0, 0),
            (Usage(output=7), None, 7),
            (Usage(input=10, cache_write=5, cache_read=100, output=7), 115, 122),
            (Usage(cache_read=100), 100, 100),
            (Usage(input=10, output=7, reasoning=5, searches=2), 10, 17),
        ]
        for usage, prompt, total in cases:
            with self.subTest(usage):
                self.assertEqual((prompt, total), (usage.prompt, usage.total))
