"""What Messages callers say beside what the hub has names for, and the way back.

A field of an object inside the object that a block is made of is kept under a dotted name,
``source.checksum``, so that it is named rightly when it is lost and put back where it was.
"""

from __future__ import annotations

from typing import Any

from magicgateway.conversation.blocks import ANTHROPIC, CacheMark, Extras
from magicgateway.conversation.ledger import Fields, Ledger, invalid, joined

FAMILY = ANTHROPIC
SAID = "Anthropic messages"


def rest_of(fields: Fields, **inner: Fields | None) -> Extras:
    """What nobody has taken of an object and of objects in it. The last call on all of them."""
    return fields.rest_with(FAMILY, inner) if inner else fields.rest(FAMILY)


def put_back(target: dict[str, Any], extras: Extras, ledger: Ledger) -> None:
    """Add kept fields where they stood; what has no place there, or is another family's, is lost.

    Args:
        target: The object that is written, and the writer's own with all that stands in it.
        extras: Of what it was made of.
        ledger: Is told of losses.
    """
    if not extras.fields:
        return
    for name, value in ledger.carry(extras, FAMILY).items():
        if not _put(target, name, value):
            ledger.drop(joined(extras.place, name))


def _put(target: dict[str, Any], name: str, value: Any) -> bool:
    outer, dot, inner = name.partition(".")
    if not dot:
        target.setdefault(name, value)
        return True
    nested = target.get(outer)
    return isinstance(nested, dict) and _put(nested, inner, value)


def take_mark(fields: Fields) -> tuple[CacheMark | None, Fields | None]:
    """The cache mark of an object, and the mark itself, in which there may be more.

    Raises:
        ApiError: 400: it is a mark of a kind that nobody knows.
    """
    mark = fields.fields("cache_control")
    if mark is None:
        return None, None
    kind = mark.needed("type")
    if kind != "ephemeral":
        raise invalid(mark.at("type"), "must be ephemeral")
    return CacheMark(mark.text("ttl")), mark
