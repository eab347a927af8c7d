"""How a difference is told in a header."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.notes import DROPPED, LONGEST_FIELD, MOST_LINES, Note, header_lines
from magicgateway.conversation.reasons import Reason


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

    def test_lines(self) -> None:
        """A line for each; of more than sixteen the last line says how many others there are."""
        notes = [Note(f"f{number}", DROPPED, Reason.BLANK) for number in range(18)]
        lines = [b"x-magicgateway-warning: f%d;dropped;blank\r\n" % n for n in range(MOST_LINES)]
        self.assertEqual([], header_lines([]))
        self.assertEqual(lines, header_lines(notes[:MOST_LINES]))
        counted = b"x-magicgateway-warning: *;dropped;others-3\r\n"
        self.assertEqual([*lines[:15], counted], header_lines(notes))
