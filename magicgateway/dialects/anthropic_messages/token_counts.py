"""What an answer cost, as Anthropic counts it.

``input_tokens`` is what was neither read from a cache nor written to one, as in the hub.

See: https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching; 2026-11.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from magicgateway.conversation.ledger import Fields
from magicgateway.conversation.reply import Usage

_LIFETIMES = {"ephemeral_5m_input_tokens": "5m", "ephemeral_1h_input_tokens": "1h"}
_TIERS = {"standard": "default", "priority": "priority", "batch": "batch"}
"""Anthropic's words for the tier that served, in OpenAI's."""
_TIERS_BACK = {"default": "standard", "priority": "priority"}

Nested = dict[str, Fields | None]


def read_counts(usage: Fields, nested: Nested) -> tuple[Usage, str | None]:
    """A ``usage`` object, and the tier that served; what is not there is unknown.

    Args:
        usage: Of a message or a ``message_delta``.
        nested: Is given the objects in it, in which there may be more.
    """
    made = nested["usage.cache_creation"] = usage.fields("cache_creation")
    lifetimes: dict[str, int] = {}
    if made is not None:
        for name, ttl in _LIFETIMES.items():
            count = made.integer(name)
            if count is not None:
                lifetimes[ttl] = count
    details = nested["usage.output_tokens_details"] = usage.fields("output_tokens_details")
    tools = nested["usage.server_tool_use"] = usage.fields("server_tool_use")
    write = usage.integer("cache_creation_input_tokens")
    tier = usage.text("service_tier")
    counts = Usage(
        input=usage.integer("input_tokens"),
        cache_read=usage.integer("cache_read_input_tokens"),
        cache_write=sum(lifetimes.values()) if write is None and lifetimes else write,
        cache_write_by_ttl=MappingProxyType(lifetimes),
        output=usage.integer("output_tokens"),
        reasoning=None if details is None else details.integer("thinking_tokens"),
        searches=None if tools is None else tools.integer("web_search_requests"),
    )
    return counts, _TIERS.get(tier or "", tier)


def write_counts(usage: Usage, prompt: int, output: int) -> dict[str, Any]:
    """A ``usage`` object; SDKs need its two main counts.

    Args:
        usage: As far as it is known.
        prompt: About how many tokens went in, for where nobody counted them.
        output: About how many came out, likewise.
    """
    cached = (usage.cache_read or 0) + (usage.cache_write or 0)
    counts: dict[str, Any] = {
        "input_tokens": max(prompt - cached, 0) if usage.input is None else usage.input,
        "cache_creation_input_tokens": usage.cache_write or 0,
        "cache_read_input_tokens": usage.cache_read or 0,
        "output_tokens": output if usage.output is None else usage.output,
    }
    lifetimes = usage.cache_write_by_ttl
    if lifetimes:
        counts["cache_creation"] = {name: lifetimes.get(ttl, 0) for name, ttl in _LIFETIMES.items()}
    if usage.reasoning is not None:
        counts["output_tokens_details"] = {"thinking_tokens": usage.reasoning}
    if usage.searches is not None:
        counts["server_tool_use"] = {"web_search_requests": usage.searches}
    return counts


def complete(counts: dict[str, Any]) -> None:
    """Add the counts that SDKs need beside others, after what the provider had is put back."""
    tools = counts.get("server_tool_use")
    if isinstance(tools, dict):
        for name in ("web_search_requests", "web_fetch_requests"):
            tools.setdefault(name, 0)


def written_tier(tier: str | None) -> dict[str, str]:
    """The tier that served, where Anthropic has a word for it."""
    word = _TIERS_BACK.get(tier or "")
    return {} if word is None else {"service_tier": word}
