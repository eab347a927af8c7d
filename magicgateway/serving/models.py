"""``GET /v1/models``: one provider's own list, or everybody's side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import treq
from attrs import define, field, frozen
from twisted.internet.defer import Deferred, DeferredList, succeed
from twisted.logger import Logger

from magicgateway.errors import ApiError
from magicgateway.providers.credentials import Credential
from magicgateway.providers.registry import Provider
from magicgateway.routing.model_lists import (
    Listed,
    merge_lists,
    read_list,
    write_anthropic,
    write_openai,
)

if TYPE_CHECKING:
    from treq.client import HTTPClient

    from magicgateway.serving.exchange import Exchange
    from magicgateway.serving.plane import DataPlane

FRESH_SECONDS = 60.0
LIST_BYTES = 8 * 1024 * 1024
FETCH_SECONDS = 10.0


@frozen
class _Fetched:
    at: float
    models: tuple[Listed, ...]


@define
class ModelLists:
    """Fetches the lists of every configured provider, merges them, keeps them for a minute.

    Only the operator's credentials are used for this: a caller's own goes to the one provider that
    its request resolves to.
    """

    plane: DataPlane
    client: HTTPClient
    _known: dict[str, _Fetched] = field(factory=dict)
    _running: dict[str, list[Deferred[tuple[Listed, ...] | None]]] = field(factory=dict)

    _log = Logger()

    def answers(self, exchange: Exchange) -> bool:
        """Take over an exchange that asks for everybody's models; False if it asks for one's.

        That is the case with ``x-provider`` or a provider in the path, and when there is no
        provider whose list may be fetched for this caller.
        """
        fields = exchange.request.head.fields
        if exchange.target.provider is not None or b"x-provider" in fields:
            return False
        asked: list[tuple[Provider, Credential | None]] = []
        for provider in self.plane.registry.configured():
            try:
                asked.append((provider, exchange.operator_credential(provider)))
            except ApiError:
                continue
        aliases = tuple(self.plane.settings.models)
        if not asked and not aliases:
            return False
        fetching = DeferredList([self._list(provider, key) for provider, key in asked])

        def answer(results: list[tuple[bool, tuple[Listed, ...] | None]]) -> None:
            lists = {
                provider.name: models
                for (provider, _), (_, models) in zip(asked, results, strict=True)
                if models is not None
            }
            merged = merge_lists(aliases, lists)
            write = write_anthropic if b"anthropic-version" in fields else write_openai
            exchange.answer_json(200, write(merged))

        fetching.addCallback(answer)
        return True

    def _list(
        self, provider: Provider, credential: Credential | None
    ) -> Deferred[tuple[Listed, ...] | None]:
        """A provider's models; None when they cannot be had. Never fails."""
        known = self._known.get(provider.name)
        if known is not None and self.plane.now() - known.at < FRESH_SECONDS:
            return succeed(known.models)
        waiting: Deferred[tuple[Listed, ...] | None] = Deferred()
        running = self._running.get(provider.name)
        if running is not None:
            running.append(waiting)
            return waiting
        self._running[provider.name] = [waiting]
        fetching = self._fetch(provider, credential)
        fetching.addTimeout(FETCH_SECONDS, self.plane.reactor)
        fetching.addCallbacks(
            lambda models: self._found(provider.name, models),
            lambda reason: self._failed(provider.name, reason),
        )
        return waiting

    def _fetch(
        self, provider: Provider, credential: Credential | None
    ) -> Deferred[tuple[Listed, ...]]:
        headers: dict[bytes, list[bytes]] = {
            name: [value] for name, value in provider.extra_headers
        }
        headers[b"accept-encoding"] = [b"identity"]
        if credential is not None:
            headers[credential.name] = [credential.value]
        asking = self.client.get(
            f"{provider.base_url}/models", headers=headers, allow_redirects=False, unbuffered=True
        )
        return asking.addCallback(_read_body).addCallback(lambda body: tuple(read_list(body)))

    def _found(self, name: str, models: tuple[Listed, ...]) -> None:
        self._known[name] = _Fetched(self.plane.now(), models)
        for waiting in self._running.pop(name, []):
            waiting.callback(models)

    def _failed(self, name: str, reason: Any) -> None:
        self._log.warn(
            "the model list of {provider} could not be had: {reason}",
            provider=name,
            reason=reason.getErrorMessage(),
        )
        for waiting in self._running.pop(name, []):
            waiting.callback(None)


def _read_body(response: Any) -> Deferred[bytes]:
    if response.code != 200:
        response.original.abortConnection() if hasattr(response, "original") else None
        raise ValueError(f"the provider answered with status {response.code}")
    pieces: list[bytes] = []

    def take(data: bytes) -> None:
        pieces.append(data)
        if sum(map(len, pieces)) > LIST_BYTES:
            raise ValueError("the model list is too large")

    return treq.collect(response, take).addCallback(lambda _: b"".join(pieces))
