"""Where settings are written: layers of typed values, each with its origin, later ones winning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from magicgateway.config.checks import check
from magicgateway.config.schema import Leaf, Named, Node, Table, nearest, root, unknown
from magicgateway.config.toml_text import dotted
from magicgateway.config.unfit import Origin, Unfit
from magicgateway.config.values import fit, from_text, said_type

Path = tuple[str, ...]
PREFIX = "MAGICGATEWAY__"
_FOLDED = "providers"
"""The table whose names mean the same in any case of letters."""


@frozen
class Given:
    """One value, typed and checked, and where it was written. Secrets are references still."""

    value: Any
    origin: Origin


Layer = dict[Path, Given]
"""Values by path. A table that is there, with or without keys, has an entry of its own: True."""


def read_table(table: Mapping[str, Any], origin: Origin, path: Path = ()) -> Layer:
    """The layer that a parsed TOML table makes.

    Raises:
        ConfigError: A key is unknown, or a value does not fit its key.
    """
    return dict(_walk(_at(path), table, origin, path))


def _at(path: Path) -> Node:
    node: Node = root()
    for part in path:
        assert not isinstance(node, Leaf)
        node = node.each if isinstance(node, Named) else node.keys[part]
    return node


def _walk(node: Node, value: Any, origin: Origin, path: Path) -> Iterator[tuple[Path, Given]]:
    if isinstance(node, Leaf):
        yield path, _given(node, value, origin, path)
        return
    if not isinstance(value, Mapping):
        raise origin.error(f"it is {said_type(value)}; write a table", dotted(path))
    if isinstance(node, Table):
        if path:
            yield path, Given(True, origin)
        for name, below in value.items():
            if name not in node.keys:
                raise origin.error(unknown(name, node, path), dotted((*path, name)))
            yield from _walk(node.keys[name], below, origin, (*path, name))
        return
    names: set[str] = set()
    for given, below in value.items():
        name = _name(given, origin, path)
        if name in names:
            raise origin.error("it stands there twice; keep one", dotted((*path, name)))
        names.add(name)
        yield from _walk(node.each, below, origin, (*path, name))


def _name(given: str, origin: Origin, path: Path) -> str:
    """A name that a user chose, as it is known from then on."""
    name = given.strip()
    if not name or not name.isprintable():
        raise origin.error("a name is empty or holds a control character; write one", dotted(path))
    return name.lower() if path == (_FOLDED,) else name


def _given(leaf: Leaf, value: Any, origin: Origin, path: Path) -> Given:
    try:
        typed = fit(leaf.kind, value)
        if path == ("server", "default_provider"):
            typed = str(typed).lower()
        check(path, typed)
    except Unfit as error:
        raise origin.error(str(error), dotted(path)) from None
    return Given(typed, origin)


def read_variables(variables: Mapping[str, str], sources: Mapping[str, str], below: Layer) -> Layer:
    """The layer that ``MAGICGATEWAY__SECTION__KEY`` variables make.

    Args:
        variables: The environment.
        sources: What to call the source of a variable.
        below: The layers that it comes over; names in it are found again in any case of letters.

    Raises:
        ConfigError: A variable names no setting, or its value does not fit.
    """
    layer: Layer = {}
    seen: dict[Path, str] = {}
    ours = [name for name in variables if name.upper().startswith(PREFIX)]
    # A whole table comes before its single keys, which are more particular.
    for name in sorted(ours, key=lambda name: (name.count("__"), name)):
        origin = Origin(sources[name], name)
        path, node = _find(name, origin, below)
        if path in seen:
            raise origin.error(f"{seen[path]} sets it too; remove one", dotted(path))
        seen[path] = name
        kind = node.kind if isinstance(node, Leaf) else None
        try:
            value = from_text(kind, variables[name])
        except Unfit as error:
            raise origin.error(str(error), dotted(path)) from None
        for length in range(1, len(path)):
            layer.setdefault(path[:length], Given(True, origin))
        layer.update(_walk(node, value, origin, path))
    return layer


def _find(name: str, origin: Origin, below: Layer) -> tuple[Path, Node]:
    path: Path = ()
    node: Node = root()
    for part in name[len(PREFIX) :].lower().split("__"):
        if isinstance(node, Named):
            known = {
                found[len(path)].lower(): found[len(path)]
                for found in below
                if len(found) > len(path) and found[: len(path)] == path
            }
            path, node = (*path, _name(known.get(part, part), origin, path)), node.each
        elif isinstance(node, Table) and part in node.keys:
            path, node = (*path, part), node.keys[part]
        elif isinstance(node, Table):
            raise origin.error(_unknown_variable(name, part, node, path), dotted((*path, part)))
        else:
            raise origin.error(
                f"there is nothing below {dotted(path)}; set it as a whole", dotted((*path, part))
            )
    return path, node


def _unknown_variable(name: str, part: str, table: Table, path: Path) -> str:
    near = nearest(part, table.keys)
    if near is None:
        return unknown(part, table, path)
    kept = name[: len(PREFIX)] + "".join(f"{before}__" for before in path).upper()
    return f"there is no such setting; did you mean {kept}{near.upper()}?"
