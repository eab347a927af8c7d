"""What some families of models refuse although the API allows it. Unknown names refuse nothing."""

from __future__ import annotations

import re

from attrs import evolve, frozen

_REGIONS = re.compile(r"(us|eu|apac|jp|au|ca|sa|in|amer|us-gov|global)\.")
_ARN = re.compile(r"arn:[\w-]+:[\w-]+:[\w-]*:\d*:([\w-]+)/(.+)")


@frozen
class Limits:
    """What a family takes. ``extra`` names what ``additionalModelRequestFields`` may hold."""

    claude: bool = False
    sampling: bool = True
    """Temperature and top-p are known at all."""
    both: bool = True
    """Both may be given together."""
    forced: bool = True
    """``toolChoice`` may force a call."""
    choice: bool = True
    """``toolChoice`` is known at all."""
    prefill: bool = True
    """The conversation may end with the model's own words."""
    mixed: bool = True
    """A message may hold text beside a tool's results."""
    tools: bool = True
    tool_stream: bool = True
    """Tools may be offered when the answer is streamed."""
    system: bool = True
    stops: bool = True
    cache: bool = True
    schema: bool = True
    """``outputConfig.textFormat`` is known."""
    system_turns: bool = True
    """The role ``system`` may occur among the messages."""
    leading: bool = True
    """The conversation may begin with the model's own words."""
    redacted: bool = False
    short_ids: bool = False
    """A call's id has nine letters and digits."""
    result_status: bool = True
    """A tool's result may say that it is an error."""
    extra: frozenset[str] | None = None


_CLAUDE_EXTRA = frozenset(
    {
        "anthropic_beta", "betas", "container", "context_management", "mcp_servers",
        "output_config", "thinking", "tool_choice", "tools", "top_k",
    }
)  # fmt: skip
_CLAUDE = Limits(claude=True, system_turns=False, redacted=True, extra=_CLAUDE_EXTRA)
_CLAUDE_4_5 = evolve(_CLAUDE, both=False)
_CLAUDE_4_6 = evolve(_CLAUDE, both=False, prefill=False)
_CLAUDE_NEW = evolve(_CLAUDE, sampling=False, prefill=False)
_PLAIN = Limits(cache=False, schema=False, system_turns=False, leading=False, extra=frozenset())
_NOVA = evolve(_PLAIN, cache=True, extra=frozenset({"inferenceConfig"}))
_EFFORTS = frozenset({"reasoning_effort", "reasoning_config"})
_NO_TOOLS = evolve(_PLAIN, tools=False, system=False)

_FAMILIES = (
    (r"anthropic\.claude-(v2|instant)", evolve(_CLAUDE, tools=False, cache=False, schema=False)),
    (r"anthropic\.claude-3", evolve(_CLAUDE, schema=False)),
    (r"anthropic\.claude-(opus|sonnet)-4-(\d{8}|1)", evolve(_CLAUDE, schema=False)),
    (r"anthropic\.claude-\w+-4-5", _CLAUDE_4_5),
    (r"anthropic\.claude-\w+-4-6", _CLAUDE_4_6),
    (r"anthropic\.claude-(opus-5-5|fable-5-1)",
     evolve(_CLAUDE_NEW, forced=False, system_turns=True)),
    (r"anthropic\.claude-sonnet-5-5", evolve(_CLAUDE_NEW, forced=False)),
    (r"anthropic\.claude-(opus-4-8|(opus|fable|mythos)-5)",
     evolve(_CLAUDE_NEW, system_turns=True)),
    (r"anthropic\.claude-", _CLAUDE_NEW),
    (r"amazon\.nova-2", evolve(_NOVA, extra=frozenset({"inferenceConfig", "reasoningConfig"}))),
    (r"amazon\.nova", _NOVA),
    (r"amazon\.titan-text|cohere\.command-text|mistral\.(mistral-7b|mixtral)", _NO_TOOLS),
    (r"meta\.llama", evolve(_PLAIN, mixed=False, choice=False, tool_stream=False)),
    (r"writer\.palmyra", evolve(_PLAIN, mixed=False, tool_stream=False, result_status=False)),
    (r"mistral\.", evolve(_PLAIN, mixed=False, schema=True, short_ids=True)),
    (r"deepseek\.r1", evolve(_PLAIN, tools=False, choice=False)),
    (r"deepseek\.", evolve(_PLAIN, schema=True, extra=_EFFORTS)),
    (r"openai\.gpt-oss", evolve(_PLAIN, extra=frozenset({"reasoning_effort"}))),
    (r"openai\.", evolve(_PLAIN, sampling=False, stops=False, extra=frozenset({"reasoning"}))),
    (r"qwen\.", evolve(_PLAIN, stops=False, schema=True, leading=True,
                       extra=frozenset({"reasoning_config"}))),
    (r"xai\.", evolve(_PLAIN, stops=False)),
)  # fmt: skip


def limits_of(model: str) -> Limits:
    """The limits of a model; ARNs that name no model have none."""
    if found := _ARN.fullmatch(model):
        model = found[2] if found[1] in ("foundation-model", "inference-profile") else ""
    name = _REGIONS.sub("", model, count=1) if _REGIONS.match(model) else model
    for pattern, limits in _FAMILIES:
        if re.match(pattern, name):
            return limits
    return Limits(redacted=True)
