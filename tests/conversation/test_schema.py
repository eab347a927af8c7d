from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.schema import (
    Inexpressible,
    is_strict,
    is_wrapped,
    object_schema,
    restricted,
)

Schema = dict[str, Any]

STRING: Schema = {"type": "string"}
NODE: Schema = {"type": "object", "properties": {"next": {"$ref": "#/$defs/N"}}}


def closed(properties: Mapping[str, Any], *required: str) -> Schema:
    """An object that has no other properties."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


class RootTests(SynchronousTestCase):
    """An object at the root."""

    def test_roots(self) -> None:
        """A root becomes an object in the least way, and nothing below it changes (I.24, I.25)."""
        whole = {
            "type": "object",
            "properties": {"a": {"anyOf": [STRING, {"$ref": "#/$defs/x"}]}},
            "additionalProperties": False,
            "$defs": {"x": {"enum": [1]}},
        }
        options = {"anyOf": [STRING, {"$ref": "#/$defs/x"}], "$defs": {"x": STRING}}
        cases: list[tuple[Schema | None, Schema]] = [
            (None, {"type": "object", "properties": {}}),
            ({}, {"type": "object", "properties": {}}),
            ({"type": "object"}, {"type": "object"}),
            (whole, whole),
            ({"properties": {"a": STRING}}, {"type": "object", "properties": {"a": STRING}}),
            ({"description": "d"}, {"type": "object", "description": "d"}),
            ({"type": ["object", "null"]}, {"type": "object"}),
            ({"type": None}, {"type": "object"}),
            (
                {"$ref": "#/$defs/N", "$defs": {"N": NODE}, "title": "T"},
                {**NODE, "$defs": {"N": NODE}, "title": "T"},
            ),
            (
                {"type": "array", "items": STRING},
                {
                    "type": "object",
                    "properties": {"input": {"type": "array", "items": STRING}},
                    "required": ["input"],
                },
            ),
            (
                options,
                {
                    "type": "object",
                    "properties": {"input": {"anyOf": options["anyOf"]}},
                    "required": ["input"],
                    "$defs": {"x": STRING},
                },
            ),
        ]
        for schema, expected in cases:
            with self.subTest(schema):
                self.assertEqual(expected, object_schema(schema))
                self.assertEqual("input" in expected.get("properties", {}), is_wrapped(schema))

    def test_references_that_lead_nowhere(self) -> None:
        """A root that refers to nothing of its own is wrapped like any other that is no object."""
        cases: list[Schema] = [
            {"$ref": "#/$defs/x"},
            {"$ref": "#/$defs/x", "$defs": {"x": {"$ref": "#/$defs/x"}}},
            {"$ref": "#/$defs/x", "$defs": [1]},
            {"$ref": "https://x.test/"},
        ]
        for schema in cases:
            self.assertTrue(is_wrapped(schema))
        self.assertFalse(is_wrapped({"$ref": 5, "type": "object"}))

    def test_not_copied(self) -> None:
        """A schema that is well as it is stays the same value."""
        schema = {"type": "object", "properties": {}}
        self.assertIs(schema, object_schema(schema))


class StrictTests(SynchronousTestCase):
    """What OpenAI takes as strict."""

    def test_strict(self) -> None:
        """Closed objects all of whose properties are required, at every level."""
        cases: list[Schema] = [
            closed({}),
            closed({"a": STRING}, "a"),
            closed({"a": closed({"b": {"type": ["string", "null"]}}, "b")}, "a"),
            closed({"a": {"type": "array", "items": closed({"b": STRING}, "b")}}, "a"),
            closed({"a": {"anyOf": [STRING, {"type": "null"}]}}, "a"),
            {**closed({"a": {"$ref": "#/$defs/x"}}, "a"), "$defs": {"x": closed({})}},
        ]
        for schema in cases:
            with self.subTest(schema):
                self.assertTrue(is_strict(schema))

    def test_not_strict(self) -> None:
        """Anything else, and what OpenAI's strict schemas do not know."""
        open_object = {"type": "object", "properties": {}}
        cases: list[Schema | None] = [
            None,
            {},
            STRING,
            open_object,
            closed({"a": STRING}),
            {**closed({"a": STRING}), "required": 5},
            {**closed({}), "properties": []},
            {**closed({}), "anyOf": [closed({})]},
            closed({"a": open_object}, "a"),
            closed({"a": {"type": ["object", "null"]}}, "a"),
            closed({"a": {"properties": {}}}, "a"),
            closed({"a": {"type": "array", "items": open_object}}, "a"),
            closed({"a": {"anyOf": [open_object]}}, "a"),
            closed({"a": {"allOf": [STRING]}}, "a"),
            closed({"a": True}, "a"),
            {**closed({}), "$defs": {"x": open_object}},
            nested(200),
        ]
        for schema in cases:
            with self.subTest(str(schema)[:80]):
                self.assertFalse(is_strict(schema))


