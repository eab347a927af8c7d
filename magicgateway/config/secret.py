"""A value that must never be printed."""

from __future__ import annotations

import hashlib
import hmac


class Secret:
    """A credential whose text appears nowhere unless ``reveal`` is called.

    ``repr``, ``str``, ``format`` and pickling do not show it. It is a class so that handing it to
    a logger, an error or a config dump is harmless by construction.

    Args:
        value: The secret text, without surrounding white space.
        origin: Where it came from, for people: ``env:OPENAI_API_KEY``, ``file:/run/key``.
    """

    __slots__ = ("_digest", "_value", "origin")

    def __init__(self, value: str, origin: str = "") -> None:
        self._value = value
        self.origin = origin
        self._digest = hashlib.sha256(value.encode("utf-8", "surrogateescape")).digest()

    def reveal(self) -> str:
        """The secret itself, for the one place that puts it on the wire."""
        return self._value

    def matches(self, candidate_digest: bytes) -> bool:
        """Whether a SHA-256 digest is this secret's, compared in constant time."""
        return hmac.compare_digest(self._digest, candidate_digest)

    def __repr__(self) -> str:
        return f"<secret from {self.origin}>" if self.origin else "<secret>"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.matches(self._digest)

    def __hash__(self) -> int:
        return hash(self._digest)

    def __reduce__(self) -> str:
        raise TypeError("a Secret cannot be pickled")
