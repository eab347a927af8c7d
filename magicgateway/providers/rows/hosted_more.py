"""Hosted providers that serve models of many makers."""

from __future__ import annotations

from magicgateway.providers.row import ProviderRow
from magicgateway.providers.rows.compatible import OPENAI_ONLY, THREE, compatible
from magicgateway.providers.rows.operations import (
    ANTHROPIC_HEADERS,
    CHAT,
    CHAT_AND_MODELS,
    EMBEDDINGS,
    MESSAGES,
    RESPONSES,
    TEXT,
    TEXT_AND_EMBEDDINGS,
    own,
)
from magicgateway.providers.rows.quirks import CHECKED, MAX_TOKENS, drops, notes, renames

_LATER = "2026-11-24"
_BASETEN_DOCS = "https://docs.baseten.co/quickstart"
_CEREBRAS_DOCS = "https://inference-docs.cerebras.ai/resources/openai"
_DEEPINFRA_DOCS = "https://deepinfra.com/docs/openai_api"
_FEATHERLESS_DOCS = "https://featherless.ai/docs/api-overview-and-common-options"
_GITHUB_DOCS = "https://docs.github.com/en/rest/models/inference"
_HUGGING_FACE_DOCS = "https://huggingface.co/docs/inference-providers/index"
_HYPERBOLIC_DOCS = "https://docs.hyperbolic.xyz/"
_NEBIUS_DOCS = "https://docs.tokenfactory.nebius.com/"
_NOVITA_DOCS = "https://novita.ai/docs/guides/llm-api"
_NVIDIA_DOCS = "https://docs.api.nvidia.com/nim/reference/llm-apis"
_OPENROUTER_DOCS = "https://openrouter.ai/docs/api-reference/overview"
_OPENROUTER_STREAMS = "https://openrouter.ai/docs/api-reference/streaming"
_SAMBANOVA_DOCS = "https://docs.sambanova.ai/"
_SCALEWAY_DOCS = "https://www.scaleway.com/en/docs/generative-apis/quickstart"
_SILICONFLOW_DOCS = (
    "https://docs.siliconflow.com/en/api-reference/chat-completions/chat-completions"
)

