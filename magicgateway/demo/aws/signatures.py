"""Who signed a request, checked as AWS checks it: with botocore, and by AWS's words of refusal.

botocore costs a tenth of a second to import, so that is done when the first request arrives.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from attrs import frozen

from magicgateway.demo.aws.refusals import DENIED, AwsRefusal
from magicgateway.demo.call import Call

ALGORITHM = "AWS4-HMAC-SHA256"
SERVICE_SCOPE = "bedrock/aws4_request"
"""How the scope of every credential ends, for the runtime and for the control plane alike."""
SKEW = 300
"""Seconds that a signature's time may lie before or after the provider's."""
_DATE = "%Y%m%dT%H%M%SZ"
_API_KEY_START = ("ABSK", "bedrock-api-key-")
_FIELD = re.compile(r"\s*(Credential|SignedHeaders|Signature)=([^,\s]+)\s*")


@frozen
class Identity:
    """A key pair that the provider knows; a session token belongs to one of them."""

    access_key: str
    secret_key: str
    token: str = ""
    expired: bool = False


IDENTITIES = (
    Identity("AKIADEMOPROVIDER0001", "demo-secret-key-that-is-no-secret-000001"),
    Identity(
        "ASIADEMOPROVIDER0002", "demo-secret-key-that-is-no-secret-000002", "demo-session-token=="
    ),
    Identity(
        "ASIADEMOPROVIDER0003",
        "demo-secret-key-that-is-no-secret-000003",
        "demo-session-token-of-yesterday==",
        expired=True,
    ),
    Identity("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
)
"""Everybody who may ask; the last one is of AWS's own examples. ``docs/demo.md`` lists them."""
API_KEY = "ABSKdemo-provider-api-key"
"""The API key that may stand as a bearer token in place of a signature."""


