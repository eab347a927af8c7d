"""Reasoning that travels through a dialect which has only an opaque string for it.

What one family's model made (a signature with the words it signs, encrypted reasoning) goes out to
a caller of another API as ``mgw1.`` and base64url of a small JSON text, and comes back in the next
turn. There is no state and no key: anybody can write such a string, so what comes back is read as
hostile input, and the provider that made the token is its judge. An item's id travels along,
because OpenAI refuses encrypted reasoning that comes back under another.
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
_KEYS = {"o", "d", "t", "s", "r", "i"}


def seal(thinking: Thinking) -> str | None:
    """A string that holds the block's token and the words it is about; None without a token."""
    token = thinking.token
    if token is None:
        return None
    content: dict[str, Any] = {"o": token.origin, "d": token.data}
    if thinking.parts:
        content["t"] = list(thinking.parts)
    if thinking.summary:
        content["s"] = True
    if thinking.redacted:
        content["r"] = True
    if thinking.item_id and len(thinking.item_id) <= _ITEM_ID:
        content["i"] = thinking.item_id
    sealed = PREFIX + base64.urlsafe_b64encode(encode(content)).decode().rstrip("=")
    return sealed if len(sealed) <= LONGEST else None


def is_sealed(text: str) -> bool:
    """Whether a string claims to be one of ours."""
    return text.startswith(PREFIX)


def unseal(text: str, field: str = "") -> Thinking | None:
    """What ``seal`` was given; None for everything that it cannot have made."""
    if not is_sealed(text) or len(text) > LONGEST:
        return None
    body = text[len(PREFIX) :]
    try:
        raw = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
        content = decode(raw)
    except (binascii.Error, ValueError, BadJson):
        return None
    if not isinstance(content, dict) or content.keys() - _KEYS:
        return None
    origin, data, parts = content.get("o"), content.get("d"), content.get("t", [])
    flags = (content.get("s", False), content.get("r", False))
    if not (isinstance(origin, str) and 0 < len(origin) <= _ORIGIN and isinstance(data, str)):
        return None
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        return None
    if not all(isinstance(flag, bool) for flag in flags):
        return None
    item_id = content.get("i", "")
    if not isinstance(item_id, str) or len(item_id) > _ITEM_ID:
        return None
    return Thinking(
        parts=tuple(parts),
        summary=flags[0],
        redacted=flags[1],
        token=Token(origin, data),
        field=field,
        item_id=item_id or None,
    )
