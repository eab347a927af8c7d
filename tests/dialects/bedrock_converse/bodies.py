"""Converse requests in tests: written, and judged by botocore and by the demo provider's rules."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from attrs import evolve
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from magicgateway.conversation.capabilities import Capabilities, ConverseAbilities
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.request import Request
from magicgateway.demo.aws.parameters import check_parameters
from magicgateway.demo.aws.shapes import check_body
from magicgateway.demo.aws.turns import check_turns
from magicgateway.demo.limits import limits_of
from magicgateway.dialects.anthropic_messages.request_reader import (
    read_request as read_messages,
)
from magicgateway.dialects.bedrock_converse.request_reader import read_request
from magicgateway.dialects.bedrock_converse.request_writer import write_request
from magicgateway.dialects.grammar import Sent
from magicgateway.dialects.openai_chat.request_reader import read_request as read_chat
from magicgateway.dialects.openai_responses.request_reader import (
    read_request as read_responses,
)

Json = dict[str, Any]

CLAUDE = Capabilities(
    origin="anthropic",
    sampling="one",
    image_urls=False,
    converse=ConverseAbilities(
        reasoning="claude",
        top_k="claude",
        cache=True,
        cache_ttl=True,
        cache_tools=True,
        strict_tools=True,
        structured_outputs=True,
        text_with_results="images",
        replays_reasoning=True,
        parallel_control=True,
        blank_stops=False,
        first_user=True,
    ),
)
CLAUDE_4_5 = evolve(
    CLAUDE, claude=evolve(CLAUDE.claude, thinking=frozenset({"enabled"}), prefill=True)
)
"""Thinks within a budget, as ``anthropic.claude-haiku-4-5-20251001-v1:0`` does."""
CLAUDE_4_6 = evolve(
    CLAUDE,
    efforts=("low", "medium", "high", "max"),
    claude=evolve(CLAUDE.claude, thinking=frozenset({"adaptive", "enabled"})),
    converse=evolve(CLAUDE.converse, prefill=False),
)
CLAUDE_5 = evolve(CLAUDE_4_6, sampling="none")
NOVA = Capabilities(
    origin="amazon",
    image_urls=False,
    converse=ConverseAbilities(top_k="nova", cache=True, cache_after_files=False),
)
NOVA_2 = evolve(
    NOVA, converse=evolve(NOVA.converse, reasoning="nova", grounding=True, code_interpreter=True)
)
LLAMA = Capabilities(
    image_urls=False,
    converse=ConverseAbilities(
        tool_choice=frozenset(), tool_streaming=False, text_with_results="none"
    ),
)
MISTRAL = Capabilities(
    image_urls=False,
    converse=ConverseAbilities(
        text_with_results="none", nine_letter_ids=True, result_json=True, structured_outputs=True
    ),
)
GPT_OSS = Capabilities(
    origin="gpt-oss",
    efforts=("low", "medium", "high"),
    converse=ConverseAbilities(reasoning="effort", always_thinks=True),
)
QWEN = Capabilities(
    converse=ConverseAbilities(
        reasoning="qwen", always_thinks=True, stops=False, structured_outputs=True
    )
)
TITAN = Capabilities(tools=False, images=False, converse=ConverseAbilities(system=False))
PLAIN = Capabilities()

HAIKU = "anthropic.claude-haiku-4-5-20251001-v1:0"
SONNET = "us.anthropic.claude-sonnet-4-6"
SONNET_5 = "us.anthropic.claude-sonnet-5"
MODELS: tuple[tuple[Capabilities, str], ...] = (
    (CLAUDE_4_5, HAIKU),
    (CLAUDE_4_6, SONNET),
    (CLAUDE_5, SONNET_5),
    (NOVA, "us.amazon.nova-micro-v1:0"),
    (NOVA_2, "amazon.nova-2-lite-v1:0"),
    (LLAMA, "us.meta.llama4-maverick-17b-instruct-v1:0"),
    (MISTRAL, "mistral.mistral-large-2407-v1:0"),
    (GPT_OSS, "openai.gpt-oss-120b-1:0"),
    (QWEN, "qwen.qwen3-32b-v1:0"),
    (TITAN, "amazon.titan-text-express-v1"),
)
"""Whose rules judge what is written for which abilities."""


def chat(*messages: Json, **fields: Any) -> Json:
    """A chat body with these messages, or with one that says hi."""
    said = list(messages) or [{"role": "user", "content": "hi"}]
    return {"model": "m", "messages": said, **fields}


def says(role: str, content: Any = None, **fields: Any) -> Json:
    """A message of a chat."""
    return {"role": role, "content": content, **fields}


def call(call_id: str, name: str = "f", arguments: str = "{}") -> Json:
    """A member of ``tool_calls``."""
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def calls(*ids: str, content: Any = None) -> Json:
    """An assistant's message with calls of ``f``."""
    return says("assistant", content, tool_calls=[call(call_id) for call_id in ids])


