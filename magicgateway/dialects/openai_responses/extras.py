"""What Responses callers say beside what the hub has names for, and the way back.

Chat and Responses are one family, and what stands at the top of a body is passed on between them.
Below it they have other shapes: what is unknown of an item, a part or a tool is kept under a name
of its own, which only this dialect's writers read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from magicgateway.conversation.blocks import NO_EXTRAS, OPENAI, Extras
from magicgateway.conversation.ledger import Fields, Ledger, joined

FAMILY = OPENAI
SAID = "OpenAI Responses"
ITEMS = "openai_responses"
"""The family of items, parts and tools as they are, and of what is left of them."""


def rest_of(fields: Fields, family: str = ITEMS, **inner: Fields | None) -> Extras:
    """What nobody has taken of an object and of objects in it. The last call on all of them.

    Args:
        fields: The object.
        family: Who can read what is left.
        inner: Objects in it, by their path; what is left of them gets a dotted name.
    """
    left = dict(fields.rest(family).fields)
    for name, nested in inner.items():
        if nested is not None:
            for key, value in nested.rest(family).fields.items():
                left[f"{name}.{key}"] = value
    return Extras(family, fields.place, left) if left else NO_EXTRAS


def report_rest(fields: Fields, ledger: Ledger) -> None:
    """Report what nobody has taken of an object that has no place for extras."""
    for name in fields.rest(ITEMS).fields:
        ledger.drop(fields.at(name))


def give_back(target: dict[str, Any], extras: Extras, ledger: Ledger) -> None:
    """Add kept fields of this family where they stood; what is already said stays.

    Dotted names whose object the target has not, as chat's have, are reported.
    """
    family = extras.family if extras.family in (FAMILY, ITEMS) else FAMILY
    for name, value in ledger.carry(extras, family).items():
        if not _put(target, name, value):
            ledger.drop(joined(extras.place, name))


def _put(target: dict[str, Any], name: str, value: Any) -> bool:
    outer, dot, inner = name.partition(".")
    if not dot:
        target.setdefault(name, value)
        return True
    nested = target.get(outer)
    return isinstance(nested, dict) and _put(nested, inner, value)


def own(extras: Extras) -> Mapping[str, Any]:
    """Fields that a provider's answer in this dialect had besides."""
    return extras.fields if extras.family == ITEMS else NO_EXTRAS.fields
