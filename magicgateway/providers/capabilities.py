"""What a provider's model takes: from the row, the tables of models, and the configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from attrs import evolve

from magicgateway.conversation.capabilities import HOSTED_TOOLS, Capabilities, ChatAbilities
from magicgateway.providers.models import names
from magicgateway.providers.models.bedrock import BEDROCK, BEDROCK_CLAUDE
from magicgateway.providers.models.claude import CLAUDE
from magicgateway.providers.models.compatible import ANYWHERE, COMPATIBLE
from magicgateway.providers.models.family import Family, find
from magicgateway.providers.models.names import is_arn
from magicgateway.providers.models.openai import MAX_EFFORT_DIALECTS, OPENAI
from magicgateway.providers.registry import Provider
from magicgateway.providers.row import ANTHROPIC_MESSAGES, AWS, OPENAI_RESPONSES, ProviderRow

_KEPT = 1024
"""Models whose capabilities are kept; callers choose their names, so there is a bound."""
_LONGEST = 2048
"""Of a model's name that is kept, for the same reason."""
_LIMITS = ("max_completion_tokens", "max_tokens")
_ROLE = "messages[].role=developer"
_REQUIRED = "tool_choice=required"


def capabilities(provider: Provider, model: str, dialect: str = "") -> Capabilities:
    """What a model takes.

    Args:
        provider: Who serves it.
        model: As the provider is asked for it.
        dialect: In which it is asked, where that is known: a few things depend on it.
    """
    if len(model) > _LONGEST:
        return _computed(provider, "", dialect)
    return _kept(provider, model, dialect)


def families(provider: Provider, model: str) -> tuple[Family, ...]:
    """What the tables know of a model, the most general first; empty if nothing."""
    base = provider.table.base_model.get(model, model)
    return tuple(_families(provider.row, base))


def unspoken(provider: Provider, model: str) -> frozenset[str]:
    """Dialects that a provider does not offer a model in, though it does others."""
    row = provider.row
    if row.auth != AWS and row.abilities.origin != "openai":
        return frozenset()  # what holds at the model's maker need not hold elsewhere
    if row.auth == AWS and is_arn(model) and model not in provider.table.base_model:
        return frozenset({ANTHROPIC_MESSAGES})  # Converse takes whatever an ARN stands for
    found = families(provider, model)
    return frozenset(dialect for family in found for dialect in family.not_in)


def is_claude(provider: Provider, model: str) -> bool:
    """Whether a model is known to be one of Anthropic's."""
    return bool(names.claude(provider.table.base_model.get(model, model)))


def _families(row: ProviderRow, model: str) -> Iterator[Family]:
    claude, last = names.claude(model), names.last(model)
    tables: list[tuple[tuple[Family, ...], str]]
    if claude:
        tables = [(CLAUDE, claude), (BEDROCK_CLAUDE if row.auth == AWS else (), claude)]
    elif row.auth == AWS:
        tables = [(BEDROCK, names.plain(model))]
    else:
        tables = [((*COMPATIBLE.get(row.name, ()), *ANYWHERE, *OPENAI), last)]
    for table, name in tables:
        found = find(table, name)
        if found is not None:
            yield found


@lru_cache(maxsize=_KEPT)
def _kept(provider: Provider, model: str, dialect: str) -> Capabilities:
    return _computed(provider, model, dialect)


def _computed(provider: Provider, model: str, dialect: str) -> Capabilities:
    row = provider.row
    able = evolve(row.abilities, chat=_chat(provider))
    for family in families(provider, model):
        able = family.applied(able)
    if not able.origin:
        able = _elsewhere(provider, model, able)
    return _permitted(provider, _said(able, dialect))


def _elsewhere(provider: Provider, model: str, able: Capabilities) -> Capabilities:
    """What a model takes at somebody else's than its maker's.

    Claude stays itself where it is spoken to as such, its signatures too. Whoever serves many
    makers' models has levels of effort of its own for all of them.
    """
    row, first = provider.row, provider.ways[:1]
    if row.auth == AWS or (first and first[0].dialect == ANTHROPIC_MESSAGES):
        return evolve(able, origin="anthropic" if is_claude(provider, model) else provider.name)
    known = find(COMPATIBLE.get(row.name, ()), names.last(model))
    efforts = able.efforts if known is not None else row.abilities.efforts or able.efforts
    return evolve(able, origin=provider.name, efforts=efforts)


def _chat(provider: Provider) -> ChatAbilities:
    """The row's chat, with its quirks and the operator's."""
    chat = provider.row.abilities.chat
    quirks = provider.row.quirks
    renamed = {quirk.subject: quirk.replacement for quirk in quirks if quirk.kind == "rename"}
    dropped = {quirk.subject for quirk in quirks if quirk.kind == "drop"}
    table = provider.table
    renamed |= table.rename
    drops = chat.drops | dropped | frozenset(table.drop or ())
    required = renamed.get(_REQUIRED, chat.required_choice)
    return evolve(
        chat,
        max_tokens_field=_limit_field(renamed, chat.max_tokens_field),
        developer_role=chat.developer_role and _ROLE not in renamed,
        required_choice=required,
        stream_options=chat.stream_options and "stream_options" not in drops,
        parallel_tool_calls=chat.parallel_tool_calls and "parallel_tool_calls" not in drops,
        renames={**chat.renames, **_plain_renames(renamed)},
        drops=drops,
    )


def _limit_field(renamed: Mapping[str, str], field: str) -> str:
    """What the limit of the answer is called: both of OpenAI's names for it become one."""
    return next((renamed[name] for name in _LIMITS if name in renamed), field)


def _plain_renames(renamed: Mapping[str, str]) -> dict[str, str]:
    special = (*_LIMITS, _ROLE, _REQUIRED)
    return {name: new for name, new in renamed.items() if name not in special}


def _said(able: Capabilities, dialect: str) -> Capabilities:
    """What holds in a dialect only."""
    if dialect and dialect not in MAX_EFFORT_DIALECTS and able.origin == "openai":
        able = evolve(able, efforts=tuple(level for level in able.efforts if level != "max"))
    if dialect and dialect != OPENAI_RESPONSES and able.origin == "openai":
        # Chat takes files as data only.
        able = evolve(able, document_urls=False)
    return able


def _permitted(provider: Provider, able: Capabilities) -> Capabilities:
    """What the operator allows, and asks for."""
    given = provider.table.hosted_tools
    tools = HOSTED_TOOLS if given is None else frozenset(given)
    most = provider.table.default_max_tokens or able.default_max_tokens
    if able.max_output_tokens is not None:
        most = min(most, able.max_output_tokens)
    searches = "web_search" in tools
    return evolve(
        able,
        default_max_tokens=most,
        hosted_tools=able.hosted_tools & tools,
        chat=evolve(able.chat, web_search=able.chat.web_search and searches),
        claude=evolve(able.claude, hosted_tools=able.claude.hosted_tools & tools),
        converse=evolve(able.converse, grounding=able.converse.grounding and searches),
    )
