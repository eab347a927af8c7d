"""What the error answers of all dialects have in common: they can always be written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from magicgateway.errors import ApiError, UpstreamError
from magicgateway.wire.jsontext import BadJson, encode


def typed(error: ApiError, types: Mapping[int, str], *, caller: str, gateway: str) -> str:
    """A dialect's error type for an error, chosen by its status.

    A fault at the provider or on the way to it is never put down to the caller.

    Args:
        error: What went wrong.
        types: The statuses that have a type of their own.
        caller: The type of every other status below 500.
        gateway: The type of every other status.
    """
    kind = types.get(error.status) or (caller if error.status < 500 else gateway)
    return gateway if kind == caller and isinstance(error, UpstreamError) else kind


def written(content: dict[str, Any]) -> bytes:
    """JSON text of an error; half surrogate pairs in it, as callers can send them, become ``?``."""
    try:
        return encode(content)
    except BadJson:
        return encode(_clean(content))


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {key: _clean(item) for key, item in value.items()}
    return value
