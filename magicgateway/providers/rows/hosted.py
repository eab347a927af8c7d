"""Hosted providers with models of their own, each under OpenAI's shape."""

from __future__ import annotations

from magicgateway.providers.row import OPENAI_COMPLETIONS, Operation, ProviderRow
from magicgateway.providers.rows.compatible import THREE, compatible
from magicgateway.providers.rows.operations import (
    CHAT,
    CHAT_AND_MODELS,
    COMPLETIONS,
    EMBEDDINGS,
    RESPONSES,
    TEXT,
    own,
)
from magicgateway.providers.rows.quirks import CHECKED, MAX_TOKENS, drops, notes, renames

_BIGMODEL_DOCS = "https://docs.bigmodel.cn/cn/api/introduction"
_COHERE_DOCS = "https://docs.cohere.com/docs/compatibility-api"
_DASHSCOPE_DOCS = (
    "https://www.alibabacloud.com/help/en/model-studio/compatibility-of-openai-with-dashscope"
)
_DASHSCOPE_ERRORS = "https://www.alibabacloud.com/help/en/model-studio/error-code"
_DEEPSEEK_DOCS = "https://api-docs.deepseek.com/"
_DEEPSEEK_LIMITS = "https://api-docs.deepseek.com/quick_start/rate_limit"
_GEMINI_DOCS = "https://ai.google.dev/gemini-api/docs/openai"
_MINIMAX_DOCS = "https://platform.minimax.io/docs/api-reference/text-openai-api"
_MISTRAL_DOCS = "https://docs.mistral.ai/api/"
_MISTRAL_STRICT = "https://github.com/openai/openai-agents-python/issues/442"
_MOONSHOT_DOCS = "https://platform.moonshot.ai/docs/api/chat"
_PERPLEXITY_DOCS = "https://docs.perplexity.ai/"
_XAI_DOCS = "https://docs.x.ai/docs/api-reference"
_XAI_PRACTICE = "https://docs.x.ai/developers/model-capabilities/text/best-practices"
_ZAI_DOCS = "https://docs.z.ai/api-reference/introduction"

_GLM_QUIRKS = (
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "n",
    "parallel_tool_calls",
    "presence_penalty",
    "seed",
    "top_logprobs",
)
_AUTO_ONLY = frozenset({"tool_choice"})
_GLM_REASON = "not among the fields that its reference lists"
_GLM_NOTES = {
    "tool_choice": "only auto",
    "finish_reason": "may be sensitive or network_error",
    "error.code": "is one of the vendor's own numbers, 1302 and its like for rates",
}

