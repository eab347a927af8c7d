"""Lists of models: reading what providers answer, merging, writing what callers expect."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from attrs import frozen

from magicgateway.wire.jsontext import BadJson, decode, encode

_LAST_SECOND = 253_402_300_799
"""Of the year 9999, beyond which there are no dates to write."""


@frozen
class Listed:
    """One model. ``created`` is in seconds since the epoch, 0 when unknown."""

    id: str
    owner: str
    created: int = 0
    display_name: str = ""


@frozen
class ModelList:
    """A provider's models. ``built_in``: those that it is known to have; it was not to be asked."""

    models: tuple[Listed, ...] = ()
    built_in: bool = False


NO_MODELS = ModelList()


class BadStatus(ValueError):
    """A provider does not give its list."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the provider answered with status {status}")
        self.status = status


def read_list(body: bytes) -> list[Listed]:
    """The models in a provider's answer: OpenAI's list, Anthropic's page, or a bare array.

    Raises:
        ValueError: The answer is none of these.
    """
    try:
        content = decode(body)
    except BadJson as error:
        raise ValueError("the model list is not JSON") from error
    entries = content.get("data") if isinstance(content, dict) else content
    if not isinstance(entries, list):
        raise ValueError("the model list has no list in it")  # noqa: TRY004 - one error for all
    return [_read_entry(entry) for entry in entries if _has_id(entry)]


def merge_lists(aliases: Iterable[str], lists: Mapping[str, Sequence[Listed]]) -> list[Listed]:
    """Aliases first, then every provider's models as ``provider/model``, providers in order."""
    merged = [Listed(alias, "magicgateway") for alias in aliases]
    for provider, models in lists.items():
        merged += [
            Listed(f"{provider}/{model.id}", provider, model.created, model.display_name)
            for model in models
        ]
    return merged


def write_openai(models: Sequence[Listed]) -> bytes:
    """OpenAI's shape."""
    return encode({"object": "list", "data": [openai_model(model) for model in models]})


def openai_model(model: Listed) -> dict[str, Any]:
    """One model in OpenAI's shape."""
    return {
        "id": model.id,
        "object": "model",
        "created": model.created,
        "owned_by": model.owner,
    }


def write_anthropic(models: Sequence[Listed]) -> bytes:
    """Anthropic's shape, in one page."""
    return encode(
        {
            "data": [anthropic_model(model) for model in models],
            "has_more": False,
            "first_id": models[0].id if models else None,
            "last_id": models[-1].id if models else None,
        }
    )


def anthropic_model(model: Listed) -> dict[str, Any]:
    """One model in Anthropic's shape."""
    created = datetime.fromtimestamp(model.created, UTC)
    return {
        "type": "model",
        "id": model.id,
        "display_name": model.display_name or model.id,
        "created_at": created.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _has_id(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("id"), str)


def _read_entry(entry: Mapping[str, Any]) -> Listed:
    name, owner = entry.get("display_name"), entry.get("owned_by")
    return Listed(
        id=entry["id"],
        owner=owner if isinstance(owner, str) else "",
        created=_created(entry.get("created", entry.get("created_at"))),
        display_name=name if isinstance(name, str) else "",
    )


def _created(value: Any) -> int:
    """Seconds since the epoch, from seconds or ISO 8601 text (UTC unless it says otherwise)."""
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return 0
        value = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return int(value) if isinstance(value, int | float) and 0 <= value <= _LAST_SECOND else 0
