"""Streams with what answers seldom have: the provider's own tools, citations, refusals, errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from magicgateway.dialects.catalogue import (
    ANTHROPIC_MESSAGES,
    BEDROCK_CONVERSE,
    OPENAI_CHAT,
    OPENAI_RESPONSES,
)

_HEAD = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
_MESSAGE: dict[str, Any] = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [],
    "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 3, "output_tokens": 1},
}  # fmt: skip
_RESPONSE: dict[str, Any] = {
    "id": "resp_1", "object": "response", "created_at": 1, "model": "m", "status": "in_progress",
    "output": [], "tools": [], "error": None, "incomplete_details": None,
}  # fmt: skip
_CITED = {"type": "url_citation", "url_citation": {"url": "https://a.test", "title": "A"}}


def _choice(delta: Any, finish: str | None = None, index: int = 0, **more: Any) -> Any:
    choice = {"index": index, "delta": delta, "finish_reason": finish, **more}
    return {**_HEAD, "choices": [choice]}


def _call(index: int, **fields: Any) -> Any:
    return _choice({"tool_calls": [{"index": index, **fields}]})


def _block(index: int, block: Any, *deltas: Any) -> list[Any]:
    return [
        {"type": "content_block_start", "index": index, "content_block": block},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def _parts(index: int, start: Any, *deltas: Any) -> list[Any]:
    place = {"contentBlockIndex": index}
    begun = [("contentBlockStart", {**place, "start": start})] if start else []
    said = [("contentBlockDelta", {**place, "delta": delta}) for delta in deltas]
    return [*begun, *said, ("contentBlockStop", place)]


def _item(index: int, item: Any, *events: Any) -> list[Any]:
    place = {"output_index": index, "item_id": item["id"]}
    return [
        {"type": "response.output_item.added", "output_index": index, "item": item},
        *({**event, **place} for event in events),
        {"type": "response.output_item.done", "output_index": index, "item": item},
    ]


MORE: Mapping[str, list[list[Any]]] = {
    OPENAI_CHAT: [
        [
            _choice({"role": "assistant", "refusal": "No"}, logprobs={"content": []}),
            _choice({"content": "a", "annotations": [_CITED]}, index=1),
            _call(0, id="a", type="function", function={"name": "f", "arguments": ""}),
            _call(1, id="b", type="custom", custom={"name": "weather", "input": "x"}),
            _call(0, function={"arguments": '{"x":'}),
            _call(1, function={"arguments": '{"input":"\\u00e'}),
            _call(0, function={"arguments": "1}"}),
            _choice({"reasoning_content": "t"}, index=1),
            _choice({}, "tool_calls"),
            _choice({}, "content_filter", index=1),
            {**_HEAD, "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}},
        ],
        [
            _choice({"function_call": {"name": "f", "arguments": "{"}}),
            _choice({"thinking_blocks": [{"type": "thinking", "thinking": "t"}]}),
            {"error": {"message": "no", "type": "server_error", "code": 500}},
        ],
    ],
    ANTHROPIC_MESSAGES: [
        [
            {"type": "message_start", "message": _MESSAGE},
            *_block(0, {"type": "redacted_thinking", "data": "eHl6"}),
            *_block(
                1,
                {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
                {"type": "input_json_delta", "partial_json": '{"query":"q"}'},
            ),
            *_block(
                2,
                {"type": "web_search_tool_result", "tool_use_id": "s", "content": [{"url": "u"}]},
            ),
            *_block(
                3,
                {"type": "text", "text": "", "citations": []},
                {"type": "citations_delta", "citation": {"type": "x", "cited_text": "c"}},
                {"type": "text_delta", "text": "a"},
            ),
            *_block(
                4,
                {"type": "tool_use", "id": "t", "name": "n", "input": {}},
                {"type": "input_json_delta", "partial_json": '{"a":"'},
                {"type": "input_json_delta", "partial_json": 'b"}'},
            ),
            {"type": "message_delta", "delta": {"stop_reason": "pause_turn"}, "usage": {}},
            {"type": "message_stop"},
        ],
        [
            {"type": "message_start", "message": _MESSAGE},
            {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
        ],
    ],
    OPENAI_RESPONSES: [
        [
            {"type": "response.created", "response": _RESPONSE},
            *_item(0, {"id": "ws", "type": "web_search_call", "status": "completed"}),
            *_item(
                1,
                {"id": "r", "type": "reasoning", "summary": [], "encrypted_content": "eHl6"},
                {"type": "response.reasoning_text.delta", "content_index": 0, "delta": "t"},
            ),
            *_item(
                2,
                {"id": "ct", "type": "custom_tool_call", "call_id": "c", "name": "weather",
                 "input": ""},
                {"type": "response.custom_tool_call_input.delta", "delta": "x"},
                {"type": "response.custom_tool_call_input.done", "input": "x"},
            ),
            *_item(
                3,
                {"id": "m", "type": "message", "role": "assistant", "content": []},
                {"type": "response.refusal.delta", "content_index": 0, "delta": "No"},
                {"type": "response.output_text.annotation.added", "annotation_index": 0,
                 "content_index": 1, "annotation": {"type": "url_citation", "url": "u"}},
            ),
            {"type": "response.completed", "response": {**_RESPONSE, "status": "completed"}},
        ],
        [
            {"type": "response.created", "response": _RESPONSE},
            {"type": "response.failed", "response": {
                **_RESPONSE, "status": "failed", "error": {"code": "server_error", "message": "x"},
            }},
        ],
        [{"type": "error", "code": "rate_limit_exceeded", "message": "slow down", "param": None}],
    ],
    BEDROCK_CONVERSE: [
        [
            ("messageStart", {"role": "assistant"}),
            *_parts(0, None, {"reasoningContent": {"redactedContent": "eHl6"}}),
            *_parts(
                1,
                {"toolUse": {"toolUseId": "s", "name": "n", "type": "server_tool_use"}},
                {"toolUse": {"input": '{"q":1}'}},
            ),
            *_parts(2, {"toolResult": {"toolUseId": "s"}}, {"toolResult": [{"text": "x"}]}),
            *_parts(3, None, {"text": "a"}, {"citation": {"title": "t", "location": {"web": {}}}}),
            *_parts(4, {"image": {"format": "png"}}, {"image": {"source": {"bytes": "iVBO"}}}),
            ("messageStop", {"stopReason": "guardrail_intervened"}),
            ("metadata", {"usage": {"inputTokens": 1, "outputTokens": 2}, "trace": {"x": []}}),
        ],
        [
            ("messageStart", {"role": "assistant"}),
            *_parts(0, None, {"text": "a"}),
            (":throttlingException", {"message": "Too many requests"}),
        ],
    ],
}  # fmt: skip
