"""What each family of models takes on Amazon Bedrock.

Where AWS's own pages are silent, the behaviour is what LiteLLM 1.109.1 and pydantic-ai's live
checks (2026-07 to 2026-10) agree on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from magicgateway.conversation.capabilities import NONE
from magicgateway.providers.models.embedders import EMBEDDERS
from magicgateway.providers.models.family import Family
from magicgateway.providers.row import ANTHROPIC_MESSAGES

_SOURCE = "https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-supported-models-features.html"
_CLAUDE_SOURCE = "https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html"
_CHECKED = "2026-11-22"
_THREE = ("low", "medium", "high")
_UP_TO_XHIGH = (*_THREE, "xhigh")
_NO_CHOICE: frozenset[str] = frozenset()
_AUTO = frozenset({"auto"})
_ONLY_TEXT: Mapping[str, Any] = {"images": False}
_BARE: Mapping[str, Any] = {"images": False, "tools": False}

_CLAUDE_BASE: Mapping[str, Any] = {
    "top_k": "claude",
    "text_with_results": "images",
    "first_user": False,
    "blank_stops": False,
    "tells_more": True,
}


def _claude(
    pattern: str,
    *,
    takes: Mapping[str, Any] | None = None,
    claude: Mapping[str, Any] | None = None,
    thinks: bool = True,
    native: bool = False,
    **converse: Any,
) -> Family:
    """A family of Claude's.

    Args:
        pattern: Of its name, after ``claude-``.
        takes: What differs from Anthropic's own service.
        claude: The same.
        thinks: It can think, and takes its signed thinking back.
        native: It takes a format for its answer.
        **converse: Further attributes of ``ConverseAbilities``.
    """
    return Family(
        pattern=f"claude-(?:{pattern})",
        takes=takes or {},
        claude={"structured_outputs": native, **(claude or {})},
        converse={
            **_CLAUDE_BASE,
            "structured_outputs": native,
            "reasoning": "claude" if thinks else "",
            "replays_reasoning": thinks,
            **converse,
        },
        source=_CLAUDE_SOURCE,
        checked=_CHECKED,
    )


_NOVA: Mapping[str, Any] = {
    "top_k": "nova",
    "cache": True,
    "cache_after_files": False,
    "result_documents": False,
}
_CACHE: Mapping[str, Any] = {"cache": True, "cache_tools": True}
_MODERN: Mapping[str, Any] = {**_CACHE, "cache_ttl": True, "parallel_control": True}

BEDROCK_CLAUDE = (
    _claude("fable-5-[12]", takes={"efforts": _UP_TO_XHIGH}, prefill=False, strict_tools=True,
            tool_choice=_AUTO, **_MODERN),
    _claude("mythos-5-[12]", takes={"efforts": _UP_TO_XHIGH}, native=True, prefill=False,
            strict_tools=True, tool_choice=_AUTO, **_MODERN),
    _claude("fable-5", takes={"efforts": _UP_TO_XHIGH}, prefill=False, strict_tools=True,
            **_MODERN),
    _claude("mythos-5", takes={"efforts": _UP_TO_XHIGH}, native=True, prefill=False,
            strict_tools=True, **_MODERN),
    # It always thinks, and while it does it takes a format.
    _claude("sonnet-5-5", takes={"efforts": _UP_TO_XHIGH}, native=True, prefill=False,
            tool_choice=_AUTO, **_MODERN),
    _claude("opus-5-5", takes={"efforts": _UP_TO_XHIGH}, prefill=False,
            tool_choice=_AUTO, **_MODERN),
    # Sonnet 5 thinks unless told not to; the others take a format only when told to think.
    _claude("sonnet-5", takes={"efforts": _UP_TO_XHIGH}, native=True, prefill=False, **_MODERN),
    _claude("haiku-5-5|opus-5|opus-4-[78]", takes={"efforts": _UP_TO_XHIGH}, prefill=False,
            **_MODERN),
    _claude("opus-4-6", native=True, prefill=False, strict_tools=True, **_MODERN),
    _claude("sonnet-4-6", takes={"max_output_tokens": 64_000}, native=True, prefill=False,
            strict_tools=True, **_MODERN),
    _claude("(?:opus|sonnet|haiku)-4-5", native=True, strict_tools=True, **_MODERN),
    _claude("(?:opus|sonnet)-4(?:-[01])?|3-7-sonnet", **_CACHE),
    _claude("3-5-haiku|3-5-sonnet-v2", thinks=False, **_CACHE),
    _claude("3-.*|v?2.*|instant.*", thinks=False),
    # One that is not known yet is taken for what its maker's models now are.
    _claude(".*", native=True, prefill=False, **_MODERN),
)  # fmt: skip
"""What differs there from Anthropic's own service. The first that fits counts."""


def _family(
    pattern: str,
    *,
    takes: Mapping[str, Any] | None = None,
    **converse: Any,
) -> Family:
    return Family(
        pattern=pattern,
        takes=takes or {},
        converse=converse,
        not_in=frozenset({ANTHROPIC_MESSAGES}),
        source=_SOURCE,
        checked=_CHECKED,
    )


