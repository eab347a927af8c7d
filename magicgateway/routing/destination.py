"""Which provider and model a request goes to, and where at that provider."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from attrs import frozen

from magicgateway.config.settings import Settings
from magicgateway.errors import ApiError
from magicgateway.providers.dialect_choice import (
    ESTIMATE,
    PASSAGE,
    choose_counting,
    choose_operation,
    choose_way,
)
from magicgateway.providers.registry import Provider, Registry
from magicgateway.providers.row import (
    ANTHROPIC_MESSAGES,
    OPENAI_CHAT,
    OPENAI_RESPONSES,
    OWN,
    Operation,
)
from magicgateway.providers.ways import Way
from magicgateway.routing.doors import COMPLETIONS, COUNTING, EMBEDDINGS, MODELS, Target

_CONVERSATIONS = frozenset({"chat/completions", "responses", "messages"})
"""Routes whose dialects say the same things, so that one can stand for another."""
_SPOKEN = frozenset({OPENAI_CHAT, OPENAI_RESPONSES, ANTHROPIC_MESSAGES})
"""Dialects that a server of unknown extent is only sent where it is known to speak them."""


@frozen
class Destination:
    """Where a request goes."""

    provider: Provider
    upstream_model: str | None
    """What the provider is asked for; None when the request names no model."""
    upstream_path: bytes
    """Without the query."""
    rewrite: bool = False
    """The body's model has to be replaced by ``upstream_model``."""
    way: Way | None = None
    """How the body has to be translated and sent; None: it passes through."""
    own_way: Way | None = None
    """How a body that could pass through would be read and written anew."""


class Router:
    """Resolves requests. It is a class because aliases are taken apart once.

    Args:
        registry: The providers.
        settings: Aliases, and the default provider.
    """

    def __init__(self, registry: Registry, settings: Settings) -> None:
        self._registry = registry
        default = settings.server.default_provider
        self._default = registry.get(default) if default else None
        self._aliases: Mapping[str, tuple[Provider, str]] = {
            alias: self._split(model.targets[0]) for alias, model in settings.models.items()
        }

    def resolve(
        self, target: Target, model: str | None, named: bytes | None, *, anthropic: bool
    ) -> Destination:
        """Where a request goes.

        Args:
            target: What its path asks for.
            model: What its body asks for, if it was read and does.
            named: Its ``x-provider`` field.
            anthropic: It has an ``anthropic-version``.

        Raises:
            ApiError: 400 ``unknown_provider`` or ``provider_conflict``, 404
                ``unsupported_endpoint``.
        """
        if model is None:
            model = target.model_id
        provider = self.named(target, named)
        if provider is not None:
            return self._at(provider, target, model, rewrite=False)
        if model is not None:
            chosen = self._aliases.get(model) or self._prefixed(model)
            if chosen is not None:
                return self._at(chosen[0], target, chosen[1], rewrite=True)
        return self._at(self._fallback(target, anthropic=anthropic), target, model, rewrite=False)

    def named(self, target: Target, named: bytes | None) -> Provider | None:
        """The provider that the path or ``x-provider`` names, if one does.

        Raises:
            ApiError: 400: it is unknown, or the two name different ones.
        """
        by_path = self._registry.get(target.provider) if target.provider is not None else None
        if named is None:
            return by_path
        name = named.decode("latin-1").strip()
        by_header = self._registry.get(name)
        if by_header is None:
            known = ", ".join(self._registry.names())
            raise ApiError(
                400,
                "unknown_provider",
                f"There is no provider {name[:64]!r}. Known are: {known}.",
                param="x-provider",
            )
        if by_path is not None and by_path is not by_header:
            raise ApiError(
                400,
                "provider_conflict",
                f"The path names {by_path.name} and x-provider names {by_header.name}.",
                param="x-provider",
            )
        return by_header

    def _prefixed(self, model: str) -> tuple[Provider, str] | None:
        first, slash, rest = model.partition("/")
        if not slash or not rest:
            return None
        if self._default is not None and self._default.slashed_models:
            return None  # the first segment may well be a part of its own ids
        provider = self._registry.get(first)
        return (provider, rest) if provider is not None else None

    def _fallback(self, target: Target, *, anthropic: bool) -> Provider:
        if self._default is not None:
            return self._default
        name = "anthropic" if target.family(anthropic) == "anthropic" else "openai"
        provider = self._registry.get(name)
        assert provider is not None
        return provider

    def _split(self, name: str) -> tuple[Provider, str]:
        first, _, rest = name.partition("/")
        provider = self._registry.get(first)
        assert provider is not None  # the registry has checked it
        return provider, rest

    def _at(
        self, provider: Provider, target: Target, model: str | None, *, rewrite: bool
    ) -> Destination:
        if target.passage is not None:
            if provider.aws is None:
                raise _unsupported(provider, target.route)
            return Destination(provider, target.passage.model or None, b"", False, PASSAGE)
        way = _way(provider, target, model)
        own = None
        if way is not None:
            if not _passes(way, target):
                return Destination(provider, model, b"", rewrite, way)
            own = way
        path = _upstream_path(provider, target, model, rewrite=rewrite)
        return Destination(provider, model, path, rewrite, None, own)


