"""Recorded provider answers, where the reference data is there."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

from magicgateway.dialects.catalogue import StreamTap
from magicgateway.wire.sse import EventSplitter

_COUNTS = {
    ("chat_completions", False): 12,
    ("chat_completions", True): 12,
    ("responses", False): 2,
    ("responses", True): 1,
    ("messages", False): 7,
    ("messages", True): 6,
}


def recorded(operation: str, *, stream: bool) -> dict[str, dict[str, Any]]:
    """Cassettes by name whose request was this operation and whose answer was a success."""
    root = Path(os.environ.get("MAGICGATEWAY_REFERENCE") or "/nonexistent") / "cassettes"
    found = {}
    for path in sorted(root.glob("*/*.json")):
        cassette = json.loads(path.read_text())
        features = cassette["features"]
        right_kind = operation in features and stream == ("sse" in features)
        if right_kind and cassette["response"]["status"] == 200:
            found[cassette["id"]] = cassette
    if not found:
        print(f"recorded {operation} answers left out: {_COUNTS[operation, stream]}")
    return found


def body_of(cassette: dict[str, Any]) -> bytes:
    """The answer's body as bytes."""
    body = cassette["response"]["body"]
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


def pour(tap: StreamTap, stream: bytes, seed: int = 0, most: int = 300) -> None:
    """Feed a stream through a splitter, in random cuts of at most so many bytes."""
    chance = random.Random(seed)  # noqa: S311 - cuts, not secrets
    splitter = EventSplitter()
    at = 0
    while at < len(stream):
        size = chance.randint(1, most)
        if whole := splitter.feed(stream[at : at + size]):
            tap.feed(whole)
        at += size
    if splitter.held:
        tap.feed(splitter.take_held() + b"\n\n")
