"""Immutable records of what happened. The rooms emit them, observers watch them."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

COMPLETED = "completed"
CALLER_LEFT = "caller_left"
TRUNCATED = "truncated"
FAILED = "failed"
REFUSED = "refused"
"""Outcomes of an exchange. *Refused* is an error answer of the gateway's own, *failed* one of the
provider's or of the way to it, *truncated* a body that broke after it had begun."""


class Usage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Tokens of one exchange as the provider counted them; unknown is None, never 0."""

    input: int | None = None
    output: int | None = None
    cached_input: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None


class Finished(msgspec.Struct, frozen=True, omit_defaults=True):
    """One exchange has ended. Durations are in milliseconds, sizes in bytes of body.

    It holds nothing of the caller's text: no prompt, no completion, no query string, no key.
    """

    time: float
    """Seconds since the epoch at which the exchange began."""
    request_id: str
    client: str
    method: str
    path: str
    """The path without its query, cut at 256 characters."""
    status: int
    outcome: str
    duration_ms: float
    operation: str = ""
    """The route below /v1/ (``chat/completions``), or the path's own name (``health``)."""
    provider: str = ""
    model: str = ""
    """As the caller named it, cut at 128 characters."""
    upstream_model: str = ""
    stream: bool = False
    attempts: int = 0
    request_bytes: int = 0
    response_bytes: int = 0
    first_byte_ms: float | None = None
    """Until the first byte of the answer's body went downstream."""
    upstream_ms: float | None = None
    """Until the provider's head arrived, counted from the attempt's first byte out."""
    overhead_ms: float | None = None
    """Spent in the gateway before the attempt's first byte out."""
    usage: Usage | None = None
    error: str = ""
    """Machine code of the gateway's own error."""
    detail: str = ""
    """Cause for the operator; never a secret, never the caller's text."""


FinishedWatcher = Callable[[Finished], None]
"""Called once per exchange; must be quick and must not raise."""
