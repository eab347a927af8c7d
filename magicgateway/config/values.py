"""One value of one key: from TOML, or from the text of an environment variable."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from magicgateway.config.references import Reference, reference
from magicgateway.config.secret import Secret
from magicgateway.config.unfit import Unfit
from magicgateway.wire import jsontext

LARGEST_COUNT = 2**53
LONGEST_SECONDS = 366 * 86_400
"""A longer wait is a typing error, and beyond what every timer can hold."""

_INTEGER = re.compile(r"[+-]?[0-9]+(?:_[0-9]+)*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_TYPES: tuple[tuple[type, str], ...] = (
    (bool, "true or false"),
    (int, "a whole number"),
    (float, "a number"),
    (str, "a string"),
    (list, "a list"),
    (Mapping, "a table"),
)


def said_type(value: object) -> str:
    """What a TOML value is, for people."""
    return next((said for kind, said in _TYPES if isinstance(value, kind)), "a date or time")


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise Unfit(f"it is {said_type(value)}; write true or false without quotes")
    return value


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Unfit(f"it is {said_type(value)}; write a whole number without quotes")
    if value > LARGEST_COUNT:
        raise Unfit(f"it is larger than {LARGEST_COUNT}; write a smaller number")
    return value


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unfit(f"it is {said_type(value)}; write a number without quotes")
    # Compared before it is converted: an integer may be too large for a float.
    if not -math.inf < value <= LONGEST_SECONDS:
        raise Unfit(f"it is not a number of seconds up to {LONGEST_SECONDS}; write one")
    return float(value)


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise Unfit(f"it is {said_type(value)}; write a string in quotes")
    if _CONTROL.search(value):
        raise Unfit("it holds a control character; remove it")
    return value.strip()


def _words(value: object) -> str:
    text = _string(value)
    if not text:
        raise Unfit("it is empty; write a value or remove the key")
    return text


def _strings(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise Unfit(f"it is {said_type(value)}; write a list of strings in brackets")
    for number, entry in enumerate(value, 1):
        if not isinstance(entry, str):
            raise Unfit(f"entry {number} is {said_type(entry)}; write a string in quotes")
        if not entry.strip():
            raise Unfit(f"entry {number} is empty; remove it")
    return tuple(_string(entry) for entry in value)


def _reference(value: object) -> Reference:
    if not isinstance(value, str):
        raise Unfit(f'it is {said_type(value)}; write "env:NAME" or "file:PATH"')
    return reference(value)


def _name_or_names(value: object) -> str | tuple[str, ...]:
    if not isinstance(value, list):
        return _words(value)
    if not value:
        raise Unfit("it is an empty list; write a name or remove the key")
    return _strings(value)


def _references(value: object) -> tuple[Reference, ...]:
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise Unfit('it is not a list of strings; write ["env:NAME"] or ["file:PATH"]')
    return tuple(reference(entry) for entry in value)


def _string_table(value: object) -> Mapping[str, str]:
    if not isinstance(value, Mapping):
        raise Unfit(f"it is {said_type(value)}; write a table of strings")
    for name, entry in value.items():
        if not name.strip() or not isinstance(entry, str) or not entry.strip():
            raise Unfit("it is not a table of names and strings without empty ones; write one")
    return MappingProxyType({_string(name): _string(entry) for name, entry in value.items()})


_FITS: Mapping[Any, Callable[[object], object]] = {
    bool: _boolean,
    int: _count,
    float: _seconds,
    str: _string,
    int | None: _count,
    str | None: _words,
    str | tuple[str, ...] | None: _name_or_names,
    tuple[str, ...]: _strings,
    tuple[str, ...] | None: _strings,
    Secret | None: _reference,
    tuple[Secret, ...]: _references,
    Mapping[str, str]: _string_table,
}


def fit(kind: Any, value: object) -> object:
    """A TOML value as a setting's; secrets become a ``Reference``.

    Args:
        kind: The setting's annotation.
        value: What ``tomllib`` read.

    Raises:
        Unfit: It does not fit.
    """
    return _FITS[kind](value)


def from_text(kind: Any, text: str) -> object:
    """What a variable's text says, as ``tomllib`` would have read it.

    Args:
        kind: The setting's annotation; None for a whole table.
        text: The variable's value.

    Raises:
        Unfit: It cannot be read as that.
    """
    text = text.strip()
    if kind in (str, str | None, Secret | None):
        return text
    if kind is None or kind == Mapping[str, str]:
        return _table_in(text)
    if kind == str | tuple[str, ...] | None:
        return _list_in(text) if text.startswith("[") or "," in text else text
    if kind in (tuple[str, ...], tuple[str, ...] | None, tuple[Secret, ...]):
        if not text and kind == tuple[Secret, ...]:
            # Perhaps a variable that was to be filled in: an open gateway must not come of that.
            raise Unfit("it is empty; set it, or remove it for an open gateway")
        return _list_in(text)
    if kind is bool:
        if text.lower() not in ("true", "false"):
            raise Unfit("it is neither true nor false; write one of them")
        return text.lower() == "true"
    return _number_in(kind, text)


def _number_in(kind: Any, text: str) -> float:
    if _INTEGER.fullmatch(text) and len(text) < 100:
        return int(text)
    if kind is float:
        try:
            return float(text)
        except ValueError:
            raise Unfit("it is not a number; write one") from None
    raise Unfit("it is not a whole number; write one")


def _list_in(text: str) -> object:
    if not text:
        return []
    if text.startswith("["):
        return _toml_value(text, 'a list like ["a", "b"]')
    return [entry.strip() for entry in text.split(",")]


def _table_in(text: str) -> object:
    try:
        return jsontext.decode(text.encode())
    except ValueError:
        return _toml_value(text, 'a table like { name = "value" }')


def _toml_value(text: str, wanted: str) -> object:
    try:
        found = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        found = {}
    if list(found) != ["value"]:
        raise Unfit(f"it cannot be read; write {wanted}, or set its keys one by one") from None
    return found["value"]
