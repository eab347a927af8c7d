"""What an answer tells, whatever its dialect: read here independently of the gateway's readers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import evolve, frozen
from botocore.eventstream import EventStreamBuffer

from magicgateway.dialects.catalogue import (
    ANTHROPIC_MESSAGES,
    BEDROCK_CONVERSE,
    OPENAI_CHAT,
    OPENAI_COMPLETIONS,
    OPENAI_RESPONSES,
)

Json = dict[str, Any]

STOP, LENGTH, CALLS, REFUSED = "stop", "length", "calls", "refused"
STOP_SEQUENCE, PAUSED = "stop_sequence", "paused"
WORDS: Mapping[str, str] = {
    **dict.fromkeys(("stop", "eos", "end_turn", "completed"), STOP),
    **dict.fromkeys(("length", "max_tokens", "max_output_tokens"), LENGTH),
    **dict.fromkeys(("tool_calls", "tool_use"), CALLS),
    **dict.fromkeys(
        ("content_filter", "refusal", "guardrail_intervened", "content_filtered"), REFUSED
    ),
    "stop_sequence": STOP_SEQUENCE,
    "pause_turn": PAUSED,
}
"""Every dialect's words for why an answer ended."""
ONLY_MESSAGES = (STOP_SEQUENCE, PAUSED)
"""What the others call ``stop``."""


@frozen(kw_only=True)
class Counts:
    """Tokens; those of the prompt are all of them, cached or not."""

    prompt: int
    output: int
    cached: int = 0
    reasoning: int = 0


@frozen(kw_only=True)
class Told:
    """An answer's first choice.

    Attributes:
        text: All its words in one.
        thinking: Likewise, without white space: dialects cut it in different ways.
        calls: Id, name and arguments of each call of a caller's tool.
        finish: One of the words above.
        counts: None where nobody counted.
    """

    text: str
    thinking: str = ""
    calls: tuple[tuple[str, str, Any], ...] = ()
    finish: str = STOP
    counts: Counts | None = None


def as_door(told: Told, door: str) -> Told:
    """The same as far as a door has words for it."""
    if door != ANTHROPIC_MESSAGES and told.finish in ONLY_MESSAGES:
        told = evolve(told, finish=STOP)
    if door == OPENAI_COMPLETIONS:
        told = evolve(told, thinking="")
    counts = told.counts
    if counts is not None and door == ANTHROPIC_MESSAGES:
        told = evolve(told, counts=evolve(counts, reasoning=0))
    return told


def tell(dialect: str, body: Json) -> Told:
    """What a whole answer tells."""
    return _READERS[dialect](body)


def tell_stream(dialect: str, stream: bytes, *, extended: bool = True) -> Told:
    """What a whole stream tells.

    Args:
        dialect: The stream's.
        stream: All of it.
        extended: Look also where only one provider says something.
    """
    if dialect == BEDROCK_CONVERSE:
        return tell(dialect, _converse(_frames(stream)))
    events = [json.loads(data) for data in _data(stream) if data != "[DONE]"]
    if dialect == OPENAI_RESPONSES:
        return tell(dialect, events[-1]["response"])
    if not extended:
        events = [{name: event[name] for name in event if name != "x_groq"} for event in events]
    joined = _messages if dialect == ANTHROPIC_MESSAGES else _chunks
    return tell(dialect, joined(events))


def _data(stream: bytes) -> Iterator[str]:
    for line in stream.decode().replace("\r\n", "\n").split("\n"):
        if line.startswith("data:") and line[5:].strip():
            yield line[5:].strip()


def _frames(stream: bytes) -> Iterator[tuple[str, Json]]:
    buffer = EventStreamBuffer()
    buffer.add_data(stream)
    for frame in buffer:
        yield frame.headers[":event-type"], json.loads(frame.payload)


def _plain(*pieces: str | None) -> str:
    return "".join("".join(piece or "" for piece in pieces).split())


