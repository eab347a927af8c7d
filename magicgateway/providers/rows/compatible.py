"""What servers take that speak OpenAI's chat without being OpenAI."""

from __future__ import annotations

from typing import Any

from attrs import evolve

from magicgateway.conversation.capabilities import Capabilities, ChatAbilities

OPENAI_ONLY = frozenset(
    {
        "audio",
        "metadata",
        "modalities",
        "moderation",
        "prediction",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "store",
        "verbosity",
        "web_search_options",
    }
)
"""Fields of OpenAI's own service: others refuse them, or pass over them without a word."""

_CHAT = ChatAbilities(
    developer_role=False, drops=OPENAI_ONLY, renames={"safety_identifier": "user"}
)

COMPATIBLE = Capabilities(documents=False, chat=_CHAT)
"""The least that such servers have in common."""

THREE = ("low", "medium", "high")
"""The levels of effort that all know who know any."""


def compatible(
    *,
    efforts: tuple[str, ...] = (),
    images: bool = True,
    image_urls: bool = True,
    documents: bool = False,
    audio: bool = False,
    takes: frozenset[str] = frozenset(),
    refuses: frozenset[str] = frozenset(),
    **chat: Any,
) -> Capabilities:
    """What such a server takes beside or without what they all do.

    Args:
        efforts: Levels of ``reasoning_effort``, weakest first.
        images: It sees.
        image_urls: It fetches images itself.
        documents: It reads files.
        audio: It hears.
        takes: Fields of ``OPENAI_ONLY`` that it has all the same.
        refuses: Further fields that it does not have.
        **chat: Attributes of ``ChatAbilities``.
    """
    return Capabilities(
        efforts=efforts,
        images=images,
        image_urls=image_urls,
        documents=documents,
        audio=audio,
        chat=evolve(_CHAT, drops=(OPENAI_ONLY - takes) | refuses, **chat),
    )
