"""Signature version 4 for requests to AWS, by botocore's signer, at a time that is passed in.

botocore takes a tenth of a second to import, so it is imported at the first signature, or by
``load`` in a thread before that.

See: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html;
2026-11.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any

from attrs import field, frozen

from magicgateway.providers import aws_endpoints
from magicgateway.providers.aws_credentials import AwsCredential

SERVICE = "bedrock"
"""The name under which both services of Bedrock are signed, whatever their hosts are called."""
LARGE_BODY = 4 * 1024 * 1024
"""Bytes from which a body is hashed in a thread: that takes a few milliseconds."""
_TIME = "%Y%m%dT%H%M%SZ"
_OWN = frozenset(
    {"authorization", "date", "host", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"}
)
"""Fields that the signature decides about."""

_KEPT = 64
"""Requests whose canonical form is kept, and steps of a credential's that are."""
_TIME_MARK, _TOKEN_MARK, _HASH_MARK = "\0time", "\0token", "\0hash"
"""No field can hold them."""

Field = tuple[bytes, bytes]


def load() -> None:
    """Import what signing and regions need; best called in a thread, which then waits for it."""
    _signer()
    aws_endpoints.find_region(aws_endpoints.FALLBACK_REGION)


def is_loaded() -> bool:
    """Whether signing costs no more than the signature."""
    return _signer.cache_info().currsize > 0


def payload_hash(pieces: Iterable[bytes]) -> str:
    """What ``sign`` wants to know of a body.

    Args:
        pieces: The body as it will be sent, in one piece or several.
    """
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def sign(
    credential: AwsCredential,
    region: str,
    method: str,
    url: str,
    fields: Iterable[Field],
    body_hash: str,
    now: float,
    service: str = SERVICE,
) -> list[Field]:
    """The header fields that make a request a signed one; to be made anew for every attempt.

    Args:
        credential: Whose request it is.
        region: The region's name, which may differ from what the host name says.
        method: In upper case.
        url: Scheme, host, path and query exactly as they will be sent, already encoded. The path
            is encoded once more for the signature, here and by AWS.
        fields: Further fields to be signed, which must be sent as they are: the content type and
            any ``x-amz…``. The signature is good only with these values.
        body_hash: From ``payload_hash``.
        now: Seconds since 1970.
        service: The service's signing name.

    Returns:
        The fields to be added, with names in lower case.

    Raises:
        ValueError: One of the fields is the signature's own.
    """
    timestamp = _written_time(int(now))
    token = credential.session_token
    added = {"x-amz-date": timestamp}
    if token is not None:
        added["x-amz-security-token"] = token.reveal()
    canonical, names = _canonical(method, url, tuple(fields), with_token=token is not None)
    for mark, content in (
        (_TIME_MARK, timestamp),
        (_TOKEN_MARK, " ".join(added.get("x-amz-security-token", "").split())),
        (_HASH_MARK, body_hash),
    ):
        canonical = canonical.replace(mark, content)

    # These are the steps of add_auth, which would read the clock and log what it signs.
    keys = _Keys(
        credential.access_key_id, credential.secret_access_key.reveal(), credential.derived
    )
    signer, dated = _signer()[0](keys, service, region), _Dated({"timestamp": timestamp})
    to_sign = signer.string_to_sign(dated, canonical)
    added["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={signer.scope(dated)},"
        f" SignedHeaders={names},"
        f" Signature={signer.signature(to_sign, dated)}"
    )
    return [(text.encode(), content.encode("latin-1")) for text, content in added.items()]


@lru_cache(maxsize=_KEPT)
def _canonical(
    method: str, url: str, fields: tuple[Field, ...], *, with_token: bool
) -> tuple[str, str]:
    """What is signed of a request, with marks for what is another's each time, and its names.

    botocore takes most of a signature's time for it, and few requests of a caller's differ in
    anything else.
    """
    new_signer, new_request = _signer()
    request = new_request(method=method, url=url)
    for name, value in fields:
        text = name.decode("latin-1")
        if text.lower() in _OWN:
            raise ValueError(f"{text} is not for the caller of sign to set")
        request.headers[text] = value.decode("latin-1")
    request.headers["x-amz-date"] = _TIME_MARK
    if with_token:
        request.headers["x-amz-security-token"] = _TOKEN_MARK
    canonical: str = new_signer(None, "", "").canonical_request(request)
    return canonical, canonical.rsplit("\n", 2)[1]


@lru_cache(maxsize=2)
def _written_time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime(_TIME)


@frozen
class _Dated:
    """What botocore's signer reads of a request whose canonical form it has."""

    context: dict[str, str]


@frozen
class _Keys:
    """What botocore's signer reads of a credential."""

    access_key: str
    secret_key: str = field(repr=False)
    derived: dict[tuple[bytes, str], bytes] = field(repr=False)


@cache
def _signer() -> tuple[Any, Any]:
    """The signer, which leaves the hash of a body open, and the class of its requests."""
    from botocore.auth import SigV4Auth  # noqa: PLC0415 - only when AWS is used
    from botocore.awsrequest import AWSRequest  # noqa: PLC0415 - only when AWS is used

    class Signer(SigV4Auth):  # type: ignore[misc] # botocore has no annotations
        def payload(self, request: Any) -> str:
            return _HASH_MARK

        def _sign(self, key: bytes, msg: str, hex: bool = False) -> bytes | str:  # noqa: A002 - botocore's
            """As botocore's, in one call of OpenSSL's; steps towards a day's key are kept."""
            if hex:
                return hmac.digest(key, msg.encode(), "sha256").hex()
            derived = self.credentials.derived
            digest: bytes | None = derived.get((key, msg))
            if digest is None:
                if len(derived) >= _KEPT:
                    derived.clear()
                digest = derived[key, msg] = hmac.digest(key, msg.encode(), "sha256")
            return digest

    return Signer, AWSRequest
