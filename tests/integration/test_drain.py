"""Stopping the daemon with signals while somebody is being served."""

from __future__ import annotations

import signal
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack

from twisted.trial.unittest import SynchronousTestCase

from tests.certificates import Authority
from tests.daemon import Daemon, free_port
from tests.integration.asking import Stream, accepts, ask, chat, eventually, figures

ONE_SECOND = "demo-fault:rate=40;tokens=40"
TWENTY_SECONDS = "demo-fault:rate=20;tokens=400"


def server(**settings: float) -> str:
    """A configuration file's text."""
    return "[server]\n" + "".join(f"{name} = {value}\n" for name, value in settings.items())


def logged(daemon: Daemon) -> Iterator[str]:
    """Every line that the daemon wrote."""
    yield from daemon.said.splitlines()


def in_flight(daemon: Daemon) -> float:
    """API requests under way."""
    return sum(figures(daemon.port, "magicgateway_requests_in_flight"))


class DrainTests(SynchronousTestCase):
    """SIGTERM, as an orchestrator sends it."""

    def test_unready_then_closed(self) -> None:
        """Unready at once, closed later; running streams finish; status 0."""
        with Daemon("--demo", toml=server(unready_seconds=0.6)) as daemon:
            port = daemon.port
            with socket.create_connection(("127.0.0.1", port), 10) as idle:
                stream = Stream(port, ONE_SECOND).begun()
                daemon.signal(signal.SIGTERM)
                eventually(daemon, lambda: ask(port, "/health/ready").status == 503)
                for answer in (ask(port, "/health/ready"), ask(port, "/health"), chat(port)):
                    self.assertEqual("close", answer.fields["connection"].lower())
                self.assertEqual(200, answer.status)
                self.assertEqual(b"", idle.recv(1))
            # The socket is closed a turn of the reactor after the idle connections.
            eventually(daemon, lambda: not accepts(port))
            self.assertIn(b"data: [DONE]", stream.rest())
            self.assertEqual(0, daemon.wait())
            self.assertIn("draining: ", daemon.said)
            self.assertIn('"stopped"', daemon.said)

    def test_time_is_over(self) -> None:
        """After the time a stream ends in an error event, who waits gets a 503; status 0."""
        with Daemon("--demo", toml=server(drain_seconds=0.4)) as daemon:
            stream = Stream(daemon.port, TWENTY_SECONDS).begun()
            waiting = Stream(daemon.port, "demo-fault:silence", stream=False)
            eventually(daemon, lambda: in_flight(daemon) == 2)
            daemon.signal(signal.SIGTERM)
            cut = stream.rest()
            self.assertIn(b'"gateway_stopping"', cut)
            self.assertNotIn(b"[DONE]", cut)
            self.assertTrue(cut.endswith(b"0\r\n\r\n"), cut[-100:])
            head, _, body = waiting.rest().partition(b"\r\n\r\n")
            self.assertTrue(head.startswith(b"HTTP/1.1 503 "), head)
            self.assertIn(b"\r\nretry-after: 1", head.lower())
            self.assertIn(b'"gateway_stopping"', body)
            self.assertEqual(0, daemon.wait())
            outcomes = [line for line in logged(daemon) if '"chat/completions"' in line]
            self.assertEqual(2, len(outcomes))

    def test_under_load(self) -> None:
        """None of 50 running streams is cut, and nobody else is let in."""
        with Daemon("--demo") as daemon, ExitStack() as streams:
            running = [streams.enter_context(Stream(daemon.port, ONE_SECOND)) for _ in range(50)]
            for stream in running:
                stream.begun()
            daemon.signal(signal.SIGTERM)
            self.assertEqual(50, sum(b"data: [DONE]" in stream.rest() for stream in running))
            self.assertFalse(accepts(daemon.port))
            self.assertEqual(0, daemon.wait())


class SignalTests(SynchronousTestCase):
    """Which signals mean what."""

    def second_signal(self, first: int, second: int) -> None:
        """SIGHUP, then a stream, then two signals."""
        with Daemon("--demo") as daemon:
            daemon.signal(signal.SIGHUP)
            eventually(daemon, lambda: "SIGHUP" in daemon.said)
            with Stream(daemon.port, TWENTY_SECONDS).begun() as stream:
                daemon.signal(first)
                eventually(daemon, lambda: not accepts(daemon.port))
                received = len(stream.received)
                stream._more()
                self.assertGreater(len(stream.received), received)
                began = time.monotonic()
                daemon.signal(second)
                self.assertEqual(0, daemon.wait())
                self.assertLess(time.monotonic() - began, 1.0)
                self.assertNotIn(b"[DONE]", stream.rest())

    def test_term(self) -> None:
        """SIGHUP stops nothing; SIGTERM drains; a second signal ends it at once."""
        self.second_signal(signal.SIGTERM, signal.SIGINT)

    def test_int(self) -> None:
        """SIGINT is like SIGTERM."""
        self.second_signal(signal.SIGINT, signal.SIGTERM)


class RotationTests(SynchronousTestCase):
    """SIGUSR1, which rotating programs send."""

    def test_file(self) -> None:
        """A renamed log file is begun again, and the daemon serves on."""
        with Daemon(toml='[log]\nfile = "gateway.log"\nlevel = "error"\n') as daemon:
            log = daemon.folder / "gateway.log"
            daemon.signal(signal.SIGUSR1)
            eventually(daemon, log.exists)
            log.rename(daemon.folder / "gateway.log.1")
            daemon.signal(signal.SIGUSR1)
            eventually(daemon, log.exists)
            self.assertTrue(daemon.answers())

    def test_no_file(self) -> None:
        """Without a file it is said that nothing is done."""
        with Daemon() as daemon:
            daemon.signal(signal.SIGUSR1)
            eventually(daemon, lambda: "SIGUSR1 is not used" in daemon.said)
            self.assertTrue(daemon.answers())


class TlsDrainTests(SynchronousTestCase):
    """A listener that speaks TLS."""

    def test_idle_caller(self) -> None:
        """An idle connection whose caller does not read does not hold the end up."""
        with Daemon() as daemon:
            daemon.stop()
            authority = Authority(daemon.folder)
            pem = authority.server("localhost")
            port = free_port()
            daemon.command += [
                "--listen",
                f"ssl:{port}:interface=127.0.0.1:privateKey={pem}:certKey={pem}",
            ]
            daemon.start()
            context = ssl.create_default_context(cafile=str(authority.ca_file))
            with (
                socket.create_connection(("127.0.0.1", port), 10) as plain,
                context.wrap_socket(plain, server_hostname="localhost") as caller,
            ):
                caller.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
                self.assertTrue(caller.recv(4096).startswith(b"HTTP/1.1 200 "))
                began = time.monotonic()
                daemon.signal(signal.SIGTERM)
                self.assertEqual(0, daemon.wait())
                self.assertLess(time.monotonic() - began, 4.0)
