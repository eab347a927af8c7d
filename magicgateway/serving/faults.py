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


def no_answer(reason: str) -> UpstreamError:
    """It is none of the dialect the provider is known to speak; ``reason`` is for the operator."""
    return UpstreamError(
        502,
        "upstream_malformed",
        "The provider's answer cannot be read.",
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


def total_timeout(seconds: float) -> UpstreamError:
    """All of it took longer than it may."""
    return _too_slow("total", seconds, "The answer took longer than")


def first_event_timeout(seconds: float) -> UpstreamError:
    """Its head came, and nothing behind it."""
    return _too_slow("first_event", seconds, "The provider sent no event within")


def idle_timeout(seconds: float) -> UpstreamError:
    """It was under way, and nothing more came."""
    return _too_slow("idle", seconds, "The provider fell silent for")


def _too_slow(name: str, seconds: float, text: str) -> UpstreamError:
    return UpstreamError(
        504, f"{name}_timeout", f"{text} {seconds:g} s (timeouts.{name}).", outcome="timeout"
    )
