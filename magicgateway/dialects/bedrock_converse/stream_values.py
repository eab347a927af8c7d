"""What is in the events of a stream, whose bytes are a provider's and may hold anything."""

from __future__ import annotations

from typing import Any

from magicgateway.conversation.blocks import Extras
from magicgateway.conversation.ledger import Fields
from magicgateway.dialects.bedrock_converse.extras import rest_of
from magicgateway.wire.jsontext import BadJson, Shape, decode, reader


class Words(Shape, forbid_unknown_fields=True):
    """A delta that is nothing but words."""

    text: str


class MoreWords(Shape):
    """The event that brings one."""

    contentBlockIndex: int
    delta: Words


read_words = reader(MoreWords)
"""Reads one, or raises one of ``REFUSALS``: it is the most frequent event by far."""


class Broken(ValueError):
    """An event that cannot be one of an answer's."""


def value_of(data: bytes) -> dict[str, Any]:
    """An event's object.

    Raises:
        Broken: It is none.
    """
    try:
        value = decode(data)
    except BadJson:
        raise Broken("an event is no JSON") from None
    if not isinstance(value, dict):
        raise Broken("an event is no object")
    return value


def place_of(value: dict[str, Any]) -> int:
    """The number of the block that an event is about.

    Raises:
        Broken: It has none.
    """
    place = value.get("contentBlockIndex")
    if not isinstance(place, int) or isinstance(place, bool):
        raise Broken("a block has no number")
    return place


def text_of(value: Any, name: str) -> str:
    """A string in an object.

    Raises:
        Broken: It is none, or there is none.
    """
    found = value.get(name) if isinstance(value, dict) else None
    if not isinstance(found, str):
        raise Broken(f"a block's {name} is no text")
    return found


def rest_without(value: dict[str, Any], *known: str) -> Extras:
    """What an object holds beside what is known."""
    fields = Fields(value, lenient=True)
    for name in known:
        fields.take(name)
    return rest_of(fields)
