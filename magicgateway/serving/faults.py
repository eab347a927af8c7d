"""What is said of an answer that a provider did not bring to its end."""

from __future__ import annotations

from magicgateway.errors import UpstreamError


def truncated(reason: str) -> UpstreamError:
    """It broke off; ``reason`` is for the operator."""
    return UpstreamError(
        502,
        "upstream_truncated",
        "The provider's answer broke off before its end.",
        outcome="truncated",
        detail=reason,
    )


def event_too_long() -> UpstreamError:
    """It has an event that nobody could hold."""
    return UpstreamError(
        502,
        "upstream_event_too_long",
        "The provider sent a stream event larger than 8 MiB.",
        outcome="truncated",
    )


def too_slow(name: str, seconds: float) -> UpstreamError:
    """It took too long.

    Args:
        name: The timeout that was met: ``total``, ``first_event`` or ``idle``.
        seconds: Its length.
    """
    texts = {
        "total": "The answer took longer than",
        "first_event": "The provider sent no event within",
        "idle": "The provider fell silent for",
    }
    return UpstreamError(
        504,
        f"{name}_timeout",
        f"{texts[name]} {seconds:g} s (timeouts.{name}).",
        outcome="timeout",
    )