def _gpt(pattern: str, efforts: tuple[str, ...], **converse: Any) -> Family:
    takes = {"efforts": efforts, "sampling": NONE, "max_output_tokens": 128_000}
    return _family(
        rf"openai\.{pattern}", takes=takes, reasoning="openai", result_images=False, **converse
    )


BEDROCK = (
    *EMBEDDERS,
    _family(r"amazon\.nova-2-.*", takes={"efforts": _THREE, "max_output_tokens": 64_000},
            reasoning="nova", grounding=True, code_interpreter=True, **_NOVA),
    _family(r"amazon\.nova-micro-.*",
            takes={**_ONLY_TEXT, "documents": False, "max_output_tokens": 10_000}, **_NOVA),
    _family(r"amazon\.nova-(?:lite|pro|premier)-.*", takes={"max_output_tokens": 10_000},
            **_NOVA),
    _family(r"amazon\.titan-text-.*|cohere\.command-(?:light-)?text-.*", takes=_BARE,
            system=False),
    _family(r"meta\.llama(?:3-2-(?:11|90)b|4)-.*", tool_choice=_NO_CHOICE, tool_streaming=False,
            text_with_results=NONE),
    _family(r"meta\.llama.*", takes=_ONLY_TEXT, tool_choice=_NO_CHOICE, tool_streaming=False,
            text_with_results=NONE),
    _family(r"mistral\.mi[sx]tral-(?:7b|8x7b)-.*", takes=_BARE, system=False,
            nine_letter_ids=True, result_json=True, text_with_results=NONE),
    _family(r"mistral\.pixtral-.*", tool_choice=_NO_CHOICE, result_images=False,
            nine_letter_ids=True, result_json=True, text_with_results=NONE),
    _family(r"mistral\.voxtral-.*", takes={"audio": True}, structured_outputs=True,
            nine_letter_ids=True, result_json=True, text_with_results=NONE),
    _family(r"mistral\.(?:mistral-large-3|ministral-3).*", structured_outputs=True,
            nine_letter_ids=True, result_json=True, text_with_results=NONE),
    _family(r"mistral\..*", takes=_ONLY_TEXT, nine_letter_ids=True, result_json=True,
            text_with_results=NONE),
    _family(r"deepseek\.r1-.*", takes=_BARE, always_thinks=True),
    _family(r"deepseek\.v3-.*", takes={**_ONLY_TEXT, "efforts": _THREE}, reasoning="effort",
            structured_outputs=True),
    _family(r"deepseek\..*", takes={**_ONLY_TEXT, "efforts": _THREE}, reasoning="effort"),
    _family(r"openai\.gpt-oss-.*",
            takes={**_ONLY_TEXT, "efforts": _THREE, "max_output_tokens": 16_384},
            reasoning="effort", always_thinks=True),
    _gpt(r"gpt-5\.[6-9].*|openai\.gpt-6-(?:sol|luna).*|openai\.gpt-6\.1-terra.*",
         ("none", *_UP_TO_XHIGH), stops=False),
    _gpt(r"gpt-6.*", _UP_TO_XHIGH, stops=False),
    _gpt(r"gpt-5.*", ("none", *_UP_TO_XHIGH)),
    _family(r"qwen\.qwen3-vl-.*", takes={"efforts": ("low", "high")}, reasoning="qwen",
            always_thinks=True, stops=False, structured_outputs=True, result_images=False,
            first_user=False),
    _family(r"qwen\..*", takes={**_ONLY_TEXT, "efforts": ("low", "high")}, reasoning="qwen",
            always_thinks=True, stops=False, structured_outputs=True, result_images=False,
            first_user=False),
    _family(r"moonshot(?:ai)?\.kimi-k2-thinking.*", takes=_ONLY_TEXT, structured_outputs=True,
            result_images=False, first_user=False),
    _family(r"moonshot(?:ai)?\..*", result_images=False, first_user=False),
    _family(r"xai\.grok-.*", stops=False),
    _family(r"zai\.glm-5.*", takes=_ONLY_TEXT, structured_outputs=True, first_user=False),
    _family(r"zai\..*", takes=_ONLY_TEXT, first_user=False),
    _family(r"minimax\.minimax-m2.*|nvidia\.nemotron-nano-3.*", takes=_ONLY_TEXT,
            structured_outputs=True),
    _family(r"writer\.palmyra-.*", takes={**_ONLY_TEXT, "max_output_tokens": 8192},
            result_status=False, text_with_results=NONE, tool_streaming=False),
    _family(r"ai21\.jamba-.*", takes={**_ONLY_TEXT, "max_output_tokens": 4096},
            tool_choice=_NO_CHOICE),
    _family(r"cohere\.command-r.*", takes=_ONLY_TEXT, tool_choice=_NO_CHOICE),
    # Behind an ARN that names no model there may be one that signs what it thinks.
    _family(r".*", replays_reasoning=True),
)  # fmt: skip
"""The first that fits counts; the last one is plain Converse."""
