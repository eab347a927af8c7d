"""``GET /v1/models``: one provider's own list, or everybody's side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen
from twisted.internet.defer import (
    CancelledError,
    Deferred,
    DeferredList,
    maybeDeferred,
    succeed,
)
from twisted.logger import Logger
from twisted.python.failure import Failure

from magicgateway import __version__
from magicgateway.errors import ApiError, UpstreamError
from magicgateway.providers.credentials import Credential
from magicgateway.providers.registry import Provider
from magicgateway.providers.row import ANTHROPIC_MODELS, OPENAI_MODELS
from magicgateway.routing.model_lists import (
    Listed,
    merge_lists,
    read_list,
    write_anthropic,
    write_openai,
)
from magicgateway.upstream.body import read_body

if TYPE_CHECKING:
    from treq.client import HTTPClient
    from twisted.web.iweb import IAgent

    from magicgateway.serving.exchange import Exchange
    from magicgateway.serving.plane import DataPlane

FRESH_SECONDS = 60.0
LIST_BYTES = 8 * 1024 * 1024
FETCH_SECONDS = 10.0
_AGENT = f"MagicGateway/{__version__}"
_PAGE = "limit=1000"
"""Anthropic gives twenty models at a time unless asked for more."""


@frozen
class _Fetched:
    at: float
    models: tuple[Listed, ...]


class BadStatus(ValueError):
    """A provider does not give its list."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the provider answered with status {status}")
        self.status = status


@define
class ModelLists:
    """Fetches the lists of every configured provider, merges them, keeps them for a minute.

    Only the operator's credentials are used for that: a caller's own goes to the one provider that
    its request resolves to.
    """

    plane: DataPlane
    agent: IAgent
    _treq: HTTPClient | None = None
    _known: dict[str, _Fetched] = field(factory=dict)
    _running: dict[str, list[Deferred[tuple[Listed, ...] | None]]] = field(factory=dict)

    _log = Logger()

    def answers(self, exchange: Exchange) -> bool:
        """Take over an exchange, unless a provider's own answer is the answer.

        A provider that is named (path, ``x-provider``) answers itself if its list has the shape
        that the caller reads; otherwise its list is written in that shape. When none is named, it
        is everybody's list, unless there is no provider whose list may be fetched for this caller.
        """
        named = exchange.standing.named_provider()
        if named is not None:
            operation = named.operations.get("models")
            wanted = ANTHROPIC_MODELS if exchange.standing.anthropic else OPENAI_MODELS
            if operation is None or wanted in operation.dialects:
                return False
            exchange.route()
            self._answer_one(exchange, named, exchange.standing.credential())
            return True
        return self._answer_all(exchange)

    def _answer_one(
        self, exchange: Exchange, provider: Provider, credential: Credential | None
    ) -> None:
        fetching = self._fetch(provider, credential)
        exchange.on_leave(fetching.cancel)

        def answer(models: tuple[Listed, ...]) -> None:
            exchange.answer_json(200, _write(exchange)(models))

        fetching.addCallback(answer)
        fetching.addErrback(
            lambda reason: (
                None
                if reason.check(CancelledError)
                else exchange.fail(self._fault(provider.name, reason))
            )
        )

    def _answer_all(self, exchange: Exchange) -> bool:
        asked: list[tuple[Provider, Credential | None]] = []
        for provider in self.plane.registry.configured():
            if "models" in provider.operations:
                try:
                    asked.append((provider, exchange.standing.operator_credential(provider)))
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
            exchange.answer_json(200, _write(exchange)(merge_lists(aliases, lists)))

        fetching.addCallback(answer)
        fetching.addErrback(lambda reason: exchange.fail(self._fault("", reason)))
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
        self._fetch(provider, credential).addCallbacks(
            lambda models: self._found(provider.name, models),
            lambda reason: self._failed(provider.name, reason),
        )
        return waiting

    def _fetch(
        self, provider: Provider, credential: Credential | None
    ) -> Deferred[tuple[Listed, ...]]:
        # Some providers turn away whoever does not say who is calling.
        headers: dict[bytes | str, list[bytes | str]] = {b"user-agent": [_AGENT]}
        headers.update((name, [value]) for name, value in provider.extra_headers)
        headers[b"accept-encoding"] = [b"identity"]
        if credential is not None:
            headers[credential.name] = [credential.value]
        operation = provider.operations["models"]
        query = f"?{_PAGE}" if ANTHROPIC_MODELS in operation.dialects else ""
        # treq raises at once for a host that its URLs do not know: [::1], or one with underscores.
        asking = maybeDeferred(
            self._client().get,
            f"{provider.base_url}{operation.path}{query}",
            headers=headers,
            allow_redirects=False,
            unbuffered=True,
        )
        fetching: Deferred[tuple[Listed, ...]] = (
            asking.addCallback(_read_answer).addCallback(read_list).addCallback(tuple)
        )
        return fetching.addTimeout(FETCH_SECONDS, self.plane.reactor)

    def _client(self) -> HTTPClient:
        client = self._treq
        if client is None:
            # treq takes long to import, and most gateways are never asked for a list at start.
            from http.cookiejar import DefaultCookiePolicy  # noqa: PLC0415

            from treq.client import HTTPClient  # noqa: PLC0415
            from treq.cookies import IndexableCookieJar  # noqa: PLC0415

            # A jar that takes nothing: what one caller's answer sets is not for the next one.
            jar = IndexableCookieJar(DefaultCookiePolicy(allowed_domains=()))
            client = self._treq = HTTPClient(self.agent, cookiejar=jar)
        return client

    def _found(self, name: str, models: tuple[Listed, ...]) -> None:
        self._known[name] = _Fetched(self.plane.now(), models)
        for waiting in self._running.pop(name, []):
            waiting.callback(models)

    def _failed(self, name: str, reason: Failure) -> None:
        self._log.warn(
            "the model list of {provider} could not be had: {reason}",
            provider=name,
            reason=reason.getErrorMessage(),
        )
        for waiting in self._running.pop(name, []):
            waiting.callback(None)

    def _fault(self, name: str, reason: Failure) -> ApiError:
        value = reason.value
        if isinstance(value, ApiError):
            return value
        if isinstance(value, BadStatus):
            text = f"{name} refused to list its models with the credential that was used."
            detail = str(value)
            if value.status == 401:
                return UpstreamError(401, "models_refused", text, outcome="refused", detail=detail)
            if value.status == 403:
                return UpstreamError(403, "models_refused", text, outcome="refused", detail=detail)
            if value.status == 429:
                return UpstreamError(429, "models_refused", text, outcome="refused", detail=detail)
        return UpstreamError(
            502,
            "models_unavailable",
            f"The model list of {name or 'the providers'} could not be had.",
            outcome="unreachable",
            detail=f"{type(value).__name__}: {value}",
        )


def _write(exchange: Exchange) -> Any:
    return write_anthropic if exchange.standing.anthropic else write_openai


def _read_answer(response: Any) -> Deferred[bytes]:
    if response.code != 200:
        response.original.abortConnection()
        raise BadStatus(response.code)
    return read_body(response, LIST_BYTES)
