"""Exchanges as providers' could be recorded, made up here: for a clone without the reference data.

One provider of each dialect answers the same questions: with words after some thinking, with two
calls of a tool, with words cut at the limit, and not at all; whole and streamed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from magicgateway.dialects.catalogue import (
    ANTHROPIC_MESSAGES,
    BEDROCK_CONVERSE,
    OPENAI_CHAT,
    OPENAI_RESPONSES,
)
from magicgateway.wire.event_stream import encode_frame
from tests.integration.recordings import Recording

Json = dict[str, Any]

WORDS = "Drei Äpfel, 🍏🍎🍏: that is 3."
THOUGHT = "They ask for a number."
QUESTION = "How many apples?"
CUT = "Three app"
CALLS = (("toolu_01ABC", {"city": "Köln"}), ("toolu_02DEF", {"city": "Bonn", "days": 2}))
CITY: Json = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city"],
}
SSE = "text/event-stream"
FRAMES = "application/vnd.amazon.eventstream"
JSON = "application/json"
SAYS, USES, ENDS_EARLY = "words", "calls", "cut"
KINDS = (SAYS, USES, ENDS_EARLY)


def own_recordings() -> tuple[Recording, ...]:
    """All of them."""
    return (*_chat(), *_responses(), *_messages(), *_converse())


def _recorded(
    dialect: str, provider: str, model: str, kind: str, request: Json, answer: Any, **fields: Any
) -> Recording:
    stream = not isinstance(answer, dict)
    streams = FRAMES if dialect == BEDROCK_CONVERSE else SSE
    body = b"".join(answer) if stream else json.dumps(answer).encode()
    if dialect != BEDROCK_CONVERSE:
        request = {"model": model, "stream": stream, **request}
    return Recording(
        name=f"own {provider} {dialect} {kind}{', streamed' if stream else ''}",
        provider=provider,
        dialect=dialect,
        model=model,
        stream=stream,
        request=request,
        status=fields.get("status", 200),
        media_type=streams if stream else JSON,
        answer=body,
    )


def _event(content: Json, *, named: bool = True) -> bytes:
    name = f"event: {content['type']}\n" if named else ""
    return f"{name}data: {json.dumps(content)}\n\n".encode()


def _frame(name: str, payload: Json) -> bytes:
    headers = {":event-type": name, ":content-type": JSON, ":message-type": "event"}
    return encode_frame(headers, json.dumps(payload).encode())


def _pieces(text: str) -> Iterator[str]:
    return (text[at : at + 7] for at in range(0, len(text), 7))


# -- chat -----------------------------------------------------------------------------------------


def _chat() -> Iterator[Recording]:
    def record(kind: str, answer: Any, **fields: Any) -> Recording:
        request: Json = {"messages": [{"role": "user", "content": QUESTION}], "max_tokens": 900}
        if kind == USES:
            function = {"name": "weather", "description": "Tells it.", "parameters": CITY}
            request["tools"] = [{"type": "function", "function": function}]
        return _recorded(OPENAI_CHAT, "groq", "llama-x", kind, request, answer, **fields)

    usage = {
        "prompt_tokens": 40, "completion_tokens": 20, "total_tokens": 60,
        "prompt_tokens_details": {"cached_tokens": 30},
        "completion_tokens_details": {"reasoning_tokens": 5},
    }  # fmt: skip
    head = {"id": "chatcmpl-1", "created": 1_790_000_000, "model": "llama-x"}
    calls = [
        {"id": key, "type": "function", "function": {"name": "weather", "arguments": _dump(given)}}
        for key, given in CALLS
    ]
    messages: dict[str, tuple[Json, str]] = {
        SAYS: ({"content": WORDS, "reasoning": THOUGHT}, "stop"),
        USES: ({"content": None, "tool_calls": calls}, "tool_calls"),
        ENDS_EARLY: ({"content": CUT}, "length"),
    }
    for kind, (message, finish) in messages.items():
        choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
        whole = {**head, "object": "chat.completion", "choices": [choice], "usage": usage}
        yield record(kind, whole)
        chunk = {**head, "object": "chat.completion.chunk"}
        deltas = [
            *({"index": 0, "delta": delta, "finish_reason": None} for delta in _deltas(message)),
            {"index": 0, "delta": {}, "finish_reason": finish},
        ]
        events = [_event({**chunk, "choices": [delta]}, named=False) for delta in deltas]
        last = _event({**chunk, "choices": [], "usage": usage}, named=False)
        yield record(kind, [*events, last, b"data: [DONE]\n\n"])
    error = {"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"}
    yield record("limit", {"error": error}, status=429)


def _deltas(message: Json) -> Iterator[Json]:
    yield {"role": "assistant", "content": ""}
    yield from ({"reasoning": piece} for piece in _pieces(message.get("reasoning") or ""))
    yield from ({"content": piece} for piece in _pieces(message["content"] or ""))
    for index, call in enumerate(message.get("tool_calls") or ()):
        function = {"name": call["function"]["name"], "arguments": ""}
        yield {"tool_calls": [{"index": index, **call, "function": function}]}
        for piece in _pieces(call["function"]["arguments"]):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}


def _dump(given: Any) -> str:
    return json.dumps(given, ensure_ascii=False)


# -- Responses ------------------------------------------------------------------------------------


def _responses() -> Iterator[Recording]:
    def record(kind: str, answer: Any, **fields: Any) -> Recording:
        request: Json = {"input": QUESTION, "max_output_tokens": 900, "store": False}
        if kind == USES:
            tool = {"type": "function", "name": "weather", "parameters": CITY, "strict": False}
            request["tools"] = [tool]
        return _recorded(OPENAI_RESPONSES, "openai", "gpt-5.2", kind, request, answer, **fields)

    usage = {
        "input_tokens": 40, "output_tokens": 20, "total_tokens": 60,
        "input_tokens_details": {"cached_tokens": 30},
        "output_tokens_details": {"reasoning_tokens": 5},
    }  # fmt: skip
    thinking = {
        "id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": THOUGHT}],
    }  # fmt: skip
    outputs: dict[str, list[Json]] = {
        SAYS: [thinking, _said(WORDS)],
        USES: [
            {
                "id": f"fc_{key}", "type": "function_call", "call_id": key, "name": "weather",
                "arguments": _dump(given), "status": "completed",
            }
            for key, given in CALLS
        ],
        ENDS_EARLY: [_said(CUT)],
    }  # fmt: skip
    for kind, output in outputs.items():
        early = kind == ENDS_EARLY
        whole = {
            "id": "resp_1", "object": "response", "created_at": 1_790_000_000, "model": "gpt-5.2",
            "status": "incomplete" if early else "completed", "error": None, "tools": [],
            "incomplete_details": {"reason": "max_output_tokens"} if early else None,
            "output": output, "usage": usage, "parallel_tool_calls": True, "tool_choice": "auto",
        }  # fmt: skip
        yield record(kind, whole)
        begun = {**whole, "status": "in_progress", "output": [], "usage": None}
        events = [
            {"type": "response.created", "response": begun},
            *(event for at, item in enumerate(output) for event in _item_events(at, item)),
            {"type": f"response.{whole['status']}", "response": whole},
        ]
        numbered = ({**event, "sequence_number": at} for at, event in enumerate(events))
        yield record(kind, [_event(event) for event in numbered])
    error = {"message": "No such model.", "type": "invalid_request_error", "param": "model"}
    yield record("unknown", {"error": {**error, "code": "model_not_found"}}, status=404)


def _said(words: str) -> Json:
    part = {"type": "output_text", "text": words, "annotations": []}
    return {
        "id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
        "content": [part],
    }  # fmt: skip


def _item_events(at: int, item: Json) -> Iterator[Json]:
    place = {"output_index": at, "item_id": item["id"]}
    empty: Json = {**item, **{name: [] for name in ("content", "summary") if name in item}}
    if item["type"] == "function_call":
        empty["arguments"] = ""
    yield {"type": "response.output_item.added", "output_index": at, "item": empty}
    if item["type"] == "reasoning":
        place["summary_index"] = 0
        blank = {"type": "summary_text", "text": ""}
        yield {"type": "response.reasoning_summary_part.added", **place, "part": blank}
        for piece in _pieces(THOUGHT):
            yield {"type": "response.reasoning_summary_text.delta", **place, "delta": piece}
        yield {"type": "response.reasoning_summary_text.done", **place, "text": THOUGHT}
    elif item["type"] == "message":
        place["content_index"] = 0
        (part,) = item["content"]
        blank = {**part, "text": ""}
        yield {"type": "response.content_part.added", **place, "part": blank}
        for piece in _pieces(part["text"]):
            yield {"type": "response.output_text.delta", **place, "delta": piece, "logprobs": []}
        yield {"type": "response.content_part.done", **place, "part": part}
    else:
        for piece in _pieces(item["arguments"]):
            yield {"type": "response.function_call_arguments.delta", **place, "delta": piece}
    yield {"type": "response.output_item.done", "output_index": at, "item": item}


# -- Messages -------------------------------------------------------------------------------------


def _messages() -> Iterator[Recording]:
    def record(kind: str, answer: Any, **fields: Any) -> Recording:
        model = "claude-haiku-4-5"
        request: Json = {"messages": [{"role": "user", "content": QUESTION}], "max_tokens": 900}
        if kind == USES:
            request["tools"] = [{"name": "weather", "input_schema": CITY}]
        return _recorded(ANTHROPIC_MESSAGES, "anthropic", model, kind, request, answer, **fields)

    usage = {
        "input_tokens": 10, "cache_read_input_tokens": 28, "cache_creation_input_tokens": 2,
        "output_tokens": 20,
    }  # fmt: skip
    thinking = {"type": "thinking", "thinking": THOUGHT, "signature": "c2lnbmVk"}
    contents: dict[str, tuple[list[Json], str]] = {
        SAYS: ([thinking, {"type": "text", "text": WORDS}], "end_turn"),
        USES: (
            [
                {"type": "tool_use", "id": key, "name": "weather", "input": given}
                for key, given in CALLS
            ],
            "tool_use",
        ),
        ENDS_EARLY: ([{"type": "text", "text": CUT}], "max_tokens"),
    }
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-haiku-4-5"}
    for kind, (content, reason) in contents.items():
        end = {"stop_reason": reason, "stop_sequence": None}
        yield record(kind, {**head, "content": content, **end, "usage": usage})
        none = {"stop_reason": None, "stop_sequence": None}
        begun: Json = {**head, "content": [], **none, "usage": {**usage, "output_tokens": 1}}
        events: list[Json] = [
            {"type": "message_start", "message": begun},
            {"type": "ping"},
            *(event for at, block in enumerate(content) for event in _block_events(at, block)),
            {"type": "message_delta", "delta": end, "usage": {"output_tokens": 20}},
            {"type": "message_stop"},
        ]
        yield record(kind, [_event(event) for event in events])
    error = {"type": "overloaded_error", "message": "Overloaded"}
    yield record("overload", {"type": "error", "error": error}, status=529)


def _block_events(at: int, block: Json) -> Iterator[Json]:
    empty: Json = {
        "text": {"type": "text", "text": ""},
        "thinking": {"type": "thinking", "thinking": "", "signature": ""},
        "tool_use": {**block, "input": {}},
    }[block["type"]]
    yield {"type": "content_block_start", "index": at, "content_block": empty}
    for delta in _block_deltas(block):
        yield {"type": "content_block_delta", "index": at, "delta": delta}
    yield {"type": "content_block_stop", "index": at}


def _block_deltas(block: Json) -> Iterable[Json]:
    if block["type"] == "text":
        return [{"type": "text_delta", "text": piece} for piece in _pieces(block["text"])]
    if block["type"] == "tool_use":
        text = _dump(block["input"])
        return [{"type": "input_json_delta", "partial_json": piece} for piece in _pieces(text)]
    words = [{"type": "thinking_delta", "thinking": piece} for piece in _pieces(THOUGHT)]
    return [*words, {"type": "signature_delta", "signature": block["signature"]}]


# -- Converse -------------------------------------------------------------------------------------


def _converse() -> Iterator[Recording]:
    def record(kind: str, answer: Any, **fields: Any) -> Recording:
        model = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
        request: Json = {
            "messages": [{"role": "user", "content": [{"text": QUESTION}]}],
            "inferenceConfig": {"maxTokens": 900},
        }
        if kind == USES:
            spec = {"name": "weather", "inputSchema": {"json": CITY}}
            request["toolConfig"] = {"tools": [{"toolSpec": spec}]}
        return _recorded(BEDROCK_CONVERSE, "bedrock", model, kind, request, answer, **fields)

    usage = {
        "inputTokens": 10, "outputTokens": 20, "totalTokens": 60, "cacheReadInputTokens": 28,
        "cacheWriteInputTokens": 2,
    }  # fmt: skip
    thinking = {"reasoningContent": {"reasoningText": {"text": THOUGHT, "signature": "c2lnbmVk"}}}
    contents: dict[str, tuple[list[Json], str]] = {
        SAYS: ([thinking, {"text": WORDS}], "end_turn"),
        USES: (
            [
                {"toolUse": {"toolUseId": key, "name": "weather", "input": given}}
                for key, given in CALLS
            ],
            "tool_use",
        ),
        ENDS_EARLY: ([{"text": CUT}], "max_tokens"),
    }
    for kind, (content, reason) in contents.items():
        message = {"role": "assistant", "content": content}
        metrics = {"latencyMs": 3}
        whole = {"output": {"message": message}, "stopReason": reason, "usage": usage}
        yield record(kind, {**whole, "metrics": metrics})
        frames = [
            _frame("messageStart", {"role": "assistant"}),
            *(frame for at, block in enumerate(content) for frame in _block_frames(at, block)),
            _frame("messageStop", {"stopReason": reason}),
            _frame("metadata", {"usage": usage, "metrics": metrics, "p": "abcd"}),
        ]
        yield record(kind, frames)
    yield record("wrong", {"message": "The model returned no answer."}, status=400)


def _block_frames(at: int, block: Json) -> Iterator[bytes]:
    place = {"contentBlockIndex": at}
    deltas: list[Json]
    if "toolUse" in block:
        use = block["toolUse"]
        start = {"toolUse": {name: use[name] for name in ("toolUseId", "name")}}
        yield _frame("contentBlockStart", {**place, "start": start})
        deltas = [{"toolUse": {"input": piece}} for piece in _pieces(_dump(use["input"]))]
    elif "text" in block:
        deltas = [{"text": piece} for piece in _pieces(block["text"])]
    else:
        deltas = [{"reasoningContent": {"text": piece}} for piece in _pieces(THOUGHT)]
        deltas.append({"reasoningContent": {"signature": "c2lnbmVk"}})
    for delta in deltas:
        yield _frame("contentBlockDelta", {**place, "delta": delta})
    yield _frame("contentBlockStop", place)
