"""Whose AWS credential a request goes with: the caller's, or what the operator has set.

AWS knows two kinds: a pair of keys, with which requests are signed, and for models a key that goes
as bearer. A pair is whole or it is an error: half of one never falls through to somebody else's,
and no request goes unsigned.

What neither headers nor settings say is looked for by ``upstream.aws_credential_chain``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from attrs import evolve, field, frozen

from magicgateway.config.secret import Secret
from magicgateway.errors import ApiError, ConfigError
from magicgateway.providers.aws_endpoints import REGION_FIELD
from magicgateway.providers.credentials import Admission, own_value

ACCESS_KEY_FIELD = "x-aws-access-key-id"
SECRET_KEY_FIELD = "x-aws-secret-access-key"  # noqa: S105 - a name, not a secret
TOKEN_FIELD = "x-aws-session-token"  # noqa: S105 - a name, not a secret

_UNSET = frozenset({"", "undefined", "null", "none"})
"""What a variable that was never set looks like when it is written into a header."""
_ACCESS_KEY = re.compile(r"[A-Za-z0-9_-]{1,128}")
"""It stands in a header between a ``=``, slashes and a comma."""
_SECRET_KEY = re.compile(r"[\x21-\x7e]{1,1024}")
_TOKEN = re.compile(r"[\x21-\x7e]{0,16384}")


@frozen
class AwsCredential:
    """A pair of keys, and the token that temporary ones come with.

    Attributes:
        own: The caller's.
        derived: Keys of a day, a region and a service, which ``signing`` makes of the secret one
            and keeps here, so that they are gone when it is.
    """

    access_key_id: str
    secret_access_key: Secret
    session_token: Secret | None = None
    own: bool = False
    derived: dict[tuple[bytes, str], bytes] = field(factory=dict, init=False, eq=False, repr=False)


@frozen
class AwsBearer:
    """A Bedrock API key; requests with it are not signed. ``own``: the caller's."""

    key: Secret
    own: bool = False


@frozen
class AwsSource:
    """One place where an operator may have set credentials: a table, or the environment.

    ``names`` are what the two keys are called there, for people.
    """

    access_key_id: Secret | None = None
    secret_access_key: Secret | None = None
    session_token: Secret | None = None
    bearer: Secret | None = None
    names: tuple[str, str] = ("access_key_id", "secret_access_key")


def own_aws_credential(
    fields: Mapping[bytes, bytes], admission: Admission
) -> AwsCredential | AwsBearer | None:
    """The credential that a caller brought; None if it brought none.

    A pair of keys wins over a bearer, which beside it is mostly what an SDK made somebody write.
    A token belongs to its pair, so the operator's is never used with it.

    Args:
        fields: The caller's header fields by lower-case name.
        admission: What ``Keyring.admit`` gave.

    Raises:
        ApiError: 400 ``incomplete_credential`` naming the header that is missing; 400
            ``invalid_credential`` naming the one that no such header can be.
    """
    access_key = _text(fields, ACCESS_KEY_FIELD)
    secret_key = _text(fields, SECRET_KEY_FIELD)
    token = _text(fields, TOKEN_FIELD)
    if access_key and secret_key:
        wrong = _unfit(
            (ACCESS_KEY_FIELD, SECRET_KEY_FIELD, TOKEN_FIELD), access_key, secret_key, token
        )
        if wrong:
            raise ApiError(
                400,
                "invalid_credential",
                f"The header {wrong} has characters that no such credential has.",
                param=wrong,
            )
        return AwsCredential(
            access_key,
            Secret(secret_key, SECRET_KEY_FIELD),
            Secret(token, TOKEN_FIELD) if token else None,
            own=True,
        )
    if access_key or secret_key or token:
        missing = SECRET_KEY_FIELD if access_key else ACCESS_KEY_FIELD
        given = ACCESS_KEY_FIELD if access_key else SECRET_KEY_FIELD if secret_key else TOKEN_FIELD
        raise ApiError(
            400,
            "incomplete_credential",
            f"The header {given} came without {missing}: send both keys of the pair, or neither.",
            param=missing,
        )
    bearer = own_value(fields, admission)
    return None if bearer is None else AwsBearer(Secret(bearer.decode("latin-1")), own=True)


