"""One downstream connection, on real sockets: what is taken, refused, waited for, and bounded."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator

from twisted.internet.threads import deferToThread

from tests.gateway import GatewayTestCase, RunningGateway, post, until

CHAT = "/v1/chat/completions"
DEMO = {"x-provider": "demo"}
BODY = b'{"model":"demo","messages":[{"role":"user","content":"Hi"}]}'
HEALTH = b"GET /health HTTP/1.1\r\nHost: localhost\r\n%b\r\n"


@contextlib.contextmanager
def connected(gateway: RunningGateway) -> Iterator[socket.socket]:
    """A blocking connection, for threads."""
    with socket.create_connection(("127.0.0.1", gateway.port), 10) as client:
        yield client


def read_answer(client: socket.socket, buffer: bytearray) -> tuple[bytes, bytes]:
    """One answer with a length, head and body; what follows stays in the buffer."""
    while b"\r\n\r\n" not in buffer:
        data = client.recv(65536)
        if not data:
            raise EOFError(bytes(buffer))
        buffer += data
    head, _, rest = bytes(buffer).partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    while len(rest) < length:
        rest += client.recv(65536)
    buffer[:] = rest[length:]
    return head, rest[:length]


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def code_of(answer: bytes) -> str:
    """The machine code in an error answer, which is complete and in JSON."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/json" in head.lower(), head
    code: str = json.loads(body)["error"]["code"]
    return code


class LimitTests(GatewayTestCase):
    """Every limit at its bound and one beyond."""

    toml = (
        "[server]\nmax_body_bytes = 1000\nmax_upload_bytes = 2000\n"
        "[limits]\nhead_bytes = 4096\nline_bytes = 2048\ntarget_bytes = 1024\nfields = 20\n"
    )

    async def assert_bound(self, expected: tuple[int, str], *requests: bytes) -> None:
        """All requests but the last are served; that one is refused and ends the connection."""
        for request in requests[:-1]:
            self.assertEqual(200, status_of(await self.gateway.ask(request)))
        answer = await self.gateway.ask(requests[-1])
        self.assertEqual(expected, (status_of(answer), code_of(answer)))
        self.assertIn(b"connection: close", answer.lower())
        self.assertEqual(1, answer.count(b"HTTP/1.1"))

    async def test_target(self) -> None:
        """A longer target is 414."""

        def asking(size: int) -> bytes:
            target = b"/health?" + b"x" * (size - 8)
            return b"GET %b HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" % target

        await self.assert_bound((414, "target_too_long"), *map(asking, (1023, 1024, 1025)))

    async def test_line(self) -> None:
        """A longer line is 431."""

        def asking(size: int) -> bytes:
            return HEALTH % (b"Connection: close\r\nX: %b\r\n" % (b"x" * (size - 3)))

        await self.assert_bound((431, "field_too_large"), *map(asking, (2047, 2048, 2049)))

    async def test_head(self) -> None:
        """A larger head is 431."""
        base = len(HEALTH % b"Connection: close\r\nA: \r\nB: \r\nC: \r\n")

        def asking(size: int) -> bytes:
            rest = size - base
            fields = (b"x" * 1500, b"x" * 1500, b"x" * (rest - 3000))
            return HEALTH % (b"Connection: close\r\nA: %b\r\nB: %b\r\nC: %b\r\n" % fields)

        await self.assert_bound((431, "head_too_large"), *map(asking, (4095, 4096, 4097)))

    async def test_fields(self) -> None:
        """More fields are 431."""

        def asking(count: int) -> bytes:
            return HEALTH % (b"Connection: close\r\n" + b"X: 1\r\n" * (count - 2))

        await self.assert_bound((431, "too_many_fields"), *map(asking, (19, 20, 21)))

    async def test_body(self) -> None:
        """A larger JSON body is 413: told from its length before it is sent, or counted."""

        def body(size: int) -> bytes:
            return BODY[:-1] + b' ,"user":"%b"}' % (b"u" * (size - len(BODY) - 11))

        def declared(size: int) -> bytes:
            assert len(body(size)) == size, len(body(size))
            return post(CHAT, body(size), headers=DEMO)

        def chunked(size: int) -> bytes:
            head = post(CHAT, b"", headers=DEMO).replace(
                b"Content-Length: 0", b"Transfer-Encoding: chunked"
            )
            data = body(size)
            return head + b"%x\r\n%b\r\n1\r\n%b\r\n0\r\n\r\n" % (size - 1, data[:-1], data[-1:])

        expected = (413, "body_too_large")
        await self.assert_bound(expected, *map(declared, (999, 1000, 1001)))
        await self.assert_bound(expected, *map(chunked, (999, 1000, 1001)))
        only_head = declared(1001).partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        await self.assert_bound(expected, only_head)
        self.assertIn(b"server.max_body_bytes", await self.gateway.ask(only_head))

    async def test_upload(self) -> None:
        """A larger upload is 413 by its length or counted, and names its own setting."""
        fields = {**DEMO, "Content-Type": "application/octet-stream"}

        def declared(size: int) -> bytes:
            return post("/v1/audio/speech", b"x" * size, headers=fields)

        def chunked(size: int) -> bytes:
            head = post("/v1/audio/speech", b"", headers=fields).replace(
                b"Content-Length: 0", b"Transfer-Encoding: chunked"
            )
            return head + b"%x\r\n%b\r\n1\r\nx\r\n0\r\n\r\n" % (size - 1, b"x" * (size - 1))

        for asking in (declared, chunked):
            for size in (1999, 2000):
                self.assertNotEqual(413, status_of(await self.gateway.ask(asking(size))))
                self.assertEqual(size, self.gateway.demo.journal[-1].body_size)
            answer = await self.gateway.ask(asking(2001))
            self.assertEqual((413, "body_too_large"), (status_of(answer), code_of(answer)))
            self.assertIn(b"server.max_upload_bytes", answer)
        self.assertEqual(4, len(self.gateway.demo.journal))


