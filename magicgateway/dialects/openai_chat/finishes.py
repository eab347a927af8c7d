"""Why an answer ended, in the words of chat completions and in those of the hub.

See: https://platform.openai.com/docs/api-reference/chat/object; 2026-10.
"""

from __future__ import annotations

from typing import Any

from magicgateway.conversation.reply import (
    CONTEXT_WINDOW,
    LENGTH,
    REFUSED,
    STOP,
    STOP_SEQUENCE,
    TOOL_CALLS,
    UNKNOWN,
    Finish,
)

_BROKEN = frozenset({"error", "network_error", "malformed_model_output"})
"""With these an answer did not end: it broke off."""

_REASONS = {
    **dict.fromkeys(("stop", "end_turn", "eos", "eos_token", "complete"), STOP),
    "stop_sequence": STOP_SEQUENCE,
    **dict.fromkeys(("length", "max_tokens", "model_length"), LENGTH),
    "model_context_window_exceeded": CONTEXT_WINDOW,
    **dict.fromkeys(("tool_calls", "tool_call", "tool_use", "function_call"), TOOL_CALLS),
    **dict.fromkeys(
        (
            "content_filter", "content_filtered", "refusal", "guardrail_intervened", "safety",
            "recitation", "blocklist", "prohibited_content", "spii", "image_safety",
            "error_toxic", "sensitive",
        ),
        REFUSED,
    ),
}  # fmt: skip
_WORDS = {
    LENGTH: "length",
    CONTEXT_WINDOW: "length",
    REFUSED: "content_filter",
}
"""The others are ``stop``, or ``tool_calls`` where there are any."""
_REPORTED_STOPS = ("stop_reason", "stop_sequence", "matched_stop")
"""Fields of a choice in which some providers say which stop was met."""

GENERIC_REFUSAL = "The model declined to answer."


def is_broken(raw: Any) -> bool:
    """Whether a ``finish_reason`` says that there was no end."""
    return isinstance(raw, str) and raw in _BROKEN


def read_finish(raw: Any, choice: dict[str, Any], *, calls: bool, refusal: bool) -> Finish:
    """The hub's finish.

    Args:
        raw: ``finish_reason``.
        choice: It stood in; which stop was met can stand in it too.
        calls: There are calls of tools; then the answer waits for them, whatever was said.
        refusal: There is a refusal's text.
    """
    word = raw if isinstance(raw, str) and raw else None
    reason = UNKNOWN if word is None else _REASONS.get(word.lower(), UNKNOWN)
    if calls and reason != LENGTH:
        reason = TOOL_CALLS
    elif refusal:
        reason = REFUSED
    elif reason == TOOL_CALLS:
        reason = STOP
    met = None
    if reason in (STOP, STOP_SEQUENCE):
        given = (choice.get(name) for name in _REPORTED_STOPS)
        met = next((stop for stop in given if isinstance(stop, str) and stop != word), None)
        reason = STOP if met is None else STOP_SEQUENCE
    return Finish(reason=reason, raw=word, stop_sequence=met)


def write_finish(finish: Finish, *, calls: bool, legacy: bool = False) -> str:
    """The ``finish_reason``.

    Args:
        finish: The hub's.
        calls: The answer has calls of tools.
        legacy: The caller knows of functions only.
    """
    word = _WORDS.get(finish.reason)
    if word is not None:
        return word
    if calls:
        return "function_call" if legacy else "tool_calls"
    return "stop"
