"""Fetching what callers gave as addresses, for providers that take only bytes.

A caller's word must not lead into the operator's network. So names are looked up here, only public
addresses are left over, and exactly those are connected to, with TLS for the name. This has its own
resolver, and each request its own pool: a connection that was made for a provider, or for another
caller, is never used. Nothing is sent that a caller or a provider said before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from hyperlink import URL
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import DNSLookupError
from twisted.python.failure import Failure
from twisted.web.client import ResponseFailed
from twisted.web.iweb import UNKNOWN_LENGTH, IResponse

from magicgateway import __version__
from magicgateway.config.settings import MediaSettings, TimeoutSettings, UpstreamSettings
from magicgateway.conversation.blocks import Inline, Plain
from magicgateway.conversation.fetched import Arriving
from magicgateway.conversation.ledger import invalid
from magicgateway.conversation.media import Wanted
from magicgateway.errors import ApiError, UpstreamError
from magicgateway.policy.addresses import PUBLIC, Place, Reach, place_of
from magicgateway.upstream.agent import GatewayAgent
from magicgateway.upstream.body import feed
from magicgateway.upstream.connector import TcpConnector
from magicgateway.upstream.deadlines import Sweeper
from magicgateway.upstream.pool import GatewayPool
from magicgateway.upstream.resolver import Lookup, Resolver

if TYPE_CHECKING:
    from treq.client import HTTPClient

MOST = 20
"""Addresses in one request."""
AT_ONCE = 8
"""Of one request."""

_FIELDS: dict[bytes | str, list[bytes | str]] = {
    b"user-agent": [f"MagicGateway/{__version__}"],
    b"accept": [b"*/*"],
}
_NO_REUSE = UpstreamSettings(max_idle=0)
_REASONS = {
    "upstream_dns": "its host has no public address",
    "upstream_tls": "no trusted TLS connection to its host could be made",
    "upstream_encoded": "it came compressed, although it was asked for as it is",
    "upstream_malformed": "its host does not speak HTTP/1.1",
    "upstream_closed": "its host closed the connection without an answer",
}
"""What a failed attempt means here; everything else is ``could not be reached``."""

Fetched = dict[str, Inline | Plain]


class ScreenedResolver(Resolver):
    """A resolver that knows only addresses that may be connected to.

    Args:
        reach: Says which.
        reactor: See ``Resolver``.
        deadline: See ``Resolver``.
        lookup: See ``Resolver``; absent, the system's.
    """

    def __init__(self, reach: Reach, reactor: Any, deadline: float, *lookup: Lookup) -> None:
        super().__init__(reactor, deadline, *lookup)
        self._reach = reach

    def resolve(self, name: str) -> Deferred[None]:
        """See ``Resolver``. A name with no address that is left over is one without any."""
        return super().resolve(name).addCallback(self._check, name)

    def addresses(self, name: str) -> list[IPv4Address | IPv6Address]:
        """See ``Resolver``. These, as they are, are what connections are made to."""
        return [address for address in super().addresses(name) if self._reach.allows(address.host)]

    def _check(self, _: None, name: str) -> None:
        if not self.addresses(name):
            raise DNSLookupError(f"no address for {name}")


class MediaFetcher:
    """Fetches pictures and documents.

    Args:
        reactor: Where sockets live, and the clock.
        settings: ``[media]``.
        ca_file: Further trusted roots (``upstream.ca_file``).
        reach: Where callers may send it; other values than the default are for tests.
        lookup: ``socket.getaddrinfo``, or what stands for it.
    """

    def __init__(
        self,
        reactor: Any,
        settings: MediaSettings,
        ca_file: str = "",
        *,
        reach: Reach = PUBLIC,
        lookup: Lookup | None = None,
    ) -> None:
        self.reactor = reactor
        self.settings = settings
        self.reach = reach
        own = () if lookup is None else (lookup,)
        resolver = ScreenedResolver(reach, reactor, settings.timeout_seconds, *own)
        self._connector = TcpConnector(reactor, resolver, ca_file)
        self._sweeper = Sweeper(reactor, 0.25)

    def fetch(self, wanted: Sequence[Wanted]) -> Deferred[Fetched]:
        """Fetch everything, several at once. Cancelling ends it all.

        The first failure ends it too: a request with a part missing is of no use.

        Raises:
            ApiError: Through the Deferred: 400, naming the field whose content cannot be had.
        """
        if not wanted:
            return succeed({})
        wanted = list({one.url: one for one in reversed(wanted)}.values())[::-1]
        try:
            places = [self._place(one) for one in wanted]
            if len(wanted) > MOST:
                raise invalid(wanted[MOST].field, f"is one address too many: {MOST} can be fetched")
        except ApiError as fault:
            return fail(fault)
        batch = _Batch(self, list(zip(wanted, places, strict=True)))
        batch.start()
        return batch.answer

    def stop(self) -> None:
        """Let the resolver's threads go; whoever waits for a fetch has cancelled it."""
        self._sweeper.stop()
        self._connector.stop()

    def pool(self) -> GatewayPool:
        """A pool that keeps nothing."""
        return GatewayPool(self.reactor, self._connector, _NO_REUSE)

    def client(self, pool: GatewayPool) -> HTTPClient:
        """A client of treq's on a pool; the agent sends no cookies."""
        # treq takes long to import, and most gateways never fetch anything.
        from treq.client import HTTPClient  # noqa: PLC0415

        seconds = self.settings.timeout_seconds
        timeouts = TimeoutSettings(connect=seconds, response_head=seconds)
        return HTTPClient(GatewayAgent(pool, self._sweeper, self.reactor, timeouts))

    def _place(self, wanted: Wanted) -> Place:
        if not self.settings.fetch:
            raise invalid(
                wanted.field,
                "is an address, and this gateway fetches none (media.fetch); send the content"
                " itself, as a data URL for instance",
            )
        try:
            return place_of(wanted.url, self.reach)
        except ValueError as fault:
            raise invalid(wanted.field, str(fault)) from None


