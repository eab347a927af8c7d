"""What the demo provider signs and seals, so that it knows its own reasoning when it returns."""

from __future__ import annotations

import base64
import binascii

from magicgateway.demo.wording import digest

_HIDDEN = "hidden-"
_SEALED = b"demo-sealed:"


def signature_of(text: str, *, shown: bool = True) -> str:
    """The signature of some thinking.

    Args:
        text: The whole of it.
        shown: Whether the caller gets to see it; a hidden one is signed for an empty text.
    """
    if shown:
        return base64.b64encode(digest("thinking", text)).decode()
    return base64.b64encode(_HIDDEN.encode() + digest("thinking", text)).decode()


def is_ours(text: str, signature: str) -> bool:
    """Whether thinking comes back as it was signed."""
    if text:
        return signature == signature_of(text)
    try:
        data = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return False
    return data.startswith(_HIDDEN.encode())


def sealed(text: str) -> str:
    """Reasoning that the caller carries and cannot read."""
    data = text.encode()
    return base64.urlsafe_b64encode(_SEALED + digest("sealed", text) + data).decode()


def unsealed(value: str) -> str | None:
    """The reasoning in what ``sealed`` made, or None if it is not that."""
    try:
        data = base64.urlsafe_b64decode(value.encode())
        text = data[len(_SEALED) + 32 :].decode()
    except (binascii.Error, ValueError):
        return None
    return text if sealed(text) == value else None
