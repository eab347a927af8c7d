"""What a provider is: one row of data, complete in itself."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from attrs import frozen

from magicgateway.conversation.capabilities import PLAIN, Capabilities
from magicgateway.providers.envelopes import Envelope

AWS = "aws"
"""Signed with a pair of keys, or a Bedrock API key as bearer."""
BEARER = "bearer"
X_API_KEY = "x-api-key"
API_KEY = "api-key"
X_GOOG_API_KEY = "x-goog-api-key"
NO_AUTH = "none"

OPENAI_CHAT = "openai_chat"
OPENAI_COMPLETIONS = "openai_completions"
OPENAI_EMBEDDINGS = "openai_embeddings"
OPENAI_RESPONSES = "openai_responses"
OPENAI_MODELS = "openai_models"
ANTHROPIC_MESSAGES = "anthropic_messages"
ANTHROPIC_MODELS = "anthropic_models"
BEDROCK_CONVERSE = "bedrock_converse"
BEDROCK_EMBEDDINGS = "bedrock_embeddings"
"""What each maker of such models on Bedrock takes."""
BEDROCK_MODELS = "bedrock_models"
BEDROCK_TOKENS = "bedrock_tokens"
OWN = "own"
"""The provider's own body grammar: passed through, never read."""


@frozen
class Operation:
    """Where a provider offers an operation, and in which dialects, best first.

    ``path`` is appended to the row's base URL. A request below the operation's route keeps what
    follows: with route ``files`` and path ``/files``, ``/v1/files/f-1/content`` becomes
    ``/files/f-1/content``.
    """

    path: str
    dialects: tuple[str, ...] = (OWN,)
    envelope: Envelope | None = None
    """None: the plain one of its dialect. What has one of its own cannot be passed through."""


@frozen
class Quirk:
    """A documented deviation of a provider, as data.

    ``kind`` is one of ``drop`` and ``rename`` (applied only when a request is translated),
    ``header`` (sent with every request), ``note`` (for people).
    """

    kind: str
    subject: str
    reason: str
    source: str
    """Where it is documented."""
    checked: str
    """ISO date of the last check."""
    replacement: str = ""


@frozen
class ProviderRow:
    """One provider.

    ``operations`` maps a route below ``/v1/`` (``chat/completions``, ``files``) to an Operation; a
    route that is absent is unsupported (404 ``unsupported_endpoint``), unless ``any_route`` says
    that the provider is a server of unknown extent, which then gets every other path as it came.
    """

    name: str
    title: str
    base_url: str
    operations: Mapping[str, Operation]
    dialect: str = "openai"
    """What config calls its first dialect: ``openai``, ``anthropic`` or ``converse``."""
    order: tuple[str, ...] = (OPENAI_CHAT, OPENAI_RESPONSES, ANTHROPIC_MESSAGES)
    """The dialects that a conversation may be had in, best first, for callers of another."""
    abilities: Capabilities = PLAIN
    """What its models take, as far as that does not depend on the model."""
    auth: str = BEARER
    keyless: bool = False
    """It may ask for no credential, so a request without one is sent all the same."""
    bearer_prefixes: tuple[str, ...] = ()
    """Credentials that begin like this go as bearer, whatever ``auth`` says."""
    environment: tuple[str, ...] = ()
    """Names of the environment variables that hold the operator's credential, first wins."""
    aliases: tuple[str, ...] = ()
    any_route: bool = False
    request_headers: tuple[str, ...] = ()
    """The caller's headers that go to this provider, lower-case, beside the general ones."""
    response_headers: tuple[str, ...] = ()
    """Lower-case names (or prefixes ending in ``*``) that come back, beside the general ones."""
    headers: Mapping[str, str] = MappingProxyType({})
    """Sent with every request unless the caller sent the same name and it is allowed."""
    timeouts: Mapping[str, float] = MappingProxyType({})
    """Keys of ``[timeouts]``, in seconds."""
    slashed_models: bool = False
    """Its own model ids contain slashes, so a first segment is not read as a provider's name."""
    quirks: tuple[Quirk, ...] = ()
    source: str = ""
    checked: str = ""
