"""Errors of Anthropic's API and of those that speak its language, in answers and in streams.

See: https://docs.anthropic.com/en/api/errors; anthropic 2.13 (Python), 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve

from magicgateway.conversation.reply import Failure
from magicgateway.dialects.bedrock_converse.failures import read_failure as read_aws_failure
from magicgateway.dialects.openai_chat.failures import read_failure as read_any_failure

_TYPES: Mapping[str, tuple[int, str]] = {
    "invalid_request_error": (400, "invalid_request"),
    "authentication_error": (401, "authentication"),
    "billing_error": (402, "quota"),
    "permission_error": (403, "permission"),
    "not_found_error": (404, "not_found"),
    "conflict_error": (409, "conflict"),
    "request_too_large": (413, "too_large"),
    "rate_limit_error": (429, "rate_limit"),
    "timeout_error": (504, "timeout"),
    "api_error": (500, "server"),
    "overloaded_error": (529, "overloaded"),
}
"""Status and kind of each type; in a stream there is no other status."""
_OF_AWS = frozenset({"Message", "__type"})
"""What only AWS has in an error's body."""
_SPENT = frozenset({"enforced_spend_limit_reached", "credit_balance_too_low"})
"""Codes of limits that waiting does not lift."""


def read_failure(status: int, body: Any, headers: Mapping[str, str]) -> Failure:
    """What a provider's error answer says.

    Args:
        status: Of the answer; 0 where there is none, as in a stream.
        body: Its decoded JSON, or its text where it is none.
        headers: By lower-case names.
    """
    if isinstance(body, dict) and "error" not in body and not _OF_AWS.isdisjoint(body):
        return read_aws_failure(status, body, headers)  # InvokeModel's own, and not the model's
    said = body.get("error") if isinstance(body, dict) else None
    error: Mapping[str, Any] = said if isinstance(said, dict) else {}
    kind = error.get("type")
    known = _TYPES.get(kind) if isinstance(kind, str) else None
    if known is not None and status < 400:
        status = known[0]
    failure = read_any_failure(status, body, headers)
    details = error.get("details")
    code = details.get("error_code") if isinstance(details, dict) else None
    if isinstance(code, str) and code:
        failure = evolve(failure, code=code)
    if code in _SPENT:
        return evolve(failure, kind="quota")
    if known is not None and failure.kind != "context_length":
        return evolve(failure, kind=known[1])
    return failure


def failure_of(event: Mapping[str, Any]) -> Failure:
    """What an ``error`` event says, or an error under a status of success."""
    return read_failure(0, event, {})