class DeadlineTests(GatewayTestCase):
    """How long is waited."""

    toml = (
        "[limits]\nhead_seconds = 0.6\nbody_gap_seconds = 0.6\nkeep_alive_seconds = 0.6\n"
        "write_progress_seconds = 0.6\n"
    )

    async def test_slow_head(self) -> None:
        """A head that trickles in is 408, however steadily it trickles."""

        def trickle() -> bytes:
            with connected(self.gateway) as client:
                client.settimeout(0.1)
                data = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"
                answer = b""
                for number in range(200):
                    with contextlib.suppress(OSError):
                        client.sendall(data[number : number + 1] or b"x")
                    try:
                        answer += client.recv(65536)
                        break
                    except TimeoutError:
                        continue
                return answer

        answer = await deferToThread(trickle)
        self.assertEqual((408, "head_timeout"), (status_of(answer), code_of(answer)))

    async def test_slow_body(self) -> None:
        """A body that stops is 408, in the caller's own dialect."""
        request = post("/v1/messages", BODY, headers=DEMO)
        answer = await self.gateway.ask(request[:-5])
        self.assertEqual(408, status_of(answer))
        error = json.loads(answer.partition(b"\r\n\r\n")[2])
        self.assertEqual("timeout_error", error["error"]["type"])

    async def test_idle(self) -> None:
        """A connection without a request is closed without a word, also between two."""
        self.assertEqual(b"", await self.gateway.ask(b""))
        answer = await self.gateway.ask(HEALTH % b"")
        self.assertEqual(1, answer.count(b"HTTP/1.1 200"))

    async def test_slow_reader(self) -> None:
        """A caller that takes nothing of its answer is cut off, and so is the provider."""
        fault = {**DEMO, "x-demo-fault": "bytes=50000000"}
        client = socket.create_connection(("127.0.0.1", self.gateway.port))
        self.addCleanup(client.close)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(post(CHAT, BODY, headers=fault))
        await until(lambda: bool(self.gateway.facts), 10)
        self.assertEqual("caller_left", self.gateway.facts[0].outcome)
        await until(lambda: self.gateway.demo.journal[0].left_at is not None)


