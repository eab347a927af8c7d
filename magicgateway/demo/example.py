"""A JSON value for a JSON Schema: what the demo model answers where an answer must have a form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from magicgateway.demo.wording import digest

_WORDS = ("Oslo", "seven", "gateway", "blue", "tomorrow", "café")
_FORMATS = {
    "date": "2026-09-21",
    "date-time": "2026-09-21T14:13:20Z",
    "email": "demo@example.org",
    "uri": "https://example.org/",
    "uuid": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
}
_SIMPLE = ("boolean", "integer", "null", "number", "string")
_MAX_DEPTH = 6
_MAX_ITEMS = 64


def instance(schema: Any, seed: bytes) -> Any:
    """A JSON value of the kind that a schema describes, without claim to completeness.

    It keeps to types, enumerations, bounds, references and nesting; patterns and conditions are
    not looked at. What is nested too deeply is left out where it may be, and empty otherwise.
    """
    return _Examples(schema).of(schema, seed, 0)


@frozen
class _Examples:
    """Makes values; ``root`` is where references are looked up."""

    root: Any

    def of(self, schema: Any, seed: bytes, depth: int) -> Any:
        """A value for one schema inside the root."""
        if not isinstance(schema, dict):
            return {}
        kind = schema.get("type")
        kind = kind[0] if isinstance(kind, list) and kind else kind
        if "const" in schema or schema.get("enum") or kind in _SIMPLE:
            return _simple(schema, kind, seed[depth])
        if depth > _MAX_DEPTH:
            return [] if kind == "array" else {}
        if (merged := self._merged(schema)) is not None:
            return self.of(merged, seed, depth + 1)
        if kind == "array":
            return self._list(schema, seed, depth)
        return self._object(schema, seed, depth)

    def _merged(self, schema: Mapping[str, Any]) -> Any:
        """The schema with its reference or its parts put in place; None if it has neither."""
        if isinstance(place := schema.get("$ref"), str):
            return self._at(place)
        for key in ("anyOf", "oneOf", "allOf"):
            if isinstance(parts := schema.get(key), list) and parts:
                chosen = parts if key == "allOf" else parts[:1]
                rest = {name: value for name, value in schema.items() if name != key}
                return _joined([rest, *map(self._plain, chosen)])
        return None

    def _at(self, place: str) -> Any:
        value = self.root
        for part in place.split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            value = value.get(name) if isinstance(value, dict) else None
        return value

    def _plain(self, schema: Any) -> Any:
        """A schema after its reference was followed."""
        place = schema.get("$ref") if isinstance(schema, dict) else None
        return self._at(place) if isinstance(place, str) else schema

    def _list(self, schema: Mapping[str, Any], seed: bytes, depth: int) -> list[Any]:
        items = schema.get("items", {"type": "string"})
        least, most = _bound(schema, "minItems", 1), _bound(schema, "maxItems", _MAX_ITEMS)
        amount = min(max(1, least), most, _MAX_ITEMS)
        seeds = (seed, *(digest(str(number), seed.hex()) for number in range(1, amount)))
        return [self.of(items, inner, depth + 1) for inner in seeds[:amount]]

    def _object(self, schema: Mapping[str, Any], seed: bytes, depth: int) -> dict[str, Any]:
        properties = schema.get("properties")
        if not isinstance(properties, dict):
            return {}
        needed = schema.get("required")
        if depth >= _MAX_DEPTH - 1 and isinstance(needed, list):
            properties = {name: inner for name, inner in properties.items() if name in needed}
        return {
            name: self.of(inner, digest(name, seed.hex()), depth + 1)
            for name, inner in properties.items()
        }


def _simple(schema: Mapping[str, Any], kind: Any, luck: int) -> Any:
    """A value that holds no others."""
    if "const" in schema:
        return schema["const"]
    if isinstance(choices := schema.get("enum"), list):
        return choices[luck % len(choices)]
    if kind in ("integer", "number"):
        return _number(schema, luck % 9, whole=kind == "integer")
    if kind == "string":
        return _text(schema, _WORDS[luck % len(_WORDS)])
    return True if kind == "boolean" else None


def _joined(parts: list[Any]) -> dict[str, Any]:
    """Several schemas that hold at once, as one."""
    whole: dict[str, Any] = {}
    properties: dict[str, Any] = {}
    for part in parts:
        if isinstance(part, dict):
            properties |= part.get("properties") or {}
            whole |= part
    return {**whole, "properties": properties} if properties else whole


def _bound(schema: Mapping[str, Any], name: str, absent: int) -> int:
    value = schema.get(name)
    return value if isinstance(value, int) and value >= 0 else absent


def _text(schema: Mapping[str, Any], word: str) -> str:
    text = _FORMATS.get(str(schema.get("format")), word)
    least, most = _bound(schema, "minLength", 0), _bound(schema, "maxLength", len(text))
    while len(text) < min(least, 10_000):
        text += " " + word
    return text[: max(most, least)]


def _number(schema: Mapping[str, Any], luck: int, *, whole: bool) -> float:
    low, high = schema.get("minimum"), schema.get("maximum")
    step = 1 if whole else 0.5
    if isinstance(above := schema.get("exclusiveMinimum"), int | float):
        low = above + step
    if isinstance(below := schema.get("exclusiveMaximum"), int | float):
        high = below - step
    value: float = 1 + luck if whole else 1.5 + luck
    if isinstance(low, int | float):
        value = max(value, low)
    if isinstance(high, int | float):
        value = min(value, high)
    return value
