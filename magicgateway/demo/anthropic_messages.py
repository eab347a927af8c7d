"""Anthropic's messages, whole and streamed, and the counting of tokens."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

from magicgateway.demo.call import (
    FAILED,
    FINISH,
    PLACE,
    TERMINAL,
    Answer,
    Call,
    Event,
    Refusal,
    json_answer,
    long_json_answer,
    named_event,
    stream,
)
from magicgateway.demo.faults import Script
from magicgateway.demo.reading import last_user_text, model_of, number_of, text_of, texts_of
from magicgateway.demo.reply import (
    ANY_TOOL,
    AUTO,
    LENGTH,
    NO_TOOL,
    TOOLS,
    Ask,
    Reply,
    Tool,
    count,
    reply_to,
)
from magicgateway.demo.wording import digest, measure
from magicgateway.wire import jsontext

_PING = named_event({"type": "ping"})
_INPUT = ("system", "messages", "tools")


def messages(call: Call) -> Answer:
    """``POST /v1/messages``."""
    fields = call.fields()
    ask = _ask(fields, call)
    reply = reply_to(ask)
    shown = _thinking(fields).get("display") != "omitted"
    marked = _marked(fields)
    if fields.get("stream") is True:
        return stream(lambda: _events(call, ask.model, reply, shown, marked), _error)
    value = _message(call, ask.model, _blocks(reply, call, shown))
    value["stop_reason"], value["stop_sequence"] = _stop_reason(reply), reply.stop
    value["usage"] = _usage(reply, marked)
    if call.script.bytes is not None and reply.text:
        return long_json_answer(value, list(reply.text))
    return json_answer(value, tokens=reply.output, generated=True)


def count_tokens(call: Call) -> Answer:
    """``POST /v1/messages/count_tokens``."""
    fields = call.fields()
    model_of(fields)
    _checked_messages(fields)
    return json_answer({"input_tokens": count(_size(fields))})


def _size(fields: Mapping[str, Any]) -> int:
    return sum(measure(fields[name]) for name in _INPUT if fields.get(name) is not None)


def _checked_messages(fields: Mapping[str, Any]) -> list[Any]:
    value = fields.get("messages")
    if not isinstance(value, list) or not value:
        raise Refusal(400, "messages: at least one message is required")
    return value


def _ask(fields: Mapping[str, Any], call: Call) -> Ask:
    model, turns = model_of(fields), _checked_messages(fields)
    limit = number_of(fields, "max_tokens")
    if limit is None:
        raise Refusal(400, "max_tokens: Field required")
    choice = fields.get("tool_choice")
    choice = choice if isinstance(choice, dict) else {}
    return Ask(
        model=model,
        prompt=last_user_text(turns),
        size=_size(fields),
        limit=limit,
        stops=texts_of(fields.get("stop_sequences")),
        tools=_tools(fields.get("tools")),
        choice=_tool_choice(choice),
        parallel=choice.get("disable_parallel_tool_use") is not True,
        answered=_ends_with_result(turns),
        reasoning=_thinking(fields).get("type") in {"enabled", "adaptive"},
        schema=_schema(fields),
        preface=True,
        script=call.script,
    )


def _tools(value: Any) -> tuple[Tool, ...]:
    found = []
    for tool in value if isinstance(value, list) else ():
        if not isinstance(tool, dict) or not isinstance(tool.get("name"), str):
            raise Refusal(400, "tools: every tool needs a name")
        found.append(Tool(tool["name"], tool.get("input_schema")))
    return tuple(found)


def _tool_choice(choice: Mapping[str, Any]) -> str:
    if choice.get("type") == "tool":
        return "=" + text_of(choice.get("name"))
    return {"any": ANY_TOOL, "none": NO_TOOL}.get(text_of(choice.get("type")), AUTO)


def _thinking(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    value = fields.get("thinking")
    return value if isinstance(value, dict) else {}


def _schema(fields: Mapping[str, Any]) -> Any:
    config = fields.get("output_config")
    form = config.get("format") if isinstance(config, dict) else None
    return form.get("schema") if isinstance(form, dict) else None


def _ends_with_result(turns: list[Any]) -> bool:
    content = turns[-1].get("content") if isinstance(turns[-1], dict) else None
    parts = content if isinstance(content, list) else []
    return any(isinstance(part, dict) and part.get("type") == "tool_result" for part in parts)


def _marked(fields: Mapping[str, Any]) -> bool:
    """Whether the caller asked for prompt caching anywhere in the input."""
    return any(
        b'"cache_control":{' in jsontext.encode(fields[name]) for name in _INPUT if name in fields
    )


def _usage(reply: Reply, marked: bool) -> dict[str, Any]:
    cached = reply.input * 3 // 4 if marked else 0
    usage: dict[str, Any] = {
        "input_tokens": reply.input - cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": cached,
        "output_tokens": reply.output,
        "service_tier": "standard",
    }
    if reply.reasoning:
        usage["output_tokens_details"] = {"thinking_tokens": len(reply.reasoning)}
    return usage


def _stop_reason(reply: Reply) -> str:
    if reply.stop is not None:
        return "stop_sequence"
    return {TOOLS: "tool_use", LENGTH: "max_tokens"}.get(reply.finish, "end_turn")


def _message(call: Call, model: str, content: list[Any]) -> dict[str, Any]:
    return {
        "id": "msg_" + call.seed,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": None,
        "stop_sequence": None,
    }


def _signature(reply: Reply) -> str:
    return base64.b64encode(digest(*reply.reasoning)).decode()


def _blocks(reply: Reply, call: Call, shown: bool) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if reply.reasoning:
        thinking = "".join(reply.reasoning) if shown else ""
        signature = _signature(reply)
        blocks.append({"type": "thinking", "thinking": thinking, "signature": signature})
    if reply.text:
        text = PLACE if call.script.bytes is not None else reply.content
        blocks.append({"type": "text", "text": text})
    for tool in reply.tools:
        value = jsontext.decode(tool.arguments.encode())
        blocks.append({"type": "tool_use", "id": f"toolu_{tool.id}", "name": tool.name})
        blocks[-1]["input"] = value
    return blocks


def _deltas(reply: Reply, shown: bool) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Every content block as it starts, with its deltas."""
    if reply.reasoning:
        words = reply.reasoning if shown else ("",)
        deltas = [{"type": "thinking_delta", "thinking": word} for word in words]
        deltas.append({"type": "signature_delta", "signature": _signature(reply)})
        yield {"type": "thinking", "thinking": "", "signature": ""}, deltas
    if reply.text:
        yield (
            {"type": "text", "text": ""},
            [{"type": "text_delta", "text": word} for word in reply.text],
        )
    for tool in reply.tools:
        pieces = [""] + [tool.arguments[at : at + 4] for at in range(0, len(tool.arguments), 4)]
        block = {"type": "tool_use", "id": f"toolu_{tool.id}", "name": tool.name, "input": {}}
        yield block, [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]


def _events(call: Call, model: str, reply: Reply, shown: bool, marked: bool) -> Iterator[Event]:
    message = _message(call, model, [])
    message["usage"] = {**_usage(reply, marked), "output_tokens": 1}
    message["usage"].pop("output_tokens_details", None)
    yield named_event({"type": "message_start", "message": message})
    for index, (block, deltas) in enumerate(_deltas(reply, shown)):
        yield named_event({"type": "content_block_start", "index": index, "content_block": block})
        if index == 0:
            yield _PING
        for delta in deltas:
            yield named_event({"type": "content_block_delta", "index": index, "delta": delta}, 1)
        yield named_event({"type": "content_block_stop", "index": index})
    delta = {"stop_reason": _stop_reason(reply), "stop_sequence": reply.stop}
    usage = _usage(reply, marked)
    usage.pop("service_tier")
    yield named_event({"type": "message_delta", "delta": delta, "usage": usage}, 0, FINISH)
    yield named_event({"type": "message_stop"}, 0, TERMINAL)


def _error(script: Script) -> bytes:
    error = {"type": script.kind or "overloaded_error", "message": script.message or FAILED}
    return named_event({"type": "error", "error": error}).data
