"""JSON schemas as targets want them: with an object at the root, in a small vocabulary, strict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import define, field, frozen

from magicgateway.conversation.arguments import INPUT
from magicgateway.wire.jsontext import encode

MOST_OPTIONAL = 24
MOST_UNIONS = 16
MOST_STRICT_TOOLS = 20
DEEPEST = 60
"""Levels of a schema; a deeper one is not looked into."""

_COMBINED = ("anyOf", "oneOf", "allOf")
_DEFINITIONS = ("$defs", "definitions")
_FORMATS = frozenset({
    "date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid",
})  # fmt: skip
_ANNOTATIONS = frozenset({"$schema", "$id", "$comment", "examples", "deprecated", "readOnly"})
"""Say nothing that would bind a model, and are left out."""
_STRICT_UNKNOWN = frozenset({
    "allOf", "oneOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas",
    "patternProperties", "propertyNames", "unevaluatedProperties", "unevaluatedItems",
    "prefixItems", "contains", "minProperties", "maxProperties", "uniqueItems",
})  # fmt: skip
_BEYOND_REGULAR = ("(?=", "(?!", "(?<=", "(?<!", "(?P=", "\\b", "\\B", "\\k")


class Inexpressible(ValueError):
    """A schema that cannot be put into the small vocabulary.

    Args:
        reason: Why, a few words in kebab-case.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@frozen
class Restricted:
    """A schema in the small vocabulary.

    Attributes:
        changed: It does not say quite what the caller's did.
        optional: Properties that may be left out, for limits over a whole request.
        unions: Properties of several types, likewise.
    """

    schema: dict[str, Any]
    changed: bool
    optional: int = 0
    unions: int = 0


def is_wrapped(schema: Mapping[str, Any] | None) -> bool:
    """Whether ``object_schema`` puts a schema into ``input``: its root is not just an object."""
    if not schema:
        return False
    root = _resolved(schema)
    kind = root.get("type")
    if kind is None:
        return "properties" not in root and any(name in root for name in (*_COMBINED, "$ref"))
    return "object" not in (kind if isinstance(kind, list) else [kind])


def object_schema(schema: Mapping[str, Any] | None) -> dict[str, Any]:
    """The schema of a tool's arguments with an object at its root; all below stays as it is."""
    if not schema:
        return {"type": "object", "properties": {}}
    definitions = {name: schema[name] for name in _DEFINITIONS if name in schema}
    if is_wrapped(schema):
        inner = {name: value for name, value in schema.items() if name not in definitions}
        properties = {INPUT: inner}
        return {"type": "object", "properties": properties, "required": [INPUT], **definitions}
    root = _resolved(schema)
    if type(root) is dict and root.get("type") == "object":
        return root
    return {**root, "type": "object"}


def _resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """A schema whose root is a reference to one of its definitions with that in its place."""
    reference = schema.get("$ref")
    if not isinstance(reference, str):
        return schema
    place, _, name = reference.removeprefix("#/").rpartition("/")
    definitions = schema.get(place) if place in _DEFINITIONS else None
    found = definitions.get(name) if isinstance(definitions, Mapping) else None
    if not isinstance(found, Mapping) or "$ref" in found:
        return schema
    rest = {name: value for name, value in schema.items() if name != "$ref"}
    return {**found, **rest}


def is_strict(schema: Mapping[str, Any] | None) -> bool:
    """Whether OpenAI would take a schema as ``strict``: closed, and every property required."""
    if not schema or schema.get("type") != "object" or "anyOf" in schema:
        return False
    return _is_strict(schema, DEEPEST)


def _is_strict(schema: Any, depth: int) -> bool:
    if not isinstance(schema, Mapping) or depth == 0 or _STRICT_UNKNOWN & schema.keys():
        return False
    kind = schema.get("type")
    if kind == "object" or (isinstance(kind, list) and "object" in kind) or "properties" in schema:
        properties, required = schema.get("properties", {}), schema.get("required", [])
        if schema.get("additionalProperties") is not False:
            return False
        if not isinstance(properties, Mapping) or properties.keys() - _strings(required):
            return False
    return all(_is_strict(inner, depth - 1) for inner in _below(schema))


def _below(schema: Mapping[str, Any]) -> Iterator[Any]:
    """The schemas that stand in one."""
    for name in ("properties", *_DEFINITIONS):
        inner = schema.get(name)
        if isinstance(inner, Mapping):
            yield from inner.values()
    if "items" in schema:
        yield schema["items"]
    for name in _COMBINED:
        if isinstance(schema.get(name), list):
            yield from schema[name]


def restricted(schema: Mapping[str, Any] | None) -> Restricted:
    """A schema in the vocabulary of Anthropic's structured outputs.

    Objects are closed; what the vocabulary lacks is said in descriptions.

    Raises:
        Inexpressible: It is recursive, has an open object, or is beyond the limits.
    """
    if not schema:
        raise Inexpressible("open-object")
    work = _Restriction(schema)
    result = work.restrict(schema, DEEPEST)
    work.check_references()
    if work.optional > MOST_OPTIONAL:
        raise Inexpressible("too-many-optional-properties")
    if work.unions > MOST_UNIONS:
        raise Inexpressible("too-many-unions")
    return Restricted(result, work.changed, work.optional, work.unions)


