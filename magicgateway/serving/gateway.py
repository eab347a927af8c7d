"""The running gateway: everything that serves requests, as one Twisted service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, maybeDeferred

from magicgateway.config.settings import Settings
from magicgateway.observe.facts import FinishedWatcher
from magicgateway.policy.callers import RequestIds
from magicgateway.providers.aws_settings import REGION
from magicgateway.providers.registry import Registry
from magicgateway.serving.api import Api, MetricsApi
from magicgateway.serving.drain import SERVING, Drain
from magicgateway.serving.listeners import Listeners
from magicgateway.serving.models import ModelLists
from magicgateway.serving.plane import DataPlane
from magicgateway.serving.preparation import Preparation
from magicgateway.serving.site import GatewaySite
from magicgateway.upstream.agent import GatewayAgent
from magicgateway.upstream.connector import TcpConnector
from magicgateway.upstream.deadlines import Sweeper
from magicgateway.upstream.pool import GatewayPool, Origin
from magicgateway.upstream.resolver import Resolver


class Gateway(MultiService):
    """Serves while it runs. Stopping cuts what is running; draining (``drain``) does not.

    Args:
        reactor: Where it lives.
        settings: All of them.
        registry: The providers.
        finished: Is told of every exchange that ended.
        render_metrics: The text of ``/metrics``.
        request_prefix: Tells this process's request ids from others', for example 8 random digits.
        wall_clock: Seconds since the epoch.
        fast_lane: Send API paths to their resource without walking the tree.

    Raises:
        ConfigError: An address is none, or the trusted roots cannot be read.
    """

    def __init__(
        self,
        reactor: Any,
        settings: Settings,
        registry: Registry,
        *,
        finished: FinishedWatcher,
        render_metrics: Callable[[], bytes],
        request_prefix: str,
        wall_clock: Callable[[], float],
        fast_lane: bool = True,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # Twisted's
        self._reactor = reactor
        self._connector = TcpConnector(
            reactor, Resolver(reactor, settings.upstream.dns_seconds), settings.upstream.ca_file
        )
        self._connector.check()
        origins = [Origin(each.scheme, each.host, each.port) for each in registry]
        self._origins = frozenset(map(str, origins))
        self._regional = next((str(each) for each in origins if REGION in each.host), "other")
        self.pool = GatewayPool(reactor, self._connector, settings.upstream)
        self.plane = plane = DataPlane(
            reactor, settings, registry, self.pool, finished, RequestIds(request_prefix), wall_clock
        )
        self._preparation = Preparation(reactor, plane.threads)
        self._control = Sweeper(reactor, 0.25)
        plane.models = ModelLists(
            plane, GatewayAgent(self.pool, self._control, reactor, settings.timeouts)
        )
        api = Api(plane, ready=self.is_ready, render_metrics=render_metrics)
        self.site = GatewaySite(plane, api.resource, fast_lane=fast_lane)
        self.listeners = Listeners(reactor, settings.server.listen, self.site)
        self.listeners.setServiceParent(self)  # type: ignore[no-untyped-call] # Twisted's
        self.metrics_site: GatewaySite | None = None
        if settings.metrics.listen:
            tree = MetricsApi(plane, render_metrics).resource
            self.metrics_site = GatewaySite(plane, tree, fast_lane=False)
            self.metrics_listeners = Listeners(
                reactor, (settings.metrics.listen,), self.metrics_site, "metrics.listen"
            )
            self.metrics_listeners.setServiceParent(self)  # type: ignore[no-untyped-call] # as above
        self.drain = Drain(
            reactor,
            self,
            unready_seconds=settings.server.unready_seconds,
            drain_seconds=settings.server.drain_seconds,
            stop=self._stop_process,
        )
        self.drain.setServiceParent(self)  # type: ignore[no-untyped-call] # as above

    def probe(self) -> None:
        """See ``Listeners.probe``; an address that two of our own listeners want is found too."""
        with ExitStack() as held:
            self.listeners.hold(held)
            if self.metrics_site is not None:
                self.metrics_listeners.hold(held)

    def is_ready(self) -> bool:
        """Whether new work is welcome."""
        return self.drain.state == SERVING

    def startService(self) -> None:
        """Serve."""
        super().startService()  # type: ignore[no-untyped-call] # Twisted's
        self._preparation.start()

    def stopService(self) -> Deferred[None]:
        """Close everything; what is running is cut off."""
        self.plane.draining = True
        self._preparation.stop()
        stopped = maybeDeferred(super().stopService)
        self.abort()
        self._control.stop()
        self.plane.stop()
        self.pool.closeCachedConnections()
        self._connector.stop()
        return stopped

    def _stop_process(self) -> None:
        if self._reactor.running:
            self._reactor.stop()

    # -- for the drain ----------------------------------------------------------------------

    def announce(self) -> None:
        self.plane.draining = True

    def close_listeners(self) -> None:
        self.listeners.close()
        self.site.close_idle()

    def busy(self) -> int:
        return len(self.site.channels)

    def interrupt(self) -> None:
        for exchange in list(self.plane.running):
            exchange.interrupt()
        self.site.close_idle()

    def abort(self) -> None:
        for exchange in list(self.plane.running):
            exchange.caller_left()
        self.site.stop()
        if self.metrics_site is not None:
            self.metrics_site.stop()

    # -- watching ---------------------------------------------------------------------------

    def figures(self) -> Mapping[str, Callable[[], Any]]:
        """What ``/metrics`` shows of the state that is kept here, by ``metric_names.WATCHED``."""
        return {
            "in_flight": lambda: len(self.plane.running),
            "downstream_connections": lambda: len(self.site.channels),
            "upstream_connections": self._upstream_connections,
        }

    def _upstream_connections(self) -> dict[tuple[str, str], float]:
        counted: dict[tuple[str, str], float] = {}
        for origin, idle, in_use in self.pool.counts():
            # AWS's regions come from callers, so each would be a label that they make.
            label = origin if origin in self._origins else self._regional
            for place, count in (((label, "idle"), idle), ((label, "in_use"), in_use)):
                counted[place] = counted.get(place, 0.0) + count
        return counted
