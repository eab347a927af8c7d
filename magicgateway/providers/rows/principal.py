"""The providers that most callers mean."""

from __future__ import annotations

from magicgateway.conversation.capabilities import Capabilities, ChatAbilities
from magicgateway.providers.row import (
    ANTHROPIC_MODELS,
    OPENAI_CHAT,
    OPENAI_RESPONSES,
    X_API_KEY,
    Operation,
    ProviderRow,
)
from magicgateway.providers.rows.bedrock import BEDROCK
from magicgateway.providers.rows.compatible import THREE, compatible
from magicgateway.providers.rows.operations import (
    ANTHROPIC_HEADERS,
    CHAT_AND_MODELS,
    COMPLETIONS,
    COUNTED_MESSAGES,
    EMBEDDINGS,
    MESSAGES,
    RESPONSES,
    TEXT_AND_EMBEDDINGS,
    own,
)
from magicgateway.providers.rows.quirks import CHECKED, MAX_TOKENS, drops, notes, renames

_OPENAI_DOCS = "https://platform.openai.com/docs/api-reference"
_ANTHROPIC_DOCS = "https://docs.anthropic.com/en/api/overview"
_GROQ_DOCS = "https://console.groq.com/docs/openai"
_GROQ_REFERENCE = "https://console.groq.com/docs/api-reference"
_FIREWORKS_DOCS = "https://docs.fireworks.ai/api-reference/introduction"
_FIREWORKS_ERRORS = "https://docs.fireworks.ai/guides/inference-error-codes"
_FIREWORKS_METRICS = (
    "https://docs.fireworks.ai/faq-new/models-inference/"
    "how-to-get-performance-metrics-for-streaming-responses"
)
_TOGETHER_DOCS = "https://docs.together.ai/docs/openai-api-compatibility"
_TOGETHER_ERRORS = "https://docs.together.ai/docs/error-codes"

# Every route is listed instead of any_route, for openai and anthropic alike: their APIs are known,
# and a route that they lack (messages, rerank) is answered here, by name, instead of being sent
# out in the hope of a useful 404. What they add later costs a line here.
_OPENAI = ProviderRow(
    name="openai",
    title="OpenAI",
    base_url="https://api.openai.com/v1",
    operations={
        **TEXT_AND_EMBEDDINGS,
        **RESPONSES,
        **own(
            "assistants",
            "audio",
            "batches",
            "chatkit",
            "containers",
            "conversations",
            "decisions",
            "evals",
            "files",
            "fine_tuning",
            "images",
            "moderations",
            "organization",
            "projects",
            "realtime",
            "skills",
            "threads",
            "uploads",
            "vector_stores",
            "videos",
        ),
    },
    # Chat shows no reasoning and takes none back; Responses does both.
    order=(OPENAI_RESPONSES, OPENAI_CHAT),
    environment=("OPENAI_API_KEY",),
    request_headers=(
        "openai-beta",
        "openai-organization",
        "openai-project",
        "openai-safety-identifier",
        "x-client-request-id",
    ),
    # openai-organization and openai-project stay here: they name the operator's account.
    response_headers=("openai-processing-ms", "openai-version"),
    quirks=notes(
        {
            "insufficient_quota": "a 429 with this code stays one until somebody pays",
            "obfuscation": "stream chunks may carry padding of this name",
            "max_tokens": "reasoning models refuse it and want max_completion_tokens",
        },
        source=_OPENAI_DOCS,
    ),
    abilities=Capabilities(
        origin="openai",
        efforts=THREE,
        document_urls=True,
        chat=ChatAbilities(
            reasoning_field="",
            custom_tools=True,
            cache_marks="prompt_cache_breakpoint",
            allowed_tools=True,
        ),
    ),
    source=_OPENAI_DOCS,
    checked=CHECKED,
)

_ANTHROPIC = ProviderRow(
    name="anthropic",
    title="Anthropic",
    base_url="https://api.anthropic.com/v1",
    dialect="anthropic",
    operations={
        **COUNTED_MESSAGES,
        "models": Operation("/models", (ANTHROPIC_MODELS,)),
        **own("messages/batches", "complete", "files", "organizations", "skills"),
    },
    auth=X_API_KEY,
    # OAuth tokens are refused in x-api-key.
    bearer_prefixes=("sk-ant-oat",),
    environment=("ANTHROPIC_API_KEY",),
    aliases=("claude",),
    request_headers=(*ANTHROPIC_HEADERS, "anthropic-dangerous-direct-browser-access"),
    headers={"anthropic-version": "2023-06-01"},
    quirks=notes(
        {
            "chat/completions": "the vendor's own layer of that name is for trials and leaves out"
            " most fields, so it is not offered here",
            "enforced_spend_limit_reached": "a 429 with this error_code and without retry-after is"
            " a monthly limit",
            "529": "overloaded_error; worth another attempt",
        },
        source=_ANTHROPIC_DOCS,
    ),
    abilities=Capabilities(origin="anthropic", efforts=THREE, document_urls=True),
    source=_ANTHROPIC_DOCS,
    checked=CHECKED,
)

