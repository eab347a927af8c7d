"""A call's arguments as the object that some targets want, from the text that a model wrote."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from magicgateway.conversation.blocks import ToolCall
from magicgateway.conversation.ledger import Ledger, invalid, joined
from magicgateway.conversation.reasons import Reason
from magicgateway.wire.jsontext import BadJson, decode

RAW = "_raw_arguments"
"""Holds what a model wrote that is no JSON."""
INPUT = "input"
"""Holds the one value of a tool whose arguments are no object."""


def arguments_object(
    call: ToolCall, ledger: Ledger, wrapped: Container[str] = ()
) -> dict[str, Any]:
    """The arguments of a call in the history.

    Args:
        call: Free text of a custom tool becomes ``{"input": text}``.
        ledger: Is told of arguments that are no JSON.
        wrapped: Names of functions whose schema went as ``{"input": schema}``.

    Raises:
        ApiError: 400: they are JSON, and no object.
    """
    if call.kind == "custom":
        return {INPUT: call.arguments}
    text = call.arguments
    if not text or text.isspace():
        return {}
    field = joined(call.field, "arguments")
    try:
        value = decode(text.encode())
    except (BadJson, UnicodeEncodeError):
        ledger.rewrite(field, Reason.INVALID_JSON)
        return {RAW: text}
    if call.name in wrapped:
        return {INPUT: value}
    if not isinstance(value, dict):
        raise invalid(field, "must be the JSON text of an object")
    return value


def parsed_arguments(text: str) -> dict[str, Any]:
    """The arguments of a call that a model has just made; there is nobody to refuse them to."""
    if not text or text.isspace():
        return {}
    try:
        value = decode(text.encode())
    except (BadJson, UnicodeEncodeError):
        return {RAW: text}
    return value if isinstance(value, dict) else {RAW: text}
