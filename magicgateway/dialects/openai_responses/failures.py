"""Errors of a provider of the Responses API: answers have the form of chat's, streams their own.

See: https://platform.openai.com/docs/guides/error-codes; openai 3.57 (Python), ``ResponseError``,
2026-11.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve

from magicgateway.conversation.reply import Failure
from magicgateway.dialects.openai_chat.failures import read_failure

__all__ = ["read_failure", "stream_failure"]

_REFUSED = frozenset({
    "bio_policy", "data_residency_mismatch", "invalid_prompt", "misalignment_policy_violation",
    "context_length_exceeded",
})  # fmt: skip
"""Codes that put it down to the request, as do all about images."""
_TOO_LATE = "vector_store_timeout"


def stream_failure(error: Any) -> Failure:
    """What the ``error`` of a failed response, or an event of type ``error``, says."""
    content = error if isinstance(error, dict) else {"message": error}
    said = {**content, "type": content.get("type") if content.get("type") != "error" else None}
    failure = read_failure(0, {"error": said}, {})
    code = failure.code or ""
    if code in _REFUSED or "image" in code:
        kind = "invalid_request" if failure.kind == "server" else failure.kind
        return evolve(failure, status=400, kind=kind)
    return evolve(failure, status=504, kind="timeout") if code == _TOO_LATE else failure
