"""The words for why something did not arrive."""

from __future__ import annotations

import re

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.notes import CLAMPED, DROPPED, Note
from magicgateway.conversation.reasons import Reason


class ReasonTests(SynchronousTestCase):
    """The vocabulary of ``x-magicgateway-warning``."""

    def test_words(self) -> None:
        """Each is in kebab-case, has a meaning of one line, and nobody else's word or meaning."""
        self.assertEqual([], [r for r in Reason if not re.fullmatch(r"[a-z]+(-[a-z]+)*", r.value)])
        self.assertEqual(
            [], [r for r in Reason if not r.about or "\n" in r.about or "|" in r.about]
        )
        self.assertEqual(len(Reason), len({reason.about for reason in Reason}))

    def test_details(self) -> None:
        """What follows some words stands behind a hyphen, in lines and in the table of them."""
        self.assertEqual("s;clamped;at-most-4", Note("s", CLAMPED, Reason.AT_MOST, 4).line())
        self.assertEqual("s;dropped;blank", Note("s", DROPPED, Reason.BLANK).line())
        self.assertEqual(("at-most-N", "blank"), (Reason.AT_MOST.shown, Reason.BLANK.shown))
