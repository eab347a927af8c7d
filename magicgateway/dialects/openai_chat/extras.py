"""Fields that chat callers send and the hub has no name for, kept with the path to where they were.

A field of an object inside the object that a block is made of is kept under a dotted name,
``image_url.quality``, so that it is named rightly when it is lost and put back where it was.
"""

from __future__ import annotations

from typing import Any

from magicgateway.conversation.blocks import OPENAI, Extras
from magicgateway.conversation.ledger import Fields, Ledger, joined

MESSAGES = "openai_chat"
"""The family of parts as they are, and of what is left of messages, parts, calls and tools: at the
top of a body chat and Responses have the same fields, and below it other shapes."""


def rest_of(fields: Fields, family: str = MESSAGES, /, **inner: Fields | None) -> Extras:
    """What nobody has taken of an object and of objects in it. The last call on all of them."""
    return fields.rest_with(family, inner) if inner else fields.rest(family)


def put_back(target: dict[str, Any], extras: Extras, ledger: Ledger) -> None:
    """Add kept fields where they stood; what has no place there, or is another family's, is lost.

    Args:
        target: The object that is written, and the writer's own with all that stands in it.
        extras: Of what it was made of.
        ledger: Is told of losses.
    """
    if not extras.fields:
        return
    family = extras.family if extras.family in (OPENAI, MESSAGES) else OPENAI
    for name, value in ledger.carry(extras, family).items():
        place, key = _place_of(target, name)
        if key is None:
            ledger.drop(joined(extras.place, name))
        else:
            place.setdefault(key, value)


def _place_of(target: dict[str, Any], name: str) -> tuple[dict[str, Any], str | None]:
    outer, dot, inner = name.partition(".")
    if not dot:
        return target, name
    nested = target.get(outer)
    return _place_of(nested, inner) if isinstance(nested, dict) else (target, None)
