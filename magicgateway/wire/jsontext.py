"""JSON text to values and back: the only module that knows which JSON library is used.

The library is msgspec: strict about RFC 8259 where it builds values, and the fastest of those that
have wheels for every platform. While it *skips* a value it checks everything but UTF-8.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import msgspec

Shape = msgspec.Struct
"""Base of the shapes that ``reader`` fills; fields that a shape lacks are skipped."""

Raw = msgspec.Raw
"""A value that was skipped, as its text."""

Count = Annotated[int, msgspec.Meta(ge=0)]
"""A whole number that counts something."""

T = TypeVar("T")

_PLACE = re.compile(r"(?:JSON is malformed: )?(.*?) \(byte (\d+)\)$")


class BadJson(ValueError):
    """Text that is not JSON, or a value that has no JSON text.

    Args:
        reason: What is wrong, a lower-case phrase.
        position: Offset in bytes at which it was noticed, if known.
    """

    def __init__(self, reason: str, position: int | None = None) -> None:
        super().__init__(reason if position is None else f"{reason} at byte {position}")
        self.reason = reason
        self.position = position


REFUSALS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What a function made by ``reader`` raises; ``bad_json`` reads them."""


def bad_json(error: Exception) -> BadJson:
    """One of ``REFUSALS`` in this module's own words."""
    if isinstance(error, UnicodeDecodeError):
        return BadJson("invalid UTF-8")
    if isinstance(error, RecursionError):
        return BadJson("nested too deeply")
    text = str(error)
    if found := _PLACE.match(text):
        past = found[1] == "trailing characters"  # the one case in which it counts from 1
        return BadJson(found[1], int(found[2]) - past)
    return BadJson("the text ends too early" if "truncated" in text else text)


def reader(shape: type[T]) -> Callable[[bytes], T]:
    """A function that decodes one JSON text into ``shape`` and raises one of ``REFUSALS``."""
    return msgspec.json.Decoder(shape).decode


_decode = reader(Any)
_encode = msgspec.json.Encoder().encode


def decode(data: bytes) -> Any:
    """The value of a JSON text; of keys given twice the last wins.

    Raises:
        BadJson: It is not valid JSON in UTF-8, or is nested deeper than can be read.
    """
    try:
        return _decode(data)
    except REFUSALS as error:
        raise bad_json(error) from error


def encode(value: Any) -> bytes:
    """Compact JSON text in UTF-8.

    Raises:
        BadJson: The value holds something that JSON has no word for, or a lone surrogate.
    """
    try:
        return _encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise BadJson(f"cannot be written as JSON: {type(error).__name__}") from error
