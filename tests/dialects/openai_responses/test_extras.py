from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import ANTHROPIC, NO_EXTRAS, OPENAI, Extras
from magicgateway.conversation.ledger import Fields, Ledger
from magicgateway.dialects.openai_responses.extras import (
    ITEMS,
    give_back,
    own,
    report_rest,
    rest_of,
)


class ExtrasTests(SynchronousTestCase):
    def test_there_and_back(self) -> None:
        """What is left of an object and of objects in it goes back to where it stood."""
        fields = Fields({"a": 1, "in": {"b": 2, "c": 3}}, "input[0]")
        inner = fields.fields("in")
        assert inner is not None
        inner.take("b")
        extras = rest_of(fields, ITEMS, **{"in": inner, "out": None})
        self.assertEqual({"a": 1, "in.c": 3}, dict(extras.fields))

        target: dict[str, Any] = {"in": {"b": 2}, "a": 0}
        ledger = Ledger()
        give_back(target, extras, ledger)
        self.assertEqual({"in": {"b": 2, "c": 3}, "a": 0}, target)
        self.assertEqual((), ledger.notes)

    def test_losses(self) -> None:
        """What has no place any more, or is another family's, is reported by its path."""
        cases = [
            (Extras(OPENAI, "messages[0]", {"function.x": 1}), ["messages[0].function.x"]),
            (Extras(ANTHROPIC, "messages[0]", {"x": 1}), ["messages[0].x"]),
            (Extras(ITEMS, "input[0]", {"x": 1}), []),
        ]
        for extras, lost in cases:
            ledger = Ledger()
            give_back({}, extras, ledger)
            self.assertEqual(lost, [note.field for note in ledger.notes])

    def test_rest(self) -> None:
        """Objects without a place for extras have theirs reported."""
        ledger = Ledger()
        report_rest(Fields({"x": 1}, "tools[0]"), ledger)
        self.assertEqual(["tools[0].x"], [note.field for note in ledger.notes])
        self.assertEqual(NO_EXTRAS, rest_of(Fields({})))

    def test_own(self) -> None:
        """Only this dialect's own fields are known to be of an answer."""
        self.assertEqual({"x": 1}, dict(own(Extras(ITEMS, "", {"x": 1}))))
        self.assertEqual({}, dict(own(Extras(OPENAI, "", {"x": 1}))))
