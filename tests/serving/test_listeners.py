"""Addresses: what can be listened on, what is said when it cannot, how it is shown."""

from __future__ import annotations

import socket
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import TestCase

from magicgateway.errors import ConfigError
from magicgateway.serving.listeners import Listeners
from tests.certificates import Authority


def factory() -> Any:
    """Builds protocols that say nothing."""
    quiet = Factory.forProtocol(Protocol)
    quiet.noisy = False
    return quiet


class ListenersTestCase(TestCase):
    """Listeners on the real reactor, and a short folder."""

    def setUp(self) -> None:
        keep = tempfile.TemporaryDirectory()
        self.addCleanup(keep.cleanup)
        self.folder = Path(keep.name)

    def listeners(self, *descriptions: str) -> Listeners:
        """Listeners that are closed when the test ends."""
        made = Listeners(reactor, descriptions, factory())
        self.addCleanup(made.stopService)
        return made

    def taken(self) -> int:
        """A port that somebody else listens on."""
        other = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(other.close)
        return int(other.getsockname()[1])

    def said(self, call: Any, *args: Any) -> str:
        """The sentence of the ConfigError that a call ends in."""
        return str(self.assertRaises(ConfigError, call, *args))


class BindTests(ListenersTestCase):
    """Taking addresses and giving them back."""

    async def test_listens(self) -> None:
        """Callers can connect to each address; after ``close`` they cannot."""
        made = self.listeners("tcp:0:interface=127.0.0.1", "tcp:0:interface=127.0.0.1")
        made.privilegedStartService()
        made.startService()
        ports = made.ports()
        self.assertEqual(2, len(set(ports)))
        for port in ports:
            socket.create_connection(("127.0.0.1", port), 5).close()
        await made.close()
        self.assertEqual(([], []), (made.ports(), made.addresses()))
        for port in ports:
            with self.assertRaises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port), 5)

    async def test_start_alone(self) -> None:
        """``startService`` binds where nobody called ``privilegedStartService`` before it."""
        made = self.listeners("tcp:0:interface=127.0.0.1")
        made.startService()
        self.assertEqual(1, len(made.ports()))

    async def test_start_again(self) -> None:
        """A service that was stopped can be started again."""
        made = self.listeners("tcp:0:interface=127.0.0.1")
        made.startService()
        await made.stopService()
        made.startService()
        self.assertEqual(1, len(made.ports()))

    def test_taken(self) -> None:
        """A taken port is told in one sentence, by key, address, reason and remedy."""
        port = self.taken()
        made = self.listeners(f"tcp:{port}:interface=127.0.0.1")
        sentence = (
            f"server.listen: cannot listen on tcp:{port}:interface=127.0.0.1: Address already in"
            " use; choose another address or port (--port, --listen), or stop what uses it"
        )
        self.assertEqual(sentence, self.said(made.privilegedStartService))
        self.assertEqual(sentence, self.said(made.probe))

    def test_other_key(self) -> None:
        """The sentence names the setting that was wrong."""
        made = Listeners(reactor, [f"tcp:{self.taken()}"], factory(), "metrics.listen")
        self.assertTrue(self.said(made.probe).startswith("metrics.listen: cannot listen on tcp:"))


