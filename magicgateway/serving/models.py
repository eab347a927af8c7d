"""``GET /v1/models``: one provider's own list, or everybody's side by side."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen
from hyperlink import URL
from twisted.internet.defer import (
    CancelledError,
    Deferred,
    DeferredList,
    TimeoutError,  # noqa: A004 - its name is Twisted's
    maybeDeferred,
    succeed,
)
from twisted.logger import Logger
from twisted.python.failure import Failure

from magicgateway import __version__
from magicgateway.conversation.notes import DROPPED, EMULATED, Note
from magicgateway.conversation.reasons import Reason
from magicgateway.errors import ApiError, UpstreamError
from magicgateway.providers.aws_credentials import check_operator_serves
from magicgateway.providers.credentials import Credential
from magicgateway.providers.registry import Provider
from magicgateway.providers.row import ANTHROPIC_MODELS, BEDROCK_MODELS, OPENAI_MODELS
from magicgateway.routing.doors import MODELS
from magicgateway.routing.model_lists import (
    NO_MODELS,
    BadStatus,
    ModelList,
    anthropic_model,
    merge_lists,
    openai_model,
    read_list,
    write_anthropic,
    write_openai,
)
from magicgateway.serving import answer
from magicgateway.upstream.body import BodyTooLarge, read_body
from magicgateway.wire.jsontext import encode

if TYPE_CHECKING:
    from treq.client import HTTPClient
    from twisted.web.iweb import IAgent

    from magicgateway.serving.exchange import Exchange
    from magicgateway.serving.plane import DataPlane

FRESH_SECONDS = 60.0
FAILED_SECONDS = 15.0
"""For which a provider whose list could not be had is not asked again."""
LIST_BYTES = 8 * 1024 * 1024
FETCH_SECONDS = 10.0
_Fetching = Callable[[], Deferred[ModelList]]
_AGENT = f"MagicGateway/{__version__}"
_PAGE = "limit=1000"
"""Anthropic gives twenty models at a time unless asked for more."""


@frozen
class _Outcome:
    """What asking a provider came to: its models, or in ``fault`` why there are none.

    ``detail``: of that reason, if it has one.
    ``until``: when it is asked again, by the plane's clock.
    """

    until: float
    found: ModelList = NO_MODELS
    fault: Reason | None = None
    detail: str | int | None = None

    def note(self, name: str) -> Note | None:
        """What a warning says of the provider's part of a list."""
        if self.found.built_in:
            return built_in(name)
        if self.fault is None:
            return None
        return Note(f"models.{name}", DROPPED, self.fault, self.detail)


class _AsWritten(URL):
    """A URL that goes out as it is: to treq neither ``[::1]`` nor ``llm_server`` is a host."""

    def to_uri(self) -> _AsWritten:
        return self


