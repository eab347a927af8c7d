"""What a provider's failure becomes for a caller of another dialect.

The status decides which type of error each dialect makes of it, as everywhere; the provider's own
type is never copied. See ``docs/errors.md``, "Errors of a provider, translated".
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from magicgateway.conversation.reply import Failure
from magicgateway.errors import ApiError, ProviderError

ANTHROPIC = "anthropic"


@frozen
class _Said:
    """How one kind of failure is said.

    Attributes:
        status: To callers of OpenAI's APIs.
        code: The machine code; empty: the provider's own, or ``upstream_refused``.
        anthropic: The status where Anthropic's API has another.
        param: The field at fault where the provider names none.
    """

    status: int
    code: str = ""
    anthropic: int = 0
    param: str | None = None


_SAID: Mapping[str, _Said] = {
    "invalid_request": _Said(400),
    "context_length": _Said(400, "context_length_exceeded", param="messages"),
    "authentication": _Said(401, "invalid_api_key"),
    "permission": _Said(403, "permission_denied"),
    "not_found": _Said(404, "model_not_found", param="model"),
    "conflict": _Said(409, "conflict"),
    "too_large": _Said(413, "request_too_large"),
    "rate_limit": _Said(429, "rate_limit_exceeded"),
    "quota": _Said(429, "insufficient_quota"),
    "overloaded": _Said(503, "server_is_overloaded", anthropic=529),
    "timeout": _Said(504, "timeout"),
    "server": _Said(502, "upstream_error", anthropic=500),
}
_CREDENTIAL = frozenset({"authentication", "permission"})
_UNPAID = 402
_LONGEST = 2000
_TOO_LONG = "prompt is too long"
"""How Anthropic's own message begins, which its clients look for."""


def as_error(failure: Failure, family: str, *, own_credential: bool) -> ApiError:
    """The error answer that a failure becomes.

    Args:
        failure: What the provider said.
        family: Whose words the caller is answered in.
        own_credential: The caller's own credential was used: then what the provider says of it is
            the caller's affair, else the operator's.
    """
    if failure.own is not None:
        return failure.own
    credential = failure.kind in _CREDENTIAL or failure.status == _UNPAID
    if credential and not own_credential:
        error = ProviderError(
            502, "upstream_auth", "The provider did not accept the gateway's credential for it."
        )
        error.should_retry = False
        return error
    said = _SAID.get(failure.kind, _SAID["server"])
    anthropic = family == ANTHROPIC
    status = said.anthropic if anthropic and said.anthropic else said.status
    if failure.kind == "invalid_request" and failure.status == 422 and not anthropic:
        status = 422
    message = failure.message[:_LONGEST] or "The provider gave no reason."
    if failure.kind == "context_length" and anthropic and not message.startswith(_TOO_LONG):
        message = f"{_TOO_LONG}: {message}"
    error = ProviderError(
        status,
        said.code or failure.code or "upstream_refused",
        message,
        param=failure.param or said.param,
        retry_after=failure.retry_after,
    )
    if failure.kind == "quota":
        error.should_retry = False
    return error