@define
class _Restriction:
    """One schema being put into the small vocabulary. State: what was met on the way."""

    root: Mapping[str, Any]
    changed: bool = False
    optional: int = 0
    unions: int = 0
    inside: str = ""
    references: dict[str, set[str]] = field(factory=dict)
    """Names of definitions that each definition refers to; the root's is empty."""

    def restrict(self, schema: Any, depth: int) -> dict[str, Any]:
        """One schema and all below it."""
        if not isinstance(schema, Mapping):
            raise Inexpressible("open-schema")
        if depth == 0:
            raise Inexpressible("too-deep")
        result: dict[str, Any] = {}
        self._definitions(schema, result, depth)
        if "$ref" in schema:
            self.changed = self.changed or bool(
                schema.keys() - {"$ref", *_DEFINITIONS, "description", "title"}
            )
            result["$ref"] = self._reference(schema["$ref"])
            return result
        rest = {name: value for name, value in schema.items() if name not in _ANNOTATIONS}
        for name in _DEFINITIONS:
            rest.pop(name, None)
        self._combined(rest, result, depth)
        self._typed(rest, result)
        if "object" in _types(result):
            self._object(rest, result, depth)
        if isinstance(rest.get("items"), Mapping):
            result["items"] = self.restrict(rest.pop("items"), depth - 1)
        self._scalars(rest, result)
        self._describe(rest, result)
        return result

    def check_references(self) -> None:
        """Refuse a schema that stands in itself."""
        users: dict[str, list[str]] = {}
        for name, others in self.references.items():
            for other in others:
                users.setdefault(other, []).append(name)
        left = {name: len(others) for name, others in self.references.items()}
        free = [name for name in users if name not in left]
        while free:
            for user in users.get(free.pop(), ()):
                left[user] -= 1
                if not left[user]:
                    free.append(user)
        if any(left.values()):
            raise Inexpressible("recursive")

    def _definitions(self, schema: Mapping[str, Any], result: dict[str, Any], depth: int) -> None:
        for place in _DEFINITIONS:
            given = schema.get(place)
            if not isinstance(given, Mapping):
                continue
            if schema is not self.root:
                raise Inexpressible("nested-definitions")
            kept = result.setdefault("$defs", {})
            for name, inner in given.items():
                before, self.inside = self.inside, name
                kept[name] = self.restrict(inner, depth - 1)
                self.inside = before

    def _reference(self, reference: Any) -> str:
        place, _, name = str(reference).rpartition("/")
        if reference == "#":
            raise Inexpressible("recursive")
        definitions = self.root.get(place.removeprefix("#/"))
        if place not in ("#/$defs", "#/definitions") or not isinstance(definitions, Mapping):
            raise Inexpressible("foreign-reference")
        if name not in definitions:
            raise Inexpressible("foreign-reference")
        self.references.setdefault(self.inside, set()).add(name)
        return f"#/$defs/{name}"

    def _combined(self, rest: dict[str, Any], result: dict[str, Any], depth: int) -> None:
        for name in _COMBINED:
            options = rest.pop(name, None)
            if not isinstance(options, list) or not options:
                continue
            if name == "allOf" and any("$ref" in o for o in options if isinstance(o, Mapping)):
                raise Inexpressible("reference-in-all-of")
            kept = "allOf" if name == "allOf" else "anyOf"
            if kept in result:
                raise Inexpressible("two-unions")
            self.changed = self.changed or name == "oneOf"
            self.unions += kept == "anyOf"
            result[kept] = [self.restrict(option, depth - 1) for option in options]

    def _typed(self, rest: dict[str, Any], result: dict[str, Any]) -> None:
        kind = rest.pop("type", None)
        if kind is None and "properties" in rest:
            kind = "object"
        if isinstance(kind, list):
            self.unions += len(kind) > 1
        if isinstance(kind, str | list):
            result["type"] = kind
        enum = rest.get("enum")
        if isinstance(enum, list) and enum and all(map(_is_scalar, enum)):
            result["enum"] = rest.pop("enum")
        if "const" in rest and _is_scalar(rest["const"]):
            result["const"] = rest.pop("const")
        if not result.keys() & {"type", "enum", "const", "anyOf", "allOf"}:
            raise Inexpressible("open-schema")

    def _object(self, rest: dict[str, Any], result: dict[str, Any], depth: int) -> None:
        properties = rest.pop("properties", None) or {}
        closed = rest.pop("additionalProperties", None)
        if not isinstance(properties, Mapping) or closed not in (None, False):
            raise Inexpressible("open-object")
        if not properties and closed is None and "allOf" not in result:
            raise Inexpressible("open-object")
        result["properties"] = {
            name: self.restrict(inner, depth - 1) for name, inner in properties.items()
        }
        result["additionalProperties"] = False
        self.changed = self.changed or closed is None
        required = rest.get("required")
        self.optional += len(properties.keys() - _strings(required))
        if isinstance(required, list):
            result["required"] = rest.pop("required")

    def _scalars(self, rest: dict[str, Any], result: dict[str, Any]) -> None:
        for name in ("default", "title", "description"):
            if name in rest:
                result[name] = rest.pop(name)
        if isinstance(form := rest.get("format"), str) and form in _FORMATS:
            result["format"] = rest.pop("format")
        if rest.get("minItems") in (0, 1):
            result["minItems"] = rest.pop("minItems")
        pattern = rest.get("pattern")
        if isinstance(pattern, str) and not any(mark in pattern for mark in _BEYOND_REGULAR):
            result["pattern"] = rest.pop("pattern")

    def _describe(self, rest: dict[str, Any], result: dict[str, Any]) -> None:
        """Say what is left in words: a model may keep to it."""
        if not rest:
            return
        self.changed = True
        said = ", ".join(f"{name}: {encode(value).decode()}" for name, value in rest.items())
        before = result.get("description")
        result["description"] = f"{before}\n\n{{{said}}}" if before else f"{{{said}}}"


def _types(schema: Mapping[str, Any]) -> list[Any]:
    kind = schema.get("type")
    return kind if isinstance(kind, list) else [kind]


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool)


def _strings(values: Any) -> set[str]:
    return {v for v in values if isinstance(v, str)} if isinstance(values, list) else set()
