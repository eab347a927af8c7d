"""Converse and ConverseStream: any model's conversation in AWS's own words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from magicgateway.demo.attachments import attachments
from magicgateway.demo.aws import frames
from magicgateway.demo.aws.parameters import check_parameters, check_prompt
from magicgateway.demo.aws.shapes import check_body
from magicgateway.demo.aws.turns import check_turns
from magicgateway.demo.call import (
    AWS_STREAM,
    FINISH,
    PLACE,
    TERMINAL,
    Answer,
    Call,
    Event,
    json_answer,
    long_json_answer,
)
from magicgateway.demo.limits import limits_of
from magicgateway.demo.reading import last_user_text, text_of
from magicgateway.demo.reply import ANY_TOOL, AUTO, LENGTH, TOOLS, Ask, Reply, Tool, reply_to
from magicgateway.demo.signing import signature_of
from magicgateway.demo.wording import measure
from magicgateway.wire import jsontext

_INPUT = ("system", "messages", "toolConfig")
_LATENCY_MS = 321
_NO_REASONING = (None, "none")


def converse(call: Call, model: str) -> Answer:
    """``POST /model/{id}/converse``."""
    fields = _checked(call, model, "Converse")
    reply = reply_to(_ask(call, fields, model))
    value: dict[str, Any] = {
        "output": {"message": {"role": "assistant", "content": _content(reply, call)}},
        "stopReason": _stop_reason(reply, fields),
        **_metadata(reply, fields),
    }
    if extra := _asked_fields(reply, fields, "/stop_sequence"):
        value["additionalModelResponseFields"] = extra
    if call.script.bytes is not None and reply.text:
        return long_json_answer(value, list(reply.text))
    return json_answer(value, tokens=reply.output, generated=True)


def converse_stream(call: Call, model: str) -> Answer:
    """``POST /model/{id}/converse-stream``."""
    fields = _checked(call, model, "ConverseStream")
    reply = reply_to(_ask(call, fields, model))
    return framed(lambda: _events(reply, fields))


def framed(body: Any) -> Answer:
    """An event stream of AWS's kind."""
    return Answer(AWS_STREAM, body, error=frames.error_of, generated=True)


def _checked(call: Call, model: str, operation: str) -> Mapping[str, Any]:
    fields, limits = call.fields(), limits_of(model)
    check_body(operation, fields)
    check_turns(fields, limits)
    check_prompt(fields, model)
    check_parameters(fields, limits, streamed=operation == "ConverseStream")
    return fields


def _ask(call: Call, fields: Mapping[str, Any], model: str) -> Ask:
    turns, config = fields["messages"], fields.get("inferenceConfig") or {}
    extra = fields.get("additionalModelRequestFields") or {}
    tools = fields.get("toolConfig") or {}
    last = turns[-1]["content"]
    inner = extra.get("tool_choice")
    single = isinstance(inner, dict) and inner.get("disable_parallel_tool_use") is True
    return Ask(
        model=model,
        prompt=last_user_text(turns),
        size=sum(measure(fields[name]) for name in _INPUT if fields.get(name) is not None),
        limit=config.get("maxTokens"),
        stops=tuple(config.get("stopSequences") or ()),
        tools=tuple(
            Tool(tool["toolSpec"]["name"], tool["toolSpec"]["inputSchema"].get("json"))
            for tool in tools.get("tools") or ()
            if "toolSpec" in tool
        ),
        choice=_tool_choice(tools.get("toolChoice") or {}),
        parallel=not single,
        answered=any("toolResult" in block for block in last),
        reasoning=_reasons(extra),
        schema=_schema(fields.get("outputConfig")),
        preface=True,
        seen=attachments(last),
        script=call.script,
    )


def _tool_choice(choice: Mapping[str, Any]) -> str:
    if "tool" in choice:
        return "=" + text_of(choice["tool"].get("name"))
    return ANY_TOOL if "any" in choice else AUTO


def _reasons(extra: Mapping[str, Any]) -> bool:
    """Whether the request asks for reasoning in the words of any family."""
    thinking, config = extra.get("thinking"), extra.get("reasoningConfig")
    effort = extra.get("reasoning")
    return (
        (isinstance(thinking, dict) and thinking.get("type") in ("enabled", "adaptive"))
        or (isinstance(config, dict) and config.get("type") == "enabled")
        or (isinstance(effort, dict) and effort.get("effort") not in _NO_REASONING)
        or extra.get("reasoning_effort") not in _NO_REASONING
        or extra.get("reasoning_config") not in _NO_REASONING
    )


def _schema(config: Any) -> Any:
    form = ((config or {}).get("textFormat") or {}).get("structure")
    return jsontext.decode(form["jsonSchema"]["schema"].encode()) if form else None