HOSTED = (
    ProviderRow(
        name="bigmodel",
        title="Zhipu BigModel (GLM in China)",
        base_url="https://open.bigmodel.cn/api/paas/v4",
        operations={**CHAT_AND_MODELS, **EMBEDDINGS, **own("files", "images/generations")},
        environment=("ZHIPU_API_KEY", "ZHIPUAI_API_KEY", "BIGMODEL_API_KEY"),
        aliases=("zhipu", "zhipuai"),
        quirks=(
            *drops(*_GLM_QUIRKS, reason=_GLM_REASON, source=_BIGMODEL_DOCS),
            *renames(MAX_TOKENS, source=_BIGMODEL_DOCS),
            *notes({**_GLM_NOTES, "keys": "are not those of zai"}, source=_BIGMODEL_DOCS),
        ),
        abilities=compatible(refuses=_AUTO_ONLY, json_schema=False, reasoning_echo=True),
        source=_BIGMODEL_DOCS,
        checked=CHECKED,
    ),
    ProviderRow(
        name="cohere",
        title="Cohere (compatible endpoint)",
        base_url="https://api.cohere.ai/compatibility/v1",
        operations={**CHAT, **EMBEDDINGS},
        environment=("CO_API_KEY", "COHERE_API_KEY"),
        quirks=(
            *drops(
                "logit_bias",
                "metadata",
                "parallel_tool_calls",
                "service_tier",
                "store",
                "user",
                reason="its compatibility page counts it among what is not supported",
                source=_COHERE_DOCS,
            ),
            *renames(MAX_TOKENS, source=_COHERE_DOCS),
            *notes(
                {"models": "the list belongs to the vendor's own API, on another path"},
                source=_COHERE_DOCS,
            ),
        ),
        abilities=compatible(efforts=("none", "high")),
        source=_COHERE_DOCS,
        checked=CHECKED,
    ),
    ProviderRow(
        name="dashscope",
        title="Alibaba Model Studio (Qwen)",
        base_url="https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        operations={**TEXT, **EMBEDDINGS, **own("batches", "files")},
        environment=("DASHSCOPE_API_KEY", "ALIBABA_API_KEY", "QWEN_API_KEY"),
        aliases=("qwen", "alibaba", "qwencloud"),
        quirks=(
            *renames(MAX_TOKENS, source=_DASHSCOPE_DOCS),
            *notes(
                {
                    "region": "each has its own host and keys; this row is the international one",
                    "stream": "some models answer in streams only",
                    "tool_choice": "required is refused",
                },
                source=_DASHSCOPE_DOCS,
            ),
            *notes(
                {"DataInspectionFailed": "a 400 of the content filter"}, source=_DASHSCOPE_ERRORS
            ),
        ),
        abilities=compatible(audio=True, json_schema=False, required_choice="", top_k=True),
        source=_DASHSCOPE_DOCS,
        checked=CHECKED,
    ),
    ProviderRow(
        name="deepseek",
        title="DeepSeek",
        base_url="https://api.deepseek.com",
        operations={
            **CHAT_AND_MODELS,
            "completions": Operation("/beta/completions", (OPENAI_COMPLETIONS,)),
            **own("user/balance"),
        },
        environment=("DEEPSEEK_API_KEY",),
        quirks=(
            *drops(
                "logit_bias",
                "n",
                "parallel_tool_calls",
                "seed",
                reason="not among the fields that its reference lists",
                source=_DEEPSEEK_DOCS,
            ),
            *renames(MAX_TOKENS, source=_DEEPSEEK_DOCS),
            *notes(
                {
                    "queue": "while a request waits, blank lines come before a JSON body and"
                    " comments in a stream; after 10 minutes the connection is closed",
                },
                source=_DEEPSEEK_LIMITS,
            ),
            *notes(
                {
                    "messages": "its Anthropic dialect is another provider to us: base_url"
                    " https://api.deepseek.com/anthropic/v1",
                    "reasoning_content": "has to be sent back on assistant turns with tool calls",
                },
                source=_DEEPSEEK_DOCS,
            ),
        ),
        abilities=compatible(
            efforts=("high", "max"), json_schema=False, reasoning_echo=True, text_parts=False
        ),
        source=_DEEPSEEK_DOCS,
        checked=CHECKED,
    ),
    ProviderRow(
        name="gemini",
        title="Google Gemini API (compatible endpoint)",
        base_url="https://generativelanguage.googleapis.com/v1beta/openai",
        operations={**CHAT_AND_MODELS, **EMBEDDINGS},
        environment=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        aliases=("google", "google-ai-studio"),
        quirks=notes(
            {
                "models": "ids begin with models/",
                "tool_calls": "may lack their index, and finish_reason then says stop",
                "error": "comes inside an array of one element",
                "thought_signature": "has to be sent back with tool calls",
            },
            source=_GEMINI_DOCS,
        ),
        abilities=compatible(efforts=THREE, image_urls=False, audio=True),
        source=_GEMINI_DOCS,
        checked=CHECKED,
    ),
    ProviderRow(
        name="minimax",
        title="MiniMax",
        base_url="https://api.minimax.io/v1",
        operations={**CHAT_AND_MODELS, **RESPONSES, **own("image_generation", "t2a_v2")},
        environment=("MINIMAX_API_KEY",),
        quirks=(
            *drops(
                "frequency_penalty",
                "logit_bias",
                "n",
                "presence_penalty",
                reason="newer models answer unknown fields with 400",
                source=_MINIMAX_DOCS,
            ),
            *notes(
                {
                    "base_resp": "errors may come as 200 with a status_code in here",
                    "system": "more than one system message is error 2013",
                    "region": "China has its own host, api.minimaxi.com, and keys",
                    "messages": "its Anthropic dialect is another provider to us: base_url"
                    " https://api.minimax.io/anthropic/v1",
                },
                source=_MINIMAX_DOCS,
            ),
        ),
        abilities=compatible(mid_system=False),
        source=_MINIMAX_DOCS,
        checked=CHECKED,
    ),
    ProviderRow(
        name="mistral",
        title="Mistral AI",
        base_url="https://api.mistral.ai/v1",
        operations={
            **CHAT_AND_MODELS,
            **EMBEDDINGS,
            **own(
                "agents/completions",
                "audio/speech",
                "audio/transcriptions",
                "batch/jobs",
                "chat/moderations",
                "classifications",
                "conversations",
                "files",
                "fim/completions",
                "moderations",
                "ocr",
            ),
        },
        environment=("MISTRAL_API_KEY",),
        aliases=("mistralai", "mistral-ai"),
        quirks=(
            *drops(
                "logit_bias",
                "logprobs",
                "service_tier",
                "store",
                "stream_options",
                "top_logprobs",
                "user",
                "verbosity",
                reason="fields that it does not know are refused with 422",
                source=_MISTRAL_STRICT,
            ),
            *renames(
                {**MAX_TOKENS, "seed": "random_seed"},
                source=_MISTRAL_DOCS,
                reason="its own name for the same",
            ),
            *renames(
                {"tool_choice=required": "any"},
                source=_MISTRAL_DOCS,
                reason="its own name for the same",
            ),
            *notes(
                {
                    "content": "may be a list, with blocks of thinking",
                    "usage": "comes with the last chunk without being asked for",
                },
                source=_MISTRAL_DOCS,
            ),
        ),
        abilities=compatible(audio=True, required_choice="any"),
        source=_MISTRAL_DOCS,
        checked=CHECKED,
    ),
    ProviderRow(
        name="moonshot",
        title="Moonshot AI (Kimi)",
        base_url="https://api.moonshot.ai/v1",
        operations={**CHAT_AND_MODELS, **own("files", "tokenizers", "users/me/balance")},
        environment=("MOONSHOT_API_KEY", "MOONSHOTAI_API_KEY"),
        aliases=("moonshotai", "kimi"),
        quirks=(
            *renames(MAX_TOKENS, source=_MOONSHOT_DOCS),
            *notes(
                {
                    "tool_choice": "required is refused",
                    "403": "the balance is used up",
                    "region": "China has its own host, api.moonshot.cn, and keys",
                    "messages": "its Anthropic dialect is another provider to us: base_url"
                    " https://api.moonshot.ai/anthropic/v1",
                    "reasoning_content": "has to be sent back on assistant turns with tool calls",
                },
                source=_MOONSHOT_DOCS,
            ),
        ),
        abilities=compatible(
            efforts=THREE,
            image_urls=False,
            takes=frozenset({"prompt_cache_key"}),
            reasoning_echo=True,
            required_choice="",
            text_parts=False,
        ),
        source=_MOONSHOT_DOCS,
        checked=CHECKED,
    ),
    ProviderRow(
        name="perplexity",
        title="Perplexity (Agent API)",
        base_url="https://api.perplexity.ai/v1",
        # Embeddings are base64 of int8, which OpenAI's dialect does not know.
        operations={**RESPONSES, **own("agent", "embeddings")},
        environment=("PERPLEXITY_API_KEY", "PERPLEXITYAI_API_KEY"),
        aliases=("perplexity-ai", "pplx"),
        slashed_models=True,
        quirks=notes(
            {
                "chat/completions": "the Sonar chat ended in September 2026; /v1/responses is what"
                " is left",
                "embeddings": "vectors are base64 of int8 or bits",
            },
            source=_PERPLEXITY_DOCS,
        ),
        abilities=compatible(efforts=THREE),
        source=_PERPLEXITY_DOCS,
        checked=CHECKED,
    ),
    ProviderRow(
        name="xai",
        title="xAI",
        base_url="https://api.x.ai/v1",
        operations={
            **CHAT_AND_MODELS,
            **COMPLETIONS,
            **RESPONSES,
            **own(
                "batches",
                "chat/deferred-completion",
                "files",
                "images/edits",
                "images/generations",
                "language-models",
            ),
        },
        environment=("XAI_API_KEY",),
        aliases=("x-ai", "grok"),
        request_headers=("x-grok-conv-id",),
        # The vendor asks for 1800 s or more where reasoning runs long.
        timeouts={"response_head": 1800.0, "first_event": 1800.0},
        quirks=(
            *drops(
                "search_parameters",
                "web_search_options",
                reason="searching by these fields has ended",
                source=_XAI_DOCS,
            ),
            *notes(
                {
                    "stop": "reasoning models refuse it, and both penalties too",
                    "finish_reason": "may be empty beside tool calls",
                    "usage": "reasoning tokens are in the total and not in completion_tokens",
                },
                source=_XAI_DOCS,
            ),
            *notes(
                {"timeouts": "allow 900 s at least, 1800 s for long reasoning"},
                source=_XAI_PRACTICE,
                checked="2026-11-24",
            ),
        ),
        abilities=compatible(),
        source=_XAI_DOCS,
        checked=CHECKED,
    ),
    ProviderRow(
        name="zai",
        title="Z.ai (GLM)",
        base_url="https://api.z.ai/api/paas/v4",
        operations={**CHAT_AND_MODELS, **own("files", "images/generations")},
        environment=("ZAI_API_KEY",),
        aliases=("z-ai", "glm"),
        quirks=(
            *drops(*_GLM_QUIRKS, reason=_GLM_REASON, source=_ZAI_DOCS),
            *renames(MAX_TOKENS, source=_ZAI_DOCS),
            *notes(
                {
                    **_GLM_NOTES,
                    "keys": "those of the Coding Plan work on its own path only: base_url"
                    " https://api.z.ai/api/coding/paas/v4",
                },
                source=_ZAI_DOCS,
            ),
        ),
        abilities=compatible(refuses=_AUTO_ONLY, json_schema=False, reasoning_echo=True),
        source=_ZAI_DOCS,
        checked=CHECKED,
    ),
)
