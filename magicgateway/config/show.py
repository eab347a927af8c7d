"""The settings in effect as TOML, for ``--check-config``: no secret's value is in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import fields_dict, has

from magicgateway.config.schema import NOT_TABLES, pattern
from magicgateway.config.secret import Secret
from magicgateway.config.settings import Settings
from magicgateway.config.toml_text import dotted, toml_string

_NAMES_ONLY = frozenset({"providers.*.headers"})
"""Tables whose values may say more than an operator wants to see in a terminal or a ticket."""
_NOT_SHOWN = "<value not shown>"


def effective(settings: Settings) -> str:
    """Every setting with its value, as TOML; secrets as ``<secret from env:NAME>``.

    Of the header fields that a provider is sent only the names are shown.
    """
    blocks = []
    for path, table in _tables(settings, ()):
        shown = dict.fromkeys(table, _NOT_SHOWN) if pattern(path) in _NAMES_ONLY else table
        lines = [f"{dotted((key,))} = {_value(value)}" for key, value in shown.items()]
        if path:
            lines.insert(0, f"[{dotted(path)}]")
        if lines:
            blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def _tables(
    table: Any, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """Each table's path and its keys that are no tables, a table before those below it."""
    entries = table if isinstance(table, Mapping) else _entries(table)
    below = {name: value for name, value in entries.items() if _is_table(value)}
    yield (
        path,
        {name: value for name, value in entries.items() if name not in below and value is not None},
    )
    for name, value in below.items():
        # Names that users choose have a table each, and need none for all of them.
        if isinstance(value, Mapping) and all(_is_table(entry) for entry in value.values()):
            for chosen, entry in value.items():
                yield from _tables(entry, (*path, name, chosen))
        else:
            yield from _tables(value, (*path, name))


def _entries(table: Any) -> dict[str, Any]:
    hidden = NOT_TABLES if isinstance(table, Settings) else ()
    return {name: getattr(table, name) for name in fields_dict(type(table)) if name not in hidden}


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping) or has(type(value))


def _value(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(_value(entry) for entry in value)}]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    return toml_string(repr(value) if isinstance(value, Secret) else str(value))
