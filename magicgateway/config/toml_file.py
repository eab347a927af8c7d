"""The configuration file, from its path to a parsed table."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from typing import Any

from magicgateway.errors import ConfigError

_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def read_file(path: str, read_text: Callable[[str], str]) -> dict[str, Any]:
    """The top table of a TOML file.

    Raises:
        ConfigError: It cannot be read, or is not TOML: says line and column.
    """
    try:
        text = read_text(path).removeprefix("\ufeff")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no text in UTF-8"
        raise ConfigError(
            f"the configuration file cannot be read ({reason}); check the path and who may read it",
            source=path,
        ) from None
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ConfigError("it is nested too deeply; write it flatter", source=path) from None
    except ValueError as error:
        raise ConfigError(_said(str(error), text), source=path) from None


def _said(message: str, text: str) -> str:
    """The parser's words in a sentence that always has line and column, and never the text."""
    found = _PLACE.search(message)
    if found is None:
        return "it is not valid TOML, because a number in it cannot be read; correct it"
    reason = message[: found.start()]
    if found[1] is not None:
        line, column = int(found[1]), int(found[2])
    else:
        line, column = text.count("\n") + 1, len(text) - (text.rfind("\n") + 1) + 1
    return (
        f"it is not valid TOML at line {line}, column {column}:"
        f" {reason[:1].lower()}{reason[1:]}; correct it there"
    )
