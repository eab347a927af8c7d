"""Model servers that people run themselves, where each listens unless told otherwise.

They need no credential as they come. One that was started with a key gets the caller's, or the
operator's, as bearer like any other.
"""

from __future__ import annotations

from magicgateway.providers.row import NO_AUTH, ProviderRow
from magicgateway.providers.rows.compatible import THREE, compatible
from magicgateway.providers.rows.operations import (
    ANTHROPIC_HEADERS,
    COUNTED_MESSAGES,
    MESSAGES,
    RESPONSES,
    TEXT,
    TEXT_AND_EMBEDDINGS,
)
from magicgateway.providers.rows.quirks import CHECKED, MAX_TOKENS, drops, notes, renames

_OLLAMA_DOCS = "https://docs.ollama.com/api/openai-compatibility"
_VLLM_DOCS = "https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html"
_LM_STUDIO_DOCS = "https://lmstudio.ai/docs/developer/openai-compat"
_LLAMA_CPP_DOCS = "https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md"
_SGLANG_DOCS = "https://docs.sglang.io/docs/basic_usage/anthropic_api"
_TGI_DOCS = "https://huggingface.co/docs/text-generation-inference/en/reference/api_reference"
_KEYED = "needed only when the server was started with a key"

LOCAL = (
    ProviderRow(
        name="ollama",
        title="Ollama",
        base_url="http://127.0.0.1:11434/v1",
        operations={**TEXT_AND_EMBEDDINGS, **RESPONSES, **MESSAGES},
        auth=NO_AUTH,
        any_route=True,
        request_headers=ANTHROPIC_HEADERS,
        slashed_models=True,
        quirks=(
            *drops(
                "logit_bias",
                "n",
                "tool_choice",
                "user",
                reason="its list of what is supported says that this is not",
                source=_OLLAMA_DOCS,
            ),
            *renames(MAX_TOKENS, source=_OLLAMA_DOCS),
            *notes(
                {
                    "image_url": "images only as base64 data URLs",
                    "first byte": "comes after the model was loaded, which may take minutes",
                },
                source=_OLLAMA_DOCS,
            ),
        ),
        abilities=compatible(
            efforts=("none", *THREE, "max"),
            image_urls=False,
            refuses=frozenset({"parallel_tool_calls"}),
            reasoning_field="reasoning",
        ),
        source=_OLLAMA_DOCS,
        checked=CHECKED,
    ),
    ProviderRow(
        name="vllm",
        title="vLLM",
        base_url="http://127.0.0.1:8000/v1",
        operations={**TEXT_AND_EMBEDDINGS, **RESPONSES, **COUNTED_MESSAGES},
        auth=NO_AUTH,
        environment=("HOSTED_VLLM_API_KEY",),
        any_route=True,
        aliases=("hosted_vllm",),
        request_headers=ANTHROPIC_HEADERS,
        slashed_models=True,
        quirks=notes(
            {
                "error": "before 0.10 errors had no error object around them",
                "authorization": _KEYED,
            },
            source=_VLLM_DOCS,
        ),
        abilities=compatible(efforts=THREE, audio=True, reasoning_field="reasoning", top_k=True),
        source=_VLLM_DOCS,
        checked=CHECKED,
    ),
    ProviderRow(
        name="lmstudio",
        title="LM Studio",
        base_url="http://127.0.0.1:1234/v1",
        operations={**TEXT_AND_EMBEDDINGS, **RESPONSES, **MESSAGES},
        auth=NO_AUTH,
        environment=("LM_STUDIO_API_KEY", "LM_API_TOKEN"),
        any_route=True,
        aliases=("lm_studio", "lm-studio"),
        request_headers=ANTHROPIC_HEADERS,
        slashed_models=True,
        quirks=(
            *drops(
                "n",
                "user",
                reason="not among the fields that its reference lists",
                source=_LM_STUDIO_DOCS,
            ),
            *renames(MAX_TOKENS, source=_LM_STUDIO_DOCS),
            *notes(
                {"first byte": "comes after the model was loaded, which may take minutes"},
                source=_LM_STUDIO_DOCS,
            ),
        ),
        abilities=compatible(image_urls=False, json_object=False, top_k=True),
        source=_LM_STUDIO_DOCS,
        checked=CHECKED,
    ),
    ProviderRow(
        name="llamacpp",
        title="llama.cpp server",
        base_url="http://127.0.0.1:8080/v1",
        operations={**TEXT_AND_EMBEDDINGS, **RESPONSES, **COUNTED_MESSAGES},
        auth=NO_AUTH,
        environment=("LLAMA_API_KEY",),
        any_route=True,
        aliases=("llama-cpp", "llama_cpp", "llama-server"),
        request_headers=ANTHROPIC_HEADERS,
        slashed_models=True,
        quirks=notes(
            {
                "503": "the model is still being loaded",
                "authorization": _KEYED,
                "tools": "need the server's option --jinja",
            },
            source=_LLAMA_CPP_DOCS,
        ),
        abilities=compatible(efforts=("none", *THREE), audio=True, top_k=True),
        source=_LLAMA_CPP_DOCS,
        checked=CHECKED,
    ),
    ProviderRow(
        name="sglang",
        title="SGLang",
        base_url="http://127.0.0.1:30000/v1",
        operations={**TEXT_AND_EMBEDDINGS, **RESPONSES, **COUNTED_MESSAGES},
        auth=NO_AUTH,
        environment=("SGLANG_API_KEY",),
        any_route=True,
        request_headers=ANTHROPIC_HEADERS,
        slashed_models=True,
        quirks=notes({"authorization": _KEYED}, source=_SGLANG_DOCS, checked="2026-11-24"),
        abilities=compatible(efforts=THREE, top_k=True),
        source=_SGLANG_DOCS,
        checked="2026-11-24",
    ),
    ProviderRow(
        name="tgi",
        title="Text Generation Inference",
        base_url="http://127.0.0.1:8080/v1",
        operations=TEXT,
        auth=NO_AUTH,
        any_route=True,
        slashed_models=True,
        quirks=(
            *drops(
                "logit_bias",
                reason="it takes a list of numbers where OpenAI has a map",
                source=_TGI_DOCS,
            ),
            *renames(MAX_TOKENS, source=_TGI_DOCS),
            *notes(
                {
                    "stop": "must be a list",
                    "429": "the server is overloaded",
                    "424": "the generation failed",
                },
                source=_TGI_DOCS,
            ),
        ),
        abilities=compatible(
            refuses=frozenset({"parallel_tool_calls", "user"}),
            json_schema=False,
            json_object=False,
        ),
        source=_TGI_DOCS,
        checked=CHECKED,
    ),
)
