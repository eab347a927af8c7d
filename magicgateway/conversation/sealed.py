"""Reasoning that travels through a dialect which has only an opaque string for it.

What one family's model made (a signature with the words it signs, encrypted reasoning) goes out to
a caller of another API as ``mgw1.`` and base64url of a small JSON text, and comes back in the next
turn. There is no state and no key: anybody can write such a string, so what comes back is read as
hostile input, and the provider that made the token is its judge. An item's id travels along,
because OpenAI refuses encrypted reasoning that comes back under another.

Reasoning that nobody signed is marked in the same way: the string then says only whose it is. And
what a provider wants back with a call travels in a block of its own, with the call's id.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from magicgateway.conversation.blocks import Thinking, Token
from magicgateway.wire.jsontext import BadJson, decode, encode

PREFIX = "mgw1."
LONGEST = 1024 * 1024
"""Characters of a sealed string; a longer one is no string of ours."""
_ORIGIN = 32
_ITEM_ID = 128
_CALL_ID = 512
_KEYS = {"o", "d", "t", "s", "r", "i", "c"}


def seal(thinking: Thinking) -> str | None:
    """A string that holds the block's token and the words it signs; None without a token.

    Words that nobody signed stand beside it and are not in it. There is none that is too long.
    """
    token = thinking.token
    if token is None:
        return None
    content: dict[str, Any] = {"o": token.origin, "d": token.data}
    if thinking.call_id is not None:
        fits = token.data and 0 < len(thinking.call_id) <= _CALL_ID
        return _sealed({**content, "c": thinking.call_id}) if fits else None
    if thinking.parts and token.data:
        content["t"] = list(thinking.parts)
    if thinking.summary:
        content["s"] = True
    if thinking.redacted:
        content["r"] = True
    if thinking.item_id and len(thinking.item_id) <= _ITEM_ID:
        content["i"] = thinking.item_id
    return _sealed(content)


def _sealed(content: dict[str, Any]) -> str | None:
    sealed = PREFIX + base64.urlsafe_b64encode(encode(content)).decode().rstrip("=")
    return sealed if len(sealed) <= LONGEST else None


def is_sealed(text: str) -> bool:
    """Whether a string claims to be one of ours."""
    return text.startswith(PREFIX)


def unseal(text: str, field: str = "") -> Thinking | None:
    """What ``seal`` was given; None for everything that it cannot have made."""
    content = _opened(text)
    if content is None:
        return None
    origin, data, parts = content.get("o"), content.get("d"), content.get("t", [])
    flags = (content.get("s", False), content.get("r", False))
    item_id = content.get("i", "")
    if not (isinstance(origin, str) and 0 < len(origin) <= _ORIGIN and isinstance(data, str)):
        return None
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        return None
    if (parts and not data) or not all(isinstance(flag, bool) for flag in flags):
        return None
    if not isinstance(item_id, str) or len(item_id) > _ITEM_ID:
        return None
    if "c" in content:
        return _of_call(content, Token(origin, data), field)
    return Thinking(
        parts=tuple(parts),
        summary=flags[0],
        redacted=flags[1],
        token=Token(origin, data),
        field=field,
        item_id=item_id or None,
    )


def _opened(text: str) -> dict[str, Any] | None:
    """The object in a string, if it can be one of ours."""
    if not is_sealed(text) or len(text) > LONGEST:
        return None
    body = text[len(PREFIX) :]
    try:
        raw = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
        content = decode(raw)
    except (binascii.Error, ValueError, BadJson):
        return None
    return content if isinstance(content, dict) and content.keys() <= _KEYS else None


def _of_call(content: dict[str, Any], token: Token, field: str) -> Thinking | None:
    """What is wanted back with a call; it comes with nothing else."""
    call_id = content["c"]
    if content.keys() != {"o", "d", "c"} or not token.data:
        return None
    if not isinstance(call_id, str) or not 0 < len(call_id) <= _CALL_ID:
        return None
    return Thinking(token=token, call_id=call_id, field=field)
