"""What Converse bodies say beside what the hub has names for, and the way back.

A field of an object inside the object that a block is made of is kept under a dotted name,
``image.source.s3Location.bucketOwner``, so that it is named rightly when it is lost and put back
where it was.

See: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html; the service
model of botocore 1.44.5, 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from magicgateway.conversation.blocks import CONVERSE, Extras
from magicgateway.conversation.ledger import Fields, Ledger, joined

FAMILY = CONVERSE
SAID = "Converse"


def rest_of(fields: Fields, inner: Mapping[str, Fields | None] | None = None) -> Extras:
    """What nobody has taken of an object and of objects in it. The last call on all of them.

    Args:
        fields: The object.
        inner: The objects in it by their dotted paths.
    """
    return fields.rest_with(FAMILY, inner) if inner else fields.rest(FAMILY)


def put_back(target: dict[str, Any], extras: Extras, ledger: Ledger, *, grow: bool = False) -> None:
    """Add kept fields where they stood; what has no place there, or is another family's, is lost.

    Args:
        target: The object that is written, and the writer's own with all that stands in it.
        extras: Of what it was made of.
        ledger: Is told of losses.
        grow: Objects that fields stood in and that were not written are made for them.
    """
    for name, value in ledger.carry(extras, FAMILY).items():
        if not _put(target, name, value, grow=grow):
            ledger.drop(joined(extras.place, name))


def _put(target: dict[str, Any], name: str, value: Any, *, grow: bool) -> bool:
    outer, dot, inner = name.partition(".")
    if not dot:
        target.setdefault(name, value)
        return True
    nested = target.setdefault(outer, {}) if grow else target.get(outer)
    return isinstance(nested, dict) and _put(nested, inner, value, grow=grow)
