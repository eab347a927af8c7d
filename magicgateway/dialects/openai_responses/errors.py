"""Errors of the Responses API: answers are written as everywhere at OpenAI, events are not.

The event is of type ``error``. OpenAI's own holds ``code``, ``message`` and ``param`` beside its
type, which the official SDKs hand on as an ordinary event; with an ``error`` object as well they
raise ``APIError``. Its number is 0, because the stream's own count is not known here.

See: https://platform.openai.com/docs/api-reference/responses-streaming/error; 2026-10.
"""

from __future__ import annotations

from magicgateway.dialects.error_text import written
from magicgateway.dialects.openai_chat.errors import error_body, error_content
from magicgateway.errors import ApiError

__all__ = ["error_body", "error_event"]


def error_event(error: ApiError, request_id: str) -> bytes:
    """The last event of a stream that broke; no ``response.completed`` may follow."""
    content = {
        "type": "error",
        "sequence_number": 0,
        "code": error.code,
        "message": error.message,
        "param": error.param,
        "error": error_content(error, request_id),
    }
    return b"event: error\ndata: %b\n\n" % written(content)
