"""Name lookups that cannot hold anything up: own threads, one lookup per name, a short memory.

``getaddrinfo`` blocks and cannot be cancelled. A name whose lookup stalls holds one thread of this
pool, never a second one, and never one of the reactor's. Whoever waits has a deadline.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.error import DNSLookupError
from twisted.python.failure import Failure

from magicgateway.upstream.threads import Threads

FRESH_SECONDS = 30.0
STALE_SECONDS = 3600.0
_REMEMBERED = 1024
_THREADS = 32

Lookup = Callable[..., Sequence[tuple[Any, Any, Any, Any, Any]]]


class _Known(msgspec.Struct):
    addresses: list[IPv4Address | IPv6Address]
    at: float


class Resolver:
    """Resolves host names for outgoing connections.

    Args:
        reactor: The clock, and where threads report.
        deadline: Seconds after which a lookup counts as failed for those who wait.
        lookup: ``socket.getaddrinfo``, or what stands for it.
    """

    def __init__(self, reactor: Any, deadline: float, lookup: Lookup = socket.getaddrinfo) -> None:
        self._reactor = reactor
        self._deadline = deadline
        self._lookup = lookup
        self._known: dict[str, _Known] = {}
        self._running: dict[str, list[Deferred[None]]] = {}
        self._threads = Threads(reactor, "magicgateway-dns", _THREADS)

    def stop(self) -> None:
        """Let the threads go; one that is stuck in a lookup ends with the process."""
        for name in tuple(self._running):
            self._announce(name)
        self._threads.stop()

    def resolve(self, name: str) -> Deferred[None]:
        """Make sure that ``name`` is known; afterwards ``addresses`` has an answer.

        Raises:
            DNSLookupError: Through the Deferred: no answer within the deadline, or none at all.
        """
        done: Deferred[None] = Deferred()
        known = self._known.get(name)
        now = self._reactor.seconds()
        if known is not None and now - known.at < FRESH_SECONDS:
            done.callback(None)
            return done
        literal = _literal(name)
        if literal is not None:
            self._remember(name, [literal])
            done.callback(None)
            return done
        waiting = self._running.get(name)
        if waiting is None:
            waiting = self._running[name] = []
            self._begin(name)
        waiting.append(done)
        timer = self._reactor.callLater(self._deadline, self._give_up, name, done)
        return done.addBoth(_cancelling(timer))

    def addresses(self, name: str) -> list[IPv4Address | IPv6Address]:
        """What is known of a name."""
        known = self._known.get(name)
        return list(known.addresses) if known else []

    def _begin(self, name: str) -> None:
        self._threads.run(self._lookup, name, 0, 0, socket.SOCK_STREAM).addCallbacks(
            self._found, self._not_found, callbackArgs=(name,), errbackArgs=(name,)
        )

    def _found(self, answers: Sequence[tuple[Any, Any, Any, Any, Any]], name: str) -> None:
        addresses: list[IPv4Address | IPv6Address] = []
        for family, _, _, _, place in answers:
            if family == socket.AF_INET:
                addresses.append(IPv4Address("TCP", place[0], 0))
            elif family == socket.AF_INET6:
                addresses.append(IPv6Address("TCP", place[0], 0))
        if addresses:
            self._remember(name, addresses)
        self._announce(name)

    def _not_found(self, _: Failure, name: str) -> None:
        self._announce(name)

    def _announce(self, name: str) -> None:
        for waiter in self._running.pop(name, []):
            self._answer(name, waiter)

    def _give_up(self, name: str, waiter: Deferred[None]) -> None:
        waiting = self._running.get(name)
        if waiting is not None and waiter in waiting:
            waiting.remove(waiter)
            self._answer(name, waiter)

    def _answer(self, name: str, waiter: Deferred[None]) -> None:
        """An old answer is better than none while the name service is in trouble."""
        known = self._known.get(name)
        if known is not None and self._reactor.seconds() - known.at < STALE_SECONDS:
            waiter.callback(None)
        else:
            self._known.pop(name, None)
            waiter.errback(DNSLookupError(f"no address for {name}"))

    def _remember(self, name: str, addresses: list[IPv4Address | IPv6Address]) -> None:
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[name] = _Known(addresses, self._reactor.seconds())


def _literal(name: str) -> IPv4Address | IPv6Address | None:
    for family, build in ((socket.AF_INET, IPv4Address), (socket.AF_INET6, IPv6Address)):
        try:
            socket.inet_pton(family, name)
        except OSError:
            continue
        return build("TCP", name, 0)
    return None


def _cancelling(timer: Any) -> Callable[[Any], Any]:
    def cancel(result: Any) -> Any:
        if timer.active():
            timer.cancel()
        return result

    return cancel
