"""Who is believed to be a provider: a matrix of certificates against the ssl module."""

from __future__ import annotations

import gc
import hashlib
import socket
import ssl
import warnings
from pathlib import Path
from typing import Any

from attrs import evolve
from OpenSSL import SSL
from OpenSSL._util import ffi, lib
from twisted.internet.error import DNSLookupError
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.config.settings import UpstreamSettings
from magicgateway.upstream import tls
from magicgateway.upstream.connection import Connection
from magicgateway.upstream.resolver import Resolver
from tests.certificates import Authority, days, server_context
from tests.sockets import CLOSE, OK, Peer, ScriptedServer, until
from tests.upstream.sinks import GET, Record, SocketTestCase, post

HOST = "api.provider.test"
LOOPBACK = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))]


def lookup(name: str, *_: Any) -> list[Any]:
    """Every name of the test's is this machine."""
    if not name.endswith(".test"):
        raise DNSLookupError(name)
    return LOOPBACK


class TlsTestCase(SocketTestCase):
    """Servers with certificates of the test's own authority, which alone is trusted."""

    def setUp(self) -> None:
        folder = Path(self.mktemp())
        folder.mkdir()
        self.authority = Authority(folder)
        super().setUp()
        self.resolver = Resolver(self.clock, 5, lookup)
        self.use(UpstreamSettings(ca_file=str(self.authority.ca_file)))

    def serve_tls(self, pem: Path | None = None, *scripts: Any, **options: Any) -> ScriptedServer:
        """A TLS server with a certificate, by default a good one."""
        context = options.pop("context", None)
        context = context or server_context(pem or self.authority.server(HOST))
        return self.serve(*(scripts or ([OK] * 9,)), context=context, **options)

    async def ask(self, server: ScriptedServer, host: str = HOST) -> Record:
        """One request over TLS."""
        return await self.exchange(self.origin(server, "https", host))

    async def assert_refused(self, server: ScriptedServer, host: str = HOST) -> str:
        """The connection is refused as TLS, and nothing of the request left; gives the detail."""
        record = await self.ask(server, host)
        fault = record.fault
        assert fault is not None, "the server was believed"
        self.assertEqual((502, "upstream_tls"), (fault.status, fault.code))
        await until(lambda: server.peers and all(peer.finished.is_set() for peer in server.peers))
        self.assertEqual([b""], list({peer.received for peer in server.peers}))
        self.assertEqual([], self.flushLoggedErrors())
        return fault.detail


