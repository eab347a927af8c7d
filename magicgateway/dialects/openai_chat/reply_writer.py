"""Whole answers as OpenAI's chat callers know them.

See: https://platform.openai.com/docs/api-reference/chat/object; openai 3.57 (Python), 2026-10.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from magicgateway.conversation.blocks import (
    Block,
    Citation,
    Foreign,
    Hosted,
    Refusal,
    Text,
    Thinking,
    Token,
    ToolCall,
)
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.parameters import SERVICE_TIER
from magicgateway.conversation.reasons import Reason
from magicgateway.conversation.reply import PAUSED, REFUSED, Choice, Reply
from magicgateway.dialects.grammar import Asked
from magicgateway.dialects.openai_chat.counts import write_counts
from magicgateway.dialects.openai_chat.extras import put_back
from magicgateway.dialects.openai_chat.finishes import GENERIC_REFUSAL, write_finish
from magicgateway.dialects.openai_chat.reasoning import SIGNATURE, signature_of, thinking_entry

KEPT = "provider_fields"
"""Where a message has what OpenAI has no field for, so that it can come back."""


def write_reply(reply: Reply, asked: Asked, ledger: Ledger) -> dict[str, Any]:
    """A whole answer for the caller."""
    body: dict[str, Any] = {
        "id": answer_id(reply.id, asked),
        "object": "chat.completion",
        "created": asked.now if reply.created is None else reply.created,
        "model": asked.model,
        "choices": [_choice(choice, asked, ledger) for choice in reply.choices],
        "system_fingerprint": reply.fingerprint,
    }
    usage = write_counts(reply.usage)
    if usage is not None:
        body["usage"] = usage
    if asked.request.parameters.get(SERVICE_TIER) is not None and reply.service_tier:
        body["service_tier"] = reply.service_tier
    put_back(body, reply.extras, ledger)
    return body


def answer_id(given: str, asked: Asked) -> str:
    """The provider's id of an answer, ours where it gave none."""
    return given or f"chatcmpl-{asked.answer_id}"


def _choice(choice: Choice, asked: Asked, ledger: Ledger) -> dict[str, Any]:
    finish = choice.finish
    if finish.reason != REFUSED and all(map(_is_bare, choice.blocks)):
        words = "".join([block.text for block in choice.blocks])  # type: ignore[attr-defined]
        message: dict[str, Any] = {"role": "assistant", "content": words, "refusal": None}
    else:
        message = _message(choice, asked, ledger)
    if finish.reason == PAUSED:
        ledger.rewrite("finish_reason", Reason.PAUSED)
    calls = any(isinstance(block, ToolCall) for block in choice.blocks)
    written: dict[str, Any] = {
        "index": choice.index,
        "message": message,
        "logprobs": choice.logprobs,
        "finish_reason": write_finish(finish, calls=calls, legacy=asked.request.legacy_functions),
    }
    if finish.stop_sequence is not None:
        written["stop_sequence"] = finish.stop_sequence
    put_back(written, choice.extras, ledger)
    return written


def _message(choice: Choice, asked: Asked, ledger: Ledger) -> dict[str, Any]:
    texts = [block.text for block in choice.blocks if isinstance(block, Text)]
    refusal = "".join(block.text for block in choice.blocks if isinstance(block, Refusal))
    if choice.finish.reason == REFUSED:
        refusal = refusal or choice.finish.explanation or GENERIC_REFUSAL
    said = refusal not in ("", GENERIC_REFUSAL)
    message: dict[str, Any] = {
        "role": "assistant",
        "content": "".join(texts) or None,
        "refusal": refusal or None,
    }
    calls = [block for block in choice.blocks if isinstance(block, ToolCall)]
    if calls and asked.request.legacy_functions:
        message["function_call"] = {
            "name": calls[0].name,
            "arguments": calls[0].arguments or "{}",
        }
        for count in range(1, len(calls)):
            ledger.drop(f"tool_calls[{count}]", Reason.ONE_CALL)
    elif calls:
        message["tool_calls"] = [_call(call, ledger) for call in calls]
    if message["content"] is None and not calls and not said:
        message["content"] = ""
    thinking = [block for block in choice.blocks if isinstance(block, Thinking)]
    words = "\n\n".join(block.text for block in thinking if block.text)
    if words:
        message["reasoning_content"] = words
    entries = [entry for block in thinking if (entry := thinking_entry(block)) is not None]
    if entries:
        message["thinking_blocks"] = entries
    annotations, other = written_citations(choice.blocks)
    if annotations:
        message["annotations"] = annotations
    kept = _kept(choice.blocks, other)
    if kept:
        message[KEPT] = kept
    for block in choice.blocks:
        if not isinstance(block, ToolCall) or asked.request.legacy_functions:
            ledger.carry(block.extras, "")
    return message


def _is_bare(block: Block) -> bool:
    """Whether it is words and nothing besides, as most answers are."""
    return type(block) is Text and not block.citations and not block.extras.fields


def _call(call: ToolCall, ledger: Ledger) -> dict[str, Any]:
    written = written_call(call)
    put_back(written, call.extras, ledger)
    return written


def written_call(call: ToolCall, arguments: str | None = None) -> dict[str, Any]:
    """A member of ``tool_calls``; a client-run tool of another API is a function here."""
    said = call.arguments if arguments is None else arguments
    if call.kind == "custom":
        written = {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": said}}
        return {**written, **wanted_back(call.token)}
    if arguments is None:
        said = said or "{}"
    function = {"name": call.name, "arguments": said}
    return {"id": call.id, "type": "function", "function": function, **wanted_back(call.token)}


def wanted_back(token: Token | None) -> dict[str, Any]:
    """What a call's provider wants back with it, in the field that it gave it in."""
    content = None if token is None else signature_of(token)
    return {} if content is None else {SIGNATURE: content}


def written_citations(blocks: Iterable[Block]) -> tuple[list[dict[str, Any]], list[Any]]:
    """``annotations``, and what other citations there are, as their families wrote them."""
    annotations: list[dict[str, Any]] = []
    other: list[Any] = []
    at = 0
    for block in blocks:
        if isinstance(block, Text):
            span = (at, at + len(block.text))
            at = span[1]
            for citation in block.citations:
                if citation.kind == "url":
                    annotations.append(annotation(citation, span))
                else:
                    other.append(dict(citation.raw))
    return annotations, other


def annotation(citation: Citation, span: tuple[int, int]) -> dict[str, Any]:
    """A member of ``annotations``.

    Args:
        citation: Of an address.
        span: Of the text it stands on, where it does not say which words it is about.
    """
    start = span[0] if citation.start is None else citation.start
    end = span[1] if citation.end is None else citation.end
    place = {
        "url": citation.url or "",
        "title": citation.title or "",
        "start_index": start,
        "end_index": end,
    }
    return {"type": "url_citation", "url_citation": place}


def _kept(blocks: Sequence[Block], citations: list[Any]) -> Mapping[str, Any]:
    """What a provider's own tools did, for its next turn, and citations of other kinds."""
    kept: dict[str, Any] = {}
    raw = [dict(block.raw) for block in blocks if isinstance(block, Hosted | Foreign)]
    if raw:
        kept["content_blocks"] = raw
    if citations:
        kept["citations"] = citations
    return kept
