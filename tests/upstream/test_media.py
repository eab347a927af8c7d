"""Fetching what callers gave as addresses: real TLS servers, and names that lead astray."""

from __future__ import annotations

import os
import resource
import socket
from base64 import b64encode
from pathlib import Path
from typing import Any

from attrs import evolve
from twisted.internet.defer import CancelledError

from magicgateway.config.settings import MediaSettings
from magicgateway.conversation.blocks import Inline, Plain
from magicgateway.conversation.media import Wanted
from magicgateway.errors import ApiError, UpstreamError
from magicgateway.policy.addresses import PUBLIC, Reach
from magicgateway.upstream.media import AT_ONCE, MOST, MediaFetcher
from tests.certificates import Authority, server_context
from tests.sockets import CLOSE, RESET, Peer, ScriptedServer, until
from tests.upstream.sinks import SocketTestCase

HOST = "pictures.test"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(200))
AS_INLINE = Inline("image/png", b64encode(PNG).decode())


def answer(body: bytes = PNG, status: str = "200 OK", fields: bytes = b"") -> bytes:
    """A server's answer."""
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n".encode()
    return head + fields + b"\r\n" + body


class Names:
    """Looks names up in a table of lists, one for each lookup, the last one for all after it."""

    def __init__(self) -> None:
        self.table: dict[str, list[list[str]]] = {}
        self.asked: list[str] = []

    def __call__(self, name: str, *_: Any) -> list[Any]:
        self.asked.append(name)
        answers = self.table.get(name, [["127.0.0.1"]] if name.endswith(HOST) else [])
        if not answers:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        hosts = answers.pop(0) if len(answers) > 1 else answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, 0)) for host in hosts]


class MediaTestCase(SocketTestCase):
    """A fetcher that trusts the test's authority and takes 127.0.0.1 for the internet."""

    def setUp(self) -> None:
        folder = Path(self.mktemp())
        folder.mkdir()
        self.authority = Authority(folder)
        self.context = server_context(self.authority.server(HOST, f"*.{HOST}"))
        super().setUp()
        self.names = Names()
        self.reach = Reach(ports=frozenset(), allows=lambda address: address == "127.0.0.1")
        self.fetcher = self.make()

    def make(self, reach: Reach | None = None, **settings: Any) -> MediaFetcher:
        """A fetcher with other settings."""
        fetcher = MediaFetcher(
            self.clock,
            MediaSettings(**settings),
            str(self.authority.ca_file),
            reach=reach or self.reach,
            lookup=self.names,
        )
        self.addCleanup(fetcher.stop)
        return fetcher

    def serve_tls(self, *scripts: Any, context: Any = None) -> ScriptedServer:
        """A TLS server with a good certificate, unless another one is given."""
        return self.serve(*(scripts or ([answer()],)), context=context or self.context)

    def wanted(
        self, server: ScriptedServer, path: str = "/a.png", *, image: bool = True, host: str = HOST
    ) -> Wanted:
        """What stands at a server."""
        return Wanted(f"https://{host}:{server.port}{path}", f"messages[0]{path}", image)

    async def left(self, server: ScriptedServer) -> None:
        """Wait until nobody is connected to a server any more."""
        await until(lambda: all(peer.finished.is_set() for peer in server.peers))

    async def fault(self, *wanted: Wanted, fetcher: MediaFetcher | None = None) -> str:
        """Why there is nothing; a 400 that names the first field and no address of anybody."""
        fault = await self.assertFailure((fetcher or self.fetcher).fetch(wanted), ApiError)
        assert isinstance(fault, ApiError)
        self.assertEqual((400, wanted[0].field), (fault.status, fault.param))
        self.assertIn(wanted[0].field, fault.message)
        self.assertNotIn("127.0.0", fault.message)
        return fault.message


