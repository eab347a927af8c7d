"""When a failed attempt may be made again without the caller or the bill noticing.

Two rules only. R0: nothing of the request was written, so trying again can do no harm. R1: it was
written on a connection that had served before and the provider closed it without a byte of answer,
which is what happens when a provider drops an idle connection at that moment; once more on a fresh
connection is safe for requests that may be repeated.
"""

from __future__ import annotations

ATTEMPTS = 3
"""Of one exchange, the first one included."""
PAUSE_SECONDS = 0.05
"""Before the second try at a provider that could not be reached."""


def after_unreachable(attempts: int, code: str) -> float | None:
    """R0: seconds to wait before the next attempt, or None if there is none.

    Only a refused or broken connection is worth another try at once: a timeout has used up its
    time, a certificate or a name does not get better in a moment.

    Args:
        attempts: How many were made.
        code: The machine code of the failure.
    """
    if attempts >= ATTEMPTS - 1 or code != "upstream_unreachable":
        return None
    return PAUSE_SECONDS


def after_break(
    attempts: int, *, reused: bool, replied: bool, malformed: bool, repeatable: bool
) -> bool:
    """R1: whether to send the request again, on a fresh connection."""
    return attempts < ATTEMPTS and reused and repeatable and not replied and not malformed
