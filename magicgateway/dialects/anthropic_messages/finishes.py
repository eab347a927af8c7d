"""Why answers end, in Anthropic's words.

See: https://docs.anthropic.com/en/api/handling-stop-reasons; anthropic 2.13 (Python), 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from magicgateway.conversation.ledger import Fields
from magicgateway.conversation.reply import (
    CONTEXT_WINDOW,
    LENGTH,
    PAUSED,
    REFUSED,
    STOP,
    STOP_SEQUENCE,
    TOOL_CALLS,
    UNKNOWN,
    Finish,
)

_REASONS = {
    "end_turn": STOP,
    "stop_sequence": STOP_SEQUENCE,
    "max_tokens": LENGTH,
    "tool_use": TOOL_CALLS,
    "pause_turn": PAUSED,
    "refusal": REFUSED,
    "model_context_window_exceeded": CONTEXT_WINDOW,
    "compaction": LENGTH,
}
_WORDS = {
    STOP: "end_turn",
    STOP_SEQUENCE: "stop_sequence",
    LENGTH: "max_tokens",
    CONTEXT_WINDOW: "model_context_window_exceeded",
    TOOL_CALLS: "tool_use",
    REFUSED: "refusal",
    PAUSED: "pause_turn",
}
_CUT = frozenset({LENGTH, CONTEXT_WINDOW, REFUSED})
"""Reasons that say more than that a tool was called."""


def read_finish(fields: Fields, nested: dict[str, Fields | None], *, calls: bool) -> Finish:
    """Why an answer ended.

    Args:
        fields: A message, or the delta of a ``message_delta``.
        nested: Is given the object in it, in which there may be more.
        calls: It calls the caller's tools.
    """
    raw, stop = fields.text("stop_reason"), fields.text("stop_sequence")
    details = nested["stop_details"] = fields.fields("stop_details")
    reason = _REASONS.get(raw or "", UNKNOWN)
    if calls and reason in (STOP, STOP_SEQUENCE, UNKNOWN):
        reason = TOOL_CALLS
    finish = Finish(reason=reason, raw=raw, stop_sequence=stop)
    if details is None:
        return finish
    details.take("type")
    return Finish(
        reason=reason,
        raw=raw,
        stop_sequence=stop,
        explanation=details.text("explanation"),
        category=details.text("category"),
    )


def write_finish(finish: Finish, *, calls: bool, refused: bool) -> Mapping[str, Any]:
    """The fields of a message that say why it ended.

    Args:
        finish: Why.
        calls: The message calls tools, whatever the provider said of it.
        refused: It has words by which the model declines.
    """
    reason = finish.reason
    if refused and reason not in (LENGTH, CONTEXT_WINDOW):
        reason = REFUSED
    elif calls and reason not in _CUT:
        reason = TOOL_CALLS
    sequence = finish.stop_sequence if reason == STOP_SEQUENCE else None
    said: dict[str, Any] = {
        "stop_reason": _WORDS.get(reason, "end_turn"),
        "stop_sequence": sequence,
    }
    if reason == REFUSED:
        said["stop_details"] = {
            "type": "refusal",
            "category": finish.category,
            "explanation": finish.explanation,
        }
    return said
