"""Every URL that is served, in one Klein app.

API paths are declared here too; the site's fast lane sends them to the same resource without
walking the tree.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from klein import Klein
from twisted.logger import Logger
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from werkzeug.exceptions import HTTPException

from magicgateway import __version__
from magicgateway.dialects.catalogue import error_body
from magicgateway.errors import ApiError
from magicgateway.routing.doors import read_target
from magicgateway.serving.exchange import Exchange
from magicgateway.serving.plane import DataPlane
from magicgateway.serving.request import GatewayRequest
from magicgateway.serving.site import not_found
from magicgateway.serving.tree_request import TreeRequest
from magicgateway.wire.jsontext import encode

_LOOPBACK = ("127.", "::1", "::ffff:127.")
_JSON = "application/json"
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_log = Logger()


class ApiResource(Resource):  # type: ignore[misc]
    """Answers every API path by an exchange."""

    isLeaf = True

    def __init__(self, plane: DataPlane) -> None:
        super().__init__()
        self._plane = plane

    def render(self, request: Any) -> int:
        """Begin an exchange; on a request of stock Twisted through an adapter."""
        registry = self._plane.registry
        if isinstance(request, GatewayRequest):
            target = read_target(request.head.target, lambda name: registry.get(name) is not None)
            assert target is not None
            Exchange(self._plane, request, target).open()
        else:
            TreeRequest(self._plane, request).begin()
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
        read = {"methods": ["GET", "HEAD"], "strict_slashes": False}
        app.route("/", **read)(self._root)
        app.route("/health", **read)(self._health)
        app.route("/health/live", **read)(self._health)
        app.route("/health/ready", **read)(self._health_ready)
        app.route("/metrics", **read)(self._metrics)
        app.route("/v1/", branch=True)(self._api)
        app.route("/<provider>/v1/", branch=True)(self._api_of)
        for door in (
            "chat/completions",
            "completions",
            "embeddings",
            "models",
            "responses",
            "messages",
            "messages/count_tokens",
        ):
            app.route(f"/{door}")(self._api)
        app.route("/models/<path:model>")(self._api_of)
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
        forwarded = request.getHeader("x-forwarded-for")
        if self._plane.settings.metrics.listen or forwarded or not peer.startswith(_LOOPBACK):
            return _refuse(self._plane, request, not_found())
        return _metrics(request, self._render_metrics())

    @staticmethod
    def _answer(request: Any, status: int, content: dict[str, str]) -> bytes:
        request.setResponseCode(status)
        request.setHeader("content-type", _JSON)
        request.setHeader("cache-control", "no-store")
        return encode(content)


class MetricsApi:
    """The tree of a listener of its own for ``/metrics`` (``metrics.listen``).

    Args:
        plane: What exchanges share.
        render_metrics: The text of ``/metrics``.
    """

    def __init__(self, plane: DataPlane, render_metrics: Callable[[], bytes]) -> None:
        self._render_metrics = render_metrics
        self.app = Klein()
        self.app.route("/metrics", methods=["GET", "HEAD"], strict_slashes=False)(self._metrics)
        _handle_errors(self.app, plane)

    @property
    def resource(self) -> Any:
        """The root of the tree."""
        return self.app.resource()

    def _metrics(self, request: Any) -> bytes:
        return _metrics(request, self._render_metrics())


def _metrics(request: Any, text: bytes) -> bytes:
    request.setHeader("content-type", _METRICS_TYPE)
    request.setHeader("cache-control", "no-store")
    return text


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
        return _refuse(
            plane,
            request,
            ApiError(500, "internal_error", "The gateway failed. The fault is not yours."),
        )

    app.handle_errors(HTTPException)(http_error)
    app.handle_errors(Exception)(failed)


def _refuse(plane: DataPlane, request: Any, error: ApiError) -> bytes:
    identity = plane.request_ids.name(None)
    request.setResponseCode(error.status)
    request.setHeader("content-type", _JSON)
    request.setHeader("cache-control", "no-store")
    request.setHeader("x-request-id", identity)
    return error_body("openai", error, identity)
