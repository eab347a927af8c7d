from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.parameters import ResponseFormat
from magicgateway.dialects.anthropic_messages.format_writer import Form, json_tool, write_form
from magicgateway.dialects.anthropic_messages.tool_writer import Strictness
from magicgateway.errors import ApiError
from tests.dialects.anthropic_messages.bodies import MODELS, lines

CLOSED = {
    "type": "object",
    "properties": {"a": {"type": "string"}},
    "required": ["a"],
    "additionalProperties": False,
}
OPEN = {"type": "object", "additionalProperties": True}


def form(
    given: ResponseFormat | None,
    model: str = "sonnet-5",
    *,
    forced: bool = False,
    can_force: bool = True,
    strictness: Strictness | None = None,
) -> tuple[Form, list[str]]:
    ledger = Ledger()
    made = write_form(
        given,
        "f",
        forced=forced,
        can_force=can_force,
        strictness=strictness or Strictness(),
        capabilities=MODELS[model],
        ledger=ledger,
    )
    return made, lines(ledger)


def schema(given: Any, **fields: Any) -> ResponseFormat:
    return ResponseFormat("json_schema", schema=given, **fields)


class FormatTests(SynchronousTestCase):
    def test_nothing(self) -> None:
        """Plain text needs nothing."""
        for given in (None, ResponseFormat("text")):
            self.assertEqual((Form(), []), form(given))

    def test_any_object(self) -> None:
        """An object of no schema is asked for in words."""
        made, notes = form(ResponseFormat("json_object"))
        self.assertEqual(["f;emulated;by-prompt"], notes)
        assert made.asked is not None
        self.assertIn("one JSON object", made.asked["text"])

    def test_native(self) -> None:
        """A schema that the model can be bound to goes as it is, with its description."""
        made, notes = form(schema(CLOSED))
        self.assertEqual(
            (Form(native={"type": "json_schema", "schema": CLOSED}), []), (made, notes)
        )
        made, _ = form(schema(CLOSED, description="d"))
        assert made.native is not None
        self.assertEqual("d", made.native["schema"]["description"])
        made, _ = form(schema({**CLOSED, "description": "own"}, description="d"))
        assert made.native is not None
        self.assertEqual("own", made.native["schema"]["description"])

    def test_by_tool(self) -> None:
        """Another schema, or another model, gets a tool that stands for it."""
        note = ["f;emulated;by-tool"]
        self.assertEqual((Form(tool=OPEN), note), form(schema(OPEN, strict=True)))
        self.assertEqual((Form(tool=CLOSED), note), form(schema(CLOSED), "old"))
        full = Strictness(optional=24, unions=16)
        one = {**CLOSED, "required": []}
        self.assertEqual((Form(tool=one), note), form(schema(one), strictness=full))
        made, notes = form(schema({"type": "array"}), "old")
        self.assertEqual((True, note), (made.wrapped, notes))
        assert made.tool is not None
        self.assertEqual({"input": {"type": "array"}}, made.tool["properties"])

    def test_by_prompt(self) -> None:
        """Where nothing can be forced the model is asked, unless the caller wants to be sure."""
        made, notes = form(schema(OPEN), can_force=False)
        self.assertEqual(["f;emulated;by-prompt"], notes)
        assert made.asked is not None
        self.assertIn('{"type":"object","additionalProperties":true}', made.asked["text"])
        refused = self.assertRaises(ApiError, form, schema(OPEN, strict=True), can_force=False)
        self.assertEqual((400, "f"), (refused.status, refused.param))

    def test_forced(self) -> None:
        """Where the caller's own tool has to be called there will be no such answer."""
        self.assertEqual(
            (Form(), ["f;dropped;tool-is-forced"]), form(schema(OPEN, strict=True), forced=True)
        )

    def test_refusals(self) -> None:
        """A format that is none."""
        refused = self.assertRaises(ApiError, form, ResponseFormat("odd"))
        self.assertEqual((400, "f"), (refused.status, refused.param))

    def test_tool(self) -> None:
        """The tool says what the caller said of the format."""
        made = Form(tool=CLOSED)
        for given, expected in (
            (schema(CLOSED, description="d"), "d"),
            (schema(CLOSED), "Give the answer in its final form."),
        ):
            self.assertEqual(
                {"name": "n", "description": expected, "input_schema": CLOSED},
                json_tool(made, given, "n"),
            )
