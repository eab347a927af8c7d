"""Deterministic text: sentences chosen by a hash, cut into pieces that stand for tokens."""

from __future__ import annotations

import hashlib
import re
from typing import Any

SENTENCES = (
    "A gateway stands between a question and the one who can answer it.",
    "Streams arrive piece by piece, and nobody has to wait for the end.",
    "Der Fluß fließt weiter, auch wenn niemand hinschaut.",
    "What is measured can be trusted a little more than what is guessed.",
    "En bref, la réponse dépend du modèle, de la clé et de la météo.",
    "Bytes that need no change should pass without being touched.",
    "日本語の文もそのまま届きます。",
    "A slow reader deserves the same answer as a fast one.",
    "The café opens at seven — bring a cup ☕ and a question.",
    "An honest error is better than a silent loss.",
    "Rain is likely in Oslo today, with wind from the west.",
    "Every tool has a name, a purpose and at least one sharp edge.",
)
THOUGHTS = (
    "The caller wants a short and plain answer.",
    "First I look at what was asked, then at what is known.",
    "Two steps are enough here; a third would only repeat the first.",
    "Nothing in the question needs a tool unless it says so.",
)
_PIECE = re.compile(r"\s*\S{1,6}")
_BLOB_KEYS = frozenset({"data", "url", "image_url", "file_data"})
_BLOB_LENGTH = 4 * 1600


def digest(*parts: str) -> bytes:
    """32 bytes that depend on every part; stable over processes and versions."""
    joined = "\x1f".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.sha256(joined).digest()


def split(text: str) -> list[str]:
    """The text cut into tokens; joined again they are the text without trailing white space."""
    return _PIECE.findall(text)


def prose(seed: bytes, sentences: tuple[str, ...] = SENTENCES, count: int | None = None) -> str:
    """A few sentences that the seed alone decides about."""
    amount = count or 2 + seed[0] % 3
    start, step = seed[1] % len(sentences), (1, 5, 7)[seed[2] % 3]
    return " ".join(sentences[(start + step * k) % len(sentences)] for k in range(amount))


def measure(value: Any) -> int:
    """Characters of text in a decoded JSON value; what is not text counts a flat size."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, list):
        return sum(map(measure, value))
    if isinstance(value, dict):
        return sum(
            min(_BLOB_LENGTH, measure(item)) if key in _BLOB_KEYS else measure(item)
            for key, item in value.items()
        )
    return 4
