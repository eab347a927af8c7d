"""In which dialect a provider is spoken to: the caller's own if it has it, else its best."""

from __future__ import annotations

from attrs import evolve

from magicgateway.providers.capabilities import is_claude, unspoken
from magicgateway.providers.envelopes import (
    CONVERSE,
    CONVERSE_CLAUDE,
    COUNT_CLAUDE,
    PASSED_ON,
    Envelope,
)
from magicgateway.providers.registry import Provider
from magicgateway.providers.row import ANTHROPIC_MESSAGES, BEDROCK_TOKENS, OWN
from magicgateway.providers.ways import Way, envelope_of

ESTIMATE = Way("", Envelope(name="estimate"))
"""Nobody is asked: the gateway answers with an estimate of its own."""
PASSAGE = Way(OWN, PASSED_ON)
"""Bodies and paths are the caller's, signed anew."""
_COUNTING = "messages/count_tokens"


def choose_way(provider: Provider, dialect: str, model: str) -> Way | None:
    """The way to have a caller's conversation with a provider; None if it has none.

    A way in the caller's own dialect whose ``direct`` is true is a pass-through.

    Args:
        provider: Where the request goes.
        dialect: Of the door. One that no conversation is had in gets the provider's best.
        model: As the provider is asked for it.
    """
    marked = unspoken(provider, model)
    ways = [way for way in provider.ways if way.dialect not in marked] or provider.ways
    chosen = next((way for way in ways if way.dialect == dialect), None)
    if chosen is None:
        chosen = next(iter(ways), None)
    if chosen is not None and chosen.envelope == CONVERSE and is_claude(provider, model):
        return evolve(chosen, envelope=CONVERSE_CLAUDE)
    return chosen


def choose_counting(provider: Provider, model: str) -> Way | None:
    """How a provider counts a prompt's tokens; None if it does not.

    The body that is put into the envelope is one of the way's dialect.

    Args:
        provider: Where the request goes.
        model: As the provider is asked for it.
    """
    operation = provider.row.operations.get(_COUNTING)
    if operation is None:
        return None
    if operation.dialects == (BEDROCK_TOKENS,):
        way = choose_way(provider, ANTHROPIC_MESSAGES, model)
        if way is None:
            return None
        claude = way.dialect == ANTHROPIC_MESSAGES
        return Way(way.dialect, COUNT_CLAUDE if claude else envelope_of(operation, way.dialect))
    return Way(ANTHROPIC_MESSAGES, envelope_of(operation, ANTHROPIC_MESSAGES))


def choose_operation(provider: Provider, route: str, dialect: str) -> tuple[str, Envelope] | None:
    """How a provider offers what is no conversation: embeddings, lists of models.

    Args:
        provider: Where the request goes.
        route: Below ``/v1/``.
        dialect: Of the door.

    Returns:
        The dialect, the door's own if it is offered, and the envelope; None: it is not offered.
    """
    operation = provider.row.operations.get(route)
    if operation is None:
        return None
    spoken = dialect if dialect in operation.dialects else operation.dialects[0]
    return spoken, envelope_of(operation, spoken)
