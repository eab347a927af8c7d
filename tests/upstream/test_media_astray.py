"""Fetching from names and addresses that lead into the operator's network."""

from __future__ import annotations

import socket

from attrs import evolve

from magicgateway.conversation.media import Wanted
from magicgateway.policy.addresses import PUBLIC, Reach
from tests.certificates import server_context
from tests.upstream.pictures import AS_INLINE, HOST, MediaTestCase, answer


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

    async def test_plain_addresses(self) -> None:
        """An address of the internet needs no name, but a certificate that names it."""
        for address, host in (("127.0.0.1", "127.0.0.1"), ("::1", "[0:0::1]")):
            context = server_context(self.authority.server(HOST, ips=[address]))
            server = self.serve([answer()], context=context, host=address)
            fetcher = self.make(Reach(ports=frozenset(), allows=address.__eq__))
            wanted = self.wanted(server, host=host)
            self.assertEqual({wanted.url: AS_INLINE}, await fetcher.fetch([wanted]))
            self.assertEqual([None], [peer.server_name for peer in server.peers])
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
