"""OpenAI's chat and text completions, whole and streamed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from magicgateway.demo.attachments import attachments
from magicgateway.demo.call import (
    CREATED,
    FAILED,
    FINISH,
    PLACE,
    TERMINAL,
    Answer,
    Call,
    Event,
    Refusal,
    data_event,
    json_answer,
    long_json_answer,
    stream,
)
from magicgateway.demo.call_signatures import check_signed, signed
from magicgateway.demo.faults import Script
from magicgateway.demo.logprobs import token_logprobs
from magicgateway.demo.reading import (
    last_user_text,
    model_of,
    number_of,
    text_of,
    texts_of,
)
from magicgateway.demo.reply import ANY_TOOL, AUTO, NO_TOOL, TOOLS, Ask, Reply, Tool, reply_to
from magicgateway.demo.wording import measure

DONE = Event(b"data: [DONE]\n\n", 0, TERMINAL)
_MAX_CHOICES = 8
_FINISH = {TOOLS: "tool_calls"}
_MAX_TOPS = 20
_NO_REASONING = frozenset({None, "none", "minimal"})


def chat(call: Call) -> Answer:
    """``POST /v1/chat/completions``."""
    fields = call.fields()
    ask = _ask(fields, call)
    replies = [reply_to(ask, index) for index in range(_choices(fields))]
    if fields.get("stream") is True:
        return _chat_stream(call, fields, ask.model, replies)
    value = _envelope("chatcmpl-", "chat.completion", call, ask.model)
    tops = _tops(fields)
    value["choices"] = [
        _choice(
            index, _logprobs(reply, tops), _finish(reply), message=_message(reply, call, ask.model)
        )
        for index, reply in enumerate(replies)
    ]
    value["usage"] = usage(replies)
    return _whole(value, replies, call)


def completions(call: Call) -> Answer:
    """``POST /v1/completions``."""
    fields = call.fields()
    prompt = fields.get("prompt", "")
    words = prompt if isinstance(prompt, str) else " ".join(texts_of(prompt))
    ask = Ask(
        model_of(fields),
        words,
        measure(prompt),
        number_of(fields, "max_tokens"),
        texts_of(fields.get("stop")),
        script=call.script,
    )
    replies = [reply_to(ask, index) for index in range(_choices(fields))]
    envelope = _envelope("cmpl-", "text_completion", call, ask.model)

    def choice(index: int, text: str, finish: str | None) -> dict[str, Any]:
        return {"text": text, "index": index, "logprobs": None, "finish_reason": finish}

    if fields.get("stream") is not True:
        envelope["choices"] = [
            choice(index, _text(reply, call), _finish(reply)) for index, reply in enumerate(replies)
        ]
        envelope["usage"] = usage(replies)
        return _whole(envelope, replies, call)

    def pieces() -> Iterator[tuple[dict[str, Any], int, int]]:
        for index, reply in enumerate(replies):
            for word in reply.text:
                yield choice(index, word, None), 1, 0
            yield choice(index, "", _finish(reply)), 0, FINISH

    return stream(_framed(envelope, pieces, fields, replies), error_event)


def usage(replies: list[Reply]) -> dict[str, Any]:
    """Tokens of one request with all its choices."""
    written = sum(reply.output for reply in replies)
    return {
        "prompt_tokens": replies[0].input,
        "completion_tokens": written,
        "total_tokens": replies[0].input + written,
        "prompt_tokens_details": {"cached_tokens": replies[0].cached, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": sum(len(reply.reasoning) for reply in replies),
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _choices(fields: Mapping[str, Any]) -> int:
    amount = number_of(fields, "n") or 1
    if amount > _MAX_CHOICES:
        raise Refusal(400, f"n must be at most {_MAX_CHOICES}.", param="n")
    return amount


def _ask(fields: Mapping[str, Any], call: Call) -> Ask:
    messages = fields.get("messages")
    if not isinstance(messages, list) or not messages:
        raise Refusal(400, "messages must be a list with at least one message.", param="messages")
    check_signed(model_of(fields), messages)
    limit = number_of(fields, "max_completion_tokens")
    last = messages[-1] if isinstance(messages[-1], dict) else {}
    return Ask(
        model=model_of(fields),
        prompt=last_user_text(messages),
        size=measure(messages) + measure(fields.get("tools") or []),
        limit=number_of(fields, "max_tokens") if limit is None else limit,
        stops=texts_of(fields.get("stop")),
        tools=_tools(fields.get("tools")),
        choice=_tool_choice(fields.get("tool_choice")),
        parallel=fields.get("parallel_tool_calls") is not False,
        answered=last.get("role") == "tool",
        reasoning=fields.get("reasoning_effort") not in _NO_REASONING,
        schema=_schema(fields.get("response_format")),
        seen=attachments(last.get("content")),
        script=call.script,
    )


def _tools(value: Any) -> tuple[Tool, ...]:
    found = []
    for tool in value if isinstance(value, list) else ():
        kind = "custom" if isinstance(tool, dict) and tool.get("type") == "custom" else "function"
        function = tool.get(kind) if isinstance(tool, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise Refusal(400, "Every tool needs a function with a name.", param="tools")
        free = kind == "custom"
        found.append(Tool(function["name"], function.get("parameters"), free))
    return tuple(found)


def _tool_choice(value: Any) -> str:
    function = value.get("function") or value.get("custom") if isinstance(value, dict) else None
    if isinstance(function, dict):
        return "=" + text_of(function.get("name"))
    return {"none": NO_TOOL, "required": ANY_TOOL}.get(text_of(value), AUTO)


def _schema(value: Any) -> Any:
    kind = value.get("type") if isinstance(value, dict) else None
    if kind == "json_schema":
        return (value.get("json_schema") or {}).get("schema", {})
    answer = {"type": "object", "properties": {"answer": {"type": "string"}}}
    return answer if kind == "json_object" else None


def _envelope(prefix: str, kind: str, call: Call, model: str) -> dict[str, Any]:
    return {
        "id": prefix + call.seed,
        "object": kind,
        "created": CREATED,
        "model": model,
        "service_tier": "default",
        "system_fingerprint": "fp_demo",
    }


def _choice(
    index: int, logprobs: Any = None, finish: str | None = None, **content: Any
) -> dict[str, Any]:
    return {"index": index, **content, "logprobs": logprobs, "finish_reason": finish}


def _tops(fields: Mapping[str, Any]) -> int | None:
    """How many likeliest tokens are told at each place; None if no probabilities are wanted."""
    tops = fields.get("top_logprobs")
    if fields.get("logprobs") is not True:
        if tops:
            raise Refusal(400, "top_logprobs needs logprobs to be true.", param="top_logprobs")
        return None
    if tops is not None and (not isinstance(tops, int) or not 0 <= tops <= _MAX_TOPS):
        raise Refusal(400, f"top_logprobs must be 0 to {_MAX_TOPS}.", param="top_logprobs")
    return tops or 0


def _logprobs(reply: Reply, tops: int | None, tokens: tuple[str, ...] | None = None) -> Any:
    """The probabilities of an answer, or of the tokens of it that are given."""
    if tops is None:
        return None
    told = token_logprobs(reply.text if tokens is None else tokens, tops)
    field, other = ("refusal", "content") if reply.refused else ("content", "refusal")
    return {field: told, other: None}


def _finish(reply: Reply) -> str:
    return _FINISH.get(reply.finish, reply.finish)


def _text(reply: Reply, call: Call) -> str:
    return PLACE if call.script.bytes is not None and reply.text else reply.content


def _whole(value: dict[str, Any], replies: list[Reply], call: Call) -> Answer:
    tokens = sum(reply.output for reply in replies)
    if call.script.bytes is None or not replies[0].text:
        return json_answer(value, tokens=tokens, generated=True)
    if len(replies) > 1:
        raise Refusal(400, "bytes= goes with one choice only.", param="n")
    return long_json_answer(value, list(replies[0].text))


def _function(reply: Reply, number: int, model: str, *, arguments: str) -> dict[str, Any]:
    call = reply.tools[number]
    if call.free:
        custom = {"name": call.name, "input": arguments}
        return {"id": "call_" + call.id, "type": "custom", "custom": custom}
    function = {"name": call.name, "arguments": arguments}
    beside = signed(model, number, "call_" + call.id)
    return {"id": "call_" + call.id, "type": "function", "function": function, **beside}


def _message(reply: Reply, call: Call, model: str) -> dict[str, Any]:
    text = None if reply.finish == TOOLS or reply.refused else _text(reply, call)
    message: dict[str, Any] = {
        "role": "assistant",
        "content": text,
        "refusal": reply.content if reply.refused else None,
        "annotations": [],
    }
    if reply.reasoning:
        message["reasoning_content"] = "".join(reply.reasoning)
    if reply.tools:
        message["tool_calls"] = [
            _function(reply, number, model, arguments=tool.arguments)
            for number, tool in enumerate(reply.tools)
        ]
    return message


def _deltas(reply: Reply, model: str) -> Iterator[tuple[dict[str, Any], int]]:
    field = "refusal" if reply.refused else "content"
    yield {"role": "assistant", "content": None if reply.tools else "", "refusal": None}, 0
    for word in reply.reasoning:
        yield {"reasoning_content": word}, 1
    for word in reply.text:
        yield {field: word}, 1
    for number, tool in enumerate(reply.tools):
        yield (
            {"tool_calls": [{"index": number, **_function(reply, number, model, arguments="")}]},
            8,
        )
        for start in range(0, len(tool.arguments), 4):
            piece = tool.arguments[start : start + 4]
            part = {"custom": {"input": piece}} if tool.free else {"function": {"arguments": piece}}
            yield {"tool_calls": [{"index": number, **part}]}, 1


def _chat_stream(call: Call, fields: Mapping[str, Any], model: str, replies: list[Reply]) -> Answer:
    tops = _tops(fields)

    def pieces() -> Iterator[tuple[dict[str, Any], int, int]]:
        for index, reply in enumerate(replies):
            for delta, tokens in _deltas(reply, model):
                word = delta.get("content") or delta.get("refusal")
                told = _logprobs(reply, tops, (word,)) if word else None
                yield _choice(index, told, delta=delta), tokens, 0
        for index, reply in enumerate(replies):
            yield _choice(index, delta={}, finish=_finish(reply)), 0, FINISH

    envelope = _envelope("chatcmpl-", "chat.completion.chunk", call, model)
    return stream(_framed(envelope, pieces, fields, replies), error_event)


def _framed(
    envelope: dict[str, Any],
    pieces: Callable[[], Iterator[tuple[dict[str, Any], int, int]]],
    fields: Mapping[str, Any],
    replies: list[Reply],
) -> Callable[[], Iterator[Event]]:
    options = fields.get("stream_options")
    counted = isinstance(options, dict) and options.get("include_usage") is True
    blank = {"usage": None} if counted else {}

    def events() -> Iterator[Event]:
        for choice, tokens, stage in pieces():
            yield data_event({**envelope, "choices": [choice], **blank}, tokens, stage)
        if counted:
            yield data_event({**envelope, "choices": [], "usage": usage(replies)}, 0, FINISH)
        yield DONE

    return events


def error_event(script: Script) -> bytes:
    """The event that ends a broken stream."""
    error = {"message": script.message or FAILED, "type": "server_error", "param": None}
    return data_event({"error": {**error, "code": script.kind or "server_error"}}).data
