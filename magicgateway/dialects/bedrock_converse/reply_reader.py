"""Answers of Converse.

See: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html; the service
model of botocore 1.44.5, 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from magicgateway.conversation.blocks import CONVERSE, Text, ToolCall
from magicgateway.conversation.ledger import Fields
from magicgateway.conversation.reply import (
    CONTEXT_WINDOW,
    LENGTH,
    NO_USAGE,
    REFUSED,
    STOP,
    STOP_SEQUENCE,
    TOOL_CALLS,
    Choice,
    Finish,
    Reply,
    Usage,
)
from magicgateway.dialects.bedrock_converse.content_reader import ContentReader
from magicgateway.dialects.bedrock_converse.extras import rest_of
from magicgateway.dialects.grammar import NoAnswer, Sent

REASONS: Mapping[str, str] = {
    "end_turn": STOP,
    "tool_use": TOOL_CALLS,
    "max_tokens": LENGTH,
    "stop_sequence": STOP_SEQUENCE,
    "guardrail_intervened": REFUSED,
    "content_filtered": REFUSED,
    "model_context_window_exceeded": CONTEXT_WINDOW,
    "malformed_model_output": STOP,
    "malformed_tool_use": STOP,
}
"""Why an answer ended. What is of no known kind is an ordinary end."""
_MALFORMED = ("malformed_model_output", "malformed_tool_use")
MORE = "additionalModelResponseFields"


def read_reply(body: Mapping[str, Any], sent: Sent) -> Reply:
    """A whole answer.

    Raises:
        NoAnswer: It is none, whatever its status was.
    """
    fields = Fields(body, lenient=True)
    output = fields.fields("output")
    if output is None:
        raise NoAnswer("it is no answer of a model")
    message = output.fields("message")
    reader = ContentReader(sent.origin or CONVERSE)
    blocks = () if message is None else reader.content(message)[0]
    calls = any(isinstance(block, ToolCall) for block in blocks)
    words = any(isinstance(block, Text) and block.text for block in blocks)
    finish, more = read_finish(fields, calls=calls)
    if unusable(finish, usable=calls or words):
        raise NoAnswer("it is malformed, as the provider says itself")
    usage = read_usage(fields.object("usage"), more)
    tier = fields.fields("serviceTier")
    fields.take("metrics")
    trace = fields.peek("trace")
    if message is not None:
        message.take("role")
    nested = {"output": output, "output.message": message, "serviceTier": tier, MORE: more}
    return Reply(
        id="",
        model=routed_model(trace),
        choices=(Choice(blocks=blocks, finish=finish),),
        usage=usage,
        service_tier=None if tier is None else tier.text("type"),
        extras=rest_of(fields, nested),
    )


def read_finish(fields: Fields, *, calls: bool) -> tuple[Finish, Fields | None]:
    """Why an answer ended, and the model's own fields, in which there may be more.

    Args:
        fields: Of a reply or of a stream's last event but one.
        calls: There are calls of tools that the caller runs.
    """
    raw = fields.text("stopReason") or ""
    more = fields.fields(MORE)
    stop = None
    if more is not None:
        delta = more.peek("delta")
        place = Fields(delta, lenient=True) if isinstance(delta, dict) else more
        stop = place.text("stop_sequence")
        if place is not more and delta.keys() <= {"stop_sequence"}:
            more.take("delta")
    reason = REASONS.get(raw, STOP)
    if reason == STOP and calls:
        reason = TOOL_CALLS
    return Finish(reason=reason, raw=raw or None, stop_sequence=stop), more


def unusable(finish: Finish, *, usable: bool) -> bool:
    """Whether a model broke down, as the provider says, and left no words and no calls behind."""
    return finish.raw in _MALFORMED and not usable


def read_usage(given: Mapping[str, Any] | None, more: Fields | None = None) -> Usage:
    """What an answer cost.

    Args:
        given: ``usage``; its input is without what was read from a cache or written to one.
        more: The model's own fields, which may say what was thought; that is taken.
    """
    reasoning = None if more is None else _thought(more)
    if given is None:
        return NO_USAGE if reasoning is None else Usage(reasoning=reasoning)
    details = given.get("cacheDetails")
    by_ttl = {
        detail["ttl"]: detail["inputTokens"]
        for detail in (details if isinstance(details, list) else ())
        if isinstance(detail, dict)
        and isinstance(detail.get("ttl"), str)
        and _count(detail, "inputTokens") is not None
    }
    return Usage(
        input=_count(given, "inputTokens"),
        cache_read=_count(given, "cacheReadInputTokens", "cacheReadInputTokenCount"),
        cache_write=_count(given, "cacheWriteInputTokens", "cacheWriteInputTokenCount"),
        cache_write_by_ttl=by_ttl,
        output=_count(given, "outputTokens"),
        reasoning=reasoning,
    )


def _thought(more: Fields) -> int | None:
    usage = more.peek("usage")
    details = usage.get("output_tokens_details") if isinstance(usage, dict) else None
    count = _count(details, "thinking_tokens") if isinstance(details, dict) else None
    if count is not None:
        more.take("usage")
    return count


def _count(given: Mapping[str, Any], *names: str) -> int | None:
    for name in names:
        value = given.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
    return None


def routed_model(trace: Any) -> str:
    """The model that a prompt router chose; empty where there was none."""
    router = trace.get("promptRouter") if isinstance(trace, dict) else None
    model = router.get("invokedModelId") if isinstance(router, dict) else None
    return model if isinstance(model, str) else ""
