from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import CacheMark, Extras
from magicgateway.conversation.ledger import Fields, Ledger
from magicgateway.dialects.anthropic_messages.extras import put_back, rest_of, take_mark
from magicgateway.errors import ApiError
from tests.dialects.anthropic_messages.bodies import lines


class ExtrasTests(SynchronousTestCase):
    def test_there_and_back(self) -> None:
        """What is left of an object and of objects in it is put back where it was."""
        fields = Fields({"a": 1, "in": {"b": 2, "deep": {"c": 3}}, "taken": 4}, "x")
        fields.take("taken")
        inner = fields.fields("in")
        assert inner is not None
        extras = rest_of(fields, **{"in": inner})
        target: dict[str, Any] = {"in": {}}
        put_back(target, extras, Ledger())
        self.assertEqual({"a": 1, "in": {"b": 2, "deep": {"c": 3}}}, target)

    def test_no_place(self) -> None:
        """What has no place any more, or is another family's, is reported with its path."""
        ledger = Ledger()
        target: dict[str, Any] = {"a": 0}
        put_back(target, Extras("anthropic", "x", {"in.b": 1, "a": 2}), ledger)
        put_back(target, Extras("openai", "y", {"c": 3}), ledger)
        self.assertEqual({"a": 0}, target)
        self.assertEqual(["x.in.b;dropped", "y.c;dropped"], lines(ledger))

    def test_marks(self) -> None:
        """A cache mark is ephemeral, with a lifetime or without; another kind is refused."""
        cases: list[tuple[dict[str, Any], CacheMark | None]] = [
            ({}, None),
            ({"cache_control": {"type": "ephemeral"}}, CacheMark()),
            ({"cache_control": {"type": "ephemeral", "ttl": "1h"}}, CacheMark("1h")),
        ]
        for given, expected in cases:
            self.assertEqual(expected, take_mark(Fields(given))[0])
        refused = self.assertRaises(
            ApiError, take_mark, Fields({"cache_control": {"type": "eternal"}}, "x")
        )
        self.assertEqual("x.cache_control.type", refused.param)
