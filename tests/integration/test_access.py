"""Who may do what: operator's credentials by peer, Host and Origin; virtual keys; metrics."""

from __future__ import annotations

import re
import socket
import tempfile
from contextlib import ExitStack

from twisted.trial.unittest import SynchronousTestCase

from tests.daemon import Daemon, free_port
from tests.gateway import exchange_bytes
from tests.integration.asking import Answer, Stream, ask, chat, chat_body, eventually, figures
from tests.sockets import Peer, ScriptedServer

OPERATORS = "sk-of-the-operator-0123456789"
CALLERS = "sk-of-the-caller-0123456789"
VIRTUAL = "virtual-key-0123456789"
ANSWER = b'{"id":"1","object":"chat.completion","choices":[]}'


def serve(peer: Peer) -> None:
    """Answer every request."""
    while True:
        peer.read_request()
        peer.send(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
            % (len(ANSWER), ANSWER)
        )


def own_addresses() -> list[str]:
    """This machine's address on a network, if it has any; nothing is sent to find out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(("192.0.2.1", 9))
        except OSError:
            return []
        address: str = asking.getsockname()[0]
    return [] if address.startswith("127.") else [address]


class AccessTestCase(SynchronousTestCase):
    """A daemon with the operator's key, in front of a provider that keeps what it got."""

    def start(self, toml: str = "", *arguments: str, **environment: str) -> Daemon:
        """The daemon, until the test ends."""
        self.provider = ScriptedServer(serve)
        self.addCleanup(self.provider.stop)
        base = f'[providers.openai]\nbase_url = "http://127.0.0.1:{self.provider.port}/v1"\n'
        daemon = Daemon(
            *arguments,
            toml=base + toml,
            environment={"OPENAI_API_KEY": OPERATORS, **environment},
        )
        daemon.start()
        self.addCleanup(daemon.__exit__)
        self.daemon = daemon
        return daemon

    def call(self, host: str = "127.0.0.1", source: str = "", **headers: str) -> Answer:
        """A chat; keywords are header fields."""
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        return ask(
            self.daemon.port if host.startswith("127.") else self.outer,
            "/v1/chat/completions",
            method="POST",
            headers={"content-type": "application/json", **fields},
            body=b'{"model":"gpt-4o-mini","messages":[]}',
            host=host,
            source=source,
        )

    outer = 0
    """The port on every address."""

    def sent(self) -> list[str]:
        """The credentials that the provider was sent, one for each request."""
        return [
            re.findall(rb"(?i)\r\nauthorization: Bearer (\S+)\r\n", request)[0].decode()
            for request in self.provider.requests()
        ]


class OpenTests(AccessTestCase):
    """Without virtual keys."""

    def test_whom_the_operators_key_serves(self) -> None:
        """Only callers of this machine, by peer, Host and Origin; others are told why."""
        self.outer = free_port()
        self.start("", "--listen", f"tcp:{self.outer}:interface=0.0.0.0")
        port = self.daemon.port
        good: tuple[dict[str, str], ...] = (
            {},
            {"source": "127.0.0.2"},
            {"Host": f"127.0.0.1:{port}"},
            {"Host": "LOCALHOST"},
            {"Host": "app.localhost:3000"},
            {"Host": "[::1]:3000"},
            {"Origin": "http://localhost:5173"},
            {"Origin": "https://127.0.0.1"},
            {"authorization": "Bearer not-needed"},
        )
        bad: tuple[dict[str, str], ...] = (
            {"Host": "evil.example"},
            {"Host": "localhost.evil.example"},
            {"Host": "127.0.0.1.evil.example"},
            {"Host": "127.0.0.1@evil.example"},
            {"Origin": "https://evil.example"},
            {"Origin": "http://localhost.evil.example"},
            {"Origin": "null"},
            {"Origin": "file://"},
            {"x-forwarded-for": "127.0.0.1"},
            {"forwarded": "for=127.0.0.1"},
            {"x-real-ip": "127.0.0.1"},
            *({"host": address} for address in own_addresses()),
            *({"host": address, "Host": "localhost"} for address in own_addresses()),
        )
        for case in good:
            self.assertEqual((case, 200), (case, self.call(**case).status))
        self.assertEqual([OPERATORS] * len(good), self.sent())
        for case in bad:
            answer = self.call(**case)
            if answer.status == 400:  # a Host that is none
                continue
            self.assertEqual((case, 401, "missing_credential"), (case, answer.status, answer.code))
            self.assertIn("server.keys", answer.content["error"]["message"])
        self.assertEqual(len(good), len(self.sent()))
        for case in (*good, *bad):
            answer = self.call(**{**case, "authorization": f"Bearer {CALLERS}"})
            self.assertIn((case, answer.status), ((case, 200), (case, 400)))
        self.assertEqual({CALLERS}, set(self.sent()[len(good) :]))

    def test_quiet_proxy(self) -> None:
        """What nginx passes on without further directives does not look like a local caller's."""
        self.start()
        body = b'{"model":"gpt-4o-mini","messages":[]}'
        for version, status in ((b"1.0", b"401"), (b"1.1", b"200")):
            with socket.create_connection(("127.0.0.1", self.daemon.port), timeout=10) as nginx:
                nginx.sendall(
                    b"POST /v1/chat/completions HTTP/%b\r\nHost: 127.0.0.1:%d\r\n"
                    b"Connection: close\r\nContent-Length: %d\r\n"
                    b"content-type: application/json\r\n\r\n%b"
                    % (version, self.daemon.port, len(body), body)
                )
                self.assertEqual(status, nginx.makefile("rb").readline().split()[1], version)


