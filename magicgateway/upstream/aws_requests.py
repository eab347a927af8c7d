"""Requests to AWS: whose they are, where they go, and their signature.

All of it may have to wait: for botocore to be imported, for the machine's credential, for the hash
of a large body. What waits runs in a thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred, fail, gatherResults, succeed

from magicgateway import __version__
from magicgateway.errors import ApiError, ConfigError
from magicgateway.providers import signing
from magicgateway.providers.aws_credentials import (
    AwsBearer,
    AwsCredential,
    asked_region,
    check_operator_serves,
    operator_aws_credential,
    own_aws_credential,
)
from magicgateway.providers.aws_endpoints import choose_region
from magicgateway.providers.aws_settings import host_at
from magicgateway.providers.credentials import Admission
from magicgateway.providers.registry import Provider
from magicgateway.upstream.aws_credential_chain import CredentialChain
from magicgateway.upstream.aws_identity import AwsIdentity, find_identity
from magicgateway.upstream.pool import Origin
from magicgateway.upstream.threads import Threads

_PORTS = {"http": 80, "https": 443}


@frozen(kw_only=True)
class AwsCall:
    """What is to be sent, but for who asks and where.

    Attributes:
        fields: The caller's header fields, by lower-case name.
        local: The caller is on this machine.
        model: Names a region if it is an ARN.
        path: Below the base URL, encoded as it goes on the wire.
        service: Of AWS, whose host is asked; empty: the one that runs models.
        headers: What surrounds the body, by lower-case name.
        own: The caller's credential, where it was found before.
    """

    provider: Provider
    fields: Mapping[bytes, bytes]
    admission: Admission
    local: bool
    model: str
    method: str
    path: str
    service: str
    headers: Mapping[str, str]
    body: bytes
    own: AwsCredential | AwsBearer | None = None


@frozen
class AwsRequest:
    """A request, ready to be sent but for its framing.

    Attributes:
        own: With the caller's credential.
        machine: The machine's credential, where it goes with that.
    """

    origin: Origin
    head: bytes
    own: bool
    machine: AwsCredential | None = None


class AwsRequests:
    """Prepares requests. It is a class because it keeps the machine's credentials.

    Args:
        reactor: The clock.
        wall_clock: Seconds since the epoch.
    """

    def __init__(self, reactor: Any, wall_clock: Callable[[], float]) -> None:
        self._reactor = reactor
        self._clock = wall_clock
        self._threads = Threads(reactor, "aws", 2)
        self._chains: dict[str | None, CredentialChain] = {}

    def prepare(self, call: AwsCall, refused: AwsCredential | None = None) -> Deferred[AwsRequest]:
        """Everything a call lacks.

        Args:
            call: What is to be sent.
            refused: The machine's credential that AWS has called expired: the call goes with
                another one, should it go with the machine's.

        Raises:
            ApiError: Through the Deferred: 400 or 401, the credential or the region cannot be
                used; 500, the operator's cannot; 502 or 504, the machine's could not be had.
        """
        if not signing.is_loaded():
            loading: Deferred[Any] = self._threads.run(signing.load)
            return loading.addCallback(lambda _: self._prepare(call, refused))
        try:
            prepared = self._prepare(call, refused)
        except ApiError:
            return fail()
        return prepared if isinstance(prepared, Deferred) else succeed(prepared)

    def at_once(self, call: AwsCall) -> AwsRequest | None:
        """What ``prepare`` would give; None where something may have to be waited for.

        Raises:
            ApiError: As there.
        """
        if call.own is None or not signing.is_loaded() or len(call.body) > signing.LARGE_BODY:
            return None
        bare = isinstance(call.own, AwsBearer)
        return self._signed(
            call, _Known(call.own), "" if bare else signing.payload_hash([call.body])
        )

    def _prepare(
        self, call: AwsCall, refused: AwsCredential | None
    ) -> Deferred[AwsRequest] | AwsRequest:
        who = self._identity(call, refused)
        if isinstance(who, Deferred):
            return who.addCallback(partial(self._hashed, call))
        return self._hashed(call, who)

    def _identity(
        self, call: AwsCall, refused: AwsCredential | None
    ) -> Deferred[AwsIdentity] | _Known:
        own = call.own or own_aws_credential(call.fields, call.admission)
        if own is not None:
            return _Known(own)
        check_operator_serves(call.admission, local=call.local)
        settings = call.provider.aws
        assert settings is not None
        try:
            known = operator_aws_credential(settings.sources)
        except ConfigError as fault:
            raise ApiError(
                500,
                "operator_credential",
                f"The operator's AWS credential cannot be used: {fault}.",
            ) from None
        if known is not None:
            return _Known(known)
        chain = self._chain(settings.profile)
        return chain.get() if refused is None else chain.renew(refused)

    def _chain(self, profile: str | None) -> CredentialChain:
        chain = self._chains.get(profile)
        if chain is None:
            chain = CredentialChain(
                self._reactor, self._threads, find=partial(find_identity, profile)
            )
            self._chains[profile] = chain
        return chain

    def _hashed(
        self, call: AwsCall, who: AwsIdentity | _Known
    ) -> Deferred[AwsRequest] | AwsRequest:
        if isinstance(who.credential, AwsBearer):
            return self._signed(call, who, "")  # nothing is signed
        if len(call.body) <= signing.LARGE_BODY:
            return self._signed(call, who, signing.payload_hash([call.body]))
        hashing = self._threads.run(signing.payload_hash, [call.body])
        return hashing.addCallback(partial(self._signed, call, who))

    def _signed(self, call: AwsCall, who: AwsIdentity | _Known, body_hash: str) -> AwsRequest:
        provider, credential = call.provider, who.credential
        place = _place_of(
            provider,
            asked_region(call.fields),
            who.region or "",
            call.model,
            call.method,
            call.path,
            call.service,
            tuple(call.headers.items()),
            typed=bool(call.body) or call.method == "POST",
        )
        if isinstance(credential, AwsBearer):
            added = [(b"authorization", f"Bearer {credential.key.reveal()}".encode("latin-1"))]
        else:
            added = signing.sign(
                credential, place.region, call.method, place.url, place.fields, body_hash,
                self._clock(),
            )  # fmt: skip
        return AwsRequest(
            place.origin,
            place.opening + b"".join([b"%b: %b\r\n" % field for field in added]),
            credential.own,
            who.credential if isinstance(who, AwsIdentity) else None,
        )

    def stop(self) -> Deferred[Any]:
        """Let everybody who waits know, then the threads go."""
        stopping = gatherResults([chain.stop() for chain in self._chains.values()])
        return stopping.addCallback(lambda _: self._threads.stop())


@frozen
class _Known:
    """A credential that nobody had to be asked for."""

    credential: AwsCredential | AwsBearer
    region: str | None = None


@frozen
class _Place:
    """Where a request goes, and all of its head but what its signature adds."""

    origin: Origin
    region: str
    url: str
    fields: tuple[signing.Field, ...]
    opening: bytes


@lru_cache(maxsize=256)
def _place_of(
    provider: Provider,
    asked: str,
    found: str,
    model: str,
    method: str,
    path: str,
    service: str,
    headers: tuple[tuple[str, str], ...],
    *,
    typed: bool,
) -> _Place:
    """What many requests have in common.

    Args:
        provider: Whose.
        asked: The region that the caller named, empty if none.
        found: The region that the credential came with, empty if none.
        model: As in ``AwsCall``, as are all that follow.
        method: See above.
        path: See above.
        service: See above.
        headers: See above.
        typed: There is a body, whose type has to be said.

    Raises:
        ApiError: 400: no region has such a name.
    """
    settings = provider.aws
    assert settings is not None
    places = (*settings.regions, found) if found else settings.regions
    region = choose_region(asked, model, places)
    host = host_at(provider.host, region, service)
    shown = f"[{host}]" if ":" in host else host
    if provider.port != _PORTS[provider.scheme]:
        shown = f"{shown}:{provider.port}"
    target = provider.prefix.decode("ascii") + path
    fields = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    if typed and "content-type" not in dict(headers):
        fields.append((b"content-type", b"application/json"))
    first = (
        f"{method} {target} HTTP/1.1\r\nHost: {shown}\r\n"
        f"User-Agent: MagicGateway/{__version__}\r\nAccept-Encoding: identity\r\n"
    )
    return _Place(
        Origin(provider.scheme, host, provider.port),
        region.name,
        f"{provider.scheme}://{shown}{target}",
        tuple(fields),
        first.encode("ascii") + b"".join([b"%b: %b\r\n" % field for field in fields]),
    )