# -- whole answers --------------------------------------------------------------------------------


def _chat(body: Json) -> Told:
    choice = body["choices"][0]
    message = choice["message"]
    calls = tuple(
        (call["id"], call["function"]["name"], json.loads(call["function"]["arguments"] or "{}"))
        for call in message.get("tool_calls") or ()
    )
    return Told(
        text=message.get("content") or "",
        thinking=_plain(message.get("reasoning_content") or message.get("reasoning")),
        calls=calls,
        finish=CALLS if calls else WORDS[choice["finish_reason"]],
        counts=_openai_counts(body.get("usage"), "prompt", "completion"),
    )


def _completion(body: Json) -> Told:
    choice = body["choices"][0]
    return Told(
        text=choice["text"],
        finish=WORDS[choice["finish_reason"]],
        counts=_openai_counts(body.get("usage"), "prompt", "completion"),
    )


def _response(body: Json) -> Told:
    texts, thinking, calls = [], [], []
    for item in body["output"]:
        parts = item.get("content") or ()
        if item["type"] == "message":
            texts += [part["text"] for part in parts if part["type"] == "output_text"]
        elif item["type"] == "reasoning":
            thinking += [part["text"] for part in (*(item.get("summary") or ()), *parts)]
        elif item["type"] == "function_call":
            calls.append((item["call_id"], item["name"], json.loads(item["arguments"] or "{}")))
    word = (body.get("incomplete_details") or {}).get("reason") or body["status"]
    return Told(
        text="".join(texts),
        thinking=_plain(*thinking),
        calls=tuple(calls),
        finish=CALLS if calls else WORDS[word],
        counts=_openai_counts(body.get("usage"), "input", "output"),
    )


def _openai_counts(usage: Json | None, prompt: str, output: str) -> Counts | None:
    if not usage:
        return None
    of_prompt, of_output = (usage.get(f"{name}_tokens_details") or {} for name in (prompt, output))
    return Counts(
        prompt=usage[f"{prompt}_tokens"],
        output=usage[f"{output}_tokens"],
        cached=of_prompt.get("cached_tokens") or usage.get("cached_tokens") or 0,
        reasoning=of_output.get("reasoning_tokens") or 0,
    )


def _message(body: Json) -> Told:
    blocks = body["content"]
    calls = tuple(
        (block["id"], block["name"], block["input"])
        for block in blocks
        if block["type"] == "tool_use"
    )
    usage = body["usage"]
    read = usage.get("cache_read_input_tokens") or 0
    written = usage.get("cache_creation_input_tokens") or 0
    return Told(
        text="".join(block["text"] for block in blocks if block["type"] == "text"),
        thinking=_plain(*(block["thinking"] for block in blocks if block["type"] == "thinking")),
        calls=calls,
        finish=WORDS[body["stop_reason"]],
        counts=Counts(
            prompt=usage["input_tokens"] + read + written,
            output=usage["output_tokens"],
            cached=read,
        ),
    )


def _converse_reply(body: Json) -> Told:
    blocks = body["output"]["message"]["content"]
    uses = [block["toolUse"] for block in blocks if "toolUse" in block]
    thought = [block["reasoningContent"] for block in blocks if "reasoningContent" in block]
    texts = [block["text"] for block in blocks if "text" in block]
    for block in blocks:
        cited = block.get("citationsContent") or {}
        texts += [part["text"] for part in cited.get("content") or ()]
    usage = body["usage"]
    read = usage.get("cacheReadInputTokens") or 0
    written = usage.get("cacheWriteInputTokens") or 0
    return Told(
        text="".join(texts),
        thinking=_plain(*((one.get("reasoningText") or {}).get("text") for one in thought)),
        calls=tuple(
            (use["toolUseId"], use["name"], use["input"])
            for use in uses
            if use.get("type") != "server_tool_use"
        ),
        finish=WORDS[body["stopReason"]],
        counts=Counts(
            prompt=usage["inputTokens"] + read + written,
            output=usage["outputTokens"],
            cached=read,
        ),
    )