class ClosedTests(AccessTestCase):
    """With virtual keys."""

    def test_keys(self) -> None:
        """A virtual key lets in, in each place, from anywhere, and goes no further."""
        self.outer = free_port()
        self.start(
            '[server]\nkeys = ["env:TEAM"]',
            "--listen",
            f"tcp:{self.outer}:interface=0.0.0.0",
            TEAM=VIRTUAL,
        )
        bearer = f"Bearer {VIRTUAL}"
        good: tuple[tuple[dict[str, str], str], ...] = (
            ({"x-magicgateway-key": VIRTUAL}, OPERATORS),
            ({"authorization": bearer}, OPERATORS),
            ({"x-api-key": VIRTUAL}, OPERATORS),
            ({"Host": "gateway.example", "authorization": bearer}, OPERATORS),
            ({"x-magicgateway-key": VIRTUAL, "authorization": f"Bearer {CALLERS}"}, CALLERS),
            *(
                ({"host": address, "authorization": bearer}, OPERATORS)
                for address in own_addresses()
            ),
        )
        for case, _ in good:
            self.assertEqual((case, 200), (case, self.call(**case).status))
        self.assertEqual([credential for _, credential in good], self.sent())
        for case, code in (
            ({}, "missing_key"),
            ({"x-magicgateway-key": VIRTUAL[:-1]}, "invalid_key"),
            ({"authorization": f"Bearer {CALLERS}"}, "invalid_key"),
        ):
            answer = self.call(**case)
            self.assertEqual((case, 401, code), (case, answer.status, answer.code))
        self.assertEqual(len(good), len(self.sent()))
        self.assertFalse(any(VIRTUAL.encode() in got for got in self.provider.requests()))


class MetricsTests(AccessTestCase):
    """``/metrics``."""

    def test_loopback_only(self) -> None:
        """Callers of this machine read them, and counts move; for others there is nothing."""
        self.outer = free_port()
        self.start("", "--listen", f"tcp:{self.outer}:interface=0.0.0.0")
        port = self.daemon.port
        answer = ask(port, "/metrics")
        self.assertEqual(200, answer.status)
        self.assertTrue(answer.fields["content-type"].startswith("text/plain; version=0.0.4"))
        self.assertEqual([], figures(port, "magicgateway_requests_total", provider="openai"))
        for count in (1.0, 2.0):
            self.call()
            found = figures(port, "magicgateway_requests_total", provider="openai", status="2xx")
            self.assertEqual([count], found)
        self.assertEqual(404, ask(port, "/metrics", headers={"x-forwarded-for": "1.2.3.4"}).status)
        for address in own_addresses():
            self.assertEqual(404, ask(self.outer, "/metrics", host=address).status)
            self.assertEqual(200, ask(self.outer, "/health", host=address).status)

    def test_own_listener(self) -> None:
        """With ``metrics.listen`` they are there, for whoever reaches it, and only there."""
        own = free_port()
        self.start(f'[metrics]\nlisten = "tcp:{own}"')
        self.assertEqual(404, ask(self.daemon.port, "/metrics").status)
        for host in ("127.0.0.1", *own_addresses()):
            self.assertEqual(200, ask(own, "/metrics", host=host).status)
            self.assertEqual(404, ask(own, "/v1/models", host=host).status)


