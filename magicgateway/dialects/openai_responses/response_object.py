"""The response object around an answer's items: what was asked for, and what it cost."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from magicgateway.conversation.blocks import Text
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.parameters import (
    BACKGROUND,
    CACHE_KEY,
    MAX_TOKENS,
    MAX_TOOL_CALLS,
    METADATA,
    PARALLEL_TOOL_CALLS,
    PREVIOUS_RESPONSE,
    REASONING,
    RESPONSE_FORMAT,
    SERVICE_TIER,
    TEMPERATURE,
    TOOL_CHOICE,
    TOP_LOGPROBS,
    TOP_P,
    TRUNCATION,
    USER,
    VERBOSITY,
    ResponseFormat,
)
from magicgateway.conversation.reply import (
    CONTEXT_WINDOW,
    LENGTH,
    REFUSED,
    UNKNOWN,
    Failure,
    Finish,
    Usage,
)
from magicgateway.conversation.request import Request
from magicgateway.dialects.grammar import Asked
from magicgateway.dialects.openai_responses.settings_writer import format_of
from magicgateway.dialects.openai_responses.tool_writer import ToolWriter

_SECRET = ("authorization", "headers")
"""Of tools that the provider reaches with the caller's credentials; never said again."""
_TIERS = frozenset({"auto", "default", "flex", "scale", "priority"})
_UNFINISHED = ("queued", "in_progress", "cancelled")
_CODES = {
    "rate_limit": "rate_limit_exceeded",
    "quota": "insufficient_quota",
    "context_length": "context_length_exceeded",
    "invalid_request": "invalid_prompt",
    "too_large": "invalid_prompt",
}
"""What went wrong, as the ``code`` of a failed response; all else is ``server_error``."""


@frozen
class Envelope:
    """One answer's response object, but for its items.

    Attributes:
        asked: What it answers.
        id: The same in every event.
        created: Seconds since the epoch.
    """

    asked: Asked
    id: str
    created: int

    def wrap(self, status: str, output: list[dict[str, Any]], **fields: Any) -> dict[str, Any]:
        """The whole object.

        Args:
            status: ``in_progress``, ``completed``, ``incomplete``, ``failed``, …
            output: Its items.
            fields: What differs from an answer that has just begun.
        """
        return {
            "id": self.id,
            "object": "response",
            "created_at": self.created,
            "status": status,
            "error": None,
            "incomplete_details": None,
            **_echo(self.asked),
            "output": output,
            "usage": None,
            **fields,
        }


def open_envelope(asked: Asked, given_id: str, created: int | None) -> Envelope:
    """The envelope of an answer; the provider's id stays if it is one of this API."""
    response_id = given_id if given_id.startswith("resp_") else f"resp_{asked.answer_id}"
    return Envelope(asked, response_id, asked.now if created is None else created)


def _echo(asked: Asked) -> dict[str, Any]:
    request = asked.request
    given = request.parameters
    tools = ToolWriter(request, given.get(TOOL_CHOICE), Ledger())
    reasoning = given.get(REASONING)
    shape = given.get(RESPONSE_FORMAT) or ResponseFormat("text")
    text: dict[str, Any] = {"format": format_of(shape)}
    verbosity = given.get(VERBOSITY)
    if verbosity is not None:
        text["verbosity"] = verbosity
    user = given.get(USER)
    named = given.named(USER)
    return {
        "model": asked.model,
        "instructions": _instructions(request),
        "metadata": given.get(METADATA) or {},
        "parallel_tool_calls": given.get(PARALLEL_TOOL_CALLS) is not False,
        "tool_choice": tools.tool_choice() or "auto",
        "tools": [_public(tool) for tool in tools.tools()],
        "temperature": given.get(TEMPERATURE),
        "top_p": given.get(TOP_P),
        "top_logprobs": given.get(TOP_LOGPROBS) or 0,
        "max_output_tokens": given.get(MAX_TOKENS),
        "max_tool_calls": given.get(MAX_TOOL_CALLS),
        "previous_response_id": given.get(PREVIOUS_RESPONSE),
        "prompt_cache_key": given.get(CACHE_KEY),
        "reasoning": {
            "effort": reasoning.effort if reasoning else None,
            "summary": reasoning.summary if reasoning else None,
        },
        "safety_identifier": user if named == "safety_identifier" else None,
        "service_tier": given.get(SERVICE_TIER),
        "background": given.get(BACKGROUND) is True,
        "store": False,
        "text": text,
        "truncation": given.get(TRUNCATION) or "disabled",
        "user": user if named == "user" else None,
    }


def _instructions(request: Request) -> str | None:
    first = request.turns[0] if request.turns else None
    if first is None or not first.lead:
        return None
    return "\n\n".join(block.text for block in first.blocks if isinstance(block, Text))


def _public(tool: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in tool.items() if name not in _SECRET}


def served_tier(tier: str | None) -> dict[str, str]:
    """The tier that served, where this API has a word for it; providers have others too."""
    return {"service_tier": tier} if tier in _TIERS else {}


def outcome(finish: Finish | None) -> tuple[str, dict[str, Any] | None]:
    """The ``status`` and the ``incomplete_details`` of an answer."""
    if finish is None:
        return "completed", None
    if finish.reason in (LENGTH, CONTEXT_WINDOW):
        return "incomplete", {"reason": "max_output_tokens"}
    if finish.reason == REFUSED and finish.raw != "stop":  # by which a model declines in words
        return "incomplete", {"reason": "content_filter"}
    if finish.reason == UNKNOWN and finish.raw in _UNFINISHED:
        return finish.raw, None
    return "completed", None


def error_of(failure: Failure) -> dict[str, Any]:
    """The ``error`` of a failed response."""
    return {"code": _CODES.get(failure.kind, "server_error"), "message": failure.message}


def usage_object(usage: Usage) -> dict[str, Any] | None:
    """The ``usage``, None unless its main counts are known.

    Its details have to be there: those that nobody counted are 0.
    """
    if usage.input is None or usage.output is None:
        return None
    details: dict[str, Any] = {
        "cached_tokens": usage.cache_read or 0,
        "cache_write_tokens": usage.cache_write or 0,
    }
    by_ttl = usage.cache_write_by_ttl
    if by_ttl.keys() & {"30m", "12h"}:
        details["cache_write_tokens_details"] = {
            "ttl_30m_tokens": by_ttl.get("30m", 0),
            "ttl_12h_tokens": by_ttl.get("12h", 0),
        }
    return {
        "input_tokens": usage.prompt,
        "input_tokens_details": details,
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning or 0},
        "total_tokens": usage.total,
    }