def nested(depth: int) -> Schema:
    """A closed object so many levels deep."""
    schema: Schema = closed({})
    for _ in range(depth):
        schema = closed({"a": schema}, "a")
    return schema


class RestrictedTests(SynchronousTestCase):
    """The small vocabulary."""

    def test_kept(self) -> None:
        """What the vocabulary has stays as it is (A.3)."""
        cases: list[Schema] = [
            closed({"a": STRING, "b": {"type": "integer", "default": 5}}, "a"),
            closed({"a": {"type": "string", "format": "date", "pattern": "^[a-z]+$"}}),
            closed({"a": {"type": "array", "items": STRING, "minItems": 1}}),
            closed({"a": {"enum": ["x", 1, None, True]}, "b": {"const": "x"}}),
            closed({"a": {"anyOf": [STRING, {"type": "null"}], "title": "T", "description": "d"}}),
            closed({"a": {"allOf": [STRING]}}),
            {**closed({"a": {"$ref": "#/$defs/x"}}), "$defs": {"x": STRING}},
            {"type": ["object", "null"], **{k: v for k, v in closed({}).items() if k != "type"}},
            {"type": "array", "items": STRING},
        ]
        for schema in cases:
            with self.subTest(schema):
                result = restricted(schema)
                self.assertEqual((schema, False), (result.schema, result.changed))

    def test_changed(self) -> None:
        """What it lacks is described, objects are closed, one-of is any-of (I.40, J40)."""
        cases: list[tuple[Schema, Schema]] = [
            (
                {"type": "string", "minLength": 3, "pattern": "(?=x)"},
                {"type": "string", "description": '{minLength: 3, pattern: "(?=x)"}'},
            ),
            (
                {"type": "integer", "minimum": 1, "description": "A number"},
                {"type": "integer", "description": "A number\n\n{minimum: 1}"},
            ),
            ({"oneOf": [STRING, {"type": "null"}]}, {"anyOf": [STRING, {"type": "null"}]}),
            (
                {"type": "string", "format": "color"},
                {"type": "string", "description": '{format: "color"}'},
            ),
            (
                {"type": "array", "items": STRING, "minItems": 2},
                {"type": "array", "items": STRING, "description": "{minItems: 2}"},
            ),
            (
                {"type": "array", "items": [STRING]},
                {"type": "array", "description": '{items: [{"type":"string"}]}'},
            ),
            (
                {"type": "string", "enum": [{"a": 1}]},
                {"type": "string", "description": '{enum: [{"a":1}]}'},
            ),
            (
                {"type": "object", "properties": {"a": STRING}},
                {"type": "object", "properties": {"a": STRING}, "additionalProperties": False},
            ),
            (
                {"properties": {"a": STRING}},
                {"type": "object", "properties": {"a": STRING}, "additionalProperties": False},
            ),
        ]
        for schema, expected in cases:
            with self.subTest(schema):
                result = restricted(schema)
                self.assertEqual((expected, True), (result.schema, result.changed))

    def test_rewritten_references(self) -> None:
        """Definitions stand under one name; what stands beside a reference is not said."""
        schema = {**closed({"a": {"$ref": "#/definitions/x"}}), "definitions": {"x": STRING}}
        expected = {**closed({"a": {"$ref": "#/$defs/x"}}), "$defs": {"x": STRING}}
        self.assertEqual(expected, restricted(schema).schema)
        beside = {"$ref": "#/$defs/x", "$defs": {"x": STRING}, "minLength": 1}
        result = restricted(beside)
        self.assertEqual(
            ({"$ref": "#/$defs/x", "$defs": {"x": STRING}}, True), (result.schema, result.changed)
        )

    def test_annotations(self) -> None:
        """What binds no model is left out without a word."""
        schema = {"$schema": "s", "$id": "i", "examples": [1], **closed({})}
        self.assertEqual(
            (closed({}), False), (restricted(schema).schema, restricted(schema).changed)
        )

    def test_counts(self) -> None:
        """Optional properties and unions are counted over all levels."""
        schema = closed(
            {"a": closed({"b": {"type": ["string", "null"]}}), "c": {"anyOf": [STRING, STRING]}},
            "a",
        )
        result = restricted(schema)
        self.assertEqual((2, 2), (result.optional, result.unions))

    def test_inexpressible(self) -> None:
        """What cannot be said at all is refused with its reason."""
        chain = {f"d{n}": {"$ref": f"#/$defs/d{n + 1}"} for n in range(5000)}
        cases: list[tuple[Schema | None, str]] = [
            (None, "open-object"),
            ({}, "open-object"),
            ({"type": "object"}, "open-object"),
            ({"type": "object", "properties": {}}, "open-object"),
            ({"type": "object", "properties": []}, "open-object"),
            ({"type": "object", "properties": [1]}, "open-object"),
            ({**closed({"a": STRING}), "additionalProperties": True}, "open-object"),
            ({**closed({"a": STRING}), "additionalProperties": STRING}, "open-object"),
            (closed({"a": {"type": "object"}}), "open-object"),
            (closed({"a": True}), "open-schema"),
            (closed({"a": {"description": "anything"}}), "open-schema"),
            (closed({"a": {"enum": []}}), "open-schema"),
            (closed({"a": {"$ref": "#"}}), "recursive"),
            ({**closed({"a": {"$ref": "#/$defs/N"}}), "$defs": {"N": {**NODE}}}, "recursive"),
            (
                {**closed({}), "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
                "recursive",
            ),
            ({**closed({}), "$defs": {**chain, "d5000": {"$ref": "#/$defs/d0"}}}, "recursive"),
            (closed({"a": {"$ref": "#/$defs/N"}}), "foreign-reference"),
            ({**closed({"a": {"$ref": "#/$defs/N"}}), "$defs": {}}, "foreign-reference"),
            (closed({"a": {"$ref": "#/properties/a"}}), "foreign-reference"),
            (closed({"a": {"$ref": "https://x.test/s.json"}}), "foreign-reference"),
            (closed({"a": {**STRING, "$defs": {"x": STRING}}}), "nested-definitions"),
            (
                {**closed({"a": {"allOf": [{"$ref": "#/$defs/x"}]}}), "$defs": {"x": STRING}},
                "reference-in-all-of",
            ),
            (closed({"a": {"anyOf": [STRING], "oneOf": [STRING]}}), "two-unions"),
            (closed({f"p{n}": STRING for n in range(25)}), "too-many-optional-properties"),
            (
                closed(
                    {f"p{n}": {"type": ["string", "null"]} for n in range(17)},
                    *(f"p{n}" for n in range(17)),
                ),
                "too-many-unions",
            ),
            (nested(200), "too-deep"),
        ]
        for schema, reason in cases:
            with self.subTest(str(schema)[:80]):
                error = self.assertRaises(Inexpressible, restricted, schema)
                self.assertEqual(reason, error.reason)

    def test_several_references(self) -> None:
        """A definition that refers to two others, and two that refer to one, are no recursion."""
        both = closed({"b": {"$ref": "#/$defs/b"}, "c": {"$ref": "#/$defs/c"}})
        definitions = {"a": both, "b": {"$ref": "#/$defs/c"}, "c": STRING}
        schema = {**closed({"a": {"$ref": "#/$defs/a"}}), "$defs": definitions}
        self.assertEqual(schema, restricted(schema).schema)

    def test_long_chains(self) -> None:
        """Definitions that refer to one another, however many, are no recursion."""
        chain: Schema = {f"d{n}": {"$ref": f"#/$defs/d{n + 1}"} for n in range(5000)}
        schema = {**closed({"a": {"$ref": "#/$defs/d0"}}), "$defs": {**chain, "d5000": STRING}}
        self.assertEqual(schema, restricted(schema).schema)

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.sampled_from(["object", "array", "#"]),
            lambda inner: st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["type", "properties", "required", "items", "anyOf", "allOf", "$ref", "$defs",
                     "enum", "const", "additionalProperties", "format", "minItems", "pattern"]
                ),
                inner,
                max_size=5,
            ),
        )
    )  # fmt: skip
    def test_hostile(self, value: Any) -> None:
        """Whatever is given as a schema, it is put into the vocabulary or refused with a reason."""
        if not isinstance(value, dict):
            return
        before = str(value)
        is_strict(value)
        self.assertEqual("object", object_schema(value)["type"])
        try:
            self.assertIsInstance(restricted(value).schema, dict)
        except Inexpressible as error:
            self.assertNotEqual("", error.reason)
        self.assertEqual(before, str(value))
