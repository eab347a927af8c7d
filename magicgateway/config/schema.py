"""What may be set: the tree of tables and keys, read off the classes in ``settings``."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, get_args, get_origin, get_type_hints

from attrs import fields_dict, frozen, has

from magicgateway.config.settings import Settings, TimeoutSettings
from magicgateway.config.toml_text import dotted

NOT_TABLES = ("environment", "aws", "warnings")
"""Fields of ``Settings`` that are found, not set."""


@frozen
class Leaf:
    """One key. ``kind``: its annotation in ``settings``."""

    kind: Any


@frozen
class Table:
    """A table with known keys. ``kind``: the class it becomes; None: a plain mapping."""

    kind: type[Any] | None
    keys: Mapping[str, Leaf | Table | Named]


@frozen
class Named:
    """A table of tables with names that users choose, as ``[providers]``."""

    each: Table


Node = Leaf | Table | Named


@cache
def root() -> Table:
    """The whole tree."""
    return _table(Settings)


def _table(kind: type[Any]) -> Table:
    hints = get_type_hints(kind)
    names = [name for name in fields_dict(kind) if kind is not Settings or name not in NOT_TABLES]
    return Table(kind, {name: _node(hints[name]) for name in names})


def _node(hint: Any) -> Node:
    if has(hint):
        return _table(hint)
    if get_origin(hint) is Mapping:
        value = get_args(hint)[1]
        if has(value):
            return Named(_table(value))
        if value is float:
            return Table(None, _table(TimeoutSettings).keys)
    return Leaf(hint)


def leaves(node: Node, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of every key below a node; ``*`` stands for a name that users choose."""
    if isinstance(node, Leaf):
        yield path
    elif isinstance(node, Named):
        yield from leaves(node.each, (*path, "*"))
    else:
        for name, below in node.keys.items():
            yield from leaves(below, (*path, name))


def pattern(path: tuple[str, ...]) -> str:
    """A dotted path in which ``*`` stands for a name that users choose."""
    node: Node = root()
    parts = []
    for part in path:
        assert not isinstance(node, Leaf)  # nothing is below a key
        parts.append("*" if isinstance(node, Named) else part)
        node = node.each if isinstance(node, Named) else node.keys[part]
    return ".".join(parts)


def unknown(name: str, table: Table, path: tuple[str, ...]) -> str:
    """What to say about a key that a table does not have.

    Args:
        name: The key.
        table: Where it was looked for.
        path: That table's path.
    """
    where = f"[{dotted(path)}]" if path else "the top level"
    said = f"there is no such setting at {where}" if not path else f"{where} has no such setting"
    near = nearest(name, table.keys)
    if near is not None:
        return f"{said}; did you mean {near}?"
    places = [found[:-1] for found in leaves(root()) if found[-1] == name.lower()]
    if len(places) == 1:
        return f"{said}; it belongs in [{'.'.join(places[0])}]"
    return f"{said}; there are {', '.join(table.keys)}"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that somebody probably meant."""
    found = difflib.get_close_matches(name.lower().replace("-", "_"), list(known), 1, 0.7)
    return found[0] if found else None
