"""Reads of request fields that several dialects have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from magicgateway.demo.call import Refusal

MISSING_MODEL = "demo-missing"


def text_of(value: Any) -> str:
    """A string, or an empty one for anything else."""
    return value if isinstance(value, str) else ""


def texts_of(value: Any) -> tuple[str, ...]:
    """The strings of a field that holds one string or a list of them."""
    if isinstance(value, str):
        return (value,)
    return tuple(filter(None, map(text_of, value))) if isinstance(value, list) else ()


def number_of(fields: Mapping[str, Any], name: str) -> int | None:
    """A positive whole number, or None where the field is absent or null.

    Raises:
        Refusal: It is something else.
    """
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise Refusal(400, f"{name} must be a whole number of at least 1.", param=name)
    return value


def model_of(fields: Mapping[str, Any]) -> str:
    """The model's name; every name is known but ``demo-missing``.

    Raises:
        Refusal: It is missing (400) or unknown (404).
    """
    model = fields.get("model")
    if not isinstance(model, str) or not model:
        raise Refusal(400, "model must be given and be a string.", param="model")
    known(model)
    return model


def known(model: str) -> None:
    """Check that a model exists.

    Raises:
        Refusal: It does not (404).
    """
    if model == MISSING_MODEL:
        raise Refusal(
            404,
            f"The model `{model}` does not exist or you do not have access to it.",
            code="model_not_found",
            param="model",
        )


def content_text(content: Any) -> str:
    """The text of a message: a string, or the text parts of a list."""
    if isinstance(content, list):
        return "\n".join(text_of(part.get("text")) for part in content if isinstance(part, dict))
    return text_of(content)


def last_user_text(messages: Any) -> str:
    """The text of the last message that the user wrote."""
    for message in reversed(messages if isinstance(messages, list) else []):
        if isinstance(message, dict) and message.get("role") == "user":
            return content_text(message.get("content"))
    return ""
