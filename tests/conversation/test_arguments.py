from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.arguments import arguments_object, parsed_arguments
from magicgateway.conversation.blocks import ToolCall
from magicgateway.conversation.ledger import Ledger
from magicgateway.errors import ApiError
from tests.conversation.turns_of import call


class ArgumentsTests(SynchronousTestCase):
    """Arguments as objects."""

    def test_objects(self) -> None:
        """What a model wrote becomes an object, and nothing is reported (I.8, I.16)."""
        cases: list[tuple[str, dict[str, Any]]] = [
            ("", {}),
            (" \n", {}),
            ("{}", {}),
            ('{"x":1,"y":{"z":[null]}}', {"x": 1, "y": {"z": [None]}}),
        ]
        for text, expected in cases:
            with self.subTest(text):
                ledger = Ledger()
                self.assertEqual(expected, arguments_object(call("c", "f", text), ledger))
                self.assertEqual(expected, parsed_arguments(text))
                self.assertEqual((), ledger.notes)

    def test_no_json(self) -> None:
        """What is no JSON goes on under a name of its own, and is reported (I.17)."""
        for text in ("{bad", '{"a":1}{"b":2}', "\ud800", "[" * 100_000):
            with self.subTest(text[:9]):
                ledger = Ledger()
                made = evolve(call("c", "f", text), field="messages[1].tool_calls[0]")
                self.assertEqual({"_raw_arguments": text}, arguments_object(made, ledger))
                self.assertEqual({"_raw_arguments": text}, parsed_arguments(text))
                self.assertEqual(
                    ["messages[1].tool_calls[0].arguments;rewritten;invalid-json"],
                    [note.line() for note in ledger.notes],
                )

    def test_no_object(self) -> None:
        """JSON that is no object is a 400 that names the place (J29)."""
        for text in ("[1]", "null", '"x"', "5", "true"):
            with self.subTest(text):
                made = evolve(call("c", "f", text), field="messages[1].tool_calls[0]")
                error = self.assertRaises(ApiError, arguments_object, made, Ledger())
                self.assertEqual(
                    (400, "messages[1].tool_calls[0].arguments"), (error.status, error.param)
                )
                self.assertEqual({"_raw_arguments": text}, parsed_arguments(text))

    def test_custom(self) -> None:
        """Free text is the one property of an object, whatever it looks like."""
        for text in ("", "x", "{bad", "[1]"):
            made = ToolCall(id="c", name="f", kind="custom", arguments=text)
            self.assertEqual({"input": text}, arguments_object(made, Ledger()))

    def test_wrapped(self) -> None:
        """A function whose schema was wrapped has its arguments wrapped as well."""
        for text, expected in (("[1]", [1]), ('{"a":1}', {"a": 1}), ("null", None)):
            made = call("c", "f", text)
            self.assertEqual({"input": expected}, arguments_object(made, Ledger(), {"f"}))
        self.assertEqual({}, arguments_object(call("c", "f", ""), Ledger(), {"f"}))
