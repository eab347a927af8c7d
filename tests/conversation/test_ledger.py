from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import ANTHROPIC, NO_EXTRAS, OPENAI, Extras
from magicgateway.conversation.ledger import Fields, Ledger, invalid, joined
from magicgateway.conversation.notes import Note
from magicgateway.conversation.reasons import Reason
from magicgateway.errors import ApiError


class NoteTests(SynchronousTestCase):
    """One difference, as a header says it."""

    def test_lines(self) -> None:
        """A line is visible ASCII in three parts, whatever the field is called."""
        cases = [
            (Note("seed", "dropped"), "seed;dropped;unsupported-by-target"),
            (Note("a[0].b", "clamped", Reason.AT_MOST, 1), "a[0].b;clamped;at-most-1"),
            (Note("a;b,c\r\nd", "dropped", Reason.BLANK), "a_b_c__d;dropped;blank"),
            (Note("\u00e9", "dropped", Reason.BLANK), "\\xe9;dropped;blank"),
            (Note("\ud800", "dropped", Reason.BLANK), "\\ud800;dropped;blank"),
            (Note("x" * 500, "dropped", Reason.BLANK), "x" * 128 + ";dropped;blank"),
        ]
        for note, expected in cases:
            self.assertEqual(expected, note.line())


class LedgerTests(SynchronousTestCase):
    """The account of a translation."""

    def test_notes(self) -> None:
        """Each way to lose something is noted in order, and none twice."""
        ledger = Ledger()
        ledger.drop("a")
        ledger.clamp("b", Reason.AT_MOST, 1)
        ledger.emulate("c", Reason.BY_PROMPT)
        ledger.rewrite("d", Reason.AS_TEXT)
        ledger.drop("a")
        self.assertEqual(
            [
                "a;dropped;unsupported-by-target",
                "b;clamped;at-most-1",
                "c;emulated;by-prompt",
                "d;rewritten;told-as-text",
            ],
            [note.line() for note in ledger.notes],
        )

    def test_carry(self) -> None:
        """Extras go to their own family, and are reported to be lost for any other."""
        extras = Extras(OPENAI, "messages[0]", {"x": 1, "y": 2})
        ledger = Ledger()
        self.assertEqual({"x": 1, "y": 2}, ledger.carry(extras, OPENAI))
        self.assertEqual({}, ledger.carry(NO_EXTRAS, OPENAI))
        self.assertEqual((), ledger.notes)
        self.assertEqual({}, ledger.carry(extras, ANTHROPIC))
        self.assertEqual(["messages[0].x", "messages[0].y"], [n.field for n in ledger.notes])

    def test_strict(self) -> None:
        """Who wants no differences is told the first of them in a 422."""
        ledger = Ledger()
        ledger.check(strict=True)
        ledger.drop("b")
        ledger.clamp("a", Reason.AT_MOST, 1)
        ledger.check(strict=False)
        error = self.assertRaises(ApiError, ledger.check, strict=True)
        self.assertEqual((422, "strict_refusal", "b"), (error.status, error.code, error.param))
        self.assertIn("b;dropped;unsupported-by-target; a;clamped;at-most-1.", error.message)
        for number in range(20):
            ledger.drop(f"c{number}")
        error = self.assertRaises(ApiError, ledger.check, strict=True)
        self.assertIn("c13;", error.message)
        self.assertNotIn("c14;", error.message)

    def test_refusals(self) -> None:
        """Refusals are 400 and name the field, what it is, and what to do."""
        error = Ledger().unsupported("audio", "Anthropic messages", "leave it out")
        self.assertEqual(
            (400, "unsupported_parameter", "audio"), (error.status, error.code, error.param)
        )
        self.assertEqual("Anthropic messages has nothing like audio: leave it out.", error.message)
        self.assertEqual(
            "Anthropic messages has nothing like audio.",
            Ledger().unsupported("audio", "Anthropic messages").message,
        )
        error = invalid("messages[0]", "must be an object")
        self.assertEqual(
            (400, "invalid_request", "messages[0]"), (error.status, error.code, error.param)
        )
        self.assertEqual("messages[0] must be an object.", error.message)

    def test_places(self) -> None:
        """A field of the body itself has no place before it."""
        self.assertEqual(("a.b", "b"), (joined("a", "b"), joined("", "b")))


READS: list[tuple[str, Callable[[Fields], Any], Any, Any, str]] = [
    ("text", lambda f: f.text("x"), "a", 5, "must be a string"),
    ("flag", lambda f: f.flag("x"), False, 0, "must be true or false"),
    ("integer", lambda f: f.integer("x"), 5, 5.5, "must be a whole number"),
    ("integer of a flag", lambda f: f.integer("x"), 0, True, "must be a whole number"),
    ("number", lambda f: f.number("x"), 5.5, "5", "must be a number"),
    ("number of a flag", lambda f: f.number("x"), 1, False, "must be a number"),
    ("object", lambda f: f.object("x"), {"a": 1}, [], "must be an object"),
    ("list", lambda f: f.list("x"), [1, "a"], {}, "must be an array"),
    ("strings", lambda f: f.strings("x"), ["a", "b"], "ab", "must be an array"),
]
"""What is read, how, a value that fits, one that does not, and what is said of that."""


