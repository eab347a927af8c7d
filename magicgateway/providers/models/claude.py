"""What each Claude takes.

See: the models overview and the pages on thinking, effort and structured outputs of Anthropic's
documentation; the newest without a page of their own as LiteLLM 1.109.1 records them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from magicgateway.conversation.capabilities import ALL, NONE, ONE
from magicgateway.providers.models.family import Family

_SOURCE = "https://docs.claude.com/en/docs/about-claude/models/overview"
_CHECKED = "2026-09-30"
_LATER = "2026-11-22"

_UP_TO_MAX = ("low", "medium", "high", "xhigh", "max")
_ADAPTIVE = frozenset({"adaptive"})
_MANUAL = frozenset({"enabled"})


def _family(
    pattern: str,
    most: int,
    *,
    thinking: frozenset[str] = _ADAPTIVE,
    efforts: tuple[str, ...] = _UP_TO_MAX,
    default: str = "",
    sampling: str = NONE,
    checked: str = _CHECKED,
    seeing: bool = True,
    takes: Mapping[str, Any] | None = None,
    **claude: bool,
) -> Family:
    return Family(
        pattern=f"claude-(?:{pattern})",
        takes={
            "sampling": sampling,
            "efforts": efforts,
            "default_effort": default,
            "max_output_tokens": most,
            "images": seeing,
            "documents": seeing,
            **(takes or {}),
        },
        claude={"thinking": thinking, **claude},
        source=_SOURCE,
        checked=checked,
    )


CLAUDE = (
    # 5.2 is named by the SDKs and documented nowhere; it is taken for its predecessor.
    _family(
        "(?:fable|mythos)-5-[12]",
        128_000,
        can_disable=False,
        forced_tools=False,
        mid_system=True,
    ),
    _family(
        "opus-5-5",
        128_000,
        default="medium",
        can_disable=False,
        forced_tools=False,
        mid_system=True,
    ),
    _family("sonnet-5-5", 128_000, checked=_LATER, can_disable=False, forced_tools=False),
    _family("haiku-5-5", 128_000, checked=_LATER),
    _family("(?:fable|mythos)-5", 128_000, can_disable=False, mid_system=True),
    _family("opus-5", 128_000, mid_system=True),
    _family("sonnet-5", 128_000),
    _family("opus-4-8", 128_000, mid_system=True),
    _family("opus-4-7", 128_000),
    _family(
        "(?:opus|sonnet)-4-6",
        128_000,
        thinking=_ADAPTIVE | _MANUAL,
        efforts=("low", "medium", "high", "max"),
        sampling=ONE,
    ),
    _family(
        "opus-4-5",
        64_000,
        thinking=_MANUAL,
        efforts=("low", "medium", "high"),
        sampling=ONE,
        prefill=True,
    ),
    _family(
        "(?:sonnet|haiku)-4-5", 64_000, thinking=_MANUAL, efforts=(), sampling=ONE, prefill=True
    ),
    _family(
        "opus-4(?:-[01])?",
        32_000,
        thinking=_MANUAL,
        efforts=(),
        sampling=ONE,
        checked=_LATER,
        prefill=True,
        structured_outputs=False,
    ),
    _family(
        "sonnet-4(?:-0)?",
        64_000,
        thinking=_MANUAL,
        efforts=(),
        sampling=ONE,
        checked=_LATER,
        prefill=True,
        structured_outputs=False,
    ),
    _family(
        "3-7-sonnet",
        64_000,
        thinking=_MANUAL,
        efforts=(),
        sampling=ALL,
        checked=_LATER,
        prefill=True,
        structured_outputs=False,
    ),
    _family(
        "3-5-(?:sonnet(?:-v2)?|haiku)",
        8192,
        thinking=frozenset(),
        efforts=(),
        sampling=ALL,
        checked=_LATER,
        prefill=True,
        structured_outputs=False,
    ),
    _family(
        "3-(?:opus|sonnet|haiku)",
        4096,
        thinking=frozenset(),
        efforts=(),
        sampling=ALL,
        checked=_LATER,
        prefill=True,
        structured_outputs=False,
    ),
    _family(
        "(?:v?2(?:-[01])?|v2:1|instant(?:-v?1)?(?:-[12])?)",
        4096,
        thinking=frozenset(),
        efforts=(),
        sampling=ALL,
        seeing=False,
        takes={"tools": False},
        checked=_LATER,
        prefill=True,
        structured_outputs=False,
    ),
)
"""The first that fits counts. Names as ``names.claude`` writes them."""
