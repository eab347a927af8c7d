"""Whose credential a request goes with, and whether it may be served at all.

A gateway is *closed* when virtual keys are configured: every request needs one, and then the
operator's credentials may serve it. Without virtual keys it is *open*: callers bring their own
provider credential, and the operator's serve only callers on this machine.

See ``docs/configuration.md``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import ip_address
from typing import Protocol

from attrs import field, frozen

from magicgateway.config.secret import Secret
from magicgateway.config.settings import Settings
from magicgateway.errors import ApiError
from magicgateway.providers import row as rows
from magicgateway.providers.row import ProviderRow

VIRTUAL_KEY = b"x-magicgateway-key"
_BEARER = re.compile(rb"(?i:bearer)[ \t]+([\x21-\x7e]+)")
_CREDENTIAL = re.compile(rb"[\x21-\x7e]{1,8192}")
_PLACES = (
    b"x-magicapi-api-key",
    b"authorization",
    b"x-api-key",
    b"api-key",
    b"x-goog-api-key",
)
"""Where a caller's credential may stand; the first that holds one wins."""
_PLACEHOLDERS = frozenset(
    {
        b"-",
        b"anything",
        b"api-key",
        b"api_key",
        b"apikey",
        b"dummy",
        b"empty",
        b"fake",
        b"key",
        b"lm-studio",
        b"n/a",
        b"na",
        b"no-key",
        b"no-key-required",
        b"no_key",
        b"none",
        b"not-needed",
        b"not-required",
        b"not-used",
        b"not_needed",
        b"null",
        b"ollama",
        b"placeholder",
        b"sk-dummy",
        b"sk-no-key-required",
        b"sk-none",
        b"sk-xxx",
        b"test",
        b"undefined",
        b"unused",
        b"x",
        b"xxx",
        b"your-api-key",
    }
)
"""What people write because an SDK insists on a credential; they count as none."""
_LOCAL_HOST = re.compile(rb"(?i:localhost|[a-z0-9-]+\.localhost)|127(?:\.[0-9]{1,3}){3}|\[::1\]")
_LOCAL_ORIGIN = re.compile(rb"(?i:https?)://([^/?#@]+)")
FORWARDED = (
    b"cf-connecting-ip",
    b"forwarded",
    b"true-client-ip",
    b"via",
    b"x-client-ip",
    b"x-forwarded-for",
    b"x-forwarded-host",
    b"x-forwarded-proto",
    b"x-real-ip",
)
"""Fields of a proxy that speaks for somebody else."""


class Speaking(Protocol):
    """The part of a provider that decides about credentials."""

    @property
    def name(self) -> str: ...
    @property
    def auth(self) -> str: ...
    @property
    def row(self) -> ProviderRow: ...
    @property
    def secret(self) -> Secret | None: ...


@frozen
class Credential:
    """One header field with a credential in it. ``own``: the caller brought it."""

    name: bytes
    value: bytes = field(repr=False)
    own: bool


@frozen
class Admission:
    """A request that may be served. ``closed``: it showed a virtual key."""

    closed: bool = False
    _digests: frozenset[bytes] = field(default=frozenset(), repr=False)

    def is_virtual(self, value: bytes) -> bool:
        """Whether a value is one of the virtual keys, which no provider may see."""
        return bool(self._digests) and hashlib.sha256(value).digest() in self._digests


_OPEN = Admission()


class Keyring:
    """The virtual keys. It is a class because their digests are made once.

    Args:
        settings: Its ``server.keys``.
    """

    def __init__(self, settings: Settings) -> None:
        self._keys = settings.server.keys
        digests = (hashlib.sha256(key.reveal().encode()).digest() for key in self._keys)
        self._closed = Admission(True, frozenset(digests)) if self._keys else None

    @property
    def closed(self) -> bool:
        """Whether a request needs a virtual key."""
        return self._closed is not None

    def admit(self, fields: Mapping[bytes, bytes]) -> Admission:
        """Let a request in.

        Raises:
            ApiError: 401 ``missing_key`` or ``invalid_key``: the gateway is closed and the request
                shows none of its keys. Which of the two takes the same time.
        """
        closed = self._closed
        if closed is None:
            return _OPEN
        shown = [value for value in (fields.get(VIRTUAL_KEY), *_brought(fields)) if value]
        digests = [hashlib.sha256(value).digest() for value in shown]
        if any([key.matches(digest) for key in self._keys for digest in digests]):  # noqa: C419 - no early end: constant time
            return closed
        if not shown:
            raise ApiError(
                401,
                "missing_key",
                "This gateway asks for a key of its own: send it as x-magicgateway-key, or in the"
                " place of a provider's credential (Authorization: Bearer ...).",
            )
        raise ApiError(401, "invalid_key", "The key is not one of this gateway's keys.")