class FieldsTests(SynchronousTestCase):
    """One object while it is read."""

    def test_values(self) -> None:
        """A value of the type that was asked for is taken; nothing of it is left."""
        for name, read, fits, _, _ in READS:
            with self.subTest(name):
                fields = Fields({"x": fits}, "place")
                found = read(fields)
                self.assertEqual(fits, list(found) if isinstance(found, tuple) else found)
                self.assertIs(NO_EXTRAS, fields.rest(OPENAI))

    def test_absent(self) -> None:
        """Null is as good as absent, and neither is left over."""
        for name, read, _, _, _ in READS:
            for value in ({}, {"x": None}):
                with self.subTest(name, value=value):
                    fields = Fields(value)
                    self.assertIsNone(read(fields))
                    self.assertIs(NO_EXTRAS, fields.rest(OPENAI))

    def test_unfit(self) -> None:
        """A value of another type is a 400 that names it, or left over where one is lenient."""
        for name, read, _, unfit, said in READS:
            with self.subTest(name):
                error = self.assertRaises(ApiError, read, Fields({"x": unfit}, "place"))
                self.assertEqual((f"place.x {said}.", "place.x"), (error.message, error.param))
                fields = Fields({"x": unfit}, "place", lenient=True)
                self.assertIsNone(read(fields))
                self.assertEqual(Extras(OPENAI, "place", {"x": unfit}), fields.rest(OPENAI))

    def test_whole_numbers(self) -> None:
        """A number with nothing behind the point is whole."""
        value = Fields({"x": 5.0}).integer("x")
        self.assertEqual((5, int), (value, type(value)))

    def test_strings_of_others(self) -> None:
        """An array with something else in it is refused at that place, or left over."""
        error = self.assertRaises(ApiError, Fields({"x": ["a", 1]}).strings, "x")
        self.assertEqual("x[1]", error.param)
        fields = Fields({"x": ["a", 1]}, lenient=True)
        self.assertIsNone(fields.strings("x"))
        self.assertEqual({"x": ["a", 1]}, fields.rest(OPENAI).fields)

    def test_needed(self) -> None:
        """What has to be there is a 400 where it is not, or empty where one is lenient."""
        self.assertEqual("a", Fields({"x": "a"}).needed("x"))
        error = self.assertRaises(ApiError, Fields({}, "place").needed, "x")
        self.assertEqual("place.x is required.", error.message)
        self.assertEqual("", Fields({}, lenient=True).needed("x"))

    def test_nested(self) -> None:
        """Objects within are read in the same way, at their own places."""
        fields = Fields({"x": {"y": 5}, "z": [{"a": 1}, {"b": 2}]}, "place")
        inner = fields.fields("x")
        assert inner is not None
        self.assertEqual(("place.x", 5), (inner.place, inner.integer("y")))
        self.assertIsNone(fields.fields("none"))
        self.assertEqual(
            [("place.z[0]", {"a": 1}), ("place.z[1]", {"b": 2})],
            [(item.place, dict(item.rest(OPENAI).fields)) for item in fields.each("z")],
        )
        self.assertEqual([], list(fields.each("none")))

    def test_each_of_others(self) -> None:
        """An item that is no object is a 400 at its place, or passed over where one is lenient."""
        error = self.assertRaises(ApiError, list, Fields({"x": [{}, 5]}, "place").each("x"))
        self.assertEqual("place.x[1] must be an object.", error.message)
        items = list(Fields({"x": [5, {"y": 7}]}, lenient=True).each("x"))
        self.assertEqual(["x[1]"], [item.place for item in items])
        self.assertIsNone(items[0].text("y"))

    def test_looking(self) -> None:
        """Looking at a value does not take it; taking does, whatever its type."""
        given = {"x": [1], "y": None}
        fields = Fields(given)
        self.assertEqual((True, False, False), ("x" in fields, "y" in fields, "z" in fields))
        self.assertEqual([1], fields.peek("x"))
        self.assertEqual([1], fields.take("x"))
        self.assertIsNone(fields.take("x"))
        self.assertEqual({"x": [1], "y": None}, given)

    def test_leave(self) -> None:
        """What is left of an inner object is among the rest, by its path."""
        fields = Fields({"a": {"b": 1, "c": 2, "d": None}, "x": 3}, "p")
        inner = fields.fields("a")
        assert inner is not None
        inner.take("b")
        fields.leave("a", inner)
        self.assertEqual(Extras(OPENAI, "p", {"x": 3, "a.c": 2}), fields.rest(OPENAI))

    def test_rest(self) -> None:
        """What nobody took is carried along with its place and family, nulls left out."""
        fields = Fields({"x": 1, "y": None, "z": {"a": None}}, "place")
        fields.integer("x")
        self.assertEqual(Extras(OPENAI, "place", {"z": {"a": None}}), fields.rest(OPENAI))
