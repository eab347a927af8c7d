"""A certificate authority made by the test, for everything that verifies a server's certificate."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_DAY = timedelta(days=1)


def days(count: int) -> datetime:
    """That many days from now; negative ones lie in the past."""
    return datetime.now(UTC) + count * _DAY


class Authority:
    """Signs certificates and writes them as PEM files.

    ``ca_file`` is what a client must trust.

    Args:
        folder: Where files are written; it must exist.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named("MagicGateway test authority")
        certificate = (
            _builder(self._name, self._name, self._key.public_key(), days(-2), days(30))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.ca_file = folder / "ca.pem"
        self.ca_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def server(
        self,
        *names: str,
        ips: Sequence[str] = (),
        not_before: datetime | None = None,
        not_after: datetime | None = None,
        san: bool = True,
        common_name: str = "",
        self_signed: bool = False,
    ) -> Path:
        """A server's certificate and key, both in one PEM file.

        Args:
            names: Host names, wildcards too.
            ips: Addresses.
            not_before: From when it is valid; yesterday if not given.
            not_after: Until when; 30 days from now if not given.
            san: With a subjectAltName; else names stand in the common name alone.
            common_name: Of the subject; the first name if not given.
            self_signed: By its own key instead of the authority's.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _named(common_name or (names or ("server",))[0])
        builder = _builder(
            subject,
            subject if self_signed else self._name,
            key.public_key(),
            not_before or days(-1),
            not_after or days(30),
        )
        builder = builder.add_extension(
            x509.BasicConstraints(ca=False, path_length=None), critical=True
        ).add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        if san:
            general: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
            general += [x509.IPAddress(ip_address(ip)) for ip in ips]
            builder = builder.add_extension(x509.SubjectAlternativeName(general), critical=False)
        certificate = builder.sign(key if self_signed else self._key, hashes.SHA256())
        self._count += 1
        path = self._folder / f"server-{self._count}.pem"
        path.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return path


def server_context(pem: Path) -> ssl.SSLContext:
    """The standard library's TLS for a server with the certificate and key of one file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


def _named(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    not_before: datetime,
    not_after: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
