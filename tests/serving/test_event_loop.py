"""Socket events reach their transports, whatever one of them does."""

from __future__ import annotations

import socket
import sys
from typing import Any

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.internet.selectreactor import SelectReactor
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.serving.event_loop import install, quick_poll


class Reading:
    """One end of a pair of sockets, as a reactor knows it."""

    disconnected = None

    def __init__(self, result: Any = None) -> None:
        self.socket, self.peer = socket.socketpair()
        self.socket.setblocking(False)
        self.result = result
        self.events: list[str] = []

    def fileno(self) -> int:
        return self.socket.fileno()

    def logPrefix(self) -> str:
        return "reading"

    def doRead(self) -> Any:
        self.events.append("read")
        self.socket.recv(100)
        if isinstance(self.result, type):
            raise self.result
        return self.result

    def doWrite(self) -> Any:
        self.events.append("write")
        return self.result

    def readConnectionLost(self, reason: Failure) -> None:
        self.events.append(f"half-closed: {type(reason.value).__name__}")

    def connectionLost(self, reason: Failure) -> None:
        self.events.append(f"lost: {type(reason.value).__name__}")


class QuickPollTests(SynchronousTestCase):
    """``quick_poll`` on a reactor that is never run."""

    def setUp(self) -> None:
        self.reactor: Any = EPollReactor()
        self.poll = quick_poll(self.reactor)
        self.addCleanup(self.reactor._poller.close)
        for descriptor in (self.reactor.waker.i, self.reactor.waker.o):
            self.addCleanup(socket.close, descriptor)

    def reading(self, result: Any = None, *, write: bool = False) -> Reading:
        """A transport that the reactor watches and for which there is a byte."""
        item = Reading(result)
        self.addCleanup(item.socket.close)
        self.addCleanup(item.peer.close)
        item.peer.send(b"x")
        self.reactor.addReader(item)
        if write:
            self.reactor.addWriter(item)
        return item

    def test_readable(self) -> None:
        """What can be read is read, once per event, and nothing else happens."""
        item = self.reading()
        self.poll(0)
        self.poll(0)
        self.assertEqual(["read"], item.events)

    def test_writable_as_well(self) -> None:
        """Events of both kinds are Twisted's to hand out: reading comes first."""
        item = self.reading(write=True)
        self.poll(None)
        self.assertEqual(["read", "write"], item.events)

    def test_ended(self) -> None:
        """A transport that says that its connection is over is told so, and forgotten."""
        ways = [(CONNECTION_LOST, "ConnectionLost"), (CONNECTION_DONE, "ConnectionDone")]
        for result, name in ways:
            item = self.reading(result)
            self.poll(0)
            self.assertEqual(["read", f"lost: {name}"], item.events)
            self.assertNotIn(item, self.reactor.getReaders())

    def test_exception(self) -> None:
        """One that raises is disconnected and logged; the others of the turn get their events."""
        broken, well = self.reading(ZeroDivisionError), self.reading()
        self.poll(0)
        self.assertEqual(["read", "lost: ZeroDivisionError"], broken.events)
        self.assertEqual(["read"], well.events)
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))

    def test_removed_meanwhile(self) -> None:
        """A transport that an earlier event of the same turn has removed is left alone."""
        first, second = self.reading(), self.reading()

        def remove_other() -> None:
            other = second if not second.events and first.events else first
            self.reactor.removeReader(other)

        for item in (first, second):
            reading = item.doRead

            def read_and_remove(reading: Any = reading) -> None:
                reading()
                remove_other()

            item.doRead = read_and_remove  # type: ignore[method-assign] # it is a script
        self.poll(0)
        self.assertEqual([["read"]], [item.events for item in (first, second) if item.events])

    def test_interrupted(self) -> None:
        """A signal that interrupts the wait ends the turn; any other error is raised."""

        class Poller:
            error: OSError = InterruptedError(4, "interrupted")

            def poll(self, *_: Any) -> Any:
                raise self.error

        poller = Poller()
        self.reactor._poller, real = poller, self.reactor._poller
        poll = quick_poll(self.reactor)
        self.reactor._poller = real
        self.assertIsNone(poll(0))
        poller.error = OSError(9, "bad descriptor")
        self.assertRaises(OSError, poll, 0)


class InstallTests(SynchronousTestCase):
    """Which reactors are changed."""

    def test_epoll(self) -> None:
        """Twisted's epoll reactor gets another way to do an iteration."""
        reactor: Any = EPollReactor()
        self.addCleanup(reactor._poller.close)
        self.assertTrue(install(reactor))
        self.assertIn("doIteration", vars(reactor))

    def test_others(self) -> None:
        """Any other reactor is left alone, and so is every reactor where there is no epoll."""
        reactor: Any = SelectReactor()
        self.assertFalse(install(reactor))
        self.assertNotIn("doIteration", vars(reactor))
        self.patch(sys, "platform", "darwin")
        self.assertFalse(install(reactor))

    def test_private_names(self) -> None:
        """The names that are reached into exist in the installed Twisted."""
        reactor: Any = EPollReactor()
        self.addCleanup(reactor._poller.close)
        for name in ("_selectables", "_poller", "_doReadOrWrite", "_disconnectSelectable"):
            self.assertTrue(hasattr(reactor, name), name)