def _content(reply: Reply, call: Call) -> list[dict[str, Any]]:
    content: list[dict[str, Any]] = []
    if reply.reasoning:
        text = "".join(reply.reasoning)
        reasoning = {"text": text, "signature": signature_of(text)}
        content.append({"reasoningContent": {"reasoningText": reasoning}})
    if reply.text:
        content.append({"text": PLACE if call.script.bytes is not None else reply.content})
    for tool in reply.tools:
        use = {"toolUseId": "tooluse_" + tool.id, "name": tool.name, "input": tool.value}
        content.append({"toolUse": use})
    return content


def _stop_reason(reply: Reply, fields: Mapping[str, Any]) -> str:
    if reply.refused:
        return "guardrail_intervened" if fields.get("guardrailConfig") else "content_filtered"
    if reply.stop is not None:
        return "stop_sequence"
    return {TOOLS: "tool_use", LENGTH: "max_tokens"}.get(reply.finish, "end_turn")


def _metadata(reply: Reply, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Usage, metrics and what else the request asked to be told."""
    read = write = 0
    marks = [jsontext.encode(fields[name]) for name in _INPUT if name in fields]
    marked = any(b'"cachePoint":{' in mark for mark in marks)
    if marked:
        read, write = reply.input // 2, reply.input // 4
    usage: dict[str, Any] = {
        "inputTokens": reply.input - read - write,
        "outputTokens": reply.output,
        "totalTokens": reply.input + reply.output,
        "cacheReadInputTokens": read,
        "cacheWriteInputTokens": write,
    }
    if marked:
        ttl = "1h" if any(b'"ttl":"1h"' in mark for mark in marks) else "5m"
        usage["cacheDetails"] = [{"ttl": ttl, "inputTokens": write}]
    value: dict[str, Any] = {"usage": usage, "metrics": {"latencyMs": _LATENCY_MS}}
    if tier := fields.get("serviceTier"):
        value["serviceTier"] = tier
    if latency := fields.get("performanceConfig"):
        value["performanceConfig"] = latency
    guard = fields.get("guardrailConfig") or {}
    if reply.refused and guard.get("trace") in ("enabled", "enabled_full"):
        reason = "The demo provider was asked to refuse."
        value["trace"] = {"guardrail": {"actionReason": reason}}
    return value


def _asked_fields(reply: Reply, fields: Mapping[str, Any], stop_path: str) -> dict[str, Any]:
    """What ``additionalModelResponseFieldPaths`` asks for and this model knows."""
    paths = fields.get("additionalModelResponseFieldPaths") or ()
    found: dict[str, Any] = {}
    if stop_path in paths:
        value: Any = reply.stop
        for name in reversed(stop_path.split("/")[1:]):
            value = {name: value}
        found |= value
    if "/usage/output_tokens_details" in paths and reply.reasoning:
        found["usage"] = {"output_tokens_details": {"thinking_tokens": len(reply.reasoning)}}
    return found


def _events(reply: Reply, fields: Mapping[str, Any]) -> Iterator[Event]:
    yield frames.event("messageStart", {"role": "assistant"})
    index = 0
    if reply.reasoning:
        for word in reply.reasoning:
            yield _delta(index, {"reasoningContent": {"text": word}}, 1)
        signature = signature_of("".join(reply.reasoning))
        yield _delta(index, {"reasoningContent": {"signature": signature}})
        yield frames.event("contentBlockStop", {"contentBlockIndex": index})
        index += 1
    if reply.text:
        for word in reply.text:
            yield _delta(index, {"text": word}, 1)
        yield frames.event("contentBlockStop", {"contentBlockIndex": index})
        index += 1
    for tool in reply.tools:
        start = {"toolUse": {"toolUseId": "tooluse_" + tool.id, "name": tool.name}}
        yield frames.event("contentBlockStart", {"contentBlockIndex": index, "start": start}, 8)
        # A call without arguments gets no delta at all.
        arguments = "" if tool.arguments == "{}" else tool.arguments
        for at in range(0, len(arguments), 4):
            yield _delta(index, {"toolUse": {"input": arguments[at : at + 4]}}, 1)
        yield frames.event("contentBlockStop", {"contentBlockIndex": index})
        index += 1
    stop: dict[str, Any] = {"stopReason": _stop_reason(reply, fields)}
    if extra := _asked_fields(reply, fields, "/delta/stop_sequence"):
        stop["additionalModelResponseFields"] = extra
    yield frames.event("messageStop", stop, 0, FINISH)
    yield frames.event("metadata", _metadata(reply, fields), 0, TERMINAL)


def _delta(index: int, delta: Mapping[str, Any], tokens: int = 0) -> Event:
    value = {"contentBlockIndex": index, "delta": delta}
    return frames.event("contentBlockDelta", value, tokens)
