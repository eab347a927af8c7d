"""Whole translations between chat and Messages, for golden cases."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from magicgateway.conversation.capabilities import Capabilities
from magicgateway.dialects.anthropic_messages import grammar as messages_grammar
from magicgateway.dialects.framing import SSE
from magicgateway.dialects.openai_chat import grammar as chat_grammar
from magicgateway.dialects.translation import TranslatedStream, Translation
from tests.dialects.anthropic_messages.bodies import MODELS

GOLDEN = Path(__file__).parents[2] / "golden" / "anthropic_messages"


def cases(name: str) -> list[dict[str, Any]]:
    """All golden cases of a file."""
    found: list[dict[str, Any]] = json.loads((GOLDEN / f"{name}.json").read_text())
    return found


def to_claude(case: dict[str, Any]) -> Translation:
    """A chat caller's request, sent to the case's model."""
    return _sent(chat_grammar, messages_grammar, case["request"], MODELS[case["model"]])


def from_claude_caller(case: dict[str, Any]) -> Translation:
    """A Messages caller's request, sent to a chat provider."""
    return _sent(messages_grammar, chat_grammar, case["request"], Capabilities(origin="plain"))


def _sent(door: Any, target: Any, body: dict[str, Any], capabilities: Capabilities) -> Translation:
    translation = Translation(door, target, model="asked", answer_id="a1", now=1)
    request = translation.read(json.dumps(body).encode(), "upstream")
    translation.write(request, capabilities)
    return translation


def poured(stream: TranslatedStream, data: bytes, pieces: list[int]) -> bytes:
    """What the caller gets of some bytes that come in pieces of these lengths."""
    out, at = [], 0
    for size in pieces:
        out.append(stream.feed(data[at : at + size]))
        at += size
    return b"".join(out) + stream.end()


def cuts(length: int, seed: int) -> list[list[int]]:
    """The ways in which a stream of a length comes: whole, byte by byte, and in random pieces."""
    chance = random.Random(seed)  # noqa: S311 - cuts, not secrets
    pieces: list[int] = []
    while sum(pieces) < length:
        pieces.append(chance.randint(1, 40))
    return [[length], [1] * length, pieces]


def translated(translation: Translation, data: bytes, seed: int) -> tuple[bytes, TranslatedStream]:
    """What the caller gets of a stream, which is the same however it is cut."""
    results = []
    for pieces in cuts(len(data), seed):
        stream = translation.open_stream(SSE)
        results.append((poured(stream, data, pieces), stream))
    outs = {out for out, _ in results}
    assert len(outs) == 1, f"the cut matters; seed {seed}: {outs}"
    return results[0]