_GROQ = ProviderRow(
    name="groq",
    title="Groq (GroqCloud)",
    base_url="https://api.groq.com/openai/v1",
    operations={
        **CHAT_AND_MODELS,
        **EMBEDDINGS,
        **RESPONSES,
        **own("audio/speech", "audio/transcriptions", "audio/translations", "batches", "files"),
    },
    environment=("GROQ_API_KEY",),
    slashed_models=True,
    quirks=(
        *drops(
            "logit_bias",
            "logprobs",
            "top_logprobs",
            reason="no model supports it, and it is answered with 400",
            source=_GROQ_DOCS,
        ),
        *drops("metadata", "store", reason="not supported", source=_GROQ_REFERENCE),
        *notes(
            {
                "n": "only 1; anything else is 400",
                "tool_use_failed": "a 400 whose failed_generation holds what the model tried",
                "498": "no capacity on the flex tier; worth another attempt",
                "x_groq": "usage stands here in the last chunk, and errors may",
            },
            source=_GROQ_REFERENCE,
        ),
    ),
    abilities=compatible(reasoning_field="reasoning"),
    source=_GROQ_REFERENCE,
    checked=CHECKED,
)

_FIREWORKS = ProviderRow(
    name="fireworks",
    title="Fireworks AI",
    base_url="https://api.fireworks.ai/inference/v1",
    operations={
        **TEXT_AND_EMBEDDINGS,
        **RESPONSES,
        **MESSAGES,
        **own("image_generation", "rerank", "workflows"),
    },
    environment=("FIREWORKS_API_KEY", "FIREWORKS_AI_API_KEY"),
    aliases=("fireworks_ai", "fireworks-ai"),
    request_headers=(*ANTHROPIC_HEADERS, "x-prompt-cache-isolation-key", "x-session-affinity"),
    response_headers=("fireworks-*",),
    slashed_models=True,
    quirks=(
        *drops(
            "prompt_cache_retention",
            "store",
            "verbosity",
            "web_search_options",
            reason="fields of OpenAI's own service that its chat does not have",
            source=_FIREWORKS_DOCS,
        ),
        *renames(
            {"messages[].role=developer": "system"},
            reason="the role developer is not known",
            source=_FIREWORKS_DOCS,
        ),
        *notes(
            {
                "model": "ids are paths such as accounts/fireworks/models/NAME",
                "files": "live on another path with the account in it, so they are not offered",
            },
            source=_FIREWORKS_DOCS,
        ),
        *notes(
            {"fireworks-*": "answers carry their measurements in fields of such names"},
            source=_FIREWORKS_METRICS,
            checked="2026-11-24",
        ),
        *notes(
            {"412": "the account is suspended, or an adapter did not load"},
            source=_FIREWORKS_ERRORS,
        ),
    ),
    abilities=compatible(
        efforts=THREE,
        takes=frozenset({"prompt_cache_key"}),
        required_choice="any",
        top_k=True,
    ),
    source=_FIREWORKS_DOCS,
    checked=CHECKED,
)

_TOGETHER = ProviderRow(
    name="together",
    title="Together AI",
    base_url="https://api.together.xyz/v1",
    operations={
        **CHAT_AND_MODELS,
        **COMPLETIONS,
        **EMBEDDINGS,
        # A bare JSON array, not OpenAI's list.
        "models": Operation("/models"),
        **own(
            "audio/speech",
            "audio/transcriptions",
            "audio/translations",
            "batches",
            "endpoints",
            "files",
            "fine-tunes",
            "images/generations",
            "rerank",
        ),
    },
    environment=("TOGETHER_API_KEY", "TOGETHER_AI_API_KEY", "TOGETHERAI_API_KEY"),
    aliases=("together_ai", "together-ai", "togetherai"),
    slashed_models=True,
    quirks=(
        *renames(MAX_TOKENS, source=_TOGETHER_DOCS),
        *notes(
            {
                "models": "the list is a bare JSON array",
                "eos": "a finish_reason that means stop",
                "host": "api.together.ai serves the same; set base_url to use it",
            },
            source=_TOGETHER_DOCS,
        ),
        *notes(
            {
                "402": "the spending limit is reached",
                "403": "prompt and max_tokens together exceed the context",
            },
            source=_TOGETHER_ERRORS,
        ),
    ),
    abilities=compatible(efforts=THREE, reasoning_field="reasoning", top_k=True),
    source=_TOGETHER_DOCS,
    checked=CHECKED,
)

PRINCIPAL = (_OPENAI, _ANTHROPIC, _GROQ, _FIREWORKS, _TOGETHER, BEDROCK)
