"""The sets of operations that many providers share. Routes stand below ``/v1/``."""

from __future__ import annotations

from collections.abc import Mapping

from magicgateway.providers.row import (
    ANTHROPIC_MESSAGES,
    OPENAI_CHAT,
    OPENAI_COMPLETIONS,
    OPENAI_EMBEDDINGS,
    OPENAI_MODELS,
    OPENAI_RESPONSES,
    Operation,
)

Operations = Mapping[str, Operation]


def own(*routes: str) -> Operations:
    """Routes that a provider offers under the same path, in its own body grammar."""
    return {route: Operation(f"/{route}") for route in routes}


CHAT: Operations = {"chat/completions": Operation("/chat/completions", (OPENAI_CHAT,))}
COMPLETIONS: Operations = {"completions": Operation("/completions", (OPENAI_COMPLETIONS,))}
EMBEDDINGS: Operations = {"embeddings": Operation("/embeddings", (OPENAI_EMBEDDINGS,))}
RESPONSES: Operations = {"responses": Operation("/responses", (OPENAI_RESPONSES,))}
MODELS: Operations = {"models": Operation("/models", (OPENAI_MODELS,))}
MESSAGES: Operations = {"messages": Operation("/messages", (ANTHROPIC_MESSAGES,))}
COUNTED_MESSAGES: Operations = {
    **MESSAGES,
    "messages/count_tokens": Operation("/messages/count_tokens", (ANTHROPIC_MESSAGES,)),
}

CHAT_AND_MODELS: Operations = {**CHAT, **MODELS}
TEXT: Operations = {**CHAT_AND_MODELS, **COMPLETIONS}
TEXT_AND_EMBEDDINGS: Operations = {**TEXT, **EMBEDDINGS}

ANTHROPIC_HEADERS = ("anthropic-version", "anthropic-beta")
"""What callers of ``messages`` send along, wherever that route is offered."""
