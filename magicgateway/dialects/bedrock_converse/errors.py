"""Errors as AWS's services write them, for callers that are AWS's own SDKs.

These look for the name of an exception in ``__type``, and show the message.

See: https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html; botocore 1.44.5, 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping

from magicgateway.dialects.error_text import typed, written
from magicgateway.errors import ApiError
from magicgateway.wire.event_stream import encode_frame

_NAMES: Mapping[int, str] = {
    401: "UnrecognizedClientException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    429: "ThrottlingException",
    503: "ServiceUnavailableException",
    504: "ModelTimeoutException",
}
_CALLERS = "ValidationException"
_OURS = "InternalServerException"


def error_body(error: ApiError, request_id: str) -> bytes:
    """The body of an error answer. A ``code`` in it would be taken for the exception's name."""
    content = {"__type": _name(error), "message": error.message}
    return written({**content, "error": error.code, "request_id": request_id})


def error_event(error: ApiError, request_id: str) -> bytes:
    """A whole frame that ends a stream which broke."""
    headers = {
        ":message-type": "exception",
        ":exception-type": _name(error),
        ":content-type": "application/json",
    }
    return encode_frame(headers, error_body(error, request_id))


def _name(error: ApiError) -> str:
    return typed(error, _NAMES, caller=_CALLERS, gateway=_OURS)