def _passes(way: Way, target: Target) -> bool:
    """Whether a way is the door's own, so that bodies go as they came."""
    door = target.door
    return (
        door is not None
        and door.name in _CONVERSATIONS
        and way.dialect == door.dialect
        and way.direct
    )


def _way(provider: Provider, target: Target, model: str | None) -> Way | None:
    """How to send what a provider does not take as the door's callers write it."""
    door = target.door
    if door is None:
        return _offered(provider, MODELS, "") if target.model_id is not None else None
    if door.name in _CONVERSATIONS and provider.ways:
        return choose_way(provider, door.dialect, model or "")
    found = provider.operation(target.route)
    if found is not None and found[0] == target.route and _speaks(found[1], door.dialect):
        return None
    if door.name in (EMBEDDINGS, MODELS):
        return _offered(provider, door.name, door.dialect)
    if not provider.ways:
        return None
    if door.name == COUNTING:
        return choose_counting(provider, model or "") or ESTIMATE
    if door.name == COMPLETIONS and not provider.any_route:
        return choose_way(provider, door.dialect, model or "")
    return None


def _offered(provider: Provider, route: str, dialect: str) -> Way | None:
    """How a provider offers an operation that nothing can be passed through to."""
    if route in provider.operations:
        return None
    offered = choose_operation(provider, route, dialect)
    return None if offered is None else Way(*offered)


def _upstream_path(
    provider: Provider, target: Target, model: str | None, *, rewrite: bool
) -> bytes:
    route = target.route
    found = provider.operation(route)
    door = target.door
    if door is not None and (found is None or found[0] != route):
        found = None
    if found is None:
        if not provider.any_route or (door is not None and door.dialect in _SPOKEN):
            raise _unsupported(provider, route)
        return b"%b/%b" % (provider.prefix, _kept(target, model, rewrite=rewrite))
    covering, operation = found
    if door is not None and not _speaks(operation, door.dialect) and door.name != MODELS:
        raise _unsupported(provider, door.name)
    rest = _kept(target, model, rewrite=rewrite)[len(covering) :]
    return b"%b%b%b" % (provider.prefix, operation.path.encode(), rest)


def _kept(target: Target, model: str | None, *, rewrite: bool) -> bytes:
    """The route as it goes on: as it came, but for a model's id that was rewritten."""
    if target.model_id is None or not rewrite or model is None:
        return target.route.encode("latin-1")
    return b"models/" + quote(model, safe="").encode()


def _speaks(operation: Operation, dialect: str) -> bool:
    return dialect in operation.dialects or OWN in operation.dialects


def _unsupported(provider: Provider, route: str) -> ApiError:
    return ApiError(
        404,
        "unsupported_endpoint",
        f"{provider.name} has no /v1/{route[:128]} that this gateway knows of.",
    )
