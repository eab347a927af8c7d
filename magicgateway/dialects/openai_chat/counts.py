"""Usage as OpenAI counts it: its input includes what was cached, its output what was thought.

See: https://platform.openai.com/docs/api-reference/chat/object; https://docs.x.ai; 2026-10.
"""

from __future__ import annotations

from typing import Any

from magicgateway.conversation.ledger import Fields
from magicgateway.conversation.reply import Usage

_CACHED = ("cached_tokens", "prompt_cache_hit_tokens", "num_cached_tokens")
"""Names that providers have for it beside OpenAI's, at the top of the object."""


def read_counts(usage: Fields, inner: dict[str, Fields | None]) -> Usage:
    """The hub's counts of a ``usage`` object.

    Args:
        usage: Read leniently: what is no number counts nothing.
        inner: Gets the objects in it, by their path in the body.
    """
    prompt, output = usage.integer("prompt_tokens"), usage.integer("completion_tokens")
    total = usage.integer("total_tokens")
    usage.take("prompt_cache_miss_tokens")  # what is left of the prompt
    of_prompt, of_output = (
        usage.fields("prompt_tokens_details"),
        usage.fields("completion_tokens_details"),
    )
    inner["usage.prompt_tokens_details"] = of_prompt
    inner["usage.completion_tokens_details"] = of_output
    read = of_prompt.integer("cached_tokens") if of_prompt is not None else None
    for name in _CACHED:
        other = usage.integer(name)
        read = other if read is None else read
    written = of_prompt.integer("cache_write_tokens") if of_prompt is not None else None
    thought = of_output.integer("reasoning_tokens") if of_output is not None else None
    if output is not None and thought and total == (prompt or 0) + output + thought:
        output += thought  # some count it beside the output
    return Usage(
        input=_uncached(prompt, read, written),
        cache_read=read,
        cache_write=written,
        output=output,
        reasoning=thought,
    )


def _uncached(prompt: int | None, read: int | None, written: int | None) -> int | None:
    if prompt is None:
        return None
    cached = (read or 0) + (written or 0)
    # Some count what was cached beside the prompt: then it can be more than the prompt.
    return prompt - cached if cached <= prompt else prompt


def write_counts(usage: Usage) -> dict[str, Any] | None:
    """A ``usage`` object; None unless both of its main counts are known, which it has to have."""
    if usage.input is None or usage.output is None:
        return None
    written: dict[str, Any] = {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.output,
        "total_tokens": usage.total,
    }
    details = {"cached_tokens": usage.cache_read, "cache_write_tokens": usage.cache_write}
    known = {name: count for name, count in details.items() if count is not None}
    if known:
        written["prompt_tokens_details"] = known
    if usage.reasoning is not None:
        written["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning}
    if usage.searches is not None:
        written["server_tool_use"] = {"web_search_requests": usage.searches}
    return written