class ProbeTests(ListenersTestCase):
    """Whether an address could be had, asked before the process goes into the background."""

    def test_lets_go(self) -> None:
        """What was probed can be bound afterwards, and nothing is left of the probe."""
        path = self.folder / "gateway.sock"
        made = self.listeners("tcp:0:interface=127.0.0.1", f"unix:{path}")
        made.probe()
        self.assertEqual([], list(self.folder.iterdir()))
        made.privilegedStartService()
        self.assertEqual(f"unix:{path}", made.addresses()[1])
        self.assertEqual(1, len(made.ports()))

    def test_no_such_place(self) -> None:
        """A folder that is not there, an address of another machine, a port beyond the last."""
        for text, reason in (
            (f"unix:{self.folder}/none/x.sock", "No such file or directory"),
            (f"unix:{self.folder}/{'x' * 200}", "AF_UNIX path too long"),
            ("tcp:0:interface=192.0.2.77", "Cannot assign requested address"),
            ("tcp:0:interface=2001\\:db8\\:\\:77", "Cannot assign requested address"),
            ("tcp:70000", "port must be 0-65535"),
            ("haproxy:tcp:70000", "port must be 0-65535"),
        ):
            with self.subTest(text):
                self.assertIn(reason, self.said(self.listeners(text).probe))

    def test_behind_a_balancer(self) -> None:
        """The port of a ``haproxy:`` endpoint is probed too."""
        made = self.listeners(f"haproxy:tcp:{self.taken()}:interface=127.0.0.1")
        self.assertIn("Address already in use", self.said(made.probe))

    def test_socket_in_use(self) -> None:
        """A Unix socket that somebody listens on is taken."""
        path = self.folder / "gateway.sock"
        other = socket.socket(socket.AF_UNIX)
        self.addCleanup(other.close)
        other.bind(str(path))
        other.listen(1)
        self.assertIn("Address already in use", self.said(self.listeners(f"unix:{path}").probe))
        self.assertTrue(path.exists())

    def test_socket_left_over(self) -> None:
        """A Unix socket that a killed process left, with its lock, can be taken over."""
        path = self.folder / "gateway.sock"
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(path))
        made = self.listeners(f"unix:{path}")
        self.assertIn("Address already in use", self.said(made.probe))
        Path(f"{path}.lock").symlink_to("999999999")
        made.probe()
        made.privilegedStartService()
        self.assertEqual([f"unix:{path}"], made.addresses())

    def test_own_address(self) -> None:
        """An address that stands there twice, in whatever words, is taken the second time."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        path = self.folder / "gateway.sock"
        for one, other in (
            (f"tcp:{port}", f"tcp:{port}"),
            (f"tcp:{port}", f"tcp:{port}:interface=127.0.0.1"),
            (f"unix:{path}", f"unix:{path}"),
        ):
            said = self.said(self.listeners(one, other).probe)
            self.assertIn(f"cannot listen on {other}: Address already in use", said)
        self.assertEqual([], list(self.folder.iterdir()))

    def test_not_looked_at(self) -> None:
        """An endpoint of an unknown kind is not probed, and that is no error."""
        made = self.listeners("tcp:0")
        made._endpoints = [object()]
        made.probe()
        self.assertEqual([], made.ports())


class DescriptionTests(ListenersTestCase):
    """Endpoint strings."""

    def test_no_endpoint(self) -> None:
        """A string that is no endpoint is refused with the reason and an example."""
        for text, reason in (
            ("foo:bar", "Unknown endpoint type: 'foo'"),
            ("tcp:80x", "invalid literal for int() with base 10: '80x'"),
            ("", "Unknown endpoint type: ''"),
        ):
            with self.subTest(text):
                self.assertEqual(
                    f"server.listen: {text!r} is no endpoint ({reason}); write for example"
                    " tcp:3000:interface=127.0.0.1",
                    self.said(Listeners, reactor, [text], factory()),
                )

    def test_backlog(self) -> None:
        """Many connections at once find room, unless the string says how many may wait."""
        for text, backlog in (
            ("tcp:0", 1024),
            ("tcp:0:backlog=7", 7),
            (f"unix:{self.folder}/x.sock", 1024),
        ):
            with self.subTest(text):
                self.assertEqual(backlog, self.listeners(text)._endpoints[0]._backlog)


class AddressTests(ListenersTestCase):
    """How people read where the gateway is."""

    async def test_schemes(self) -> None:
        """Plain, TLS, IPv6 and Unix addresses are written as one would connect to them."""
        certificate = Authority(self.folder).server("localhost")
        made = self.listeners(
            "tcp:0:interface=127.0.0.1",
            f"ssl:0:interface=127.0.0.1:privateKey={certificate}:certKey={certificate}",
            "tcp:0:interface=\\:\\:1",
            f"unix:{self.folder}/x.sock",
        )
        made.privilegedStartService()
        plain, tls, six = made.ports()
        self.assertEqual(
            [
                f"http://127.0.0.1:{plain}",
                f"https://127.0.0.1:{tls}",
                f"http://[::1]:{six}",
                f"unix:{self.folder}/x.sock",
            ],
            made.addresses(),
        )
