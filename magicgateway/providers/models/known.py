"""Models that a provider is known to have, for callers who may use them but not list them."""

from __future__ import annotations

from collections.abc import Mapping

from magicgateway.providers.row import BEDROCK_MODELS

KNOWN: Mapping[str, tuple[str, ...]] = {
    BEDROCK_MODELS: (
        "amazon.nova-lite-v1:0",
        "amazon.nova-micro-v1:0",
        "amazon.nova-pro-v1:0",
        "amazon.titan-embed-text-v2:0",
        "cohere.embed-english-v3",
        "cohere.embed-multilingual-v3",
        "global.anthropic.claude-haiku-4-5-20251001-v1:0",
        "global.anthropic.claude-opus-4-5-20251101-v1:0",
        "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "openai.gpt-oss-120b-1:0",
        "openai.gpt-oss-20b-1:0",
        "us.amazon.nova-2-lite-v1:0",
        "us.amazon.nova-premier-v1:0",
        "us.cohere.embed-v4:0",
        "us.deepseek.r1-v1:0",
        "us.meta.llama3-3-70b-instruct-v1:0",
    )
}
"""By the dialect of the list that is not to be had.

See: https://docs.aws.amazon.com/bedrock/latest/userguide/models-supported.html and
inference-profiles-support.html; 2026-11-22.
"""
