"""Fetching what callers gave as addresses, from real TLS servers."""

from __future__ import annotations

import os
import resource
from base64 import b64encode
from typing import Any

from attrs import evolve
from twisted.internet.defer import CancelledError

from magicgateway.config.settings import MediaSettings
from magicgateway.conversation.blocks import Inline, Plain
from magicgateway.conversation.media import Wanted
from magicgateway.errors import ApiError, UpstreamError
from magicgateway.upstream.media import AT_ONCE, MOST
from tests.sockets import CLOSE, RESET, Peer, until
from tests.upstream.pictures import AS_INLINE, HOST, PNG, MediaTestCase, answer


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
        """A picture of the largest size comes whole."""
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
