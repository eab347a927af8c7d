"""Expectations that say what matters: patterns of JSON.

An object matches one that has its keys, and lacks those it names with a minus before them; a list
one of as many members; ``*`` anything; ``~…`` a text that the regular expression describes.

What an answer consists of is given in full: under ``choices``, ``message``, ``delta`` and their
like nothing else may stand; of a ``response``, which repeats what was asked for, what matters.
"""

from __future__ import annotations

import re
from typing import Any

_IN_FULL = ("choices", "content", "content_block", "delta", "item", "message", "part", "usage")
_IN_PART = ("response",)


def differences(pattern: Any, value: Any, place: str = "$", *, whole: bool = False) -> list[str]:
    """Where a value does not match.

    Args:
        pattern: What is expected.
        value: What came.
        place: Where it stands.
        whole: Objects may have no other keys than the pattern's.
    """
    if pattern == "*":
        return []
    if isinstance(pattern, str) and pattern.startswith("~"):
        fits = isinstance(value, str) and re.fullmatch(pattern[1:], value, re.DOTALL)
        return [] if fits else [f"{place}: {value!r} does not fit {pattern[1:]}"]
    if isinstance(pattern, dict) and isinstance(value, dict):
        return _of_objects(pattern, value, place, whole=whole)
    if isinstance(pattern, list) and isinstance(value, list):
        if len(pattern) != len(value):
            return [f"{place}: {len(pattern)} expected, {len(value)} are there: {value!r}"]
        return [
            difference
            for at, (inner, found) in enumerate(zip(pattern, value, strict=True))
            for difference in differences(inner, found, f"{place}[{at}]", whole=whole)
        ]
    same = pattern == value and isinstance(pattern, bool) == isinstance(value, bool)
    return [] if same else [f"{place}: expected {pattern!r}, not {value!r}"]


def _of_objects(
    pattern: dict[str, Any], value: dict[str, Any], place: str, *, whole: bool
) -> list[str]:
    found = []
    for key, inner in pattern.items():
        if key.startswith("-"):
            if key[1:] in value:
                found.append(f"{place}.{key[1:]}: is there: {value[key[1:]]!r}")
        elif key not in value:
            found.append(f"{place}.{key}: is missing")
        else:
            in_full = key in _IN_FULL or (whole and key not in _IN_PART)
            found += differences(inner, value[key], f"{place}.{key}", whole=in_full)
    if whole:
        found += [
            f"{place}.{key}: is too much: {value[key]!r}" for key in value if key not in pattern
        ]
    return found