HOSTED_MORE = (
    ProviderRow(
        name="baseten",
        title="Baseten (Model APIs)",
        base_url="https://inference.baseten.co/v1",
        operations=CHAT_AND_MODELS,
        environment=("BASETEN_API_KEY",),
        slashed_models=True,
        quirks=notes(
            {"deployments": "dedicated ones have hosts of their own; set base_url"},
            source=_BASETEN_DOCS,
            checked=_LATER,
        ),
        abilities=compatible(),
        source=_BASETEN_DOCS,
        checked=_LATER,
    ),
    ProviderRow(
        name="cerebras",
        title="Cerebras",
        base_url="https://api.cerebras.ai/v1",
        operations=TEXT,
        environment=("CEREBRAS_API_KEY",),
        quirks=(
            *renames(
                {"max_tokens": "max_completion_tokens"},
                reason="the name that its reference uses",
                source=_CEREBRAS_DOCS,
            ),
            *notes(
                {"error": "bodies have message, type, param and code without an error around them"},
                source=_CEREBRAS_DOCS,
            ),
        ),
        abilities=compatible(
            efforts=("none", *THREE),
            takes=frozenset({"prompt_cache_key"}),
            reasoning_field="reasoning",
            reasoning_echo=True,
        ),
        source=_CEREBRAS_DOCS,
        checked=CHECKED,
    ),
    ProviderRow(
        name="deepinfra",
        title="DeepInfra",
        base_url="https://api.deepinfra.com/v1/openai",
        operations={
            **TEXT_AND_EMBEDDINGS,
            **own(
                "audio/speech",
                "audio/transcriptions",
                "batches",
                "files",
                "images/edits",
                "images/generations",
            ),
        },
        environment=("DEEPINFRA_API_KEY", "DEEPINFRA_TOKEN"),
        slashed_models=True,
        quirks=(
            *drops(
                "logit_bias",
                "parallel_tool_calls",
                reason="not among the fields that its reference lists",
                source=_DEEPINFRA_DOCS,
            ),
            *renames(MAX_TOKENS, source=_DEEPINFRA_DOCS),
            *notes({"tool_choice": "only auto and none"}, source=_DEEPINFRA_DOCS),
        ),
        abilities=compatible(efforts=THREE, refuses=frozenset({"tool_choice"}), top_k=True),
        source=_DEEPINFRA_DOCS,
        checked=CHECKED,
    ),
    ProviderRow(
        name="featherless",
        title="Featherless AI",
        base_url="https://api.featherless.ai/v1",
        operations=TEXT,
        environment=("FEATHERLESS_API_KEY",),
        aliases=("featherless_ai", "featherless-ai"),
        request_headers=("http-referer", "x-title"),
        slashed_models=True,
        abilities=compatible(),
        source=_FEATHERLESS_DOCS,
        checked=_LATER,
    ),
    ProviderRow(
        name="github",
        title="GitHub Models",
        base_url="https://models.github.ai/inference",
        operations={**CHAT, **EMBEDDINGS},
        environment=("GITHUB_TOKEN", "GITHUB_API_KEY"),
        aliases=("github_models", "github-models"),
        headers={
            "accept": "application/vnd.github+json",
            "x-github-api-version": "2022-11-28",
        },
        slashed_models=True,
        quirks=notes(
            {
                "models": "the list is on another path, https://models.github.ai/catalog/models",
                "token": "needs the permission models:read",
            },
            source=_GITHUB_DOCS,
        ),
        abilities=compatible(efforts=THREE),
        source=_GITHUB_DOCS,
        checked=CHECKED,
    ),
    ProviderRow(
        name="huggingface",
        title="Hugging Face Inference Providers",
        base_url="https://router.huggingface.co/v1",
        operations={**CHAT_AND_MODELS, **RESPONSES},
        environment=("HF_TOKEN", "HUGGINGFACE_API_KEY"),
        aliases=("hf", "huggingface-router"),
        request_headers=("x-hf-bill-to",),
        slashed_models=True,
        quirks=notes(
            {
                "model": "may end in :provider, :fastest, :cheapest or :preferred",
                "402": "the month's credits are used up",
            },
            source=_HUGGING_FACE_DOCS,
        ),
        abilities=compatible(efforts=THREE),
        source=_HUGGING_FACE_DOCS,
        checked=CHECKED,
    ),
    ProviderRow(
        name="hyperbolic",
        title="Hyperbolic",
        base_url="https://api.hyperbolic.xyz/v1",
        operations={**TEXT, **own("audio/generation", "image/generation")},
        environment=("HYPERBOLIC_API_KEY",),
        slashed_models=True,
        quirks=renames(MAX_TOKENS, source=_HYPERBOLIC_DOCS),
        abilities=compatible(image_urls=False, top_k=True),
        source=_HYPERBOLIC_DOCS,
        checked=CHECKED,
    ),
    ProviderRow(
        name="nebius",
        title="Nebius Token Factory",
        base_url="https://api.tokenfactory.nebius.com/v1",
        operations={**TEXT_AND_EMBEDDINGS, **own("batches", "files", "images/generations")},
        environment=("NEBIUS_API_KEY",),
        slashed_models=True,
        quirks=(
            *renames(MAX_TOKENS, source=_NEBIUS_DOCS),
            *notes(
                {
                    "ai_project_id": "this query parameter chooses the project",
                    "host": "older hosts were api.studio.nebius.com and api.studio.nebius.ai",
                },
                source=_NEBIUS_DOCS,
            ),
        ),
        abilities=compatible(top_k=True),
        source=_NEBIUS_DOCS,
        checked=CHECKED,
    ),
    ProviderRow(
        name="novita",
        title="Novita AI",
        base_url="https://api.novita.ai/openai/v1",
        operations={**TEXT_AND_EMBEDDINGS, **own("batches", "files", "rerank")},
        environment=("NOVITA_API_KEY",),
        aliases=("novita-ai", "novita_ai"),
        request_headers=("x-novita-source",),
        slashed_models=True,
        quirks=(
            *renames(MAX_TOKENS, source=_NOVITA_DOCS),
            *notes({"path": "the older one, /v3/openai, is still in use"}, source=_NOVITA_DOCS),
        ),
        abilities=compatible(top_k=True),
        source=_NOVITA_DOCS,
        checked=CHECKED,
    ),
    ProviderRow(
        name="nvidia",
        title="NVIDIA API catalogue (NIM)",
        base_url="https://integrate.api.nvidia.com/v1",
        operations=TEXT_AND_EMBEDDINGS,
        environment=("NVIDIA_API_KEY", "NVIDIA_NIM_API_KEY"),
        aliases=("nvidia_nim", "nvidia-nim", "nim"),
        # A 202 names in nvcf-reqid the request that is to be asked for later.
        response_headers=("nvcf-*",),
        slashed_models=True,
        quirks=(
            *renames(MAX_TOKENS, source=_NVIDIA_DOCS),
            *notes(
                {
                    "embeddings": "need input_type, query or passage",
                    "rerank": "and images are on another host, so they are not offered",
                },
                source=_NVIDIA_DOCS,
            ),
        ),
        abilities=compatible(),
        source=_NVIDIA_DOCS,
        checked=CHECKED,
    ),
    ProviderRow(
        name="openrouter",
        title="OpenRouter",
        base_url="https://openrouter.ai/api/v1",
        operations={
            **TEXT_AND_EMBEDDINGS,
            **RESPONSES,
            **MESSAGES,
            **own("credits", "generation", "providers"),
        },
        environment=("OPENROUTER_API_KEY",),
        aliases=("open-router", "open_router"),
        request_headers=(
            *ANTHROPIC_HEADERS,
            "http-referer",
            "x-openrouter-categories",
            "x-openrouter-title",
            "x-title",
        ),
        response_headers=("x-generation-id",),
        slashed_models=True,
        quirks=notes(
            {
                "comments": "streams carry comments while a model is awaited",
                "finish_reason": "is error when a stream fails after its beginning",
                "200": "an answer may be an error object under this status",
            },
            source=_OPENROUTER_STREAMS,
        ),
        abilities=compatible(
            efforts=("none", "minimal", *THREE, "xhigh"),
            documents=True,
            audio=True,
            takes=OPENAI_ONLY,
            reasoning_field="reasoning",
            reasoning_echo=True,
            cache_marks="cache_control",
            top_k=True,
        ),
        source=_OPENROUTER_DOCS,
        checked=CHECKED,
    ),
    ProviderRow(
        name="sambanova",
        title="SambaNova Cloud",
        base_url="https://api.sambanova.ai/v1",
        operations={
            **TEXT_AND_EMBEDDINGS,
            **own("audio/transcriptions", "audio/translations"),
        },
        environment=("SAMBANOVA_API_KEY",),
        quirks=(
            *drops(
                "frequency_penalty",
                "logit_bias",
                "logprobs",
                "n",
                "presence_penalty",
                "seed",
                "top_logprobs",
                reason="not among the fields that its reference lists",
                source=_SAMBANOVA_DOCS,
            ),
            *renames(MAX_TOKENS, source=_SAMBANOVA_DOCS),
            *notes(
                {"content": "has to be a plain string for models without vision"},
                source=_SAMBANOVA_DOCS,
            ),
        ),
        abilities=compatible(image_urls=False, text_parts=False, top_k=True),
        source=_SAMBANOVA_DOCS,
        checked=CHECKED,
    ),
    ProviderRow(
        name="scaleway",
        title="Scaleway Generative APIs",
        base_url="https://api.scaleway.ai/v1",
        operations={**CHAT_AND_MODELS, **EMBEDDINGS, **RESPONSES},
        environment=("SCW_SECRET_KEY",),
        quirks=notes(
            {"project": "a project of its own goes into the path; set base_url"},
            source=_SCALEWAY_DOCS,
            checked=_LATER,
        ),
        abilities=compatible(),
        source=_SCALEWAY_DOCS,
        checked=_LATER,
    ),
    ProviderRow(
        name="siliconflow",
        title="SiliconFlow",
        base_url="https://api.siliconflow.com/v1",
        operations={
            **CHAT_AND_MODELS,
            **EMBEDDINGS,
            **own(
                "audio/speech",
                "audio/transcriptions",
                "batches",
                "files",
                "images/generations",
                "rerank",
            ),
        },
        environment=("SILICONFLOW_API_KEY",),
        slashed_models=True,
        quirks=notes(
            {"region": "China has its own host, api.siliconflow.cn, and keys"},
            source=_SILICONFLOW_DOCS,
            checked=_LATER,
        ),
        abilities=compatible(top_k=True),
        source=_SILICONFLOW_DOCS,
        checked=_LATER,
    ),
)
