"""TLS towards providers: TLS 1.2 or newer, the chain and the host name verified, failing closed.

A certificate is accepted only if OpenSSL accepts its chain *and* service-identity finds the host's
name (or address) among its subjectAltNames. Whatever goes wrong while looking counts as a no, a
certificate without subjectAltName included (RFC 9525 section 6).
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

from OpenSSL import SSL
from OpenSSL._util import ffi as _ffi
from OpenSSL._util import lib as _lib
from service_identity.hazmat import DNS_ID, IPAddress_ID, verify_service_identity
from service_identity.pyopenssl import extract_patterns
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.ssl import CertificateOptions, TLSVersion, platformTrust
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from zope.interface import implementer

from magicgateway.upstream import eager

_WANT_READ = 2
"""SSL_ERROR_WANT_READ, see SSL_get_error(3)."""
_BUFFER_BYTES = 2**16
_BUFFER = _ffi.new("char[]", _BUFFER_BYTES)
_view = _ffi.buffer


class Trust:
    """Whom we believe: the platform's roots and the operator's own. Holds the one TLS context.

    Args:
        ca_file: PEM file with further roots; empty for none.
    """

    def __init__(self, ca_file: str = "") -> None:
        options = CertificateOptions(trustRoot=platformTrust(), raiseMinimumTo=TLSVersion.TLSv1_2)
        self._context = options.getContext()
        if ca_file:
            self._context.load_verify_locations(ca_file)

    def for_host(self, host: str) -> VerifiedHost:
        """What makes TLS connections to ``host``."""
        return VerifiedHost(self._context, host)


@implementer(IOpenSSLClientConnectionCreator)
class VerifiedHost:
    """Makes client connections that only the named host can complete."""

    def __init__(self, context: Any, host: str) -> None:
        self._context = context
        self._service: Any
        self._server_name: bytes | None = None
        try:
            ip_address(host)
        except ValueError:
            self._server_name = host.encode("idna") if not host.isascii() else host.encode()
            self._service = DNS_ID(self._server_name.decode("ascii"))
        else:
            self._service = IPAddress_ID(host)

    def clientConnectionForTLS(self, tlsProtocol: Any) -> Any:
        """See ``IOpenSSLClientConnectionCreator``."""
        connection = SSL.Connection(self._context, None)
        if self._server_name is not None:
            connection.set_tlsext_host_name(self._server_name)
        connection.set_verify(
            SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT,
            _verifier(self._service, weakref.ref(tlsProtocol)),
        )
        return connection


def _verifier(
    service: Any, protocol: Callable[[], Any]
) -> Callable[[Any, Any, int, int, int], bool]:
    def verify(_: Any, certificate: Any, code: int, depth: int, chain_ok: int) -> bool:
        try:
            if not chain_ok:
                fault = f"the certificate chain is not trusted (OpenSSL code {code})"
            elif depth != 0:
                return True
            else:
                verify_service_identity(extract_patterns(certificate), [service], [])
                return True
        except Exception as error:  # noqa: BLE001 - an exception here must never mean yes
            fault = f"the certificate does not name the host ({type(error).__name__})"
        tls = protocol()
        if tls is not None:
            tls.fault = fault
        return False

    return verify


class EagerTls(TLSMemoryBIOProtocol):
    """TLS that sends what it has at once, and reads until there is nothing without exceptions.

    pyOpenSSL says "nothing more for now" by raising, and makes a buffer for every call; either
    happens twice for each answer and costs more than decrypting it. Here OpenSSL is asked directly,
    into one buffer for all connections, and everything out of the ordinary is left to Twisted.

    ``fault`` says why a certificate was refused, for the operator.
    """

    fault = ""
    transport: Any

    def dataReceived(self, data: bytes) -> None:
        connection = self._tlsConnection
        if not self._handshakeDone or self._appSendBuffer:
            super().dataReceived(data)  # type: ignore[no-untyped-call] # Twisted's
            return
        connection.bio_write(data)
        received = self.wrappedProtocol.dataReceived
        ssl = connection._ssl  # noqa: SLF001 - pinned by a guard test
        while not self._lostTLSConnection:
            size = _lib.SSL_read(ssl, _BUFFER, _BUFFER_BYTES)
            if size > 0:
                if not self._aborted:
                    received(_view(_BUFFER, size)[:])
            elif _lib.SSL_get_error(ssl, size) == _WANT_READ:
                break
            else:
                # It meets the same fault, and knows what follows.
                self._flushReceiveBIO()  # type: ignore[no-untyped-call] # Twisted's
                return
        if self._tlsConnection is not None:
            self._flushSendBIO()

    def _flushSendBIO(self) -> None:
        outgoing = self._tlsConnection._from_ssl  # noqa: SLF001 - pinned by a guard test
        size = _lib.BIO_read(outgoing, _BUFFER, _BUFFER_BYTES)
        if size <= 0:
            return
        data = _view(_BUFFER, size)[:]
        if eager.is_plain_tcp(self.transport):
            eager.write(self.transport, data)
        else:
            self.transport.write(data)


class EagerTlsFactory(TLSMemoryBIOFactory):
    """Wraps a protocol factory's connections in ``EagerTls``."""

    protocol = EagerTls
    noisy = False