def own_credential(
    provider: Speaking, fields: Mapping[bytes, bytes], admission: Admission
) -> Credential | None:
    """The credential that a caller brought for its request's provider, if it brought one.

    Args:
        provider: The one that the request resolves to first; no fallback may get it.
        fields: The caller's header fields by lower-case name.
        admission: What ``Keyring.admit`` gave.
    """
    value = own_value(fields, admission)
    return None if value is None else _written(provider, value, own=True)


def own_value(fields: Mapping[bytes, bytes], admission: Admission) -> bytes | None:
    """The text of a credential that a caller brought, whatever provider it is for.

    Args:
        fields: The caller's header fields by lower-case name.
        admission: What ``Keyring.admit`` gave.
    """
    for value in _brought(fields):
        if not admission.is_virtual(value) and value.lower() not in _PLACEHOLDERS:
            return value
    return None


def operator_credential(
    provider: Speaking, admission: Admission, *, local: bool
) -> Credential | None:
    """The operator's credential for a provider; None if the provider needs none.

    Args:
        provider: Where the request goes.
        admission: What ``Keyring.admit`` gave.
        local: The caller is on this machine (``is_local``).

    Raises:
        ApiError: 401 ``missing_credential``: there is none, or none that may serve this caller.
    """
    secret = provider.secret
    if secret is not None and (admission.closed or local):
        return _written(provider, secret.reveal().encode(), own=False)
    if secret is None and (provider.auth == rows.NO_AUTH or provider.row.keyless):
        return None
    raise ApiError(401, "missing_credential", _missing(provider, held=secret is not None))


def _brought(fields: Mapping[bytes, bytes]) -> Iterable[bytes]:
    """Every value that stands where a caller's credential may stand, best place first."""
    for place in _PLACES:
        value = fields.get(place)
        if value is None:
            continue
        if place == b"authorization":
            bearer = _BEARER.fullmatch(value)
            if bearer is not None:
                yield bearer[1]
        elif _CREDENTIAL.fullmatch(value):
            yield value


def _written(provider: Speaking, value: bytes, *, own: bool) -> Credential:
    auth = provider.auth
    if auth in (rows.X_API_KEY, rows.API_KEY, rows.X_GOOG_API_KEY) and not value.startswith(
        tuple(prefix.encode() for prefix in provider.row.bearer_prefixes)
    ):
        return Credential(auth.encode(), value, own)
    return Credential(b"authorization", b"Bearer " + value, own)


def _missing(provider: Speaking, *, held: bool) -> str:
    name = provider.name
    if held:
        return (
            f"No credential for {name}. The operator's serves only callers on the gateway's own"
            " machine, because this gateway is open: send your own (Authorization: Bearer ...),"
            " or let the operator set server.keys."
        )
    variables = provider.row.environment
    where = f"{variables[0]}" if variables else f"providers.{name}.api_key"
    return (
        f"No credential for {name}: send your own (Authorization: Bearer ...), or let the operator"
        f" set {where} where the gateway runs."
    )


def is_local(caller: str, fields: Mapping[bytes, bytes], *, version: int = 11) -> bool:
    """Whether a request was made on this machine, by a program or a page of this machine.

    The peer is on loopback, no proxy says that it speaks for somebody else, the ``Host`` is a
    loopback name (a page that got its name resolved to 127.0.0.1 has another), and there is no
    ``Origin`` of a page from elsewhere. Browsers send none with a link or an image; of those they
    say ``Sec-Fetch-Site: cross-site``.

    No program or browser of today speaks HTTP/1.0, but a proxy does that says nothing of its
    callers and names us as the ``Host``: nginx's ``proxy_pass`` without further directives.

    Args:
        caller: Its address.
        fields: Its header fields by lower-case name.
        version: Of HTTP, 10 or 11.
    """
    if version != 11 or not _is_loopback(caller) or any(name in fields for name in FORWARDED):
        return False
    if not _is_local_authority(fields.get(b"host", b"")):
        return False
    origin = fields.get(b"origin")
    if origin is None:
        return fields.get(b"sec-fetch-site", b"").lower() != b"cross-site"
    found = _LOCAL_ORIGIN.fullmatch(origin)
    return found is not None and _is_local_authority(found[1])


@lru_cache(maxsize=1024)
def _is_loopback(text: str) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def _is_local_authority(authority: bytes) -> bool:
    host, _, port = authority.rpartition(b":")
    if not host or not port.isdigit():
        host = authority
    return _LOCAL_HOST.fullmatch(host) is not None
