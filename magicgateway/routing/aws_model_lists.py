"""AWS's lists of what models there are, and what can be said of it where nobody may ask.

See: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_ListFoundationModels.html and
API_ListInferenceProfiles.html; botocore 1.44.5, 2026-11.
"""

from __future__ import annotations

from typing import Any

from magicgateway.routing.model_lists import Listed
from magicgateway.wire.jsontext import BadJson, decode

_ON_DEMAND = "ON_DEMAND"
"""Models that are to be had under their own id; the others only by a profile, or if bought."""


def read_foundation_models(body: bytes) -> list[Listed]:
    """The models that may be asked for by their own ids.

    Raises:
        ValueError: The answer is no such list.
    """
    found = []
    for entry in _entries(_content(body), "modelSummaries"):
        name, types = entry.get("modelId"), entry.get("inferenceTypesSupported")
        if isinstance(name, str) and isinstance(types, list) and _ON_DEMAND in types:
            found.append(Listed(name, _maker(name), 0, _text(entry, "modelName")))
    return found


def read_profiles(body: bytes) -> tuple[list[Listed], str]:
    """One page of the profiles that may be asked for, and the next one's token; empty at the end.

    Raises:
        ValueError: The answer is no such page.
    """
    content = _content(body)
    found = []
    for entry in _entries(content, "inferenceProfileSummaries"):
        # AWS knows an account's own profiles by their ARNs only.
        own = entry.get("type") == "APPLICATION"
        name = _text(entry, "inferenceProfileArn" if own else "inferenceProfileId")
        if name and entry.get("status") == "ACTIVE":
            title = _text(entry, "inferenceProfileName")
            found.append(Listed(name, _maker(_model_behind(entry)), 0, title))
    return found, _text(content, "nextToken")


def _content(body: bytes) -> dict[str, Any]:
    try:
        content = decode(body)
    except BadJson as error:
        raise ValueError("the model list is not JSON") from error
    if not isinstance(content, dict):
        raise ValueError("the model list is no object")  # noqa: TRY004 - one error for all
    return content


def _entries(content: dict[str, Any], name: str) -> list[dict[str, Any]]:
    entries = content.get(name)
    if not isinstance(entries, list):
        raise ValueError("the model list has no list in it")  # noqa: TRY004 - as above
    return [entry for entry in entries if isinstance(entry, dict)]


def _model_behind(entry: dict[str, Any]) -> str:
    """The id of the model of a profile, from the first of its ARNs."""
    models = entry.get("models")
    first = models[0] if isinstance(models, list) and models else None
    arn = _text(first, "modelArn") if isinstance(first, dict) else ""
    return arn.rpartition("/")[2]


def _maker(model: str) -> str:
    return model.partition(".")[0]


def _text(entry: dict[str, Any], name: str) -> str:
    value = entry.get(name)
    return value if isinstance(value, str) else ""
