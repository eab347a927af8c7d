from __future__ import annotations

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.capabilities import PLAIN
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.limits import answer_limit, thought_and_forced
from magicgateway.errors import ApiError


class TogetherTests(SynchronousTestCase):
    def test_thought_and_forced(self) -> None:
        """Of the two that do not go together the choice is named, and the other in words."""
        refused = thought_and_forced("thinking")
        self.assertEqual((400, "tool_choice"), (refused.status, refused.param))
        self.assertIn("thinking: thinking with a budget", refused.message)


class LimitTests(SynchronousTestCase):
    """What becomes of a limit of the answer."""

    def test_of_the_model(self) -> None:
        """More than the model can is what it can, as reported; an unknown one may all."""
        known = evolve(PLAIN, max_output_tokens=1000)
        for limit, able, expected, notes in (
            (1, known, 1, []),
            (1000, known, 1000, []),
            (1001, known, 1000, ["max_tokens;clamped;at-most-1000"]),
            (10**20, PLAIN, 10**20, []),
        ):
            ledger = Ledger()
            self.assertEqual(expected, answer_limit(limit, "max_tokens", able, ledger))
            self.assertEqual(notes, [note.line() for note in ledger.notes])

    def test_nothing(self) -> None:
        """An answer of nothing is none."""
        for limit in (0, -1):
            with self.assertRaises(ApiError) as caught:
                answer_limit(limit, "max_tokens", PLAIN, Ledger())
            refused = caught.exception
            self.assertEqual((400, "max_tokens"), (refused.status, refused.param))
