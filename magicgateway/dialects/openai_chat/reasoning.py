"""Reasoning as chat completions carry it, for which OpenAI has no field and others have several.

``reasoning_content``, ``reasoning`` and ``reasoning_text`` are its words. ``thinking_blocks`` are
Anthropic's blocks with their signatures, ``content_blocks`` all blocks of an Anthropic answer, and
``reasoning_details`` a list that its provider wants back unchanged.

See: https://docs.litellm.ai/docs/reasoning_content; https://openrouter.ai/docs; 2026-10.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from attrs import evolve

from magicgateway.conversation.blocks import (
    ANTHROPIC,
    Block,
    CacheMark,
    Foreign,
    Hosted,
    Thinking,
    Token,
)
from magicgateway.conversation.ledger import Fields, Ledger, invalid
from magicgateway.conversation.reasons import Reason
from magicgateway.conversation.sealed import is_sealed, seal, unseal
from magicgateway.dialects.openai_chat.extras import rest_of
from magicgateway.wire.jsontext import BadJson, decode, encode

WORDS = ("reasoning_content", "reasoning", "reasoning_text")
"""Fields of a message with the words of its reasoning, any of which a provider may use."""
DETAILS = "reasoning_details"
SIGNATURE = "extra_content"
"""A field of a call that its provider wants back with it."""
THINKING_KINDS = ("thinking", "redacted_thinking")
_DOUBLED = ("text", "tool_use")
"""Kinds in ``content_blocks`` that the message has in ``content`` and ``tool_calls`` as well."""
_PLACE = ("type", "index")
"""By which pieces of ``reasoning_details`` that belong together are known."""
_MARKS = frozenset({"cache_control", "prompt_cache_breakpoint"})
_BROUGHT_BACK = frozenset({*WORDS, "thinking_blocks", "content_blocks", "provider_fields"})
_GROWING = ("text", "summary", "data")


def take_words(fields: Fields) -> str:
    """The words of a message's reasoning; where several fields have them, of the first."""
    words = ""
    for name in WORDS:
        if isinstance(fields.peek(name), str):
            given = fields.take(name)
            words = words or given
    return words


def read_cache(fields: Fields) -> CacheMark | None:
    """The cache mark of a part, a message, a call or a tool, in either spelling."""
    if not fields.has_any(_MARKS):
        return None
    place = fields.fields("cache_control")
    mark = None
    if place is not None:
        mark = CacheMark(_ttl_of(place, "type", "ephemeral"))
        fields.leave("cache_control", place)
    place = fields.fields("prompt_cache_breakpoint")
    if place is not None:
        own = CacheMark(_ttl_of(place, "mode", "explicit"))
        fields.leave("prompt_cache_breakpoint", place)
        mark = mark or own
    return mark


def _ttl_of(mark: Fields, name: str, known: str) -> str | None:
    kind = mark.text(name)
    if kind != known:
        raise invalid(mark.at(name), f"must be {known}")
    return mark.text("ttl")


def read_thinking(entry: Fields, ledger: Ledger) -> Thinking:
    """One thinking block of Anthropic's, or a part that looks like one.

    What stands in it as ``signature`` or ``data`` may be another family's, sealed by the gateway.
    """
    field = entry.place
    entry.take("index")  # counts the blocks of a streamed answer
    if entry.text("type") == "redacted_thinking":
        data = entry.text("data") or ""
        block = Thinking(redacted=True, token=Token(ANTHROPIC, data) if data else None)
        name = "data"
    else:
        words = entry.text("thinking") or entry.text("text") or ""
        data = entry.text("signature") or ""
        token = Token(ANTHROPIC, data) if data else None
        block = Thinking(parts=(words,) if words else (), token=token)
        name = "signature"
    if is_sealed(data):
        block = _unsealed(data, block, entry.at(name), ledger)
    return evolve(block, field=field, extras=rest_of(entry))


