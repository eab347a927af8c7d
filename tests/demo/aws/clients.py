"""AWS's own client against a running demo provider, and requests signed without one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import ReadOnlyCredentials
from botocore.session import Session

from magicgateway.demo.aws.signatures import IDENTITIES, Identity
from magicgateway.demo.call import Call
from tests.demo.calls import call_of
from tests.demo.sockets import ProviderTestCase

HAIKU = "anthropic.claude-haiku-4-5-20251001-v1:0"
REGION = "us-east-1"
HOST = f"bedrock-runtime.{REGION}.amazonaws.com"
ROOT = IDENTITIES[0]


def client_of(
    url: str, service: str = "bedrock-runtime", identity: Identity = ROOT, **config: Any
) -> Any:
    """A client of AWS's that neither waits nor tries again."""
    return Session().create_client(
        service,
        region_name=REGION,
        endpoint_url=url,
        aws_access_key_id=identity.access_key,
        aws_secret_access_key=identity.secret_key,
        aws_session_token=identity.token or None,
        config=Config(retries={"total_max_attempts": 1}, read_timeout=5, **config),
    )


def signed(
    call: Call,
    identity: Identity = ROOT,
    *,
    at: str = "20250102T030405Z",
    service: str = "bedrock",
    extra: tuple[tuple[str, str], ...] = (),
) -> Call:
    """The request with a signature, as it would arrive at AWS.

    Args:
        call: What is sent; its host is AWS's.
        identity: Who signs it.
        at: When, in AWS's form.
        service: What the signature is scoped to.
        extra: More headers, which are signed as well.
    """
    url = f"https://{HOST}{call.target}"
    headers = {"content-type": "application/json", **dict(extra)}
    request: Any = AWSRequest(method=call.method, url=url, data=call.body, headers=headers)
    request.context["timestamp"] = at
    credentials = ReadOnlyCredentials(identity.access_key, identity.secret_key, identity.token)
    auth: Any = SigV4Auth(credentials, service, REGION)
    request.headers["X-Amz-Date"] = at
    if identity.token:
        request.headers["X-Amz-Security-Token"] = identity.token
    canonical = auth.canonical_request(request)
    signature = auth.signature(auth.string_to_sign(request, canonical), request)
    names = auth.signed_headers(auth.headers_to_sign(request))
    scope = f"{identity.access_key}/{at[:8]}/{REGION}/{service}/aws4_request"
    authorization = (
        f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={names}, Signature={signature}"
    )
    sent = [("host", HOST), *((key.lower(), value) for key, value in request.headers.items())]
    return call_of(
        call.body,
        call.method,
        call.target,
        (*sent, ("authorization", authorization)),
        at=SIGNED_AT,
    )


SIGNED_AT = 1735787045.0
"""2025-01-02 03:04:05 UTC."""


class AwsTestCase(ProviderTestCase):
    """Runs blocking uses of AWS's client beside the reactor."""

    async def use(self, use: Callable[[Any], Any], *args: Any, **config: Any) -> Any:
        """The result of a use of a client that was made for it."""

        def talk() -> Any:
            client = client_of(self.provider.base_url, *args, **config)
            try:
                return use(client)
            finally:
                client.close()

        return await self.in_thread(talk)