class MatrixTests(TlsTestCase):
    """Certificates that are good, and those that are not."""

    async def test_good(self) -> None:
        """A certificate of a trusted authority for this name is believed; its name is asked for."""
        server = self.serve_tls()
        for _ in range(3):
            self.assertEqual(b"ok", (await self.ask(server)).body)
        self.assertEqual([HOST], [peer.server_name for peer in server.peers])
        self.assertEqual([GET] * 3, server.requests())

    async def test_wildcard(self) -> None:
        """A wildcard stands for one label."""
        server = self.serve_tls(self.authority.server("*.provider.test"))
        self.assertEqual(200, (await self.ask(server)).status)
        self.assertEqual(502, (await self._fault(server, "a.b.provider.test")))
        self.assertEqual(502, (await self._fault(server, "provider.test")))

    async def _fault(self, server: ScriptedServer, host: str) -> int:
        fault = (await self.ask(server, host)).fault
        return fault.status if fault else 0

    async def test_address(self) -> None:
        """An address must stand in the certificate as an address; none is sent as a name."""
        server = self.serve_tls(self.authority.server(HOST, ips=["127.0.0.1"]))
        self.assertEqual(200, (await self.ask(server, "127.0.0.1")).status)
        self.assertEqual([None], [peer.server_name for peer in server.peers])

    async def test_address_as_name(self) -> None:
        """An address that stands in the certificate as a name is not believed."""
        await self.assert_refused(
            self.serve_tls(self.authority.server("127.0.0.1", common_name="127.0.0.1")), "127.0.0.1"
        )

    async def test_expired(self) -> None:
        """An expired certificate is refused; the operator is told OpenSSL's reason."""
        pem = self.authority.server(HOST, not_before=days(-9), not_after=days(-1))
        self.assertIn("OpenSSL code 10", await self.assert_refused(self.serve_tls(pem)))

    async def test_not_yet_valid(self) -> None:
        """So is one of the future."""
        pem = self.authority.server(HOST, not_before=days(1), not_after=days(9))
        self.assertIn("OpenSSL code 9", await self.assert_refused(self.serve_tls(pem)))

    async def test_wrong_host(self) -> None:
        """A good certificate of somebody else is refused."""
        detail = await self.assert_refused(self.serve_tls(self.authority.server("evil.test")))
        self.assertIn("does not name the host", detail)

    async def test_self_signed(self) -> None:
        """A certificate that vouches for itself is refused."""
        pem = self.authority.server(HOST, self_signed=True)
        self.assertIn("not trusted", await self.assert_refused(self.serve_tls(pem)))

    def _stranger(self) -> Path:
        folder = Path(self.mktemp())
        folder.mkdir()
        return Authority(folder).server(HOST)

    async def test_unknown_authority(self) -> None:
        """A certificate of an authority that is not trusted is refused."""
        await self.assert_refused(self.serve_tls(self._stranger()))

    async def test_no_alternative_name(self) -> None:
        """A certificate without subjectAltName is refused, though its common name matches."""
        detail = await self.assert_refused(self.serve_tls(self.authority.server(HOST, san=False)))
        self.assertIn("does not name the host", detail)

    async def test_no_alternative_name_other_host(self) -> None:
        """Without subjectAltName and for somebody else it is refused all the more."""
        await self.assert_refused(
            self.serve_tls(self.authority.server(san=False, common_name="evil.test"))
        )

    async def test_any_exception(self) -> None:
        """Whatever goes wrong while looking at a certificate counts as a no."""
        for exception in (ValueError, KeyError, AttributeError, RecursionError, UnicodeError):
            self.patch(tls, "verify_service_identity", _raiser(exception))
            detail = await self.assert_refused(self.serve_tls())
            self.assertIn(exception.__name__, detail)

    async def test_unreadable_certificate(self) -> None:
        """So does a certificate whose names cannot be read."""
        self.patch(tls, "extract_patterns", _raiser(ZeroDivisionError))
        await self.assert_refused(self.serve_tls())

    async def test_old_versions(self) -> None:
        """A server that speaks nothing newer than TLS 1.1 is refused."""
        context = server_context(self.authority.server(HOST))
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        await self.assert_refused(self.serve_tls(context=context))

    def test_old_versions_not_offered(self) -> None:
        """They are not even offered, whatever the machine's own OpenSSL settings allow."""
        options = tls.Trust()._context.set_options(0)
        for old in (SSL.OP_NO_SSLv3, SSL.OP_NO_TLSv1, SSL.OP_NO_TLSv1_1):
            self.assertTrue(options & old)

    async def test_versions(self) -> None:
        """TLS 1.2 and 1.3 both work."""
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = server_context(self.authority.server(HOST))
            context.minimum_version = context.maximum_version = version
            self.assertEqual(200, (await self.ask(self.serve_tls(context=context))).status)

    async def test_plain_http(self) -> None:
        """A server that speaks plain HTTP on the port gets no request."""

        def plain(peer: Peer) -> None:
            peer.read()
            peer.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            peer.read_to_end()

        server = self.serve(plain)
        fault = (await self.ask(server)).fault
        assert fault is not None
        self.assertEqual((502, "upstream_tls"), (fault.status, fault.code))
        self.assertNotIn(b"GET", server.peers[0].received)

    async def test_closed_in_handshake(self) -> None:
        """A server that closes in the middle of the handshake is a TLS fault."""

        def leave(peer: Peer) -> None:
            peer.read()
            peer.close()

        fault = (await self.ask(self.serve(leave))).fault
        assert fault is not None
        self.assertEqual("upstream_tls", fault.code)

    async def test_stalled_handshake(self) -> None:
        """A handshake that stalls is inside the connect timeout, and the connection is closed."""
        self.timeouts = evolve(self.timeouts, connect=0.2)
        server = self.serve(Peer.read_to_end)
        record = await self.ask(server)
        assert record.fault is not None
        self.assertEqual((504, "connect_timeout"), (record.fault.status, record.fault.code))
        await until(lambda: server.peers[0].end)

    async def test_abandoned_handshake(self) -> None:
        """Abandoning an attempt in the middle of the handshake closes the connection at once."""
        server = self.serve(Peer.read_to_end)
        attempt, record = self.attempt(self.origin(server, "https", HOST), [GET])
        await until(lambda: server.peers and server.peers[0].received)
        attempt.abandon()
        await until(lambda: server.peers[0].end)
        self.assertEqual([], record.calls)
        self.assertEqual(0, sum(busy for _, _, busy in self.pool.counts()))

    async def test_bad_ca_file(self) -> None:
        """With a list of roots that cannot be read, nothing goes out."""
        self.use(UpstreamSettings(ca_file=str(self.authority.ca_file) + ".missing"))
        server = self.serve_tls()
        record = await self.ask(server)
        assert record.fault is not None
        self.assertEqual("upstream_tls", record.fault.code)
        self.assertEqual([], server.peers)


