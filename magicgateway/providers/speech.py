"""Which dialects the configuration lets a provider be spoken to in."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve

from magicgateway.errors import ConfigError
from magicgateway.providers.row import AWS, ProviderRow
from magicgateway.providers.ways import NAMES, Way, only, ways_of

_OF_AWS = frozenset({"converse", "anthropic"})
"""Dialects that one provider of AWS has."""


def spoken_row(
    generic: Mapping[str, ProviderRow], named: str | tuple[str, ...], key: str
) -> ProviderRow:
    """The row of a provider that only the configuration knows.

    It is the first dialect's, with the operations that the others have beside. On AWS there are
    two: beside ``converse`` ``anthropic`` is what InvokeModel is told there.

    Args:
        generic: The row of each dialect by its name.
        named: What ``dialect`` says.
        key: The setting.

    Raises:
        ConfigError: There is no such dialect, or they cannot be had from one provider.
    """
    names = dict.fromkeys(_names(named))
    for name in names:
        if name not in generic:
            raise ConfigError(
                f"there is no dialect {name!r}; write one of {', '.join(generic)}", key=key
            )
    rows = [generic[name] for name in names]
    of_aws = next((row for row in rows if row.auth == AWS), None)
    if of_aws is not None and len(rows) > 1:
        if not names.keys() <= _OF_AWS:
            raise ConfigError(
                "converse is a provider of its own, of which anthropic alone can be another"
                " dialect; give the others another name",
                key=key,
            )
        return evolve(of_aws, order=tuple(NAMES[name] for name in names))
    first = rows[0]
    return evolve(
        first,
        operations={
            route: operation
            for row in reversed(rows)
            for route, operation in row.operations.items()
        },
        order=tuple(dict.fromkeys(dialect for row in rows for dialect in row.order)),
        request_headers=tuple(dict.fromkeys(f for row in rows for f in row.request_headers)),
    )


def spoken_ways(row: ProviderRow, named: str | tuple[str, ...] | None, key: str) -> tuple[Way, ...]:
    """The ways to have a conversation with a provider, best first.

    Args:
        row: The provider's.
        named: What ``dialect`` says; None: nothing beyond the row.
        key: The setting.

    Raises:
        ConfigError: The row lists no such dialect.
    """
    ways = ways_of(row)
    if named is None:
        return ways
    spoken = {way.dialect for way in ways}
    wanted = [NAMES.get(name, "") for name in _names(named)]
    if not spoken.issuperset(wanted):
        known = ", ".join(name for name, dialect in NAMES.items() if dialect in spoken)
        raise ConfigError(
            f"{row.name} speaks {known or 'none of them'}; a provider of another dialect needs a"
            " name of its own",
            key=key,
        )
    return only(ways, wanted)


def _names(named: str | tuple[str, ...]) -> tuple[str, ...]:
    return (named,) if isinstance(named, str) else named
