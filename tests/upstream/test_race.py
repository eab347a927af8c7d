"""Several addresses of one host, with a reactor that connects to nobody."""

from __future__ import annotations

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.upstream.race import SILENT_SECONDS, Race

HOSTS = ("::1", "127.0.0.1", "127.0.0.2")


class RaceTests(SynchronousTestCase):
    """Who is tried when, by a clock that the test moves."""

    def race(self, *hosts: str) -> None:
        """Start a race to these addresses."""
        self.reactor = MemoryReactorClock()
        addresses = [
            (IPv6Address if ":" in host else IPv4Address)("TCP", host, 0) for host in hosts
        ]
        factory = Factory.forProtocol(Protocol)
        self.running = Race(self.reactor, addresses, 443, factory, 7)
        self.running.start()

    def tried(self) -> list[str]:
        """The addresses that were tried, in order."""
        return [client[0] for client in self.reactor.tcpClients]

    def refuse(self, number: int) -> None:
        """An address refuses."""
        factory = self.reactor.tcpClients[number][2]
        factory.clientConnectionFailed(self.reactor.connectors[number], Failure(Refused()))

    def accept(self, number: int) -> Protocol:
        """An address accepts."""
        built = self.reactor.tcpClients[number][2].buildProtocol(None)
        assert built is not None
        built.makeConnection(StringTransport())
        protocol = self.successResultOf(self.running.winner)
        assert isinstance(protocol, Protocol)
        return protocol

    def stopped(self) -> list[bool]:
        """Which attempts were stopped."""
        return [connector.stoppedConnecting for connector in self.reactor.connectors]

    def test_first(self) -> None:
        """One address that accepts is enough; port and timeout are as given."""
        self.race(*HOSTS)
        self.assertIsInstance(self.accept(0), Protocol)
        self.assertEqual(("::1", 443, 7), (*self.reactor.tcpClients[0][:2], self.timeout_of(0)))
        self.assertEqual((["::1"], []), (self.tried(), self.reactor.getDelayedCalls()))

    def timeout_of(self, number: int) -> float:
        """The timeout of an attempt."""
        seconds: float = self.reactor.tcpClients[number][3]
        return seconds

    def test_refused(self) -> None:
        """As soon as an address refuses the next one is tried, and after the last one it ends."""
        self.race(*HOSTS)
        for number in range(3):
            self.assertEqual(list(HOSTS[: number + 1]), self.tried())
            self.assertNoResult(self.running.winner)
            self.refuse(number)
        self.failureResultOf(self.running.winner, Refused)
        self.assertEqual(0, self.reactor.seconds())
        self.assertEqual([], self.reactor.getDelayedCalls())

    def test_silent(self) -> None:
        """Beside a silent address the next one is tried; the first that accepts ends the others."""
        self.race(*HOSTS)
        self.reactor.advance(SILENT_SECONDS * 0.9)
        self.assertEqual(["::1"], self.tried())
        self.reactor.advance(SILENT_SECONDS * 0.1)
        self.assertEqual(["::1", "127.0.0.1"], self.tried())
        self.accept(1)
        self.assertEqual([True, False], self.stopped())
        self.reactor.advance(10)
        self.assertEqual(["::1", "127.0.0.1"], self.tried())

    def test_refused_beside_a_silent_one(self) -> None:
        """The end waits for whoever has not answered."""
        self.race("::1", "127.0.0.1")
        self.reactor.advance(SILENT_SECONDS)
        self.refuse(1)
        self.assertNoResult(self.running.winner)
        self.accept(0)

    def test_cancelled(self) -> None:
        """Cancelling ends what is under way, and nothing is tried any more."""
        self.race(*HOSTS)
        self.reactor.advance(SILENT_SECONDS)
        self.running.winner.cancel()
        self.failureResultOf(self.running.winner, CancelledError)
        self.assertEqual([True, True], self.stopped())
        self.reactor.advance(10)
        self.assertEqual(["::1", "127.0.0.1"], self.tried())
