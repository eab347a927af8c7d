"""The models that the demo provider lists, in the words of either family."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, unquote

from magicgateway.demo.call import CREATED, Answer, Call, Refusal, json_answer
from magicgateway.demo.families import has_version
from magicgateway.demo.reading import known

MODELS = {
    "demo": "Demo",
    "demo-slow": "Demo, slow",
    "demo-embedding": "Demo embeddings",
    "demo-speech": "Demo speech",
    "demo-transcribe": "Demo transcription",
}
"""Names and display names. Any other name but ``demo-missing`` is served as well."""

_CREATED_AT = "2026-09-21T14:13:20Z"
_MAX_PAGE = 1000


def list_models(call: Call) -> Answer:
    """``GET /v1/models``."""
    if not has_version(call):
        return json_answer({"object": "list", "data": [_openai(name) for name in MODELS]})
    names, more = _page(call)
    ends = (names[0], names[-1]) if names else (None, None)
    data = [_anthropic(name) for name in names]
    return json_answer(
        {"data": data, "has_more": more, "first_id": ends[0], "last_id": ends[1]},
    )


def one_model(call: Call, name: str) -> Answer:
    """``GET /v1/models/{name}``."""
    model = unquote(name)
    known(model)
    return json_answer(_anthropic(model) if has_version(call) else _openai(model))


def _page(call: Call) -> tuple[list[str], bool]:
    """The names that ``limit``, ``after_id`` and ``before_id`` leave, and whether more follow."""
    query = {name: values[-1] for name, values in parse_qs(call.target.partition("?")[2]).items()}
    limit = query.get("limit", "20")
    if not (limit.isascii() and limit.isdigit() and 1 <= int(limit) <= _MAX_PAGE):
        raise Refusal(400, f"limit: must be a whole number from 1 to {_MAX_PAGE}", param="limit")
    names = list(MODELS)
    for key in ("after_id", "before_id"):
        if query.get(key, names[0]) not in names:
            raise Refusal(400, f"{key}: no such model", param=key)
    if "before_id" in query:
        rest = names[: names.index(query["before_id"])]
        return rest[-int(limit) :], len(rest) > int(limit)
    rest = names[names.index(query["after_id"]) + 1 :] if "after_id" in query else names
    return rest[: int(limit)], len(rest) > int(limit)


def _openai(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "magicgateway"}


def _anthropic(name: str) -> dict[str, Any]:
    shown = MODELS.get(name, name)
    return {"type": "model", "id": name, "display_name": shown, "created_at": _CREATED_AT}
