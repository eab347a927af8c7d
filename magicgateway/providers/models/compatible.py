"""What models take at providers that serve those of many makers, or of their own."""

from __future__ import annotations

from collections.abc import Mapping

from magicgateway.providers.models.family import Family

_CHECKED = "2026-11-22"
_GROQ = "https://console.groq.com/docs/reasoning"
_MISTRAL = "https://docs.mistral.ai/capabilities/reasoning/"
_TOGETHER = "https://docs.together.ai/docs/reasoning-models-guide"
_XAI = "https://docs.x.ai/docs/guides/reasoning"
_ZAI = "https://docs.z.ai/guides/capabilities/thinking-mode"
_GPT_OSS = "https://github.com/openai/gpt-oss"
_THREE = ("low", "medium", "high")
_XAI_REFUSED = frozenset({"frequency_penalty", "presence_penalty", "stop"})

_GLM = (
    Family(
        pattern=r"glm-5\.3.*",
        takes={"efforts": ("low", "high", "max")},
        source=_ZAI,
        checked=_CHECKED,
    ),
    Family(pattern=r"glm-5\.2.*", takes={"efforts": _THREE}, source=_ZAI, checked=_CHECKED),
)

COMPATIBLE: Mapping[str, tuple[Family, ...]] = {
    "bigmodel": _GLM,
    "groq": (
        Family(
            pattern=r"qwen3\.8-.*",
            takes={"efforts": ("none", *_THREE)},
            source=_GROQ,
            checked=_CHECKED,
        ),
        Family(pattern=r"qwen3-.*", takes={"efforts": ("none",)}, source=_GROQ, checked=_CHECKED),
    ),
    "mistral": (
        Family(
            pattern=r"magistral-.*",
            takes={"efforts": ("none", "high")},
            source=_MISTRAL,
            checked=_CHECKED,
        ),
    ),
    "together": (
        Family(
            pattern=r"deepseek-v4-pro.*",
            takes={"efforts": ("high", "max")},
            source=_TOGETHER,
            checked=_CHECKED,
        ),
    ),
    "xai": (
        Family(
            pattern=r"grok-4\.3.*",
            takes={"efforts": ("none", *_THREE)},
            chat={"drops": _XAI_REFUSED},
            source=_XAI,
            checked=_CHECKED,
        ),
        Family(
            pattern=r"grok-4\.[4-9].*",
            takes={"efforts": _THREE},
            chat={"drops": _XAI_REFUSED},
            source=_XAI,
            checked=_CHECKED,
        ),
        Family(
            pattern=r"grok-4.*|grok-3-mini.*|grok-code-fast.*",
            chat={"drops": _XAI_REFUSED},
            source=_XAI,
            checked=_CHECKED,
        ),
    ),
    "zai": _GLM,
}
"""By the row's name; the id is what follows its last slash. The first that fits counts."""

ANYWHERE = (
    Family(pattern=r"gpt-oss-.*", takes={"efforts": _THREE}, source=_GPT_OSS, checked=_CHECKED),
)
"""Models that take the same wherever they are served in OpenAI's shape."""
