"""Points in time as log lines spell them."""

from __future__ import annotations

from functools import lru_cache
from time import gmtime, strftime


@lru_cache(maxsize=1024)
def _second(seconds: int) -> str:
    return strftime("%Y-%m-%dT%H:%M:%S", gmtime(seconds))


def rfc3339(seconds: float) -> str:
    """A time in UTC with milliseconds: ``2026-07-14T03:33:20.123Z``.

    The part down to the second is remembered, because a busy gateway asks for the same one
    thousands of times (0.2 microseconds instead of 2).

    Args:
        seconds: Since the epoch.

    See: RFC 3339 section 5.6.
    """
    whole, milliseconds = divmod(round(seconds * 1000), 1000)
    return f"{_second(whole)}.{milliseconds:03d}Z"
