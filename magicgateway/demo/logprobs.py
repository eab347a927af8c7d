"""How likely the demo model thinks its tokens are: numbers that the token alone decides about."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from magicgateway.demo.wording import digest

_OTHERS = ("the", " a", "yes", " no", ".", ",")


def token_logprobs(tokens: Iterable[str], tops: int) -> list[dict[str, Any]]:
    """OpenAI's list of log probabilities.

    Args:
        tokens: What was said.
        tops: How many of the likeliest tokens are told for each place, the chosen one among them.
    """
    return [_one(token, tops) for token in tokens]


def _one(token: str, tops: int) -> dict[str, Any]:
    likely = 0.5 + digest(token)[0] / 600
    entry = _entry(token, likely)
    others = [other for other in _OTHERS if other != token]
    rest = [
        _entry(others[place % len(others)], (1 - likely) / 2 ** (place + 1))
        for place in range(tops - 1)
    ]
    return {**entry, "top_logprobs": [entry, *rest][:tops]}


def _entry(token: str, likely: float) -> dict[str, Any]:
    return {"token": token, "logprob": round(math.log(likely), 6), "bytes": list(token.encode())}
