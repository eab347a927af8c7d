"""Errors of a provider of the Responses API, in answers and in streams.

See: https://platform.openai.com/docs/guides/error-codes; openai 3.57 (Python), ``ResponseError``,
2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from magicgateway.conversation.reply import Failure

LONGEST_MESSAGE = 500
"""Characters of a text that is no JSON error."""

_KINDS: Mapping[int, str] = MappingProxyType({
    401: "authentication", 402: "quota", 403: "permission", 404: "not_found", 408: "timeout",
    409: "conflict", 413: "too_large", 429: "rate_limit", 503: "overloaded", 504: "timeout",
    529: "overloaded",
})  # fmt: skip
_CODES: Mapping[str, tuple[int, str]] = MappingProxyType({
    "context_length_exceeded": (400, "context_length"),
    "insufficient_quota": (429, "quota"),
    "rate_limit_exceeded": (429, "rate_limit"),
    "invalid_api_key": (401, "authentication"),
    "model_not_found": (404, "not_found"),
    "server_error": (500, "server"),
    "server_is_overloaded": (503, "overloaded"),
    "slow_down": (503, "overloaded"),
    "vector_store_timeout": (504, "timeout"),
    "failed_to_download_image": (400, "invalid_request"),
    "invalid_prompt": (400, "invalid_request"),
    "data_residency_mismatch": (400, "invalid_request"),
    "bio_policy": (400, "invalid_request"),
    "misalignment_policy_violation": (400, "invalid_request"),
})  # fmt: skip
"""Codes that say more than a status; in a stream they stand for one."""


def read_failure(status: int, body: Any, headers: Mapping[str, str]) -> Failure:
    """What a provider's error answer says.

    Args:
        status: Of the answer.
        body: Its decoded JSON, or its text where it is none.
        headers: Lower-case names.
    """
    error = body.get("error", body) if isinstance(body, dict) else body
    content: Mapping[str, Any] = error if isinstance(error, dict) else {"message": error}
    code = _text(content, "code")
    _, known = _CODES.get(code or "", (0, ""))
    by_status = _KINDS.get(status) or ("server" if status >= 500 else "invalid_request")
    return Failure(
        status=status,
        kind=known or by_status,
        message=_message(content) or f"The provider answered {status}.",
        param=_text(content, "param"),
        code=code,
        retry_after=_retry_after(headers),
    )


def stream_failure(error: Any) -> Failure:
    """What the ``error`` of a failed response, or an event of type ``error``, says."""
    content: Mapping[str, Any] = error if isinstance(error, dict) else {"message": error}
    code = _text(content, "code") or _text(content, "type") or ""
    status, kind = _CODES.get(code, (0, ""))
    if not kind:
        image = "image" in code
        status, kind = (400, "invalid_request") if image else (502, "server")
    return Failure(
        status=status,
        kind=kind,
        message=_message(content) or "The provider could not go on.",
        param=_text(content, "param"),
        code=_text(content, "code"),
    )


def _text(content: Mapping[str, Any], name: str) -> str | None:
    value = content.get(name)
    return value if isinstance(value, str) and value else None


def _message(content: Mapping[str, Any]) -> str | None:
    message = _text(content, "message")
    if message is None or message.lstrip()[:1] == "<":
        return None
    return message[:LONGEST_MESSAGE]


def _retry_after(headers: Mapping[str, str]) -> int | None:
    """Seconds, rounded up; dates are left out."""
    for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
        try:
            value = float(headers.get(name, ""))
        except ValueError:
            continue
        if 0 <= value < 2**31:
            return int(-(-value // unit))
    return None