def _unsealed(data: str, shown: Thinking, field: str, ledger: Ledger) -> Thinking:
    sealed = unseal(data)
    if sealed is None:
        ledger.drop(field, Reason.UNREADABLE)
        return evolve(shown, token=None)
    return evolve(sealed, parts=sealed.parts or shown.parts)


def take_thinking(message: Fields, ledger: Ledger) -> tuple[Block, ...]:
    """The reasoning that an assistant's message brings back, and steps of hosted tools."""
    if not message.has_any(_BROUGHT_BACK):
        return ()
    words = take_words(message)
    blocks: list[Block] = [
        read_thinking(entry, ledger)
        for entry in message.each("thinking_blocks")
        if entry.peek("type") in THINKING_KINDS
    ]
    whole = bool(blocks)
    kept = list(message.each("content_blocks"))
    provider_fields = message.fields("provider_fields")
    if provider_fields is not None:
        kept += provider_fields.each("content_blocks")
    for entry in kept:
        kind = entry.peek("type")
        if kind in THINKING_KINDS:
            if not whole:
                blocks.append(read_thinking(entry, ledger))
        elif kind not in _DOUBLED:
            blocks.append(_foreign(entry))
    if not any(isinstance(block, Thinking) for block in blocks) and words:
        blocks.insert(0, Thinking(parts=(words,), field=message.at(WORDS[0])))
    return tuple(blocks)


def _foreign(entry: Fields) -> Block:
    raw = dict(entry.rest(ANTHROPIC).fields)
    kind = str(raw.get("type"))
    if kind == "server_tool_use" or kind.endswith("_tool_result"):
        return Hosted(family=ANTHROPIC, kind=kind, raw=raw, field=entry.place)
    return Foreign(family=ANTHROPIC, kind=kind, raw=raw, field=entry.place)


def thinking_entry(block: Thinking) -> dict[str, Any] | None:
    """A member of ``thinking_blocks``; None for reasoning that nobody wants back.

    Another family's token is sealed together with the words it is about.
    """
    token = block.token
    if token is None or not token.data:
        return None
    if token.origin != ANTHROPIC:
        sealed = seal(block)
        if sealed is None:
            return None
        return {"type": "thinking", "thinking": block.text, "signature": sealed}
    if block.redacted:
        return {"type": "redacted_thinking", "data": token.data}
    return {"type": "thinking", "thinking": block.text, "signature": token.data}


def details_token(pieces: Sequence[Any], origin: str) -> Token | None:
    """``reasoning_details``, which may have come in pieces, as something to be given back."""
    whole: list[dict[str, Any]] = []
    words: list[dict[str, list[str]]] = []
    for piece in pieces:
        if not isinstance(piece, dict):
            continue
        if not (whole and all(whole[-1].get(name) == piece.get(name) for name in _PLACE)):
            whole.append({})
            words.append({})
        for name, value in piece.items():
            if name in _GROWING and isinstance(value, str):
                words[-1].setdefault(name, []).append(value)
                whole[-1].setdefault(name, "")  # keeps its place
            elif value is not None:
                whole[-1][name] = value
    for entry, texts in zip(whole, words, strict=True):
        entry.update((name, "".join(parts)) for name, parts in texts.items())
    return Token(origin, encode(whole).decode()) if whole else None


def details_of(tokens: Iterable[Token]) -> list[Any]:
    """The ``reasoning_details`` that tokens were made of, without what can be none."""
    details: list[Any] = []
    for token in tokens:
        try:
            value = decode(token.data.encode())
        except (BadJson, UnicodeEncodeError):
            continue
        if isinstance(value, list):
            details += [entry for entry in value if isinstance(entry, dict)]
    return details


def signature_of(token: Token) -> dict[str, Any] | None:
    """What a call's ``extra_content`` was, None for what cannot have been one."""
    try:
        value = decode(token.data.encode())
    except (BadJson, UnicodeEncodeError):
        return None
    return value if isinstance(value, dict) else None
