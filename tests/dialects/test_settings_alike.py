"""Whatever the target, a setting means the same, and what cannot be had of it is told alike."""

from __future__ import annotations

from attrs import evolve

from magicgateway.conversation.ledger import Ledger
from magicgateway.dialects.catalogue import grammar
from magicgateway.errors import ApiError
from tests.dialects.test_alike import (
    ASKS,
    CHAT,
    CONVERSE,
    MESSAGES,
    RESPONSES,
    AlikeTestCase,
    chat,
)
from tests.docs.mappings import ABLE


class LimitTests(AlikeTestCase):
    """Limits of the answer."""

    def test_of_the_model(self) -> None:
        """More than the model can becomes what it can, as reported."""
        for target, able in ABLE.items():
            ledger = Ledger()
            request = grammar(CHAT).read_request(chat(ASKS, max_tokens=1001), ledger)
            known = evolve(able, max_output_tokens=1000)
            body = grammar(target).write_request(request, known, ledger).body
            names = ("max_completion_tokens", "max_output_tokens", "max_tokens")
            limits = [value for name, value in body.items() if name in names]
            limits += body.get("inferenceConfig", {}).values()
            notes = [note.line() for note in ledger.notes]
            self.assertEqual(([1000], ["max_tokens;clamped;at-most-1000"]), (limits, notes), target)


class ToolChoiceTests(AlikeTestCase):
    """Tools that have to be called and are not there."""

    def test_empty(self) -> None:
        """Of an empty list none can be called; only a demand to call one is a loss."""
        named = {"type": "function", "function": {"name": "f"}}
        for choice, told in (
            ("none", []),
            ("auto", []),
            ("required", ["tool_choice;dropped;unsupported-by-target"]),
            (named, ["tool_choice;dropped;unsupported-by-target"]),
        ):
            body = chat(ASKS, tools=[], tool_choice=choice)
            self.assertEqual([told], self.everywhere(CHAT, body, own=True))

    def test_absent(self) -> None:
        """Without a list the choice is refused, as it is by every provider."""
        body = chat(ASKS, tool_choice="required")
        self.assertEqual(["tool_choice"], self.everywhere(CHAT, body, own=True))

    def test_beside_a_budget(self) -> None:
        """Thinking by a budget and a call that is demanded are refused in the same words."""
        tool = {"type": "function", "function": {"name": "f"}}
        thinking = {"type": "enabled", "budget_tokens": 2048}
        body = chat(ASKS, tools=[tool], tool_choice="required", thinking=thinking)
        for target in (MESSAGES, CONVERSE):
            manual = evolve(ABLE[target].claude, thinking=frozenset({"enabled"}))
            request = grammar(CHAT).read_request(body, Ledger())
            able = evolve(ABLE[target], claude=manual)
            with self.assertRaises(ApiError) as caught:
                grammar(target).write_request(request, able, Ledger())
            self.assertEqual(
                (400, "tool_choice"), (caught.exception.status, caught.exception.param)
            )


class FormatTests(AlikeTestCase):
    """A ``json_schema`` that has no schema, as only chat's may."""

    def test_no_schema(self) -> None:
        """It is any JSON object, and nothing that could be held to strictly."""
        for more in ({}, {"schema": None}, {"strict": True}):
            shape = {"type": "json_schema", "json_schema": {"name": "n", **more}}
            body = chat(ASKS, response_format=shape)
            lost = "response_format.json_schema.strict;dropped;schema-not-strict"
            sent, notes = self.sent(CHAT, RESPONSES, body)
            expected = {"type": "json_schema", "name": "n", "schema": {"type": "object"}}
            self.assertEqual(expected, sent["text"]["format"])
            self.assertEqual([lost] if "strict" in more else [], notes)
            for target in (MESSAGES, CONVERSE):
                sent, notes = self.sent(CHAT, target, body)
                self.assertEqual(["response_format;emulated;by-prompt"], notes)
                self.assertIn("JSON object", sent["system"][0]["text"])
