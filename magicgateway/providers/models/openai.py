"""What each of OpenAI's models takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from magicgateway.conversation.capabilities import NONE
from magicgateway.providers.models.family import Family
from magicgateway.providers.row import OPENAI_CHAT

_SOURCE = "https://platform.openai.com/docs/models"
_CHECKED = "2026-11-22"
_DATE = r"(?:-\d{4}-\d{2}-\d{2}|-latest|-preview)?"
_LEVELS = ("low", "medium", "high")


def _family(
    pattern: str,
    most: int | None,
    *,
    efforts: tuple[str, ...] = (),
    default: str = "",
    only_responses: bool = False,
    chat: Mapping[str, Any] | None = None,
    **takes: Any,
) -> Family:
    # A model that reasons refuses sampling parameters while it does. One that does not refuses
    # ``include: ["reasoning.encrypted_content"]``: "Encrypted content is not supported with this
    # model." (https://github.com/pydantic/pydantic-ai/issues/3326, 2026-11-25)
    reasoning: dict[str, Any] = {"encrypted_reasoning": False}
    if efforts:
        reasoning = {"sampling": NONE, "default_effort": default}
    return Family(
        pattern=rf"(?:ft:)?(?:{pattern}){_DATE}(?::.*)?",
        takes={"efforts": efforts, "max_output_tokens": most, **reasoning, **takes},
        chat=chat or {},
        not_in=frozenset({OPENAI_CHAT}) if only_responses else frozenset(),
        source=_SOURCE,
        checked=_CHECKED,
    )


OPENAI = (
    _family(r"o\d-deep-research|o4-mini-deep-research", 100_000, efforts=_LEVELS,
            only_responses=True),
    _family(r"o[13]-pro", 100_000, efforts=_LEVELS, only_responses=True),
    _family(r"o1|o3|o[34]-mini", 100_000, efforts=_LEVELS),
    _family(r"codex-mini", 100_000, efforts=_LEVELS, only_responses=True),
    _family(r"gpt-5-pro", None, efforts=("high",), only_responses=True),
    _family(r"gpt-5\.\d+-pro|gpt-6(?:\.\d+)?(?:-[a-z]+)?-pro", 128_000,
            efforts=("medium", "high", "xhigh"), only_responses=True),
    _family(r"gpt-5-codex(?:-mini)?|gpt-5\.1-codex(?:-mini)?", 128_000, efforts=_LEVELS,
            only_responses=True),
    _family(r"gpt-5\.\d+-codex(?:-[a-z]+)?", 128_000, efforts=(*_LEVELS, "xhigh"),
            only_responses=True),
    _family(r"gpt-5-chat", 16_384),
    _family(r"gpt-5\.\d+-chat", 16_384, efforts=("medium",)),
    _family(r"gpt-5-search-api", None, chat={"web_search": True}),
    _family(r"gpt-5(?:-mini|-nano)?", 128_000, efforts=("minimal", *_LEVELS)),
    _family(r"gpt-5\.1", 128_000, efforts=("none", *_LEVELS), default="none"),
    _family(r"gpt-5\.[234](?:-mini|-nano)?", 128_000, efforts=("none", *_LEVELS, "xhigh"),
            default="none"),
    _family(r"gpt-5\.[56](?:-mini|-nano)?", 128_000, efforts=("none", *_LEVELS, "xhigh")),
    _family(r"gpt-6-(?:sol|luna)|gpt-6\.1-terra", 128_000,
            efforts=("none", *_LEVELS, "xhigh", "max")),
    _family(r"gpt-6\.1-sol|gpt-6-astra", 128_000, efforts=(*_LEVELS, "xhigh", "max")),
    _family(r"gpt-4o(?:-mini)?-search", 16_384, chat={"web_search": True}),
    _family(r"gpt-audio(?:-mini)?|gpt-4o(?:-mini)?-audio", 16_384, audio=True, images=False,
            documents=False),
    _family(r"gpt-4\.1(?:-mini|-nano)?", 32_768),
    _family(r"gpt-4o(?:-mini)?|chatgpt-4o", 16_384),
    _family(r"gpt-4-turbo", 4096, documents=False),
    _family(r"gpt-4(?:-\d{4})?|gpt-3\.5-turbo(?:-.*)?", None, images=False, documents=False),
)  # fmt: skip
"""The first that fits counts."""

MAX_EFFORT_DIALECTS = frozenset({"openai_responses"})
"""Where the level ``max`` is accepted: LiteLLM's data call it specific to that route."""