_READERS = {
    OPENAI_CHAT: _chat,
    OPENAI_COMPLETIONS: _completion,
    OPENAI_RESPONSES: _response,
    ANTHROPIC_MESSAGES: _message,
    BEDROCK_CONVERSE: _converse_reply,
}


# -- streams, put together ------------------------------------------------------------------------


def _chunks(events: Iterable[Json]) -> Json:
    message: Json = {"content": "", "reasoning": "", "tool_calls": []}
    whole: Json = {"choices": [{"message": message, "finish_reason": None}]}
    for event in events:
        usage = event.get("usage") or (event.get("x_groq") or {}).get("usage")
        whole["usage"] = usage or whole.get("usage")
        for choice in event.get("choices") or ():
            if choice.get("index"):
                continue
            delta = choice.get("delta") or {}
            whole["choices"][0]["finish_reason"] = (
                choice.get("finish_reason") or whole["choices"][0]["finish_reason"]
            )
            message["content"] += delta.get("content") or ""
            message["reasoning"] += delta.get("reasoning_content") or delta.get("reasoning") or ""
            for piece in delta.get("tool_calls") or ():
                _add_call(message["tool_calls"], piece)
    return whole


def _add_call(calls: list[Json], piece: Json) -> None:
    if piece["index"] == len(calls):
        calls.append({"id": piece["id"], "function": {"name": "", "arguments": ""}})
    function = calls[piece["index"]]["function"]
    function["name"] += piece["function"].get("name") or ""
    function["arguments"] += piece["function"].get("arguments") or ""


def _messages(events: Iterable[Json]) -> Json:
    whole: Json = {}
    blocks: dict[int, Json] = {}
    inputs: dict[int, str] = {}
    for event in events:
        match event["type"]:
            case "message_start":
                whole = dict(event["message"])
            case "content_block_start":
                blocks[event["index"]] = dict(event["content_block"])
            case "content_block_delta":
                delta, block = event["delta"], blocks[event["index"]]
                for name in ("text", "thinking"):
                    if name in delta:
                        block[name] += delta[name]
                if "partial_json" in delta:
                    inputs[event["index"]] = inputs.get(event["index"], "") + delta["partial_json"]
            case "message_delta":
                whole |= event["delta"]
                whole["usage"] = {**whole["usage"], **event["usage"]}
    for index, text in inputs.items():
        blocks[index]["input"] = json.loads(text or "{}")
    return {**whole, "content": list(blocks.values())}


def _converse(frames: Iterable[tuple[str, Json]]) -> Json:
    whole: Json = {}
    blocks: dict[int, Json] = {}
    for name, event in frames:
        match name:
            case "contentBlockStart":
                use = event["start"].get("toolUse")
                if use:
                    blocks[event["contentBlockIndex"]] = {"toolUse": {**use, "input": ""}}
            case "contentBlockDelta":
                _add_delta(blocks.setdefault(event["contentBlockIndex"], {}), event["delta"])
            case "messageStop":
                whole["stopReason"] = event["stopReason"]
            case "metadata":
                whole["usage"] = event["usage"]
    for block in blocks.values():
        if "toolUse" in block:
            block["toolUse"]["input"] = json.loads(block["toolUse"]["input"] or "{}")
    return {**whole, "output": {"message": {"content": list(blocks.values())}}}


def _add_delta(block: Json, delta: Json) -> None:
    if "text" in delta:
        block["text"] = block.get("text", "") + delta["text"]
    elif "toolUse" in delta:
        block["toolUse"]["input"] += delta["toolUse"]["input"]
    elif "reasoningContent" in delta:
        words = block.setdefault("reasoningContent", {}).setdefault("reasoningText", {"text": ""})
        words["text"] += delta["reasoningContent"].get("text") or ""