def answers(call_id: str, content: Any = "r") -> Json:
    """A tool's message."""
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def function(name: str = "f", schema: Json | None = None, **fields: Any) -> Json:
    """A function tool of a chat."""
    parameters = {"type": "object", "properties": {}} if schema is None else schema
    return {"type": "function", "function": {"name": name, "parameters": parameters, **fields}}


def lines(ledger: Ledger) -> list[str]:
    """All notes as the warning header says them, without the usual reason."""
    return [note.line().removesuffix(";unsupported-by-target") for note in ledger.notes]


def write(
    request: Request,
    capabilities: Capabilities = CLAUDE_4_5,
    ledger: Ledger | None = None,
    *,
    served: bool = True,
) -> tuple[Sent, list[str]]:
    """What is sent for a request, and what was reported.

    Args:
        request: What to send.
        capabilities: Whom to.
        ledger: With what its reader reported.
        served: The demo provider's model of these abilities would answer it.
    """
    kept = ledger or Ledger()
    sent = write_request(request, capabilities, kept)
    judge(sent.body)
    if served:
        for known, model in MODELS:
            if known is capabilities:
                serve(sent, model)
    return sent, lines(kept)


def from_chat(
    body: Mapping[str, Any], capabilities: Capabilities = CLAUDE_4_5, *, served: bool = True
) -> tuple[Json, list[str]]:
    """What a chat body is sent as, and what was reported."""
    ledger = Ledger()
    sent, noted = write(read_chat(body, ledger), capabilities, ledger, served=served)
    return sent.body, noted


def from_messages(
    body: Mapping[str, Any], capabilities: Capabilities = CLAUDE_4_5, *, served: bool = True
) -> tuple[Json, list[str]]:
    """The same of a Messages body."""
    ledger = Ledger()
    whole = {"model": "m", "max_tokens": 100, **body}
    sent, noted = write(read_messages(whole, ledger), capabilities, ledger, served=served)
    return sent.body, noted


def from_responses(
    body: Mapping[str, Any], capabilities: Capabilities = CLAUDE_4_5
) -> tuple[Json, list[str]]:
    """The same of a Responses body."""
    ledger = Ledger()
    sent, noted = write(read_responses({"model": "m", **body}, ledger), capabilities, ledger)
    return sent.body, noted


def from_converse(
    body: Mapping[str, Any], capabilities: Capabilities = CLAUDE_4_5, *, served: bool = True
) -> tuple[Json, list[str]]:
    """The same of a Converse body."""
    ledger = Ledger()
    request = read_request({"model": "m", **body}, ledger)
    sent, noted = write(request, capabilities, ledger, served=served)
    return sent.body, noted


@cache
def service() -> ServiceModel:
    """AWS's own description of its API."""
    described = Loader().load_service_model("bedrock-runtime", "service-2")
    return ServiceModel(described, "bedrock-runtime")


def judge(body: Mapping[str, Any]) -> None:
    """Fail unless botocore takes a body for Converse."""
    shape = service().operation_model("Converse").input_shape
    report = ParamValidator().validate({"modelId": "m", **body}, shape)
    if report.has_errors():
        raise AssertionError(f"botocore: {report.generate_report()}: {body}")


def judge_output(name: str, value: Mapping[str, Any]) -> None:
    """Fail unless botocore would take a value for one of its shapes."""
    report = ParamValidator().validate(dict(value), service().shape_for(name))
    if report.has_errors():
        raise AssertionError(f"botocore: {report.generate_report()}: {value}")


def serve(sent: Sent, model: str) -> None:
    """Fail unless the demo provider, which knows what AWS refuses, takes a body."""
    limits = limits_of(model)
    check_body("ConverseStream" if sent.stream else "Converse", sent.body)
    check_turns(sent.body, limits)
    check_parameters(sent.body, limits, streamed=sent.stream)
