"""Checks a body against AWS's own description of its API, which botocore brings along.

Every limit of length, range, pattern and enumeration comes from there, so that what the real
service refuses by its model is refused here, in the same words.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from attrs import frozen

from magicgateway.demo.aws.refusals import AwsRefusal, invalid

_RUNTIME = "bedrock-runtime"
_MAX_SHOWN = 10
_NUMBERS = ("integer", "long", "float", "double")


@cache
def _model() -> Mapping[str, Any]:
    from botocore.loaders import Loader  # noqa: PLC0415 - costs half a second, wanted rarely

    loader: Any = Loader()
    model: Mapping[str, Any] = loader.load_service_model(_RUNTIME, "service-2")
    return model


def check_body(operation: str, value: Mapping[str, Any]) -> None:
    """Check the body of an operation of the runtime.

    Raises:
        AwsRefusal: A value has the wrong kind, or breaks a rule of the model.
    """
    model = _model()
    shape = model["operations"][operation]["input"]["shape"]
    found = list(_Checks(model["shapes"]).structure(shape, value, ""))
    if found:
        noun = "error" if len(found) == 1 else "errors"
        shown = "; ".join(found[:_MAX_SHOWN])
        raise invalid(f"{len(found)} validation {noun} detected: {shown}")


@frozen
class _Checks:
    """Walks a value along the shapes of a model and yields what is wrong with it."""

    shapes: Mapping[str, Any]

    def any(self, name: str, value: Any, path: str) -> Iterator[str]:
        shape = self.shapes[name]
        kind = shape["type"]
        if shape.get("document"):
            return
        if kind == "structure":
            yield from self.structure(name, value, path)
        elif kind == "list":
            yield from _bounds(shape, len(_typed(value, list, path, "list")), path, value)
            member = shape["member"]["shape"]
            for index, item in enumerate(value):
                yield from self.any(member, item, f"{path}.{index + 1}.member")
        elif kind == "map":
            yield from _bounds(shape, len(_typed(value, dict, path, "map")), path, value)
            for key, item in value.items():
                yield from self.any(shape["key"]["shape"], key, f"{path}.{key}.key")
                yield from self.any(shape["value"]["shape"], item, f"{path}.{key}.value")
        elif kind == "boolean":
            _typed(value, bool, path, "boolean")
        elif kind in _NUMBERS:
            yield from _number(shape, value, path, kind)
        elif kind == "blob":
            yield from _blob(shape, value, path)
        else:
            yield from _string(shape, value, path)

    def structure(self, name: str, value: Any, path: str) -> Iterator[str]:
        shape = self.shapes[name]
        _typed(value, dict, path, "structure")
        members = {
            member.get("locationName", key): member
            for key, member in shape["members"].items()
            if "location" not in member
        }
        start = f"{path}." if path else ""
        given = {key: item for key, item in value.items() if item is not None}
        for key in given:
            if key not in members:
                place = f"#/{path.replace('.', '/')}" if path else "#"
                raise invalid(
                    f"Malformed input request: {place}: extraneous key [{key}] is not permitted, "
                    "please reformat your input and try again."
                )
        if shape.get("union") and len(given) != 1:
            raise invalid(
                f"The value at {path} must have exactly one of its members set: "
                f"{', '.join(sorted(members))}."
            )
        for key in shape.get("required", ()):
            if key in members and key not in given:
                rule = "failed to satisfy constraint: Member must not be null"
                yield f"Value at '{start}{key}' {rule}"
        for key, item in given.items():
            yield from self.any(members[key]["shape"], item, f"{start}{key}")


def _typed(value: Any, kind: type, path: str, name: str) -> Any:
    if not isinstance(value, kind):
        raise AwsRefusal(400, "SerializationException", f"Expected a {name} at '{path or '#'}'.")
    return value


def _failed(value: Any, path: str, rule: str) -> str:
    return f"Value '{str(value)[:60]}' at '{path}' failed to satisfy constraint: {rule}"


def _bounds(
    shape: Mapping[str, Any], size: float, path: str, value: Any, what: str = "length "
) -> Iterator[str]:
    """The rule that a size or a number breaks."""
    comparisons: tuple[tuple[str, Callable[[float, float], bool], str], ...] = (
        ("min", lambda found, limit: found < limit, "greater"),
        ("max", lambda found, limit: found > limit, "less"),
    )
    for key, broken, word in comparisons:
        if key in shape and broken(size, shape[key]):
            limit = shape[key]
            verb = "have" if what else "have value"
            rule = f"Member must {verb} {what}{word} than or equal to {limit}"
            yield _failed(value, path, rule)


def _number(shape: Mapping[str, Any], value: Any, path: str, kind: str) -> Iterator[str]:
    whole = kind in ("integer", "long")
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        raise AwsRefusal(400, "SerializationException", f"Expected a number at '{path}'.")
    yield from _bounds(shape, value, path, value, "")


def _blob(shape: Mapping[str, Any], value: Any, path: str) -> Iterator[str]:
    try:
        data = base64.b64decode(_typed(value, str, path, "blob"), validate=True)
    except binascii.Error:
        raise AwsRefusal(400, "SerializationException", f"No base64 at '{path}'.") from None
    yield from _bounds(shape, len(data), path, value)


def _string(shape: Mapping[str, Any], value: Any, path: str) -> Iterator[str]:
    _typed(value, str, path, "string")
    yield from _bounds(shape, len(value), path, value)
    if "enum" in shape and value not in shape["enum"]:
        known = ", ".join(shape["enum"])
        yield _failed(value, path, f"Member must satisfy enum value set: [{known}]")
    pattern = shape.get("pattern")
    if pattern and not re.fullmatch(pattern, value):
        rule = f"Member must satisfy regular expression pattern: {pattern}"
        yield _failed(value, path, rule)
