from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.providers.row import Quirk
from magicgateway.providers.rows.quirks import CHECKED, MAX_TOKENS, drops, notes, renames

LINK = "https://example.com/docs"


class QuirksTests(SynchronousTestCase):
    def test_drops(self) -> None:
        """Fields with one reason become one quirk each."""
        self.assertEqual(
            (
                Quirk("drop", "n", "only one", LINK, "2026-01-02"),
                Quirk("drop", "seed", "only one", LINK, "2026-01-02"),
            ),
            drops("n", "seed", reason="only one", source=LINK, checked="2026-01-02"),
        )

    def test_renames(self) -> None:
        """A renamed field knows its new name, and the day when it was last checked."""
        (quirk,) = renames(MAX_TOKENS, source=LINK)
        self.assertEqual(
            ("rename", "max_completion_tokens", "max_tokens", CHECKED),
            (quirk.kind, quirk.subject, quirk.replacement, quirk.checked),
        )
        (quirk,) = renames({"seed": "random_seed"}, source=LINK, reason="its name")
        self.assertEqual("its name", quirk.reason)

    def test_notes(self) -> None:
        """Notes are for people: subject and what is odd about it."""
        self.assertEqual(
            (Quirk("note", "402", "no money", LINK, CHECKED),),
            notes({"402": "no money"}, source=LINK),
        )