class PersistenceTests(GatewayTestCase):
    """One request after the other on one connection."""

    async def test_reuse(self) -> None:
        """A connection serves any number of requests."""

        def ask() -> list[int]:
            with connected(self.gateway) as client:
                buffer = bytearray()
                statuses = []
                for _ in range(20):
                    client.sendall(post(CHAT, BODY, headers=DEMO, close=False))
                    statuses.append(status_of(read_answer(client, buffer)[0]))
                return statuses

        self.assertEqual([200] * 20, await deferToThread(ask))
        self.assertEqual(1, self.gateway.demo.accepted)

    async def test_pipelined(self) -> None:
        """100 requests sent at once are answered in order, each its own, whatever they take."""
        requests = b"".join(
            post(
                CHAT,
                b'{"model":"demo-%d","messages":[{"role":"user","content":"Hi"}]}' % number,
                headers={**DEMO, "x-demo-fault": f"latency=0.00{number % 7}"},
                close=False,
            )
            for number in range(100)
        )

        def ask() -> list[str]:
            with connected(self.gateway) as client:
                client.sendall(requests)
                buffer = bytearray()
                return [json.loads(read_answer(client, buffer)[1])["model"] for _ in range(100)]

        self.assertEqual([f"demo-{number}" for number in range(100)], await deferToThread(ask))

    async def test_bad_second_request(self) -> None:
        """The first answer arrives whole before a malformed second request is refused."""
        first = post(CHAT, BODY, headers={**DEMO, "x-demo-fault": "latency=0.1"}, close=False)
        answer = await self.gateway.ask(first + b"BAD \x00\r\n\r\n")
        self.assertEqual(2, answer.count(b"HTTP/1.1 "))
        self.assertEqual(200, status_of(answer))
        self.assertEqual("bad_request_head", code_of(answer[answer.rindex(b"HTTP/1.1 400") :]))

    async def test_closing(self) -> None:
        """Connection: close and HTTP/1.0 end the connection; HTTP/1.0 may ask to keep it."""
        for version, field, kept in (
            (b"1.1", b"Connection: close", False),
            (b"1.1", b"Connection: Close, x", False),
            (b"1.0", b"X: 1", False),
            (b"1.0", b"Connection: keep-alive", True),
        ):
            request = post(CHAT, BODY, headers=DEMO, close=False)
            request = request.replace(b"HTTP/1.1\r\n", b"HTTP/%b\r\n%b\r\n" % (version, field))
            answers = await self.gateway.ask(request + HEALTH % b"Connection: close\r\n")
            self.assertEqual(2 if kept else 1, answers.count(b"HTTP/1.1 200"), field)
            self.assertEqual(kept, b"connection: keep-alive" in answers.lower())

    async def test_bytes_after_close(self) -> None:
        """What follows a last request is thrown away, and its answer still arrives."""
        answer = await self.gateway.ask(post(CHAT, BODY, headers=DEMO) + b"\x00garbage" * 5000)
        self.assertEqual(1, answer.count(b"HTTP/1.1 "))
        self.assertEqual(200, status_of(answer))

    async def test_empty_line_first(self) -> None:
        """One empty line before a request is forgiven (RFC 9112 section 2.2)."""
        answer = await self.gateway.ask(b"\r\n" + HEALTH % b"Connection: close\r\n")
        self.assertEqual(200, status_of(answer))

    async def test_cut_anywhere(self) -> None:
        """A request means the same wherever it is cut into packets."""
        request = post(CHAT, BODY, headers=DEMO, close=False)

        def ask() -> set[int]:
            found = set()
            with connected(self.gateway) as client:
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                buffer = bytearray()
                for cut in range(1, len(request), 7):
                    client.sendall(request[:cut])
                    client.sendall(request[cut:])
                    found.add(status_of(read_answer(client, buffer)[0]))
            return found

        self.assertEqual({200}, await deferToThread(ask))


class LeavingTests(GatewayTestCase):
    """Callers that go away."""

    waiting = post(CHAT, BODY, headers={**DEMO, "x-demo-fault": "silence"})

    async def assert_noticed(self, client: socket.socket) -> None:
        """The provider hears of it at once."""
        await until(lambda: bool(self.gateway.demo.connections))
        await until(lambda: bool(self.gateway.demo.journal))
        client.close()
        await until(lambda: self.gateway.demo.journal[0].left_at is not None, 1.0)
        self.assertEqual(["caller_left"], [fact.outcome for fact in self.gateway.facts])
        self.assertEqual([499], [fact.status for fact in self.gateway.facts])

    async def test_waiting(self) -> None:
        """One that waits for its answer."""
        client = socket.create_connection(("127.0.0.1", self.gateway.port))
        client.sendall(self.waiting)
        await self.assert_noticed(client)

    async def test_after_junk(self) -> None:
        """One that has sent more than anybody would keep: what it sends is bounded."""
        client = socket.create_connection(("127.0.0.1", self.gateway.port))
        client.sendall(self.waiting.replace(b"Connection: close\r\n", b""))
        await until(lambda: bool(self.gateway.demo.journal))
        await deferToThread(client.sendall, b"j" * 1_000_000)
        (channel,) = self.gateway.gateway.site.channels
        self.assertLessEqual(sum(map(len, channel._pending)), 64 * 1024)
        await self.assert_noticed(client)

    async def test_half_closed(self) -> None:
        """One that closes its side counts as gone."""
        client = socket.create_connection(("127.0.0.1", self.gateway.port))
        self.addCleanup(client.close)
        client.sendall(self.waiting)
        await until(lambda: bool(self.gateway.demo.journal))
        client.shutdown(socket.SHUT_WR)
        await until(lambda: self.gateway.demo.journal[0].left_at is not None, 1.0)

    async def test_half_a_body(self) -> None:
        """One that leaves in the middle of its body: nothing was sent to the provider."""
        client = socket.create_connection(("127.0.0.1", self.gateway.port))
        client.sendall(self.waiting[:-10])
        await until(lambda: bool(self.gateway.gateway.plane.running))
        client.close()
        await until(lambda: bool(self.gateway.facts))
        self.assertEqual(
            ("caller_left", 0), (self.gateway.facts[0].outcome, self.gateway.demo.accepted)
        )
