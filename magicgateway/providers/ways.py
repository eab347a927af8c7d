"""The ways to have a conversation with a provider: dialects, each in its envelope, best first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import evolve, frozen

from magicgateway.providers.envelopes import DIRECT_ANTHROPIC, DIRECT_OPENAI, Envelope
from magicgateway.providers.row import (
    ANTHROPIC_MESSAGES,
    BEDROCK_CONVERSE,
    OPENAI_CHAT,
    OPENAI_RESPONSES,
    Operation,
    ProviderRow,
)

NAMES: Mapping[str, str] = {
    "openai": OPENAI_CHAT,
    "responses": OPENAI_RESPONSES,
    "anthropic": ANTHROPIC_MESSAGES,
    "converse": BEDROCK_CONVERSE,
}
"""What configurations call a dialect that conversations are had in."""
ROUTES: Mapping[str, str] = {
    OPENAI_CHAT: "chat/completions",
    OPENAI_RESPONSES: "responses",
    ANTHROPIC_MESSAGES: "messages",
    BEDROCK_CONVERSE: "chat/completions",
}
"""Where a row offers each of them."""


@frozen
class Way:
    """A dialect that a provider takes requests in, and how they are sent."""

    dialect: str
    envelope: Envelope

    @property
    def direct(self) -> bool:
        """Bodies of its dialect go as they are: nothing is taken out of them or put in."""
        return self.envelope.direct


def ways_of(row: ProviderRow) -> tuple[Way, ...]:
    """Every way that a row lists, in its order."""
    found = []
    for dialect in row.order:
        operation = row.operations.get(ROUTES[dialect])
        if operation is not None and dialect in operation.dialects:
            found.append(Way(dialect, envelope_of(operation, dialect)))
    return tuple(found)


def envelope_of(operation: Operation, dialect: str) -> Envelope:
    """The envelope of an operation's bodies in a dialect."""
    if operation.envelope is not None:
        return operation.envelope
    direct = DIRECT_ANTHROPIC if dialect == ANTHROPIC_MESSAGES else DIRECT_OPENAI
    return evolve(direct, path=operation.path)


def only(ways: Iterable[Way], dialects: Iterable[str]) -> tuple[Way, ...]:
    """Those of the ways that are in some dialects, in the order of these."""
    by_dialect = {way.dialect: way for way in ways}
    return tuple(by_dialect[dialect] for dialect in dialects if dialect in by_dialect)