def signer(call: Call) -> str:
    """The access key that signed a request, or the API key that came with it.

    Raises:
        AwsRefusal: Nobody did, or not rightly.
    """
    text = call.header("authorization")
    if not text:
        raise AwsRefusal(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
    scheme, _, rest = text.partition(" ")
    if scheme.lower() == "bearer":
        return _with_api_key(rest.strip())
    if scheme != ALGORITHM:
        raise _incomplete(f"Unsupported AWS 'algorithm': '{scheme}'.")
    fields = {match[1]: match[2] for part in rest.split(",") if (match := _FIELD.fullmatch(part))}
    for name in ("Credential", "SignedHeaders", "Signature"):
        if name not in fields:
            raise _incomplete(f"Authorization header requires '{name}' parameter.")
    identity, date, region = _scope(fields["Credential"])
    stamp = _time(call, date)
    signed = fields["SignedHeaders"].split(";")
    _check_headers(call, signed)
    _check_token(call, identity)
    _check_signature(call, identity, stamp, region, signed, fields["Signature"])
    return identity.access_key


def _with_api_key(key: str) -> str:
    if not key.startswith(_API_KEY_START):
        message = "Invalid API Key format: Must start with pre-defined prefix"
        raise AwsRefusal(403, DENIED, message, "Message")
    if not hmac.compare_digest(key, API_KEY):
        message = "Authentication failed: Please make sure your API Key is valid."
        raise AwsRefusal(403, DENIED, message, "Message")
    return API_KEY


def _incomplete(message: str) -> AwsRefusal:
    return AwsRefusal(403, "IncompleteSignatureException", message)


def _wrong(message: str) -> AwsRefusal:
    return AwsRefusal(403, "InvalidSignatureException", message)


def _unknown() -> AwsRefusal:
    message = "The security token included in the request is invalid."
    return AwsRefusal(403, "UnrecognizedClientException", message)


def _scope(credential: str) -> tuple[Identity, str, str]:
    """Who, the date and the region that a credential names."""
    parts = credential.split("/", 3)
    if len(parts) != 4:
        raise _incomplete("Credential must have exactly 5 slash-delimited elements.")
    key, date, region, end = parts
    if end != SERVICE_SCOPE:
        service = SERVICE_SCOPE.partition("/")[0]
        raise _wrong(f"Credential should be scoped to correct service: '{service}'.")
    for identity in IDENTITIES:
        if identity.access_key == key:
            return identity, date, region
    raise _unknown()


def _time(call: Call, date: str) -> str:
    """The signature's own time, which lies near the provider's."""
    stamp = call.header("x-amz-date")
    try:
        signed_at = datetime.strptime(stamp, _DATE).replace(tzinfo=UTC).timestamp()
    except ValueError:
        message = "Authorization header requires existence of either 'X-Amz-Date' or 'Date' header."
        raise _incomplete(message) from None
    if not stamp.startswith(date):
        message = "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date"
        raise _wrong(f"{message} from HTTP: '{date}' != '{stamp[:8]}', from '{stamp}'.")
    now = _stamp(call.at)
    if signed_at < call.at - SKEW:
        limit = _stamp(call.at - SKEW)
        raise _wrong(f"Signature expired: {stamp} is now earlier than {limit} ({now} - 5 min.)")
    if signed_at > call.at + SKEW:
        limit = _stamp(call.at + SKEW)
        raise _wrong(f"Signature not yet current: {stamp} is still later than {limit}")
    return stamp


def _stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime(_DATE)


def _check_headers(call: Call, signed: list[str]) -> None:
    if "host" not in signed:
        raise _wrong("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
    if signed != sorted(set(signed)):
        raise _wrong("SignedHeaders must be sorted and name no header twice.")
    present = {name for name, _ in call.headers}
    if missing := [name for name in signed if name not in present]:
        raise _wrong(f"SignedHeaders names headers that were not sent: {', '.join(missing)}")
    unsigned = sorted(name for name in present if name.startswith("x-amz") and name not in signed)
    if unsigned:
        message = "There were headers present in the request which were not signed"
        raise AwsRefusal(403, DENIED, f"{message}: {', '.join(unsigned)}")


def _check_token(call: Call, identity: Identity) -> None:
    if call.header("x-amz-security-token") != identity.token:
        raise _unknown()
    if identity.expired:
        message = "The security token included in the request is expired"
        raise AwsRefusal(403, "ExpiredTokenException", message)


def _check_signature(
    call: Call, identity: Identity, stamp: str, region: str, signed: Iterable[str], found: str
) -> None:
    if call.body_size > len(call.body):
        raise AwsRefusal(413, "RequestEntityTooLargeException", "Request is too large.")
    canonical, to_sign, signature = _signature(call, identity, stamp, region, frozenset(signed))
    if not hmac.compare_digest(signature, found):
        raise _wrong(
            "The request signature we calculated does not match the signature you provided. Check "
            "your AWS Secret Access Key and signing method. Consult the service documentation for "
            f"details.\n\nThe Canonical String for this request should have been\n'{canonical}'\n\n"
            f"The String-to-Sign should have been\n'{to_sign}'\n"
        )


def _signature(
    call: Call, identity: Identity, stamp: str, region: str, signed: frozenset[str]
) -> tuple[str, str, str]:
    """The canonical request, the string to sign, and the signature that the request should have."""
    from botocore.auth import SigV4Auth  # noqa: PLC0415 - see above
    from botocore.awsrequest import AWSRequest  # noqa: PLC0415 - see above
    from botocore.credentials import ReadOnlyCredentials  # noqa: PLC0415 - see above

    url = f"https://{call.header('host')}{call.target}"
    request: Any = AWSRequest(method=call.method, url=url, data=call.body)
    for name, value in call.headers:
        if name in signed:
            request.headers.add_header(name, value)
    request.context["timestamp"] = stamp
    credentials = ReadOnlyCredentials(identity.access_key, identity.secret_key, identity.token)
    auth: Any = SigV4Auth(credentials, SERVICE_SCOPE.partition("/")[0], region)
    canonical = auth.canonical_request(request)
    to_sign = auth.string_to_sign(request, canonical)
    return canonical, to_sign, auth.signature(to_sign, request)