class _Batch:
    """What one request wants. State: what has come, what is under way, what waits."""

    def __init__(self, fetcher: MediaFetcher, items: list[tuple[Wanted, Place]]) -> None:
        self._settings = fetcher.settings
        self._pool = fetcher.pool()
        self._client = fetcher.client(self._pool)
        self._waiting = deque(items)
        self._running: dict[str, tuple[Wanted, Deferred[None]]] = {}
        self._fetched: Fetched = {}
        self._left = self._settings.max_total_bytes
        self._ended = False
        self._timer = fetcher.reactor.callLater(self._settings.timeout_seconds, self._timed_out)
        self.answer: Deferred[Fetched] = Deferred(lambda _: self._stop())

    def start(self) -> None:
        """Start as many as may run."""
        while self._waiting and len(self._running) < AT_ONCE and not self._ended:
            wanted, place = self._waiting.popleft()
            fetching: Deferred[None] = Deferred.fromCoroutine(self._fetch(wanted, place))
            self._running[wanted.url] = (wanted, fetching)
            fetching.addCallbacks(
                self._one_came, self._one_failed, callbackArgs=(wanted,), errbackArgs=(wanted,)
            )

    async def _fetch(self, wanted: Wanted, place: Place) -> None:
        response: Any = await self._client.get(
            _Verbatim.of(place), headers=_FIELDS, allow_redirects=False, unbuffered=True
        )
        fault = self._unfit(wanted, response)
        if fault is not None:
            # Nobody reads it, and it may be large.
            feed(response, _nothing).addErrback(_forget).cancel()
            raise fault
        name = unquote(place.target.partition("?")[0]).rpartition("/")[2]
        arriving = Arriving(wanted.field, name, image=wanted.image)
        limit = self._limit(wanted)
        size = 0

        def take(data: bytes) -> None:
            nonlocal size
            size += len(data)
            self._left -= len(data)
            if size > limit:
                raise self._too_large(wanted)
            if self._left < 0:
                raise _failed(
                    wanted.field,
                    f"all addresses together give more than {self._settings.max_total_bytes} bytes"
                    " (media.max_total_bytes)",
                )
            arriving.take(data)

        await feed(response, take)
        self._fetched[wanted.url] = arriving.whole()

    def _unfit(self, wanted: Wanted, response: IResponse) -> ApiError | None:
        if 300 <= response.code < 400:
            return _failed(wanted.field, "its host answered with a redirect, and none is followed")
        if response.code != 200:
            return _failed(wanted.field, f"its host answered with status {response.code}")
        if response.length is not UNKNOWN_LENGTH and int(response.length) > self._limit(wanted):
            return self._too_large(wanted)
        return None

    def _limit(self, wanted: Wanted) -> int:
        settings = self._settings
        return settings.max_image_bytes if wanted.image else settings.max_document_bytes

    def _too_large(self, wanted: Wanted) -> ApiError:
        setting = "media.max_image_bytes" if wanted.image else "media.max_document_bytes"
        return _failed(wanted.field, f"it has more than {self._limit(wanted)} bytes ({setting})")

    def _one_came(self, _: None, wanted: Wanted) -> None:
        del self._running[wanted.url]
        if self._running or self._waiting:
            self.start()
        else:
            self._stop()
            self.answer.callback(self._fetched)

    def _one_failed(self, reason: Failure, wanted: Wanted) -> None:
        if self._ended:
            return
        self._stop()
        self.answer.errback(_explained(reason, wanted.field))

    def _timed_out(self) -> None:
        wanted = next(iter(self._running.values()))[0]
        self._stop()
        self.answer.errback(
            _failed(
                wanted.field,
                f"it did not come within {self._settings.timeout_seconds:g} s"
                " (media.timeout_seconds)",
            )
        )

    def _stop(self) -> None:
        self._ended = True
        if self._timer.active():
            self._timer.cancel()
        self._waiting.clear()
        running, self._running = self._running, {}
        for _, fetching in running.values():
            fetching.cancel()
        self._pool.closeCachedConnections()


class _Verbatim(URL):
    """A URL that goes out as it is: treq would write some of its characters in another way."""

    text: str

    @classmethod
    def of(cls, place: Place) -> _Verbatim:
        """The URL of a place."""
        url = cls.from_text(place.origin)
        assert isinstance(url, cls)  # hyperlink's types do not say so
        url.text = place.url
        return url

    def to_uri(self) -> _Verbatim:
        return self

    def to_text(self, with_password: bool = False) -> str:
        del with_password
        return self.text


def _explained(reason: Failure, field: str) -> Failure:
    """A failure of an attempt as the caller's; others stay, and those are the gateway's own."""
    fault = reason.value
    if isinstance(fault, UpstreamError) and fault.status not in (500, 503):
        said = _REASONS.get(fault.code, "its host could not be reached")
        return Failure(_failed(field, said))
    if isinstance(fault, ResponseFailed):
        return Failure(_failed(field, "it broke off"))
    return reason


def _failed(field: str, reason: str) -> ApiError:
    text = f"The content of {field} could not be fetched: {reason}."
    return ApiError(400, "media_not_fetched", text, param=field)


def _nothing(_: bytes) -> None:
    """Nobody wants it."""


def _forget(_: Failure) -> None:
    """It was given up on purpose."""
