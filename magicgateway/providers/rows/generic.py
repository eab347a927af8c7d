"""Providers that only the operator's configuration knows: one row for each dialect."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve

from magicgateway.providers.row import (
    ANTHROPIC_MESSAGES,
    ANTHROPIC_MODELS,
    BEDROCK_CONVERSE,
    OPENAI_CHAT,
    OPENAI_RESPONSES,
    X_API_KEY,
    Operation,
    ProviderRow,
)
from magicgateway.providers.rows.bedrock import BEDROCK
from magicgateway.providers.rows.compatible import COMPATIBLE
from magicgateway.providers.rows.operations import (
    ANTHROPIC_HEADERS,
    COUNTED_MESSAGES,
    RESPONSES,
    TEXT_AND_EMBEDDINGS,
    own,
)

_OPENAI = ProviderRow(
    name="",
    title="",
    base_url="",
    operations={**TEXT_AND_EMBEDDINGS, **RESPONSES},
    # Many such servers have chat alone, so that is all that is believed without being told.
    order=(OPENAI_CHAT,),
    # What nobody knows to be without files gets them: many such servers are gateways to models that
    # read them, and one that cannot says so itself.
    abilities=evolve(COMPATIBLE, documents=True),
    any_route=True,
    keyless=True,
    request_headers=("openai-beta", "openai-organization", "openai-project"),
    # Most such servers take ids from Hugging Face. Read as openai/gpt-oss-20b would be, a
    # prompt meant for the operator's own server would go to somebody else's.
    slashed_models=True,
)
_ANTHROPIC = ProviderRow(
    name="",
    title="",
    base_url="",
    dialect="anthropic",
    order=(ANTHROPIC_MESSAGES,),
    operations={
        **COUNTED_MESSAGES,
        "models": Operation("/models", (ANTHROPIC_MODELS,)),
        # Named so that the messages route does not cover it: its bodies are others.
        **own("messages/batches"),
    },
    any_route=True,
    keyless=True,
    auth=X_API_KEY,
    request_headers=(*ANTHROPIC_HEADERS, "anthropic-dangerous-direct-browser-access"),
    headers={"anthropic-version": "2023-06-01"},
    slashed_models=True,
)

GENERIC: Mapping[str, ProviderRow] = {
    "openai": _OPENAI,
    "responses": evolve(_OPENAI, dialect="responses", order=(OPENAI_RESPONSES,)),
    "anthropic": _ANTHROPIC,
    "converse": evolve(
        BEDROCK, name="", title="", aliases=(), quirks=(), order=(BEDROCK_CONVERSE,)
    ),
}
