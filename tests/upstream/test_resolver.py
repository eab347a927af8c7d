"""Name lookups that hold nothing up."""

from __future__ import annotations

import socket
import threading
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import DNSLookupError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from magicgateway.upstream import resolver
from magicgateway.upstream.resolver import Resolver
from tests.sockets import until
from tests.upstream.clocks import ShiftedReactor

ANSWER = [
    (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 0, 0, 0)),
    (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),
]


class Names:
    """A name service that the test controls; ``asked`` lists the lookups in order."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.stalled: dict[str, threading.Event] = {}
        self.broken = False

    def __call__(self, name: str, *_: Any) -> list[Any]:
        self.asked.append(name)
        if name in self.stalled:
            self.stalled[name].wait(10)
        if self.broken or name.startswith("missing"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return ANSWER


class LiteralTests(SynchronousTestCase):
    """Addresses are no names."""

    def test_literals(self) -> None:
        """An address is its own answer, at once and without a thread."""
        names = Names()
        lookups = Resolver(Clock(), 5, names)
        for name, kind in (("127.0.0.1", IPv4Address), ("::1", IPv6Address)):
            self.successResultOf(lookups.resolve(name))
            self.assertEqual([kind("TCP", name, 0)], lookups.addresses(name))
        self.assertEqual([], names.asked)

    def test_bounded(self) -> None:
        """However many names are asked for, a bounded number is remembered."""
        lookups = Resolver(Clock(), 5, Names())
        for number in range(3000):
            self.successResultOf(lookups.resolve(f"127.0.{number // 250}.{number % 250}"))
        self.assertLessEqual(len(lookups._known), 1024)


class LookupTests(TestCase):
    """Lookups in threads."""

    def setUp(self) -> None:
        self.names = Names()
        self.reactor = ShiftedReactor()
        self.lookups = Resolver(self.reactor, 0.2, self.names)
        self.addCleanup(self.let_go)

    async def let_go(self) -> None:
        """Let every thread end, and wait for it."""
        for stalled in self.names.stalled.values():
            stalled.set()
        self.lookups.stop()
        await until(lambda: not _threads())

    def stall(self, *names: str) -> None:
        """Lookups of these do not come back."""
        for name in names:
            self.names.stalled[name] = threading.Event()

    async def test_both_families(self) -> None:
        """Every address of both families is given, in the order of the answer."""
        await self.lookups.resolve("provider.test")
        self.assertEqual(
            [IPv6Address("TCP", "::1", 0), IPv4Address("TCP", "127.0.0.1", 0)],
            self.lookups.addresses("provider.test"),
        )

    async def test_missing(self) -> None:
        """A name without an address is a lookup error."""
        await self.assertFailure(self.lookups.resolve("missing.test"), DNSLookupError)
        self.assertEqual([], self.lookups.addresses("missing.test"))

    async def test_fresh(self) -> None:
        """For half a minute nobody is asked again; after it, somebody is."""
        await self.lookups.resolve("provider.test")
        self.reactor.shift = resolver.FRESH_SECONDS - 1
        await self.lookups.resolve("provider.test")
        self.assertEqual(["provider.test"], self.names.asked)
        self.reactor.shift = resolver.FRESH_SECONDS + 1
        await self.lookups.resolve("provider.test")
        self.assertEqual(2, len(self.names.asked))

    async def test_stale(self) -> None:
        """While the name service is in trouble, an old answer serves, for an hour."""
        await self.lookups.resolve("provider.test")
        self.names.broken = True
        self.reactor.shift = resolver.STALE_SECONDS - 1
        await self.lookups.resolve("provider.test")
        self.assertEqual(2, len(self.lookups.addresses("provider.test")))
        self.reactor.shift = resolver.STALE_SECONDS + 1
        await self.assertFailure(self.lookups.resolve("provider.test"), DNSLookupError)
        self.assertEqual([], self.lookups.addresses("provider.test"))

    async def test_stale_when_stalled(self) -> None:
        """An old answer serves as well when no answer comes within the deadline."""
        await self.lookups.resolve("provider.test")
        self.stall("provider.test")
        self.reactor.shift = resolver.FRESH_SECONDS + 1
        await self.lookups.resolve("provider.test")
        self.assertEqual(2, len(self.lookups.addresses("provider.test")))

    async def test_deadline(self) -> None:
        """A lookup that stalls is given up after the deadline."""
        self.stall("slow.test")
        start = self.reactor.seconds()
        await self.assertFailure(self.lookups.resolve("slow.test"), DNSLookupError)
        self.assertLess(self.reactor.seconds() - start, 2)

    async def test_one_lookup_per_name(self) -> None:
        """However many wait for a name that stalls, it holds one thread, and all get the answer."""
        self.stall("slow.test")
        lookups = Resolver(self.reactor, 5, self.names)
        self.addCleanup(lookups.stop)
        waiting = [lookups.resolve("slow.test") for _ in range(20)]
        await until(lambda: self.names.asked)
        self.names.stalled["slow.test"].set()
        for done in waiting:
            await done
        self.assertEqual(["slow.test"], self.names.asked)

    async def test_others_unaffected(self) -> None:
        """Thirteen names that stall delay no fourteenth."""
        slow = [f"slow-{number}.test" for number in range(13)]
        self.stall(*slow)
        waiting = [self.lookups.resolve(name) for name in slow]
        await self.lookups.resolve("provider.test")
        for done in waiting:
            await self.assertFailure(done, DNSLookupError)

    async def test_threads_bounded(self) -> None:
        """However many names stall, there are at most 32 threads."""
        slow = [f"slow-{number}.test" for number in range(40)]
        self.stall(*slow)
        waiting = [self.lookups.resolve(name) for name in slow]
        await until(lambda: len(self.names.asked) == 32)
        self.assertEqual(32, len(_threads()))
        for done in waiting:
            await self.assertFailure(done, DNSLookupError)

    async def test_stop(self) -> None:
        """Stopping answers everybody at once, though a lookup is stuck."""
        self.stall("slow.test")
        lookups = Resolver(self.reactor, 60, self.names)
        waiting = lookups.resolve("slow.test")
        await until(lambda: self.names.asked)
        lookups.stop()
        lookups.stop()
        self.failureResultOf(waiting, DNSLookupError)
        self.assertTrue(all(thread.daemon for thread in _threads()))


def _threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if "magicgateway-dns" in thread.name]
