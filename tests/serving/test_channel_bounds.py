"""What a downstream connection may cost, whoever is at its other end."""

from __future__ import annotations

import contextlib
import itertools
import socket
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from magicgateway.serving import channel as channel_module
from magicgateway.upstream import eager
from tests.gateway import GatewayTestCase, post, start_gateway, until
from tests.serving.test_channel import BODY, CHAT, DEMO, HEALTH, code_of, connected, status_of


class PipelineTests(GatewayTestCase):
    """Many requests at once."""

    async def test_unread_answers(self) -> None:
        """A caller that sends on and on without reading stops being read, and loses nothing."""

        def flood(client: socket.socket) -> None:
            client.settimeout(0.5)
            with contextlib.suppress(TimeoutError):
                for _ in range(1000):
                    client.sendall(HEALTH % b"" * 100)
                raise AssertionError("the gateway took everything")

        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", self.gateway.port))
            await deferToThread(flood, client)
            (channel,) = self.gateway.gateway.site.channels
            self.assertTrue(channel._resting)
            self.assertLessEqual(eager.unsent(channel.transport), 256 * 1024)

            begun = len(self.gateway.facts)

            def read() -> bytearray:
                answers = bytearray()
                while answers.count(b"HTTP/1.1 200 OK\r\n") <= begun + 100:
                    answers += client.recv(65536)
                return answers

            answers = await deferToThread(read)
        self.assertNotIn(b"HTTP/1.1 4", answers)
        whole, after_another = b"HTTP/1.1 200 OK\r\n", b"}HTTP/1.1 200 OK\r\n"
        self.assertEqual(answers.count(whole), answers.count(after_another) + 1)

    async def test_turns(self) -> None:
        """However many requests came in one packet, others have their turn between them."""
        clock: Any = reactor
        counts: list[int] = []

        def count() -> None:
            counts.append(len(self.gateway.facts))
            if counts[-1] < 500:
                clock.callLater(0, count)

        def ask() -> int:
            with connected(self.gateway) as client:
                client.sendall(HEALTH % b"" * 499 + HEALTH % b"Connection: close\r\n")
                answer = b""
                while data := client.recv(65536):
                    answer += data
                return answer.count(b"HTTP/1.1 200 OK\r\n")

        count()
        self.assertEqual(500, await deferToThread(ask))
        await until(lambda: counts[-1] == 500)
        steps = [later - earlier for earlier, later in itertools.pairwise(counts)]
        # The counting may come first in one turn and last in the next, and bytes between them.
        self.assertLessEqual(max(steps), 4 * channel_module.BEGUN_PER_TURN)

    async def test_behind_a_reset(self) -> None:
        """When an answer breaks off, the request behind it is not begun."""
        fault = {**DEMO, "x-demo-fault": "wrong-length=+9"}
        both = post(CHAT, BODY, headers=fault, close=False) + post(CHAT, BODY, headers=DEMO)
        answer = await self.gateway.ask(both)
        self.assertEqual(1, answer.count(b"HTTP/1.1"))
        await until(lambda: not self.gateway.gateway.site.channels)
        self.assertEqual(1, len(self.gateway.demo.journal))


class IdleTests(GatewayTestCase):
    """Connections that do nothing useful."""

    toml = "[limits]\nkeep_alive_seconds = 0.4\nhead_seconds = 0.4\n"

    async def test_empty_lines(self) -> None:
        """Empty lines, whole or halved, do not keep a connection alive."""

        def trickle() -> bytes:
            with connected(self.gateway) as client:
                client.settimeout(0.1)
                for number in range(40):
                    try:
                        client.sendall(b"\r\n"[number % 2 :][:1])
                        return client.recv(1000)
                    except TimeoutError:
                        continue
                    except ConnectionError:
                        return b""
                raise AssertionError("still open after four seconds")

        self.assertEqual(b"", await deferToThread(trickle))

    async def test_turned_away(self) -> None:
        """Callers over the cap that stay although they were told to leave are cut off."""
        self.patch(channel_module, "LINGER_SECONDS", 0.1)
        gateway = await start_gateway(self, "[server]\nmax_connections = 1\n")
        site = gateway.gateway.site
        clients = []
        for number in range(70):
            clients.append(socket.create_connection(("127.0.0.1", gateway.port)))
            self.addCleanup(clients[-1].close)
            if not number:
                await until(lambda: bool(site.channels))

        def read() -> list[bytes]:
            for client in clients:
                client.settimeout(5)
            return [client.recv(65536) for client in clients[1:]]

        answers = await deferToThread(read)
        await until(lambda: len(site.sweeper) == 1, 5)
        self.assertEqual((1, 0), (len(site.channels), len(site._turned_away)))
        for answer in answers:
            self.assertEqual((503, "too_many_connections"), (status_of(answer), code_of(answer)))