class FetchTests(MediaTestCase):
    """What comes."""

    async def test_one(self) -> None:
        """A picture comes with the type of its bytes; TLS is for the name; one lookup is made."""
        server = self.serve_tls([answer(fields=b"Content-Type: text/html\r\n")])
        wanted = self.wanted(server, "/a%2Fb.png?sig=a+b/c==&x=[]#part")
        self.assertEqual({wanted.url: AS_INLINE}, await self.fetcher.fetch([wanted]))
        self.assertEqual([HOST], [peer.server_name for peer in server.peers])
        self.assertEqual([HOST], self.names.asked)
        lines = server.requests()[0].split(b"\r\n")
        self.assertEqual(b"GET /a%2Fb.png?sig=a+b/c==&x=[] HTTP/1.1", lines[0])
        names = {line.partition(b":")[0].lower() for line in lines[1:] if line}
        self.assertEqual({b"host", b"user-agent", b"accept", b"accept-encoding"}, names)

    async def test_several(self) -> None:
        """Several come side by side, each under its own address; the same one is asked for once."""

        def together(peer: Peer) -> None:
            request = peer.read_request()
            while len(server.requests()) < 3 and not server.stopping.wait(0.01):
                pass
            body = b"a,b\n" if b".csv" in request else b"# Title" if b".md" in request else PNG
            peer.send(answer(body))

        server = self.serve_tls(together)
        wanted = [
            self.wanted(server, "/a.png"),
            self.wanted(server, "/b.csv?c=.md", image=False),
            self.wanted(server, "/READ.md", image=False, host=f"other.{HOST}"),
            self.wanted(server, "/a.png"),
        ]
        expected = [AS_INLINE, Plain("a,b\n", "text/csv"), Plain("# Title", "text/markdown")]
        found = await self.fetcher.fetch(wanted)
        self.assertEqual({one.url: e for one, e in zip(wanted, expected, strict=False)}, found)
        self.assertEqual(3, len(server.requests()))

    async def test_at_once(self) -> None:
        """As many as allowed are under way at once, and all come."""
        most = 0

        def count(peer: Peer) -> None:
            nonlocal most
            peer.read_request()
            server.stopping.wait(0.02)
            most = max(most, sum(not other.finished.is_set() for other in server.peers))
            peer.send(answer())

        server = self.serve_tls(count)
        wanted = [self.wanted(server, f"/{number}") for number in range(MOST)]
        self.assertEqual(MOST, len(await self.fetcher.fetch(wanted)))
        self.assertLessEqual(2, most)
        self.assertLessEqual(most, AT_ONCE)

    async def test_large(self) -> None:
        """A picture of the largest size comes whole, and no step of it takes long."""
        size = MediaSettings().max_image_bytes
        body = PNG + bytes(size - len(PNG))
        server = self.serve_tls([answer(body)])
        wanted = self.wanted(server)
        found = (await self.fetcher.fetch([wanted]))[wanted.url]
        self.assertEqual(Inline("image/png", b64encode(body).decode()), found)

    async def test_chunked(self) -> None:
        """A body without a length comes whole too."""
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        server = self.serve_tls([head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(PNG), PNG)])
        wanted = self.wanted(server)
        self.assertEqual({wanted.url: AS_INLINE}, await self.fetcher.fetch([wanted]))

    async def test_nothing(self) -> None:
        """Nothing wanted is nothing done."""
        self.assertEqual({}, await self.fetcher.fetch([]))

    async def test_no_cookies(self) -> None:
        """What one server sets, no later request carries, in the same batch or another."""
        server = self.serve_tls([answer(fields=b"Set-Cookie: a=b; Path=/\r\n")])
        for _ in range(2):
            many = [self.wanted(server, f"/{number}") for number in range(AT_ONCE + 2)]
            await self.fetcher.fetch(many)
        self.assertNotIn(b"cookie", b"".join(server.requests()).lower())

    async def test_no_reuse(self) -> None:
        """No connection serves twice, so that every fetch is to an address that was looked at."""
        server = self.serve_tls([answer(), answer()])
        for _ in range(2):
            await self.fetcher.fetch([self.wanted(server)])
        self.assertEqual([1, 1], [len(peer.requests) for peer in server.peers])
        await until(lambda: all(peer.end for peer in server.peers))

    async def test_plain_for_tests(self) -> None:
        """Without TLS only where a test has said so."""
        server = self.serve([answer()])
        wanted = Wanted(f"http://{HOST}:{server.port}/", "messages[0]", image=True)
        self.assertIn("must be an https address", await self.fault(wanted))
        fetcher = self.make(evolve(self.reach, schemes=frozenset({"http"})))
        self.assertEqual({wanted.url: AS_INLINE}, await fetcher.fetch([wanted]))


