"""Chat requests in tests: read, written, and judged by the official SDK's own types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from pydantic import ConfigDict, TypeAdapter, with_config

from magicgateway.conversation.capabilities import Capabilities, ChatAbilities
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.request import Request
from magicgateway.dialects.grammar import Sent
from magicgateway.dialects.openai_chat.request_reader import read_request
from magicgateway.dialects.openai_chat.request_writer import write_request

Json = dict[str, Any]

ABLE = Capabilities(
    origin="openai",
    efforts=("none", "minimal", "low", "medium", "high", "xhigh"),
    audio=True,
    chat=ChatAbilities(
        custom_tools=True,
        top_k=True,
        web_search=True,
        allowed_tools=True,
        cache_marks="prompt_cache_breakpoint",
        reasoning_echo=True,
    ),
)
"""A provider that takes all there is."""
PLAIN = Capabilities(origin="plain")

SOON = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def chat(*messages: Json, **fields: Any) -> Json:
    """A body with these messages, or with one that says hi."""
    return {"model": "m", "messages": list(messages) or SOON["messages"], **fields}


def says(role: str, content: Any = None, **fields: Any) -> Json:
    """A message."""
    return {"role": role, "content": content, **fields}


def call(call_id: str, name: str = "f", arguments: Any = "{}") -> Json:
    """A member of ``tool_calls``."""
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def answers(call_id: str, content: Any = "r", **fields: Any) -> Json:
    """A tool's message."""
    return {"role": "tool", "tool_call_id": call_id, "content": content, **fields}


def function(name: str = "f", schema: Json | None = None, **fields: Any) -> Json:
    """A function tool."""
    parameters = {"type": "object", "properties": {}} if schema is None else schema
    return {"type": "function", "function": {"name": name, "parameters": parameters, **fields}}


def read(body: Mapping[str, Any]) -> tuple[Request, list[str]]:
    """A body's request, and what its reader reported."""
    ledger = Ledger()
    return read_request(body, ledger), lines(ledger)


def lines(ledger: Ledger) -> list[str]:
    """All notes as the warning header says them, without the usual reason."""
    return [note.line().removesuffix(";unsupported-by-target") for note in ledger.notes]


def write(
    request: Request, capabilities: Capabilities = PLAIN, *, judged: bool = True
) -> tuple[Sent, list[str]]:
    """What is sent for a request, and what its writer reported.

    Args:
        request: What to send.
        capabilities: Whom to.
        judged: It is in OpenAI's own words, without an extension of a provider's.
    """
    ledger = Ledger()
    sent = write_request(request, capabilities, ledger)
    if judged:
        judge(sent.body)
    return sent, lines(ledger)


def rewritten(body: Mapping[str, Any], capabilities: Capabilities = ABLE) -> Json:
    """A body after it was read and written."""
    return write(read(body)[0], capabilities)[0].body


@cache
def _adapter() -> TypeAdapter[Any]:
    return TypeAdapter(with_config(ConfigDict(extra="allow"))(CompletionCreateParamsNonStreaming))


def judge(body: Mapping[str, Any]) -> None:
    """Fail unless the official SDK's types take a body; iterables in it are looked into."""
    plain = {name: value for name, value in body.items() if name != "stream"}
    checked = _adapter().validate_python(plain)
    for name in ("messages", "tools"):
        for _ in _each(checked.get(name)):
            pass


def _each(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _each(inner)
    elif hasattr(value, "__iter__") and not isinstance(value, str | bytes):
        for inner in value:
            yield inner
            yield from _each(inner)
