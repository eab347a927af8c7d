from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import Thinking


class ThinkingTests(SynchronousTestCase):
    def test_text(self) -> None:
        """All words of a thought are its parts with an empty line between."""
        cases = [((), ""), (("a",), "a"), (("a", "b"), "a\n\nb")]
        for parts, expected in cases:
            self.assertEqual(expected, Thinking(parts=parts).text)