class UnixTests(AccessTestCase):
    """A Unix socket, behind which anybody may be."""

    def test_log(self) -> None:
        """The operator's key is not for its callers, and the log says where they came from."""
        keep = tempfile.TemporaryDirectory()  # trial's own folders are too deep for a socket
        self.addCleanup(keep.cleanup)
        path = f"{keep.name}/gateway.sock"
        self.start("", "--listen", f"unix:{path}")
        with socket.socket(socket.AF_UNIX) as caller:
            caller.connect(path)
            caller.sendall(b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertTrue(caller.recv(4096).startswith(b"HTTP/1.1 401 "))
        eventually(self.daemon, lambda: '"client":"unix"' in self.daemon.said)


class BalancerTests(AccessTestCase):
    """A balancer that says by the PROXY protocol whom it speaks for (``haproxy:``)."""

    def test_who_calls(self) -> None:
        """Credentials, metrics and logs go by the caller that it names, not by where it is."""
        port = free_port()
        self.start("", "--listen", f"haproxy:tcp:{port}:interface=127.0.0.1")
        for caller, chatted, metrics in (("203.0.113.9", 401, 404), ("127.0.0.1", 200, 200)):
            name = f"balanced-{chatted}"
            body = chat_body("gpt-5-mini").decode()
            fields = f"Host: localhost\r\nConnection: close\r\nx-request-id: {name}\r\n"
            typed = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            for status, request in (
                (chatted, f"POST /v1/chat/completions HTTP/1.1\r\n{typed}{fields}\r\n{body}"),
                (metrics, f"GET /metrics HTTP/1.1\r\n{fields}\r\n"),
            ):
                said = f"PROXY TCP4 {caller} 127.0.0.1 4000 {port}\r\n{request}"
                answer = exchange_bytes(port, said.encode())
                self.assertTrue(answer.startswith(b"HTTP/1.1 %d " % status), answer)
            line = eventually(
                self.daemon,
                lambda: next((x for x in self.daemon.said.splitlines() if name in x), None),  # noqa: B023
            )
            self.assertIn(f'"client":"{caller}"', line)
        self.assertEqual(1, len(self.provider.requests()))


class FewFilesTests(SynchronousTestCase):
    """A process that may open 256 files."""

    def test_flood(self) -> None:
        """Streams that run go on, new work waits or is refused, and afterwards all is well."""
        limited = ("prlimit", "--nofile=256")
        with Daemon("--demo", wrap=limited) as daemon, ExitStack() as callers:
            streams = [
                callers.enter_context(Stream(daemon.port, "demo-fault:rate=40;tokens=100")).begun()
                for _ in range(15)
            ]
            before = callers.enter_context(Stream(daemon.port, "demo-fault:rate=40;tokens=20"))
            with ExitStack() as flood:
                for _ in range(300):
                    idle = socket.create_connection(("127.0.0.1", daemon.port), 10)
                    flood.enter_context(idle)
                    idle.sendall(b"GET /health HTTP/1.1\r\n")
                for stream in streams:
                    received = len(stream.received)
                    stream._more()
                    self.assertGreater(len(stream.received), received)
                try:
                    self.assertIn(chat(daemon.port).status, (200, 502, 503))
                except OSError:  # closed at once, as nothing is free to speak with
                    self.assertEqual(None, daemon.process and daemon.process.poll())
            eventually(daemon, lambda: chat(daemon.port).status == 200)
            self.assertIn(b"data: [DONE]", before.rest())
            for stream in streams:
                self.assertIn(b"data: [DONE]", stream.rest())
            self.assertEqual(0, daemon.stop())
            self.assertNotIn("Traceback", daemon.said)
