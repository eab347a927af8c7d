from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import NO_EXTRAS, Extras
from magicgateway.conversation.ledger import Fields, Ledger
from magicgateway.dialects.openai_chat.extras import MESSAGES, put_back, rest_of
from tests.dialects.openai_chat.bodies import lines


class RestTests(SynchronousTestCase):
    def test_inner_objects(self) -> None:
        """What is left of an object in an object is named by its path."""
        part = Fields({"type": "t", "a": 1, "in": {"url": "u", "b": 2}}, "p")
        inner = part.fields("in")
        assert inner is not None
        part.text("type")
        inner.text("url")
        self.assertEqual(Extras(MESSAGES, "p", {"a": 1, "in.b": 2}), rest_of(part, **{"in": inner}))

    def test_nothing_left(self) -> None:
        """An object that was read to its end leaves nothing."""
        self.assertIs(NO_EXTRAS, rest_of(Fields({"a": None}, "p"), x=None))


class PutBackTests(SynchronousTestCase):
    def test_places(self) -> None:
        """Fields return to where they stood, and overwrite nothing."""
        target: dict[str, Any] = {"a": 1, "in": {"url": "u", "deep": {}}}
        ledger = Ledger()
        kept = {"a": 9, "b": 2, "in.c": 3, "in.deep.d": 4}
        put_back(target, Extras(MESSAGES, "p", kept), ledger)
        expected = {"a": 1, "b": 2, "in": {"url": "u", "c": 3, "deep": {"d": 4}}}
        self.assertEqual((expected, []), (target, lines(ledger)))

    def test_losses(self) -> None:
        """What has no place, or is another family's, is reported under its path."""
        ledger = Ledger()
        target: dict[str, Any] = {}
        put_back(target, Extras(MESSAGES, "p", {"in.c": 3}), ledger)
        put_back(target, Extras("anthropic", "q", {"x": 3}), ledger)
        self.assertEqual(({}, ["p.in.c;dropped", "q.x;dropped"]), (target, lines(ledger)))
