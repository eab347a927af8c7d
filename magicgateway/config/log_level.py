"""How much is logged, by the names that people use for it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

LEVELS: Mapping[str, int] = MappingProxyType(
    {"debug": 10, "info": 20, "warn": 30, "error": 40, "off": 100}
)
"""What ``[log] level`` may say. Twisted's *critical* is above error and below off."""
VARIABLES = ("MAGICGATEWAY_LOG", "LOG_LEVEL", "RUST_LOG")
"""Where the environment may ask for a level, best first."""
_DEFAULT = "info"
_OTHER_NAMES = {"trace": "debug", "warning": "warn", "critical": "error", "fatal": "error"}


def level_named(text: str) -> str | None:
    """The level that a word means, in any case of letters; None if it means none."""
    name = text.strip().lower()
    name = _OTHER_NAMES.get(name, name)
    return name if name in LEVELS else None


def level_in(directives: str) -> str | None:
    """The level in a value like ``warn`` or ``warn,hyper=debug``; None if it has none.

    Directives for single modules are passed over: they are those of another program.
    """
    levels = (level_named(directive) for directive in directives.split(","))
    return next((level for level in levels if level is not None), None)


def level_from(environment: Mapping[str, str]) -> str:
    """The level that the environment asks for: the first variable that names one, else info."""
    levels = (level_in(environment.get(name, "")) for name in VARIABLES)
    return next((level for level in levels if level is not None), _DEFAULT)
