"""Every URL that is served, in one Klein app.

API paths are declared here too; the site's fast lane sends them to the same resource without
walking the tree.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from klein import Klein
from twisted.logger import Logger
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from werkzeug.exceptions import HTTPException

from magicgateway import __version__
from magicgateway.dialects.catalogue import error_body
from magicgateway.errors import ApiError
from magicgateway.providers.credentials import FORWARDED
from magicgateway.routing.doors import read_target
from magicgateway.serving.exchange import Exchange
from magicgateway.serving.plane import DataPlane
from magicgateway.serving.request import GatewayRequest, internal_error
from magicgateway.serving.site import not_found
from magicgateway.serving.tree_request import TreeRequest
from magicgateway.wire.jsontext import encode

_LOOPBACK = ("127.", "::1", "::ffff:127.")
_JSON = "application/json"
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_log = Logger()


class ApiResource(Resource):
    """Answers every API path by an exchange."""

    isLeaf = True

    def __init__(self, plane: DataPlane) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # Twisted's
        self._plane = plane

    def render(self, request: Any) -> int:
        """Begin an exchange; on a request of stock Twisted through an adapter."""
        registry = self._plane.registry
        try:
            target = read_target(request.uri, lambda name: registry.get(name) is not None)
        except ApiError as error:
            return self._refuse(request, error)
        if target is None:  # Klein reads escapes that stay as they are for us
            return self._refuse(request, not_found())
        if isinstance(request, GatewayRequest):
            Exchange(self._plane, request, target).open()
        else:
            TreeRequest(self._plane, request).begin(target)
        return int(NOT_DONE_YET)

    def _refuse(self, request: Any, error: ApiError) -> int:
        request.write(_refuse(self._plane, request, error))
        request.finish()
        return int(NOT_DONE_YET)


class Api:
    """The Klein app. It is a class because its routes need what is served.

    Args:
        plane: What exchanges share.
        ready: Whether new work is welcome (``/health/ready``).
        render_metrics: The text of ``/metrics``.
    """

    def __init__(
        self,
        plane: DataPlane,
        ready: Callable[[], bool],
        render_metrics: Callable[[], bytes],
    ) -> None:
        self._plane = plane
        self._ready = ready
        self._render_metrics = render_metrics
        self.api = ApiResource(plane)
        self.app = Klein()
        self._declare()

    @property
    def resource(self) -> Any:
        """The root of the tree."""
        return self.app.resource()

    def _declare(self) -> None:
        app = self.app
        app.url_map.merge_slashes = False  # or it answers // with a redirect
        read = partial(app.route, methods=["GET", "HEAD"], strict_slashes=False)
        read("/")(self._root)
        read("/health")(self._health)
        read("/health/live")(self._health)
        read("/health/ready")(self._health_ready)
        read("/metrics")(self._metrics)
        app.route("/v1/", branch=True)(self._api)
        app.route("/v1//<path:rest>")(self._api_of)
        app.route("/<provider>/v1/", branch=True)(self._api_of)
        for path in ("model", "guardrail", "guardrail-checks", "async-invoke"):
            app.route(f"/<provider>/{path}/<path:rest>")(self._api_of)
        app.route("/<provider>/async-invoke")(self._api_of)
        for door in (
            "chat/completions",
            "completions",
            "embeddings",
            "models",
            "responses",
            "messages",
            "messages/count_tokens",
        ):
            app.route(f"/{door}", strict_slashes=False)(self._api)
            app.route(f"/{door}/")(self._api)
        for path in ("models", "responses", "chat/completions"):
            app.route(f"/{path}/<path:rest>")(self._api_of)
        _handle_errors(app, self._plane)

    def _api(self, _: Any) -> Resource:
        return self.api

    def _api_of(self, _: Any, **__: str) -> Resource:
        return self.api

    def _root(self, request: Any) -> bytes:
        return self._answer(request, 200, {"service": "magicgateway", "version": __version__})

    def _health(self, request: Any) -> bytes:
        return self._answer(request, 200, {"status": "healthy", "version": __version__})

    def _health_ready(self, request: Any) -> bytes:
        if self._ready():
            return self._answer(request, 200, {"status": "ready", "version": __version__})
        return self._answer(request, 503, {"status": "draining", "version": __version__})

    def _metrics(self, request: Any) -> bytes:
        peer = getattr(request.getClientAddress(), "host", "")
        forwarded = any(request.getHeader(name) for name in FORWARDED)
        if self._plane.settings.metrics.listen or forwarded or not peer.startswith(_LOOPBACK):
            return _refuse(self._plane, request, not_found())
        return _body(self._plane, request, self._render_metrics(), _METRICS_TYPE)

    def _answer(self, request: Any, status: int, content: dict[str, str]) -> bytes:
        request.setResponseCode(status)
        return _body(self._plane, request, encode(content), _JSON)


class MetricsApi:
    """The tree of a listener of its own for ``/metrics`` (``metrics.listen``).

    Args:
        plane: What exchanges share.
        render_metrics: The text of ``/metrics``.
    """

    def __init__(self, plane: DataPlane, render_metrics: Callable[[], bytes]) -> None:
        self._plane = plane
        self._render_metrics = render_metrics
        self.app = Klein()
        self.app.route("/metrics", methods=["GET", "HEAD"], strict_slashes=False)(self._metrics)
        _handle_errors(self.app, plane)

    @property
    def resource(self) -> Any:
        """The root of the tree."""
        return self.app.resource()

    def _metrics(self, request: Any) -> bytes:
        return _body(self._plane, request, self._render_metrics(), _METRICS_TYPE)


def _body(plane: DataPlane, request: Any, body: bytes, content_type: str) -> bytes:
    return _fielded(request, body, content_type, _identity(plane, request))


def _identity(plane: DataPlane, request: Any) -> str:
    """The id that the caller gave the request, if it is one, else ours."""
    given = request.requestHeaders.getRawHeaders(b"x-request-id", [None])
    return plane.request_ids.name(given[0])


def _fielded(request: Any, body: bytes, content_type: str, identity: str) -> bytes:
    """Set the fields that every answer of the tree has; gives the body back."""
    request.identity = identity
    for name, value in (
        ("content-type", content_type),
        ("content-length", str(len(body))),
        ("cache-control", "no-store"),
        ("x-request-id", identity),
        ("x-magicgateway-request-id", identity),
    ):
        request.setHeader(name, value)
    return body


def _handle_errors(app: Klein, plane: DataPlane) -> None:
    """Answer what Klein would answer with a page of HTML."""

    def http_error(request: Any, failure: Any) -> bytes:
        if failure.value.code == 405:
            request.setHeader("allow", "GET, HEAD")
            return _refuse(
                plane,
                request,
                ApiError(405, "method_not_allowed", "This path takes GET and HEAD."),
            )
        return _refuse(plane, request, not_found())

    def failed(request: Any, failure: Any) -> bytes:
        _log.failure("a resource failed", failure)
        return _refuse(plane, request, internal_error())

    app.handle_errors(HTTPException)(http_error)
    app.handle_errors(Exception)(failed)


def _refuse(plane: DataPlane, request: Any, error: ApiError) -> bytes:
    identity = _identity(plane, request)
    request.setResponseCode(error.status)
    request.refusal = error.code
    return _fielded(request, error_body("openai", error, identity), _JSON, identity)
