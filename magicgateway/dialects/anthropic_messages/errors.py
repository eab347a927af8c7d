"""Errors as Anthropic's API writes them.

Our code stands in ``details.error_code``, where SDKs from 2.0 look for one and take an unknown one
for the bare type.

See: https://docs.claude.com/en/api/errors; anthropic 2.13 (Python), 2026-10.
"""

from __future__ import annotations

from magicgateway.dialects.error_text import typed, written
from magicgateway.errors import ApiError

_TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def error_body(error: ApiError, request_id: str) -> bytes:
    """The body of an error answer."""
    return written(
        {
            "type": "error",
            "error": {
                "type": typed(error, _TYPES, caller="invalid_request_error", gateway="api_error"),
                "message": error.message,
                "details": {"error_code": error.code},
            },
            "request_id": request_id,
        }
    )


def error_event(error: ApiError, request_id: str) -> bytes:
    """The last event of a stream that broke; no ``message_stop`` may follow."""
    return b"event: error\ndata: %b\n\n" % error_body(error, request_id)
