from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.demo.example import instance
from magicgateway.demo.wording import digest


class ExampleTests(SynchronousTestCase):
    def test_kinds(self) -> None:
        """Every kind of schema has an instance of that kind."""
        seed = digest("seed")
        for schema, kind in (
            ({"type": "string"}, str),
            ({"type": "integer"}, int),
            ({"type": "number"}, float),
            ({"type": "boolean"}, bool),
            ({"type": "null"}, type(None)),
            ({"type": ["string", "null"]}, str),
            ({"type": "array", "items": {"type": "integer"}}, list),
            ({"type": "object"}, dict),
            ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, int),
            (None, dict),
        ):
            with self.subTest(schema=schema):
                self.assertIs(kind, type(instance(schema, seed)))

    def test_fixed_values(self) -> None:
        """A constant is itself, an enumeration gives one of its values."""
        self.assertEqual(7, instance({"const": 7}, digest("x")))
        self.assertIn(instance({"enum": ["a", "b"]}, digest("x")), ("a", "b"))

    def test_object(self) -> None:
        """An object has every property."""
        schema = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"const": 1}}}
        value = instance(schema, digest("x"))
        self.assertEqual(({"a", "b"}, 1), (set(value), value["b"]))

    def test_recursion(self) -> None:
        """A schema that holds itself comes to an end."""
        schema: dict[str, Any] = {"type": "object", "properties": {}}
        schema["properties"]["inner"] = schema
        depth, value = 0, instance(schema, digest("x"))
        while value:
            depth, value = depth + 1, value["inner"]
        self.assertEqual(7, depth)

    def test_references(self) -> None:
        """References are followed, and those that lead nowhere or in circles end."""
        schema = {
            "$defs": {"a/b": {"const": 7}, "loop": {"$ref": "#/$defs/loop"}},
            "type": "object",
            "properties": {
                "a": {"$ref": "#/$defs/a~1b"},
                "b": {"$ref": "#/$defs/none"},
                "c": {"$ref": "#/$defs/loop"},
                "d": {"anyOf": [{"$ref": "#/$defs/a~1b"}]},
            },
        }
        self.assertEqual({"a": 7, "b": {}, "c": {}, "d": 7}, instance(schema, digest("x")))

    def test_joined(self) -> None:
        """What must hold at once holds at once."""
        parts = [{"properties": {"a": {"const": 1}}}, {"properties": {"b": {"const": 2}}}, True]
        schema = {"type": "object", "properties": {"c": {"const": 3}}, "allOf": parts}
        self.assertEqual({"a": 1, "b": 2, "c": 3}, instance(schema, digest("x")))

    def test_bounds(self) -> None:
        """Bounds of numbers, lengths and lists are kept, and known formats."""
        for schema, value in (
            ({"type": "integer", "minimum": 40, "maximum": 40}, 40),
            ({"type": "integer", "exclusiveMinimum": 39, "exclusiveMaximum": 41}, 40),
            ({"type": "number", "maximum": 0.5}, 0.5),
            ({"type": "string", "maxLength": 0}, ""),
            ({"type": "string", "format": "date"}, "2026-09-21"),
            ({"type": "array", "items": {"const": 1}, "minItems": 3}, [1, 1, 1]),
            ({"type": "array", "items": {"const": 1}, "maxItems": 0}, []),
        ):
            with self.subTest(schema=schema):
                self.assertEqual(value, instance(schema, digest("x")))
        long = instance({"type": "string", "minLength": 50, "maxLength": 50}, digest("x"))
        self.assertEqual(50, len(long))

    def test_depth(self) -> None:
        """What is nested deeply is still of its kind; what need not be there is left out."""
        schema: dict[str, Any] = {"type": "string"}
        for _ in range(8):
            schema = {
                "type": "object",
                "properties": {"a": schema, "b": {"type": "array"}},
                "required": ["a"],
            }
        value = instance(schema, digest("x"))
        self.assertEqual(["a", "b"], list(value))
        for _ in range(6):
            value = value["a"]
        self.assertEqual(["a"], list(value))
