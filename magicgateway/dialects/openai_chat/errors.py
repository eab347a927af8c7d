"""Errors as OpenAI's APIs write them.

All four keys of its ``error`` object are there; ``request_id`` beside them is ours, which the
official SDKs keep in the exception's body. They raise ``APIError`` on a streamed chunk that has
an ``error``.

See: https://platform.openai.com/docs/guides/error-codes; openai 3.57 (Python), 2026-10.
"""

from __future__ import annotations

from typing import Any

from magicgateway.dialects.error_text import typed, written
from magicgateway.errors import ApiError

_TYPES = {408: "timeout_error", 429: "requests", 503: "service_unavailable_error"}
_QUOTA = "insufficient_quota"
"""A code that is its own type: the caller's budget is spent, not its rate."""


def error_content(error: ApiError, request_id: str) -> dict[str, Any]:
    """The ``error`` object."""
    kind = typed(error, _TYPES, caller="invalid_request_error", gateway="server_error")
    return {
        "message": error.message,
        "type": _QUOTA if error.code == _QUOTA else kind,
        "param": error.param,
        "code": error.code,
        "request_id": request_id,
    }


def error_body(error: ApiError, request_id: str) -> bytes:
    """The body of an error answer."""
    return written({"error": error_content(error, request_id)})


def error_event(error: ApiError, request_id: str) -> bytes:
    """The last event of a stream that broke; no ``[DONE]`` may follow."""
    return b"data: %b\n\n" % error_body(error, request_id)