class AnswerTests(GatewayTestCase):
    """Small promises about answers of our own."""

    async def test_http_10(self) -> None:
        """HTTP/1.0 callers that keep their connection are told so with every kind of answer."""
        request = post(CHAT, b"{", headers={**DEMO, "Connection": "Keep-Alive"})
        request = request.replace(b"HTTP/1.1", b"HTTP/1.0")
        last = request.replace(b"Keep-Alive", b"close")
        answer = await self.gateway.ask(request + last)
        self.assertEqual(2, answer.count(b"HTTP/1.1 400"))
        self.assertEqual(1, answer.lower().count(b"connection: keep-alive"))

    async def test_expect_of_unknown_provider(self) -> None:
        """Who names a provider that nobody knows is not asked for a body."""
        fields = {"x-provider": "nobody", "Expect": "100-continue"}
        answer = await self.gateway.ask(post(CHAT, BODY, headers=fields))
        self.assertEqual((400, "unknown_provider"), (status_of(answer), code_of(answer)))

    async def test_expect_elsewhere(self) -> None:
        """Outside the API no body is asked for, because none is read."""
        for path, status in (("/nothing", 404), ("/health", 405)):
            answer = await self.gateway.ask(post(path, BODY, headers={"Expect": "100-continue"}))
            self.assertEqual(status, status_of(answer))

    async def test_head(self) -> None:
        """A refusal of HEAD has no body."""
        answer = await self.gateway.ask(b"HEAD /v1/a/../b HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.assertEqual(400, status_of(answer))
        self.assertTrue(answer.endswith(b"\r\n\r\n"))

    async def test_one_name(self) -> None:
        """The id in an answer is the one in the log, the caller's own if it gave one."""
        for path, given in (("/v1/a/../b", ""), ("/nothing", ""), ("/health", "mine-1")):
            field = f"x-request-id: {given}\r\n".encode() if given else b""
            request = HEALTH.replace(b"/health", path.encode()) % (b"Connection: close\r\n" + field)
            answer = await self.gateway.ask(request)
            identity = self.gateway.facts[-1].request_id
            self.assertIn(b"x-request-id: %b\r\n" % identity.encode(), answer.lower())
            self.assertEqual(given or identity, identity)


class UnixSocketTests(GatewayTestCase):
    """Callers on a UNIX socket, which has neither addresses nor TCP's options."""

    async def test_served(self) -> None:
        """They are served, and stay connected while their upload has to wait."""
        path = self.mktemp()
        clock: Any = reactor
        port = clock.listenUNIX(path, self.gateway.gateway.site)
        self.addCleanup(port.stopListening)

        def ask() -> bytes:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(10)
                client.connect(str(Path(path)))
                client.sendall(HEALTH % b"")
                head = client.recv(65536)
                (channel,) = self.gateway.gateway.site.channels
                assert not eager.peer_has_closed(channel.transport)
                client.sendall(post("/v1/files", b"x" * 3_000_000, headers=DEMO))
                while data := client.recv(65536):
                    head += data
                return head

        answer = await deferToThread(ask)
        self.assertEqual(2, answer.count(b"HTTP/1.1 "), answer)
        self.assertEqual(3_000_000, self.gateway.demo.journal[-1].body_size)