class AstrayTests(MediaTestCase):
    """Names and addresses that lead into the operator's network."""

    def forbidden(self, port: int) -> socket.socket:
        """A listener where nobody may come by."""
        listener = socket.create_server(("127.0.0.2", port))
        self.addCleanup(listener.close)
        listener.setblocking(False)
        return listener

    def assert_unvisited(self, listener: socket.socket) -> None:
        """Nobody came by."""
        with self.assertRaises(BlockingIOError):
            listener.accept()

    async def test_private(self) -> None:
        """A name with a private address and one without any get the same answer."""
        server = self.serve_tls()
        listener = self.forbidden(server.port)
        self.names.table[f"inner.{HOST}"] = [["127.0.0.2"]]
        self.names.table[f"none.{HOST}"] = []
        texts = {
            await self.fault(self.wanted(server, host=f"{name}.{HOST}"))
            for name in ("inner", "none")
        }
        self.assertEqual(1, len(texts), texts)
        self.assertIn("its host has no public address", texts.pop())
        self.assert_unvisited(listener)

    async def test_mixed(self) -> None:
        """Of several addresses only the public ones are connected to, whatever their order."""
        server = self.serve_tls()
        listener = self.forbidden(server.port)
        self.names.table[HOST] = [["127.0.0.2", "127.0.0.1", "127.0.0.2"]]
        wanted = self.wanted(server)
        self.assertEqual({wanted.url: AS_INLINE}, await self.fetcher.fetch([wanted]))
        self.assert_unvisited(listener)

    async def test_rebinding(self) -> None:
        """A name that changes its address between two lookups gets no second lookup."""
        server = self.serve_tls()
        listener = self.forbidden(server.port)
        self.names.table[HOST] = [["127.0.0.1"], ["127.0.0.2"]]
        wanted = self.wanted(server)
        self.assertEqual({wanted.url: AS_INLINE}, await self.fetcher.fetch([wanted]))
        self.assertEqual([HOST], self.names.asked)
        self.assertIn("no public address", await self.fault(wanted, fetcher=self.make()))
        self.assertEqual([HOST, HOST], self.names.asked)
        self.assert_unvisited(listener)

    async def test_public_by_default(self) -> None:
        """Unless a test says otherwise, this machine is not the internet, under no name."""
        server = self.serve_tls()
        fetcher = self.make(evolve(self.reach, allows=PUBLIC.allows))
        self.assertIn("no public address", await self.fault(self.wanted(server), fetcher=fetcher))
        for host in ("127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "localhost"):
            said = await self.fault(self.wanted(server, host=host), fetcher=fetcher)
            self.assertIn("must name a host on the public internet", said)
        self.assertEqual([], server.peers)
        self.assertEqual([HOST], self.names.asked)

    async def test_refused_addresses(self) -> None:
        """One address that is refused ends it all before anybody is looked up or asked."""
        fetcher = self.make(PUBLIC)
        good = Wanted(f"https://{HOST}/", "messages[1]", image=True)
        for url in (
            f"http://{HOST}/",
            f"https://u:p@{HOST}/",
            f"https://{HOST}:444/",
            "https://2130706433/",
            "https://0x7f.1/",
        ):
            await self.fault(Wanted(url, "messages[0]", image=True), good, fetcher=fetcher)
        self.assertEqual([], self.names.asked)

    async def test_certificate(self) -> None:
        """A certificate of somebody else, or of nobody, is refused before anything is said."""
        for pem in (
            self.authority.server("other.test", ips=["127.0.0.1"]),
            self.authority.server(HOST, self_signed=True),
        ):
            server = self.serve_tls(context=server_context(pem))
            self.assertIn("no trusted TLS", await self.fault(self.wanted(server)))
            await self.left(server)
            self.assertEqual(b"", server.peers[0].received)

    async def test_redirect(self) -> None:
        """A redirect is not followed, wherever it leads."""
        server = self.serve_tls()
        listener = self.forbidden(server.port)
        for status in ("301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent"):
            field = b"Location: https://127.0.0.2:%d/\r\n" % server.port
            moving = self.serve_tls([answer(b"", status, field)])
            self.assertIn("redirect", await self.fault(self.wanted(moving)))
            self.assertEqual(1, len(moving.requests()))
        self.assertEqual([], server.peers)
        self.assert_unvisited(listener)


class FailureTests(MediaTestCase):
    """What does not come."""

    async def test_answers(self) -> None:
        """Each bad answer is a refusal with its reason, and the connection is closed."""
        half = b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n" + PNG
        zipped = answer(fields=b"Content-Encoding: gzip\r\n")
        table: tuple[tuple[list[Any], str], ...] = (
            ([answer(b"gone", "404 Not Found")], "status 404"),
            ([answer(PNG, "206 Partial Content")], "status 206"),
            ([answer(b"<html>please log in, and more of it")], "is not the address of a picture"),
            ([answer(b"")], "an empty file"),
            ([half, CLOSE], "it broke off"),
            ([half, RESET], "it broke off"),
            ([zipped], "it came compressed"),
            ([b"nonsense\r\n\r\n"], "does not speak HTTP/1.1"),
            ([b"", CLOSE], "closed the connection without an answer"),
        )
        for script, reason in table:
            with self.subTest(reason=reason):
                server = self.serve_tls(script)
                self.assertIn(reason, await self.fault(self.wanted(server)))
                await self.left(server)

    async def test_nobody(self) -> None:
        """A host where nobody listens could not be reached."""
        server = self.serve_tls()
        server.stop()
        self.assertIn("could not be reached", await self.fault(self.wanted(server)))

    async def test_too_large(self) -> None:
        """More than the setting allows ends it, by its length before a byte of it is read."""
        fetcher = self.make(max_image_bytes=500, max_document_bytes=400)
        endless = b"HTTP/1.1 200 OK\r\n\r\n" + PNG + bytes(500)
        declared = b"HTTP/1.1 200 OK\r\nContent-Length: 501\r\n\r\n"
        text = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 401
        table = (
            (endless, True, "500 bytes (media.max_image_bytes)"),
            (declared, True, "500 bytes (media.max_image_bytes)"),
            (text, False, "400 bytes (media.max_document_bytes)"),
        )
        for sent, image, reason in table:
            server = self.serve_tls([sent])
            said = await self.fault(self.wanted(server, image=image), fetcher=fetcher)
            self.assertIn(reason, said)
            await self.left(server)
        server = self.serve_tls([answer(b"x" * 400)])
        wanted = self.wanted(server, image=False)
        self.assertEqual({wanted.url: Plain("x" * 400)}, await fetcher.fetch([wanted]))

    async def test_too_large_together(self) -> None:
        """All together have a limit too."""
        server = self.serve_tls([answer()])
        fetcher = self.make(max_total_bytes=3 * len(PNG))
        wanted = [self.wanted(server, f"/{number}") for number in range(3)]
        self.assertEqual(3, len(await fetcher.fetch(wanted)))
        more = [*wanted, self.wanted(server, "/3")]
        fault = await self.assertFailure(fetcher.fetch(more), ApiError)
        self.assertIn(f"more than {3 * len(PNG)} bytes (media.max_total_bytes)", str(fault))

    async def test_too_many(self) -> None:
        """One more than allowed is refused, and nothing is asked for."""
        server = self.serve_tls()
        wanted = [self.wanted(server, f"/{number}") for number in range(MOST + 1)]
        fault: Any = await self.assertFailure(self.fetcher.fetch(wanted), ApiError)
        self.assertEqual((400, wanted[MOST].field), (fault.status, fault.param))
        self.assertEqual([], server.peers)

    async def test_too_slow(self) -> None:
        """The time is for everything: lookup, connection, head and body of all of them."""
        scripts: tuple[Any, ...] = (
            Peer.read_to_end,
            [b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n" + PNG],
        )
        fetcher = self.make(timeout_seconds=0.2)
        for script in scripts:
            server = self.serve_tls(script)
            start = self.clock.seconds()
            said = await self.fault(self.wanted(server), fetcher=fetcher)
            self.assertIn("within 0.2 s (media.timeout_seconds)", said)
            self.assertLess(self.clock.seconds() - start, 2)
            await self.left(server)

    async def test_one_fails(self) -> None:
        """One failure ends the others at once."""

        def play(peer: Peer) -> None:
            if b"/bad" in peer.read_request():
                peer.send(answer(b"", "500 Oops"))
            peer.read_to_end()

        server = self.serve_tls(play)
        wanted = [self.wanted(server, path) for path in ("/bad", "/a", "/b")]
        self.assertIn("status 500", await self.fault(*wanted))
        await self.left(server)

    async def test_cancel(self) -> None:
        """Cancelling closes every connection, whether its answer has begun or not."""

        def play(peer: Peer) -> None:
            if b"/begun" in peer.read_request():
                peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n" + PNG)
            peer.read_to_end()

        server = self.serve_tls(play)
        fetching = self.fetcher.fetch(
            [self.wanted(server, path) for path in ("/begun", "/b", *map("/{}".format, range(9)))]
        )
        await until(lambda: len(server.requests()) == AT_ONCE)
        fetching.cancel()
        await self.assertFailure(fetching, CancelledError)
        await until(lambda: all(peer.end for peer in server.peers))
        self.assertEqual(AT_ONCE, len(server.peers))

    async def test_switched_off(self) -> None:
        """Where the operator wants none fetched, the refusal says so."""
        server = self.serve_tls()
        said = await self.fault(self.wanted(server), fetcher=self.make(fetch=False))
        self.assertIn("media.fetch", said)
        self.assertEqual([], server.peers)

    async def test_own_faults(self) -> None:
        """Without a free file descriptor it is the gateway's fault, and remains one: 503."""
        server = self.serve_tls()
        await self.fetcher.fetch([self.wanted(server)])
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        free = os.dup(0)
        os.close(free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
        try:
            fetching = self.fetcher.fetch([self.wanted(server, host="127.0.0.1")])
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        fault = await self.assertFailure(fetching, UpstreamError)
        assert isinstance(fault, UpstreamError)
        self.assertEqual(503, fault.status)
