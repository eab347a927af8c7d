"""OpenAI's Responses, whole and streamed, and what can be asked of one later."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from magicgateway.demo.call import (
    CREATED,
    FAILED,
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
from magicgateway.demo.logprobs import token_logprobs
from magicgateway.demo.reply import LENGTH, Ask, Reply, reply_to
from magicgateway.demo.responses_input import ask_of, is_stored, reasoning_of, response_id
from magicgateway.demo.signing import sealed
from magicgateway.demo.wording import digest, prose, split

_ENCRYPTED = "reasoning.encrypted_content"
_LOGPROBS = "message.output_text.logprobs"
_EVENT = tuple[dict[str, Any], int]
_ECHOED: Mapping[str, Any] = {
    "instructions": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "temperature": 1.0,
    "top_p": 1.0,
    "max_output_tokens": None,
    "previous_response_id": None,
    "truncation": "disabled",
    "user": None,
    "background": False,
    "max_tool_calls": None,
    "prompt_cache_key": None,
    "safety_identifier": None,
    "top_logprobs": 0,
}
"""Fields of the request that the response repeats, and what stands there without them."""


@frozen
class _Spoken:
    """What the model says to a request, and how it is to be said."""

    fields: Mapping[str, Any]
    call: Call
    ask: Ask
    reply: Reply

    def wants(self, name: str) -> bool:
        """Whether the request asks for something to be included."""
        return name in (self.fields.get("include") or ())

    @property
    def limited(self) -> str:
        """The status of the whole, and of the item that was last."""
        return "incomplete" if self.reply.finish == LENGTH else "completed"


def create(call: Call) -> Answer:
    """``POST /v1/responses``."""
    fields = call.fields()
    ask = ask_of(fields, call)
    spoken = _Spoken(fields, call, ask, reply_to(ask))
    if fields.get("stream") is True:
        return stream(lambda: _numbered(spoken), _error)
    value = _finished(spoken)
    if call.script.bytes is not None and spoken.reply.text:
        return long_json_answer(value, list(spoken.reply.text))
    return json_answer(value, tokens=spoken.reply.output, generated=True)


def one(_: Call, name: str) -> Answer:
    """``GET /v1/responses/{id}``: nothing is stored, so what it says follows from its id."""
    _check(name)
    reply = Reply(text=tuple(split(prose(digest(name)))), input=3)
    fields: dict[str, Any] = {"model": "demo"}
    spoken = _Spoken(fields, _NO_CALL, Ask("demo", ""), reply)
    return json_answer({**_finished(spoken), "id": name})


def delete(_: Call, name: str) -> Answer:
    """``DELETE /v1/responses/{id}``."""
    _check(name)
    return json_answer({"id": name, "object": "response", "deleted": True})


def _check(name: str) -> None:
    if not is_stored(name):
        raise Refusal(404, f"Response with id '{name}' not found.")


_NO_CALL = Call("GET", "/", (), b"", 0, "0" * 64)


def _response(spoken: _Spoken, status: str) -> dict[str, Any]:
    """The response with everything but its output and its end."""
    fields = spoken.fields
    reasoning, text = reasoning_of(fields), fields.get("text") or {}
    stored = fields.get("store") is not False
    value: dict[str, Any] = {
        "id": response_id(spoken.call.seed, stored=stored),
        "object": "response",
        "created_at": CREATED,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "model": spoken.ask.model,
        "output": [],
        "usage": None,
        "store": stored,
        "reasoning": {"effort": reasoning.get("effort"), "summary": reasoning.get("summary")},
        "text": {"format": text.get("format") or {"type": "text"}},
        "service_tier": "default",
    }
    if verbosity := text.get("verbosity"):
        value["text"]["verbosity"] = verbosity
    for name, absent in _ECHOED.items():
        given = fields.get(name)
        value[name] = absent if given is None else given
    return value


def _finished(spoken: _Spoken) -> dict[str, Any]:
    reply = spoken.reply
    value = _response(spoken, spoken.limited)
    value["output"] = _items(spoken)
    if spoken.limited == "incomplete":
        value["incomplete_details"] = {"reason": "max_output_tokens"}
    value["usage"] = {
        "input_tokens": reply.input,
        "input_tokens_details": {"cached_tokens": reply.cached, "cache_write_tokens": 0},
        "output_tokens": reply.output,
        "output_tokens_details": {"reasoning_tokens": len(reply.reasoning)},
        "total_tokens": reply.input + reply.output,
    }
    return value


def _items(spoken: _Spoken) -> list[dict[str, Any]]:
    """Every output item as it is when it is done."""
    reply, seed = spoken.reply, spoken.call.seed
    items: list[dict[str, Any]] = []
    if reply.reasoning:
        thought = "".join(reply.reasoning)
        summed = reasoning_of(spoken.fields).get("summary") is not None
        summary = [{"type": "summary_text", "text": thought}] if summed else []
        item = {"id": "rs_" + seed, "type": "reasoning", "summary": summary}
        if spoken.wants(_ENCRYPTED):
            item["encrypted_content"] = sealed(thought)
        items.append(item)
    if reply.text:
        last = not reply.tools
        items.append(
            {
                "id": "msg_" + seed,
                "type": "message",
                "role": "assistant",
                "status": spoken.limited if last else "completed",
                "content": [_part(spoken)],
            }
        )
    for number, tool in enumerate(reply.tools):
        ends = number == len(reply.tools) - 1
        item = {
            "id": ("ctc_" if tool.free else "fc_") + tool.id,
            "type": "custom_tool_call" if tool.free else "function_call",
            "status": spoken.limited if ends else "completed",
            "call_id": "call_" + tool.id,
            "name": tool.name,
            "input" if tool.free else "arguments": tool.arguments,
        }
        items.append(item)
    return items


def _part(spoken: _Spoken) -> dict[str, Any]:
    reply = spoken.reply
    if reply.refused:
        return {"type": "refusal", "refusal": reply.content}
    long = spoken.call.script.bytes is not None
    text = PLACE if long and spoken.fields.get("stream") is not True else reply.content
    logprobs = token_logprobs(reply.text, _tops(spoken)) if spoken.wants(_LOGPROBS) else []
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": logprobs}


def _tops(spoken: _Spoken) -> int:
    return spoken.fields.get("top_logprobs") or 0


def _numbered(spoken: _Spoken) -> Iterator[Event]:
    """The stream's events with their numbers; the last one is the only success marker."""
    number = 0
    for value, tokens in _events(spoken):
        yield named_event({**value, "sequence_number": number}, tokens)
        number += 1
    kind = "response." + spoken.limited
    end = {"type": kind, "response": _finished(spoken), "sequence_number": number}
    yield named_event(end, 0, TERMINAL)


