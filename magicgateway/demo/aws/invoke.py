"""InvokeModel and its stream: Claude in Anthropic's words, and embeddings in their models' own."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

from magicgateway.demo import anthropic_messages
from magicgateway.demo.anthropic_messages import Spoken
from magicgateway.demo.aws import frames
from magicgateway.demo.aws.converse import framed
from magicgateway.demo.aws.embeddings import EMBEDDERS
from magicgateway.demo.aws.refusals import invalid
from magicgateway.demo.call import TERMINAL, Answer, Call, Event, Refusal
from magicgateway.wire import jsontext

VERSION = "bedrock-2023-05-31"
_CLAUDE = "anthropic."
_FIRST_BYTE_MS, _LATENCY_MS = 123, 321
_FIELDS = frozenset(
    {
        "anthropic_beta", "anthropic_version", "cache_control", "context_management", "max_tokens",
        "messages", "metadata", "output_config", "stop_sequences", "system", "temperature",
        "thinking", "tool_choice", "tools", "top_k", "top_p",
    }
)  # fmt: skip
_LONGEST = 25_000_000


def invoke(call: Call, model: str) -> Answer:
    """``POST /model/{id}/invoke``."""
    for name, embed in EMBEDDERS.items():
        if name in model:
            return embed(call)
    spoken = _spoken(call, model)
    usage = spoken.usage
    counts = {
        "x-amzn-bedrock-input-token-count": usage["input_tokens"],
        "x-amzn-bedrock-output-token-count": usage["output_tokens"],
        "x-amzn-bedrock-cache-read-input-token-count": usage["cache_read_input_tokens"],
        "x-amzn-bedrock-cache-write-input-token-count": usage["cache_creation_input_tokens"],
        "x-amzn-bedrock-invocation-latency": _LATENCY_MS,
    }
    headers = [(name, str(number)) for name, number in counts.items()]
    return anthropic_messages.whole(spoken, _own_name(model), *headers)


def invoke_stream(call: Call, model: str) -> Answer:
    """``POST /model/{id}/invoke-with-response-stream``."""
    if any(name in model for name in EMBEDDERS):
        raise invalid("The model is unsupported for streaming.")
    spoken = _spoken(call, model)
    return framed(lambda: _chunks(spoken, _own_name(model)))


def _spoken(call: Call, model: str) -> Spoken:
    fields = call.fields()
    if call.body_size > _LONGEST:
        raise invalid(f"The body must have at most {_LONGEST} bytes.")
    if _CLAUDE not in model and not model.startswith("demo"):
        raise invalid("The demo provider invokes models of Anthropic and embedding models only.")
    for name in fields:
        if name not in _FIELDS:
            raise invalid(f"{name}: Extra inputs are not permitted")
    if fields.get("anthropic_version") != VERSION:
        raise invalid(f"anthropic_version: Input should be '{VERSION}'")
    _check_blocks(fields)
    try:
        return anthropic_messages.speak({**fields, "model": model}, call)
    except Refusal as refusal:
        raise invalid(refusal.message) from refusal


def _check_blocks(fields: Mapping[str, Any]) -> None:
    """Parts of the prompt cache's control that only Anthropic itself knows."""
    text = jsontext.encode([fields.get(name) for name in ("system", "messages", "tools")])
    if b'"cache_control":{' in text and b'"scope":' in text:
        raise invalid("cache_control.ephemeral.scope: Extra inputs are not permitted")


def _own_name(model: str) -> str:
    """Anthropic's name of a model."""
    name = model.rpartition(_CLAUDE)[2]
    return name.rpartition("-v")[0] if "-v" in name and ":" in name else name


def _chunks(spoken: Spoken, model: str) -> Iterator[Event]:
    for value, tokens, stage in anthropic_messages.values(spoken, model):
        if stage == TERMINAL:
            usage = spoken.usage
            value["amazon-bedrock-invocationMetrics"] = {
                "inputTokenCount": usage["input_tokens"],
                "outputTokenCount": usage["output_tokens"],
                "invocationLatency": _LATENCY_MS,
                "firstByteLatency": _FIRST_BYTE_MS,
                "cacheReadInputTokenCount": usage["cache_read_input_tokens"],
                "cacheWriteInputTokenCount": usage["cache_creation_input_tokens"],
            }
        data = base64.b64encode(jsontext.encode(value)).decode()
        yield frames.event("chunk", {"bytes": data}, tokens, stage)