class TransferTests(TlsTestCase):
    """What TLS carries is what was meant."""

    async def test_large_body(self) -> None:
        """A large body arrives whole both ways."""
        body = bytes(range(256)) * 16384
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        server = self.serve_tls(None, [answer])
        pieces = [post(len(body))[0], *(body[at : at + 50000] for at in range(0, len(body), 50000))]
        record = await self.exchange(self.origin(server, "https", HOST), pieces)
        self.assertEqual(_digest(body), _digest(record.body))
        self.assertEqual(_digest(b"".join(pieces)), _digest(server.requests()[0]))

    async def test_large_piece(self) -> None:
        """So does one in two large pieces, far more than one record or one send."""
        body = b"0123456789abcdef" * 65536 * 4
        server = self.serve_tls()
        record = await self.exchange(self.origin(server, "https", HOST), [post(len(body))[0], body])
        self.assertEqual(b"ok", record.body)
        self.assertEqual(len(post(len(body))[0]) + len(body), len(server.requests()[0]))

    async def test_cut_body(self) -> None:
        """A body without length that ends without TLS's own end is not taken for whole."""

        def cut(peer: Peer) -> None:
            peer.read_request()
            peer.send(b"HTTP/1.1 200 OK\r\n\r\nhalf")
            peer.close()

        record = await self.ask(self.serve_tls(None, cut))
        self.assertEqual(["sent", "head", "body", "failed"], record.calls)

    async def test_whole_body(self) -> None:
        """One that ends with it is."""

        def end(peer: Peer) -> None:
            peer.read_request()
            peer.send(b"HTTP/1.1 200 OK\r\n\r\nall")
            assert isinstance(peer.socket, ssl.SSLSocket)
            peer.socket.unwrap()

        record = await self.ask(self.serve_tls(None, end))
        self.assertEqual((b"all", False), (record.body, record.delimited))

    async def test_stale(self) -> None:
        """A TLS connection that the provider closed while it was idle costs nobody an error."""
        server = self.serve_tls(None, [OK, CLOSE], [OK])
        await self.ask(server)
        self.assertEqual(200, (await self.ask(server)).status)
        self.assertEqual(2, len(server.requests()))

    async def test_nothing_left_behind(self) -> None:
        """A refused connection leaves no object behind that only the collector would find."""
        gc.unfreeze()
        gc.collect()
        before = {id(item) for item in gc.get_objects() if isinstance(item, Connection)}
        server = self.serve_tls(self.authority.server("evil.test"))
        await self.assert_refused(server)
        gc.collect()
        left = [item for item in gc.get_objects() if isinstance(item, Connection)]
        self.assertEqual([], [item for item in left if id(item) not in before])


class PrivateNamesTests(SynchronousTestCase):
    """What ``EagerTls`` reaches into, so that an upgrade fails here and nowhere else."""

    def test_pyopenssl(self) -> None:
        """PyOpenSSL keeps its handles, and its bindings the calls, under these names."""
        context = SSL.Context(SSL.TLS_METHOD)
        connection = SSL.Connection(context, None)
        connection.set_connect_state()
        for name in ("_ssl", "_from_ssl", "_into_ssl"):
            self.assertTrue(getattr(connection, name), name)
        for name in ("SSL_read", "SSL_get_error", "BIO_read"):
            self.assertTrue(callable(getattr(lib, name)), name)
        self.assertEqual(2, lib.SSL_ERROR_WANT_READ)
        self.assertEqual(-1, lib.SSL_read(connection._ssl, ffi.new("char[]", 8), 8))
        self.assertEqual(lib.SSL_ERROR_WANT_READ, lib.SSL_get_error(connection._ssl, -1))


def _raiser(exception: type[Exception]) -> Any:
    def fail(*_: Any) -> None:
        raise exception

    return fail


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
