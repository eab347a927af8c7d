"""Anthropic's messages, whole and streamed, and the counting of tokens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from magicgateway.demo.anthropic_rules import check_messages
from magicgateway.demo.attachments import attachments
from magicgateway.demo.call import (
    CONTENT,
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
from magicgateway.demo.limits import limits_of
from magicgateway.demo.reading import last_user_text, model_of, number_of, text_of, texts_of
from magicgateway.demo.reply import (
    ANY_TOOL,
    AUTO,
    LENGTH,
    NO_TOOL,
    REFUSAL,
    TOOLS,
    Ask,
    Reply,
    Tool,
    count,
    reply_to,
)
from magicgateway.demo.signing import signature_of
from magicgateway.demo.wording import measure
from magicgateway.wire import jsontext

_PING = named_event({"type": "ping"})
_INPUT = ("system", "messages", "tools")
_DETAILS: Any = {"type": "refusal", "category": None, "explanation": REFUSAL}


def messages(call: Call) -> Answer:
    """``POST /v1/messages``."""
    fields = call.fields()
    spoken = speak(fields, call)
    if fields.get("stream") is True:
        return stream(lambda: _events(spoken), _error)
    return whole(spoken)


@frozen
class Spoken:
    """What the model says to a request, and what of the request decides about its form."""

    call: Call
    ask: Ask
    reply: Reply
    shown: bool
    """The caller wants to read the thinking."""
    marks: bytes
    """The input as text, if the caller asked for any of it to be cached."""

    @property
    def usage(self) -> dict[str, Any]:
        """The tokens, as both forms of the answer tell them."""
        return _usage(self.reply, self.marks)


def speak(fields: Mapping[str, Any], call: Call) -> Spoken:
    """What the model says to a message.

    Raises:
        Refusal: The message breaks a rule.
    """
    ask = _ask(fields, call)
    check_messages(fields, limits_of("anthropic." + ask.model.rpartition("anthropic.")[2]))
    shown = _thinking(fields).get("display") != "omitted"
    return Spoken(call, ask, reply_to(ask), shown, _marks(fields))


def whole(spoken: Spoken, model: str = "", *headers: tuple[str, str]) -> Answer:
    """The answer in one piece."""
    call, reply = spoken.call, spoken.reply
    value = _message(call, model or spoken.ask.model, _blocks(reply, call, spoken.shown))
    value["stop_reason"], value["stop_sequence"] = _stop_reason(reply), reply.stop
    if reply.refused:
        value["stop_details"] = _DETAILS
    value["usage"] = spoken.usage
    if call.script.bytes is not None and reply.text:
        return long_json_answer(value, list(reply.text), headers=headers)
    return json_answer(value, tokens=reply.output, generated=True, headers=headers)


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
        seen=attachments(turns[-1].get("content") if isinstance(turns[-1], dict) else None),
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


def _marks(fields: Mapping[str, Any]) -> bytes:
    text = b"".join(jsontext.encode(fields[name]) for name in _INPUT if name in fields)
    return text if b'"cache_control":{' in text else b""


def _usage(reply: Reply, marks: bytes) -> dict[str, Any]:
    read, written = (reply.input // 2, reply.input // 4) if marks else (0, 0)
    long = written if b'"ttl":"1h"' in marks else 0
    usage: dict[str, Any] = {
        "input_tokens": reply.input - read - written,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": written - long,
            "ephemeral_1h_input_tokens": long,
        },
        "output_tokens": reply.output,
        "service_tier": "standard",
    }
    if reply.reasoning:
        usage["output_tokens_details"] = {"thinking_tokens": len(reply.reasoning)}
    return usage


def _stop_reason(reply: Reply) -> str:
    if reply.refused:
        return "refusal"
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


def _blocks(reply: Reply, call: Call, shown: bool) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if reply.reasoning:
        text = "".join(reply.reasoning)
        signature = signature_of(text, shown=shown)
        thinking = text if shown else ""
        blocks.append({"type": "thinking", "thinking": thinking, "signature": signature})
    if reply.text:
        text = PLACE if call.script.bytes is not None else reply.content
        blocks.append({"type": "text", "text": text})
    for tool in reply.tools:
        blocks.append({"type": "tool_use", "id": f"toolu_{tool.id}", "name": tool.name})
        blocks[-1]["input"] = tool.value
    return blocks


def _deltas(reply: Reply, shown: bool) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Every content block as it starts, with its deltas."""
    if reply.reasoning:
        words = reply.reasoning if shown else ("",)
        signature = signature_of("".join(reply.reasoning), shown=shown)
        deltas = [{"type": "thinking_delta", "thinking": word} for word in words]
        deltas.append({"type": "signature_delta", "signature": signature})
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


def values(spoken: Spoken, model: str = "") -> Iterator[tuple[dict[str, Any], int, int]]:
    """Every event of the streamed answer as a value, its tokens and its stage; pings apart."""
    call, reply = spoken.call, spoken.reply
    message = _message(call, model or spoken.ask.model, [])
    message["usage"] = {**spoken.usage, "output_tokens": 1}
    message["usage"].pop("output_tokens_details", None)
    yield {"type": "message_start", "message": message}, 0, CONTENT
    for index, (block, deltas) in enumerate(_deltas(reply, spoken.shown)):
        yield {"type": "content_block_start", "index": index, "content_block": block}, 0, CONTENT
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}, 1, CONTENT
        yield {"type": "content_block_stop", "index": index}, 0, CONTENT
    end = {"stop_reason": _stop_reason(reply), "stop_sequence": reply.stop}
    if reply.refused:
        end["stop_details"] = _DETAILS
    usage = spoken.usage
    del usage["service_tier"], usage["cache_creation"]
    yield {"type": "message_delta", "delta": end, "usage": usage}, 0, FINISH
    yield {"type": "message_stop"}, 0, TERMINAL


def _events(spoken: Spoken) -> Iterator[Event]:
    pinged = False
    for value, tokens, stage in values(spoken):
        yield named_event(value, tokens, stage)
        if not pinged and value["type"] == "content_block_start":
            pinged = True
            yield _PING


def _error(script: Script) -> bytes:
    error = {"type": script.kind or "overloaded_error", "message": script.message or FAILED}
    return named_event({"type": "error", "error": error}).data