@define
class ModelLists:
    """Fetches the lists of every configured provider, merges them, keeps them for a minute.

    A provider whose list cannot be had is missing, and ``x-magicgateway-warning`` says so.

    Only the operator's credentials are used for that: a caller's own goes to the one provider that
    its request resolves to.
    """

    plane: DataPlane
    agent: IAgent
    _treq: HTTPClient | None = None
    _known: dict[str, _Outcome] = field(factory=dict)
    _running: dict[str, list[Deferred[_Outcome]]] = field(factory=dict)

    _log = Logger()

    def answers(self, exchange: Exchange) -> bool:
        """Take over an exchange, unless a provider's own answer is the answer.

        A provider that is named (path, ``x-provider``) answers itself if its list has the shape
        that the caller reads; otherwise its list is written in that shape. When none is named, it
        is everybody's list; where there is no provider whose list may be fetched for this caller,
        the default one's. A single model is passed on, or found in a list of AWS's.
        """
        standing = exchange.standing
        single = standing.target.model_id is not None
        provider = None if single else standing.named_provider()
        if provider is None:
            if not single and self._answer_all(exchange):
                return True
            provider = exchange.route().provider
        operation = provider.operations.get(MODELS)
        wanted = ANTHROPIC_MODELS if standing.anthropic else OPENAI_MODELS
        passes = single or operation is None or wanted in operation.dialects
        if passes and not _is_listed_by_aws(provider):
            return False
        if not standing.is_read:
            raise ApiError(405, "method_not_allowed", "This path takes GET and HEAD.")
        exchange.route()
        self._answer_one(exchange, provider, self._fetching(exchange, provider, own=True))
        return True

    def _fetching(self, exchange: Exchange, provider: Provider, *, own: bool) -> _Fetching:
        """How to ask a provider for its list.

        Args:
            exchange: Of the caller that wants it.
            provider: Who is asked.
            own: The caller's own credential may be used.

        Raises:
            ApiError: 401, there is no credential that may be used.
        """
        standing = exchange.standing
        if not _is_listed_by_aws(provider):
            key = standing.credential() if own else standing.operator_credential(provider)
            return partial(self._fetch, provider, key)
        assert standing.admission is not None
        local = standing.is_local()
        if not own:
            check_operator_serves(standing.admission, local=local)
        from magicgateway.serving.aws_models import AwsModels  # noqa: PLC0415 - see preparation

        asking = AwsModels(
            plane=self.plane,
            provider=provider,
            fields=exchange.request.head.fields if own else {},
            admission=standing.admission,
            local=local,
            limit=LIST_BYTES,
        )
        return lambda: Deferred.fromCoroutine(asking.fetch()).addTimeout(
            FETCH_SECONDS, self.plane.reactor
        )

    def _answer_one(self, exchange: Exchange, provider: Provider, fetch: _Fetching) -> None:
        fetching = fetch()
        exchange.on_leave(fetching.cancel)

        def found(known: ModelList) -> None:
            notes = [built_in(provider.name)] if known.built_in else []
            body = _write(exchange)(known.models)
            if exchange.standing.target.model_id is not None:
                body = _single(exchange, known)
            exchange.answer_json(200, body, answer.warnings(notes))

        fetching.addCallback(found)
        fetching.addErrback(
            lambda reason: (
                None
                if reason.check(CancelledError)
                else exchange.fail(self._fault(provider.name, reason))
            )
        )

    def _answer_all(self, exchange: Exchange) -> bool:
        asked: list[tuple[str, _Fetching]] = []
        for provider in self.plane.registry.configured():
            if MODELS in provider.operations or _is_listed_by_aws(provider):
                try:
                    asked.append((provider.name, self._fetching(exchange, provider, own=False)))
                except ApiError:
                    continue
        aliases = tuple(self.plane.settings.models)
        if not asked and not aliases:
            return False
        fetching = DeferredList([self._list(name, fetch) for name, fetch in asked])

        def found(results: list[tuple[bool, _Outcome]]) -> None:
            outcomes = {
                name: outcome for (name, _), (_, outcome) in zip(asked, results, strict=True)
            }
            lists = {name: outcome.found.models for name, outcome in outcomes.items()}
            notes = (outcome.note(name) for name, outcome in outcomes.items())
            missing = answer.warnings(note for note in notes if note is not None)
            body = _write(exchange)(merge_lists(aliases, lists))
            exchange.answer_json(200, body, missing)

        fetching.addCallback(found)
        fetching.addErrback(lambda reason: exchange.fail(self._fault("", reason)))
        return True

    def _list(self, name: str, fetch: _Fetching) -> Deferred[_Outcome]:
        """A provider's models, or why they cannot be had. Never fails."""
        known = self._known.get(name)
        if known is not None and self.plane.now() < known.until:
            return succeed(known)
        waiting: Deferred[_Outcome] = Deferred()
        running = self._running.get(name)
        if running is not None:
            running.append(waiting)
            return waiting
        self._running[name] = [waiting]
        fetch().addCallbacks(
            lambda found: self._found(name, found),
            lambda reason: self._failed(name, reason),
        )
        return waiting

    def _fetch(self, provider: Provider, credential: Credential | None) -> Deferred[ModelList]:
        # Some providers turn away whoever does not say who is calling.
        headers: dict[bytes | str, list[bytes | str]] = {b"user-agent": [_AGENT]}
        headers.update((name, [value]) for name, value in provider.extra_headers)
        if credential is not None:
            headers[credential.name] = [credential.value]
        operation = provider.operations[MODELS]
        query = f"?{_PAGE}" if ANTHROPIC_MODELS in operation.dialects else ""
        asking = maybeDeferred(
            self._client().get,
            _AsWritten.from_text(f"{provider.base_url}{operation.path}{query}"),
            headers=headers,
            allow_redirects=False,
            unbuffered=True,
        )
        fetching: Deferred[ModelList] = asking.addCallback(_read_answer).addCallback(
            lambda body: ModelList(tuple(read_list(body)))
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

    def _found(self, name: str, found: ModelList) -> None:
        self._keep(name, _Outcome(self.plane.now() + FRESH_SECONDS, found))

    def _failed(self, name: str, reason: Failure) -> None:
        self._log.warn(
            "the model list of {provider} could not be had: {reason}",
            provider=name,
            reason=reason.getErrorMessage(),
        )
        fault, detail = _said(reason)
        self._keep(name, _Outcome(self.plane.now() + FAILED_SECONDS, fault=fault, detail=detail))

    def _keep(self, name: str, outcome: _Outcome) -> None:
        self._known[name] = outcome
        for waiting in self._running.pop(name, []):
            waiting.callback(outcome)

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


def built_in(name: str) -> Note:
    """What a warning says of a list that is not the provider's own."""
    return Note(f"models.{name}", EMULATED, Reason.BUILT_IN_LIST)


def _is_listed_by_aws(provider: Provider) -> bool:
    operation = provider.row.operations.get(MODELS)
    return operation is not None and BEDROCK_MODELS in operation.dialects


def _said(reason: Failure) -> tuple[Reason, str | int | None]:
    """Why a list could not be had, as a warning says it: nothing in it is the provider's text."""
    value = reason.value
    if isinstance(value, BadStatus):
        return Reason.STATUS, value.status
    if isinstance(value, UpstreamError):
        return Reason.FAILED, value.code.replace("_", "-")
    if isinstance(value, TimeoutError):
        return Reason.TIMEOUT, None
    if isinstance(value, BodyTooLarge):
        return Reason.TOO_LARGE, None
    return Reason.NOT_A_LIST if isinstance(value, ValueError) else Reason.BROKEN_OFF, None


def _write(exchange: Exchange) -> Any:
    return write_anthropic if exchange.standing.anthropic else write_openai


def _single(exchange: Exchange, known: ModelList) -> bytes:
    """The model that is asked for.

    Raises:
        ApiError: 404 ``model_not_found``: it is not among those that are known.
    """
    assert exchange.destination is not None
    wanted = exchange.destination.upstream_model
    for model in known.models:
        if model.id == wanted:
            write = anthropic_model if exchange.standing.anthropic else openai_model
            return encode(write(model))
    raise ApiError(
        404,
        "model_not_found",
        "The provider lists no such model; it may have it all the same.",
        param="model",
    )


def _read_answer(response: Any) -> Deferred[bytes]:
    if response.code != 200:
        response.original.abortConnection()
        raise BadStatus(response.code)
    return read_body(response, LIST_BYTES)
