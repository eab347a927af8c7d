"""How a difference is told in a header."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.notes import DROPPED, LONGEST_FIELD, Note


class NoteTests(SynchronousTestCase):
    def test_line(self) -> None:
        """Field, action and reason, in visible ASCII whatever the caller's field is called."""
        for field, expected in (
            ("seed", "seed"),
            ("messages[0].a", "messages[0].a"),
            ("a;b,c", "a_b_c"),
            ("a\r\nx: y", "a__x: y"),
            ("caf\xe9", "caf\\xe9"),
            ("x" * 999, "x" * LONGEST_FIELD),
        ):
            self.assertEqual(
                f"{expected};dropped;unsupported-by-target", Note(field, DROPPED).line()
            )