def _events(spoken: _Spoken) -> Iterator[_EVENT]:
    begun = _response(spoken, "in_progress")
    yield {"type": "response.created", "response": begun}, 0
    yield {"type": "response.in_progress", "response": begun}, 0
    for index, item in enumerate(_items(spoken)):
        place = {"output_index": index, "item_id": item["id"]}
        empty = _emptied(item)
        yield {"type": "response.output_item.added", "output_index": index, "item": empty}, 0
        if item["type"] == "reasoning":
            yield from _summary(spoken, item, place)
        elif item["type"] == "message":
            yield from _content(spoken, item, place)
        else:
            yield from _arguments(item, place)
        yield {"type": "response.output_item.done", "output_index": index, "item": item}, 0


def _emptied(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item as it is when it begins."""
    empty = {"summary": [], "content": [], "arguments": "", "input": ""}
    value = {key: empty.get(key, inner) for key, inner in item.items()}
    if "status" in value:
        value["status"] = "in_progress"
    return value


def _summary(
    spoken: _Spoken, item: Mapping[str, Any], place: Mapping[str, Any]
) -> Iterator[_EVENT]:
    for number, part in enumerate(item["summary"]):
        where = {**place, "summary_index": number}
        kind = "response.reasoning_summary_"
        yield {"type": kind + "part.added", **where, "part": {**part, "text": ""}}, 0
        for word in spoken.reply.reasoning:
            yield {"type": kind + "text.delta", **where, "delta": word}, 1
        yield {"type": kind + "text.done", **where, "text": part["text"]}, 0
        yield {"type": kind + "part.done", **where, "part": part}, 0


def _content(
    spoken: _Spoken, item: Mapping[str, Any], place: Mapping[str, Any]
) -> Iterator[_EVENT]:
    [part] = item["content"]
    where = {**place, "content_index": 0}
    refused = part["type"] == "refusal"
    key, kind = ("refusal", "response.refusal") if refused else ("text", "response.output_text")
    empty = {**part, key: ""} | ({} if refused else {"logprobs": []})
    yield {"type": "response.content_part.added", **where, "part": empty}, 0
    for word in spoken.reply.text:
        extra: dict[str, Any] = {}
        if not refused:
            wanted = spoken.wants(_LOGPROBS)
            extra["logprobs"] = token_logprobs((word,), _tops(spoken)) if wanted else []
        yield {"type": kind + ".delta", **where, "delta": word, **extra}, 1
    done = (
        {"refusal": part["refusal"]}
        if refused
        else {"text": part["text"], "logprobs": part["logprobs"]}
    )
    yield {"type": kind + ".done", **where, **done}, 0
    yield {"type": "response.content_part.done", **where, "part": part}, 0


def _arguments(item: Mapping[str, Any], place: Mapping[str, Any]) -> Iterator[_EVENT]:
    free = item["type"] == "custom_tool_call"
    key = "input" if free else "arguments"
    kind = "response.custom_tool_call_input" if free else "response.function_call_arguments"
    text = item[key]
    for start in range(0, len(text), 4):
        yield {"type": kind + ".delta", **place, "delta": text[start : start + 4]}, 1
    name = {} if free else {"name": item["name"]}
    yield {"type": kind + ".done", **place, **name, key: text}, 0


def _error(script: Script) -> bytes:
    value: dict[str, Any] = {
        "type": "error",
        "sequence_number": script.error_event or 0,
        "code": script.kind or "server_error",
        "message": script.message or FAILED,
        "param": None,
    }
    return named_event(value).data
