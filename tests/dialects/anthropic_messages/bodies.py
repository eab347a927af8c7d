"""Messages in tests: read, written, and judged by the official SDK's own types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from anthropic.types import message_create_params as params
from pydantic import ConfigDict, TypeAdapter, with_config

from magicgateway.conversation.capabilities import (
    NONE,
    ONE,
    PLAIN,
    Capabilities,
    ClaudeAbilities,
)
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.request import Request
from magicgateway.dialects.anthropic_messages.request_reader import read_request
from magicgateway.dialects.anthropic_messages.request_writer import write_request
from magicgateway.dialects.grammar import Sent

Json = dict[str, Any]

_ALL_EFFORTS = ("low", "medium", "high", "xhigh", "max")


def _claude(**abilities: Any) -> ClaudeAbilities:
    return ClaudeAbilities(**abilities)


MODELS: Mapping[str, Capabilities] = {
    "plain": PLAIN,
    "able": Capabilities(
        origin="anthropic",
        efforts=_ALL_EFFORTS,
        document_urls=True,
        claude=_claude(
            thinking=frozenset({"adaptive", "enabled", "between_tools"}),
            prefill=True,
            mid_system=True,
        ),
    ),
    "opus-5.5": Capabilities(
        origin="anthropic",
        sampling=NONE,
        efforts=_ALL_EFFORTS,
        document_urls=True,
        claude=_claude(can_disable=False, forced_tools=False, mid_system=True),
    ),
    "opus-5": Capabilities(
        origin="anthropic",
        sampling=NONE,
        efforts=_ALL_EFFORTS,
        document_urls=True,
        claude=_claude(quiet_effort="high", mid_system=True),
    ),
    "opus-4.8": Capabilities(
        origin="anthropic",
        sampling=NONE,
        efforts=_ALL_EFFORTS,
        document_urls=True,
        claude=_claude(mid_system=True),
    ),
    "sonnet-5": Capabilities(
        origin="anthropic", sampling=NONE, efforts=_ALL_EFFORTS, document_urls=True
    ),
    "sonnet-4.6": Capabilities(
        origin="anthropic",
        sampling=ONE,
        efforts=("low", "medium", "high", "max"),
        document_urls=True,
        claude=_claude(thinking=frozenset({"adaptive", "enabled"})),
    ),
    "sonnet-4.5": Capabilities(
        origin="anthropic",
        sampling=ONE,
        document_urls=True,
        claude=_claude(thinking=frozenset({"enabled"}), prefill=True),
    ),
    "old": Capabilities(
        origin="anthropic",
        document_urls=True,
        claude=_claude(thinking=frozenset(), prefill=True, structured_outputs=False),
    ),
}
"""What models take, under the names that the cases have for them."""
ABLE = MODELS["able"]


def messages(*given: Json, **fields: Any) -> Json:
    """A body with these messages, or with one that says hi."""
    return {
        "model": "m",
        "max_tokens": 100,
        "messages": list(given) or [says("user", "hi")],
        **fields,
    }


def says(role: str, *content: Any, **fields: Any) -> Json:
    """A message: of one string, or of blocks, in which strings are texts."""
    whole = len(content) == 1 and isinstance(content[0], str)
    blocks = [text(part) if isinstance(part, str) else part for part in content]
    return {"role": role, "content": content[0] if whole else blocks, **fields}


def text(words: str, **fields: Any) -> Json:
    """A text block."""
    return {"type": "text", "text": words, **fields}


def uses(call_id: str, name: str = "f", given: Json | None = None, **fields: Any) -> Json:
    """A tool_use block."""
    return {"type": "tool_use", "id": call_id, "name": name, "input": given or {}, **fields}


def answers(call_id: str, content: Any = "r", **fields: Any) -> Json:
    """A tool_result block."""
    return {"type": "tool_result", "tool_use_id": call_id, "content": content, **fields}


def tool(name: str = "f", schema: Json | None = None, **fields: Any) -> Json:
    """A tool of the caller's."""
    default = {"type": "object", "properties": {}}
    return {"name": name, "input_schema": default if schema is None else schema, **fields}


def read(body: Mapping[str, Any]) -> tuple[Request, list[str]]:
    """A body's request, and what its reader reported."""
    ledger = Ledger()
    return read_request(body, ledger), lines(ledger)


def lines(ledger: Ledger) -> list[str]:
    """All notes as the warning header says them, without the usual reason."""
    return [note.line().removesuffix(";unsupported-by-target") for note in ledger.notes]


def write(
    request: Request, capabilities: Capabilities = ABLE, *, judged: bool = True
) -> tuple[Sent, list[str]]:
    """What is sent for a request, and what its writer reported.

    Args:
        request: What to send.
        capabilities: Whom to.
        judged: It is in Anthropic's own words, without an extension of a caller's.
    """
    ledger = Ledger()
    sent = write_request(request, capabilities, ledger)
    if judged:
        judge(sent.body)
    return sent, lines(ledger)


def rewritten(body: Mapping[str, Any], capabilities: Capabilities = ABLE) -> Json:
    """A body after it was read and written."""
    return write(read(body)[0], capabilities, judged=False)[0].body


@cache
def _adapter(stream: bool) -> TypeAdapter[Any]:
    shape: Any = (
        params.MessageCreateParamsStreaming if stream else params.MessageCreateParamsNonStreaming
    )
    return TypeAdapter(with_config(ConfigDict(extra="allow"))(shape))


def judge(body: Mapping[str, Any]) -> None:
    """Fail unless the official SDK's types take a body; iterables in it are looked into."""
    for _ in _each(_adapter(bool(body.get("stream"))).validate_python(dict(body))):
        pass


def _each(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _each(inner)
    elif hasattr(value, "__iter__") and not isinstance(value, str | bytes):
        for inner in value:
            yield inner
            yield from _each(inner)