def asked_region(fields: Mapping[bytes, bytes]) -> str:
    """What ``x-aws-region`` says, unchecked; empty if nothing."""
    return _text(fields, REGION_FIELD)


def environment_source(secrets: Mapping[str, Secret]) -> AwsSource:
    """What the environment holds, under the names that AWS gave.

    Args:
        secrets: ``Settings.environment``.
    """
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    return AwsSource(
        access_key_id=secrets.get(names[0]),
        secret_access_key=secrets.get(names[1]),
        session_token=secrets.get("AWS_SESSION_TOKEN"),
        bearer=secrets.get("AWS_BEARER_TOKEN_BEDROCK"),
        names=names,
    )


def operator_aws_credential(sources: Iterable[AwsSource]) -> AwsCredential | AwsBearer | None:
    """The credential that the operator has set; None if the chain is to be asked.

    Args:
        sources: Best first. Within one, a Bedrock API key wins, as in AWS's own clients.

    Raises:
        ConfigError: A source that would be used has only one of the two keys, or one that cannot
            be a key.
    """
    for source in sources:
        if source.bearer is not None:
            return AwsBearer(source.bearer)
        credential = _pair(source)
        if credential is not None:
            return credential
    return None


def aws_credential(
    access_key_id: str, secret_access_key: str, session_token: str | None
) -> AwsCredential:
    """A pair of keys of the operator's from text that was found somewhere.

    Raises:
        ConfigError: One of them has characters that it cannot have.
    """
    wrong = _unfit(
        ("access key id", "secret access key", "session token"),
        access_key_id,
        secret_access_key,
        session_token or "",
    )
    if wrong:
        raise ConfigError(f"the AWS {wrong} has characters that none has; copy it again")
    return AwsCredential(
        access_key_id,
        Secret(secret_access_key),
        Secret(session_token) if session_token else None,
    )


def check_operator_serves(admission: Admission, *, local: bool) -> None:
    """A caller without a credential of its own may use the operator's.

    Args:
        admission: What ``Keyring.admit`` gave.
        local: The caller is on this machine (``credentials.is_local``).

    Raises:
        ApiError: 401 ``missing_credential``: it may not.
    """
    if not admission.closed and not local:
        raise ApiError(
            401,
            "missing_credential",
            "No AWS credential. The operator's serve only callers on the gateway's own machine,"
            " because this gateway is open: send your own (x-aws-access-key-id and"
            " x-aws-secret-access-key, or a Bedrock API key as Authorization: Bearer ...), or let"
            " the operator set server.keys.",
        )


def _pair(source: AwsSource) -> AwsCredential | None:
    access_key, secret_key = source.access_key_id, source.secret_access_key
    if access_key is None and secret_key is None:
        return None
    if access_key is None or secret_key is None:
        here, missing = source.names if secret_key is None else source.names[::-1]
        raise ConfigError(f"it is set without {missing}; set both keys of the pair", key=here)
    token = source.session_token
    if token is not None and token.reveal().strip(" \t").lower() in _UNSET:
        token = None
    found = aws_credential(
        access_key.reveal(), secret_key.reveal(), token.reveal() if token else None
    )
    return evolve(found, secret_access_key=secret_key, session_token=token)


def _unfit(names: Sequence[str], access_key: str, secret_key: str, token: str) -> str:
    """The name of the first part that has another form than it can have; empty if all are right."""
    parts = ((_ACCESS_KEY, access_key), (_SECRET_KEY, secret_key), (_TOKEN, token))
    for name, (form, text) in zip(names, parts, strict=True):
        if not form.fullmatch(text):
            return name
    return ""


def _text(fields: Mapping[bytes, bytes], name: str) -> str:
    text = fields.get(name.encode(), b"").decode("latin-1").strip(" \t")
    return "" if text.lower() in _UNSET else text
