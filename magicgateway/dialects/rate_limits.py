"""What is left of a credential's limits, from a provider's header fields to a caller's.

OpenAI and Anthropic call the same numbers by other names, and tell when they are reset as a
duration (``6m0s``) or as a time (RFC 3339). What has no counterpart goes on as it came.

See: https://platform.openai.com/docs/guides/rate-limits and
https://docs.anthropic.com/en/api/rate-limits; 2026-11.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import product

_RESET = "reset"
_TO_ANTHROPIC = {
    f"x-ratelimit-{what}-{unit}": f"anthropic-ratelimit-{unit}-{what}"
    for what, unit in product(("limit", "remaining", _RESET), ("requests", "tokens"))
}
_TO_OPENAI = {anthropic: openai for openai, anthropic in _TO_ANTHROPIC.items()}
_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6}
_UNITS |= {"ns": 1e-9}
_PART = re.compile(r"(\d{1,12}(?:\.\d{1,12})?)(ms|us|µs|ns|d|h|m|s)")
_SECONDS = re.compile(r"\d{1,8}(?:\.\d{1,12})?")
"""More digits than that are a time and no duration, in whatever unit."""


def translated_limits(
    fields: Mapping[str, str], now: float, *, to_anthropic: bool
) -> dict[str, str]:
    """The fields that stand for a provider's.

    Args:
        fields: Those about limits, by lower-case name.
        now: Seconds since the epoch.
        to_anthropic: The caller knows Anthropic's names; else OpenAI's.
    """
    names = _TO_ANTHROPIC if to_anthropic else _TO_OPENAI
    said: dict[str, str] = {}
    for name, value in fields.items():
        new = names.get(name)
        if new is None or new in fields:
            said[name] = value
            continue
        translated: str | None = value
        if _RESET in name:
            translated = _time_of(value, now) if to_anthropic else _duration_of(value, now)
        if translated is None:
            said[name] = value
        else:
            said[new] = translated
    return said


def _time_of(duration: str, now: float) -> str | None:
    """The time after a duration, to the next whole second."""
    seconds = _seconds(duration.strip())
    if seconds is None:
        return None
    try:
        moment = datetime.fromtimestamp(-int(-(now + seconds) // 1), UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _seconds(duration: str) -> float | None:
    if _SECONDS.fullmatch(duration):
        return float(duration)
    total, end = 0.0, 0
    for part in _PART.finditer(duration):
        if part.start() != end:
            return None
        total += float(part[1]) * _UNITS[part[2]]
        end = part.end()
    return total if end and end == len(duration) else None


def _duration_of(time: str, now: float) -> str | None:
    """How long it is until a time, as Go writes durations and OpenAI with it."""
    try:
        moment = datetime.fromisoformat(time.strip())
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    left = moment.timestamp() - now
    if left <= 0:
        return "0s"
    if left < 1:
        return f"{-int(-left * 1000 // 1)}ms"
    minutes, seconds = divmod(-int(-left // 1), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{seconds}s"
    return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"
