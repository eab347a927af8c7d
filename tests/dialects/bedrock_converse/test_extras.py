from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import CONVERSE, NO_EXTRAS, Extras
from magicgateway.conversation.ledger import Fields, Ledger
from magicgateway.dialects.bedrock_converse.extras import put_back, rest_of
from tests.dialects.bedrock_converse.bodies import lines


class ExtrasTests(SynchronousTestCase):
    def test_rest(self) -> None:
        """What is left is kept under the path to where it stood."""
        fields = Fields({"a": 1, "b": {"c": 2, "d": None}}, "p")
        inner = fields.fields("b")
        expected = Extras(CONVERSE, "p", {"a": 1, "b.c": 2})
        self.assertEqual(expected, rest_of(fields, {"b": inner, "e": None}))
        self.assertEqual(NO_EXTRAS, rest_of(Fields({})))

    def test_put_back(self) -> None:
        """It is put where it stood, if that place was written; else it is reported."""
        target: dict[str, Any] = {"x": {"y": {}}, "t": "s", "own": 1}
        extras = Extras(CONVERSE, "p", {"own": 2, "new": 3, "x.y.z": 4, "t.u": 5, "v.w": 6})
        ledger = Ledger()
        put_back(target, extras, ledger)
        self.assertEqual({"x": {"y": {"z": 4}}, "t": "s", "own": 1, "new": 3}, target)
        self.assertEqual(["p.t.u;dropped", "p.v.w;dropped"], lines(ledger))

    def test_grow(self) -> None:
        """At the top of a body the place is made."""
        target: dict[str, Any] = {}
        put_back(target, Extras(CONVERSE, "", {"v.w": 6}), Ledger(), grow=True)
        self.assertEqual({"v": {"w": 6}}, target)

    def test_foreign(self) -> None:
        """What is another family's is reported."""
        ledger = Ledger()
        target: dict[str, Any] = {}
        put_back(target, Extras("openai", "p", {"a": 1}), ledger)
        self.assertEqual(({}, ["p.a;dropped"]), (target, lines(ledger)))
