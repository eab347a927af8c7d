"""What every exchange shares: made once at start, read by all."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from magicgateway.config.settings import Settings
from magicgateway.observe.facts import FinishedWatcher
from magicgateway.policy.callers import RequestIds, TrustedProxies
from magicgateway.policy.cors import Cors
from magicgateway.providers.credentials import Keyring
from magicgateway.providers.registry import Provider, Registry
from magicgateway.routing.destination import Router
from magicgateway.serving.answer import OwnFields
from magicgateway.upstream.deadlines import Sweeper
from magicgateway.upstream.forwarding import Forwarder
from magicgateway.upstream.pool import GatewayPool
from magicgateway.upstream.threads import Threads

if TYPE_CHECKING:
    from magicgateway.upstream.aws_requests import AwsRequests
    from magicgateway.upstream.media import MediaFetcher

_THREADS = 2
"""At a time: translations hold the interpreter, so more would not be faster."""


class DataPlane:
    """Everything an exchange needs and none of them owns.

    Args:
        reactor: The clock.
        settings: All of them.
        registry: The providers.
        pool: Connections to them.
        finished: Is told of every exchange that ended.
        request_ids: Names exchanges.
        wall_clock: Seconds since the epoch, for log lines and the Date field.
    """

    def __init__(
        self,
        reactor: Any,
        settings: Settings,
        registry: Registry,
        pool: GatewayPool,
        finished: FinishedWatcher,
        request_ids: RequestIds,
        wall_clock: Any,
    ) -> None:
        self.reactor = reactor
        self.settings = settings
        self.registry = registry
        self.pool = pool
        self.finished = finished
        self.request_ids = request_ids
        self.wall_clock = wall_clock
        self.now = reactor.seconds
        self.router = Router(registry, settings)
        self.keyring = Keyring(settings)
        self.cors = Cors(settings.server.cors)
        self.proxies = TrustedProxies(settings.server.trusted_proxies)
        self.own_fields = OwnFields(wall_clock)
        self.sweeper = Sweeper(reactor, 0.25)
        self.models: Any = None
        """Answers ``GET /v1/models``; set by the wiring."""
        self.draining = False
        self.running: set[Any] = set()
        """Exchanges under way."""
        self.threads = Threads(reactor, "translation", _THREADS)
        """For what takes long and touches nothing of the reactor's."""
        self._forwarders: dict[str, Forwarder] = {}

    def forwarder(self, provider: Provider) -> Forwarder:
        """The filters of a provider."""
        forwarder = self._forwarders.get(provider.name)
        if forwarder is None:
            forwarder = self._forwarders[provider.name] = Forwarder(provider)
        return forwarder

    @cached_property
    def aws(self) -> AwsRequests:
        """Prepares requests to AWS; made when there is one."""
        from magicgateway.upstream.aws_requests import AwsRequests  # noqa: PLC0415 - see above

        return AwsRequests(self.reactor, self.wall_clock)

    @cached_property
    def media(self) -> MediaFetcher:
        """Fetches what callers gave as addresses; made when somebody did."""
        from magicgateway.upstream.media import MediaFetcher  # noqa: PLC0415 - see above

        settings = self.settings
        return MediaFetcher(self.reactor, settings.media, settings.upstream.ca_file)

    def stop(self) -> None:
        """Forget every deadline, and let the threads go."""
        self.sweeper.stop()
        self.threads.stop()
        for used in ("aws", "media"):
            if used in self.__dict__:
                getattr(self, used).stop()
