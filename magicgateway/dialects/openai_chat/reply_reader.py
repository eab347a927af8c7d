"""Whole answers of OpenAI-compatible providers.

See: https://platform.openai.com/docs/api-reference/chat/object; 2026-10.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from attrs import evolve

from magicgateway.conversation.blocks import (
    OPENAI,
    Block,
    Citation,
    Refusal,
    Text,
    Thinking,
    Token,
    ToolCall,
)
from magicgateway.conversation.ledger import Fields, Ledger
from magicgateway.conversation.reply import NO_USAGE, Choice, Failure, Reply
from magicgateway.dialects.grammar import FailedReply, NoAnswer, Sent
from magicgateway.dialects.openai_chat.counts import read_counts
from magicgateway.dialects.openai_chat.extras import rest_of
from magicgateway.dialects.openai_chat.failures import is_error, read_failure
from magicgateway.dialects.openai_chat.finishes import is_broken, read_finish
from magicgateway.dialects.openai_chat.message_reader import read_call
from magicgateway.dialects.openai_chat.reasoning import (
    DETAILS,
    SIGNATURE,
    THINKING_KINDS,
    details_token,
    read_thinking,
    take_words,
)
from magicgateway.wire.jsontext import encode


def read_reply(body: Mapping[str, Any], sent: Sent) -> Reply:
    """A whole answer.

    Raises:
        NoAnswer: It has no choice.
        FailedReply: It is an error.
    """
    if is_error(body):
        raise FailedReply(read_failure(0, body, {}))
    fields = Fields(body, lenient=True)
    reply_id, created = fields.text("id") or "", fields.integer("created")
    source = f"{reply_id}/{created}"
    choices = tuple(_choice(entry, source, sent.origin) for entry in fields.each("choices"))
    if not choices:
        raise NoAnswer("it has no choices")
    inner: dict[str, Fields | None] = {}
    usage = inner["usage"] = fields.fields("usage")
    fields.text("object")
    return Reply(
        id=reply_id,
        model=fields.text("model") or "",
        choices=choices,
        usage=NO_USAGE if usage is None else read_counts(usage, inner),
        created=created,
        service_tier=fields.text("service_tier"),
        fingerprint=fields.text("system_fingerprint"),
        extras=rest_of(fields, OPENAI, **inner),
    )


def _choice(entry: Fields, source: str, origin: str) -> Choice:
    index = entry.integer("index") or 0
    raw = entry.take("finish_reason")
    if is_broken(raw):
        raise FailedReply(
            Failure(status=502, kind="server", message="The provider broke its answer off.")
        )
    message = entry.fields("message") or Fields({}, entry.at("message"), lenient=True)
    blocks = _blocks(message, f"{source}/{index}", origin)
    message.text("role")
    stops = {name: entry.take(name) for name in ("stop_reason", "matched_stop", "stop_sequence")}
    finish = read_finish(
        raw,
        stops,
        calls=any(isinstance(block, ToolCall) for block in blocks),
        refusal=any(isinstance(block, Refusal) for block in blocks),
    )
    return Choice(
        blocks=blocks,
        finish=finish,
        index=index,
        logprobs=entry.object("logprobs"),
        extras=rest_of(entry, message=message),
    )


def _blocks(message: Fields, source: str, origin: str) -> tuple[Block, ...]:
    blocks: list[Block] = list(_thinking(message, origin))
    content = _content(message, origin)
    citations = tuple(map(read_citation, message.each("annotations")))
    texts = [block for block in content if isinstance(block, Text)]
    if texts and citations:
        content = [
            evolve(block, citations=citations) if block is texts[0] else block for block in content
        ]
    blocks += content
    refusal = message.text("refusal")
    if refusal:
        blocks.append(Refusal(text=refusal))
    blocks += _calls(message, source, origin)
    return tuple(blocks)


def _thinking(message: Fields, origin: str) -> list[Block]:
    words = take_words(message)
    signed: list[Block] = [
        read_thinking(entry, Ledger())
        for entry in message.each("thinking_blocks")
        if entry.peek("type") in THINKING_KINDS
    ]
    details = message.list(DETAILS)
    if signed:
        return signed
    token = details_token(details or (), origin) if origin else None
    if not words and token is None:
        return []
    return [Thinking(parts=(words,) if words else (), token=token or own_token(origin))]


def own_token(origin: str) -> Token | None:
    """Says whose reasoning it is where it has nothing that says so itself."""
    return Token(origin, "") if origin else None


def _content(message: Fields, origin: str) -> list[Block]:
    value = message.peek("content")
    if isinstance(value, str):
        message.take("content")
        return [Text(text=value)] if value else []
    return list(content_blocks(message.list("content") or (), origin))


def content_blocks(parts: Any, origin: str) -> list[Block]:
    """The blocks of a content that is an array, as those have it whose models think in it."""
    blocks: list[Block] = []
    for part in parts:
        if not isinstance(part, dict):
            continue
        text = part.get("text")
        thought = part.get("thinking")
        if isinstance(thought, list):
            thought = "".join(t.get("text", "") for t in thought if isinstance(t, dict))
        if isinstance(thought, str) and thought:
            blocks.append(Thinking(parts=(thought,), token=own_token(origin)))
        elif isinstance(text, str) and text:
            blocks.append(Text(text=text))
    return blocks


def read_citation(annotation: Fields) -> Citation:
    """One member of ``annotations``."""
    raw = dict(annotation.rest("").fields)
    place = Fields(raw, lenient=True).fields("url_citation")
    if place is None:
        return Citation(kind=str(raw.get("type")), family=OPENAI, raw=raw)
    return Citation(
        kind="url",
        url=place.text("url"),
        title=place.text("title"),
        start=place.integer("start_index"),
        end=place.integer("end_index"),
        family=OPENAI,
        raw=raw,
    )


def _calls(message: Fields, source: str, origin: str) -> list[Block]:
    calls: list[Block] = []
    for entry in message.each("tool_calls"):
        signature = entry.take(SIGNATURE)
        call = read_call(entry, lenient=True)
        token = signature_token(signature, origin)
        calls.append(evolve(call, id=call.id or made_id(source, len(calls)), token=token, field=""))
    old = message.fields("function_call")
    if old is not None and not calls:
        name, arguments = old.needed("name"), old.text("arguments") or ""
        calls.append(ToolCall(id=made_id(source, 0), name=name, arguments=arguments))
    return [call for call in calls if isinstance(call, ToolCall) and call.name]


def signature_token(signature: Any, origin: str) -> Token | None:
    """A call's signature as something to be given back."""
    if not (isinstance(signature, dict) and signature and origin):
        return None
    return Token(origin, encode(signature).decode())


def made_id(source: str, count: int) -> str:
    """An id for a call that has none: the same for the same answer."""
    return "call_" + hashlib.sha256(f"{source}/{count}".encode()).hexdigest()[:24]
