"""The list of models of a provider that is one of AWS: its models, and profiles of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from attrs import frozen

from magicgateway.dialects.bedrock_converse.failures import read_failure
from magicgateway.providers.credentials import Admission
from magicgateway.providers.envelopes import LIST_PROFILES, Envelope
from magicgateway.providers.models.known import KNOWN
from magicgateway.providers.models.names import without_geography
from magicgateway.providers.registry import Provider
from magicgateway.routing.aws_model_lists import read_foundation_models, read_profiles
from magicgateway.routing.model_lists import BadStatus, Listed, ModelList
from magicgateway.serving.collecting import collect
from magicgateway.upstream.attempt import OutgoingRequest
from magicgateway.upstream.aws_requests import AwsCall
from magicgateway.upstream.forwarding import framing
from magicgateway.wire.jsontext import BadJson, decode

if TYPE_CHECKING:
    from magicgateway.serving.plane import DataPlane

_MOST_PAGES = 20
_GET = b"GET"


@frozen(kw_only=True)
class AwsModels:
    """Who asks whom for a list.

    Attributes:
        fields: The caller's header fields; none where the operator's identity is to be used.
        limit: Bytes of one answer.
    """

    plane: DataPlane
    provider: Provider
    fields: Mapping[bytes, bytes]
    admission: Admission
    local: bool
    limit: int

    async def fetch(self) -> ModelList:
        """All that can be asked for.

        An identity that may ask models but not list them is given a list of known ones.

        Raises:
            ApiError: There is no identity, or no answer.
            BadStatus: AWS does not give its list.
            ValueError: What it gives is none.
        """
        operation = self.provider.row.operations["models"]
        assert operation.envelope is not None
        try:
            found = read_foundation_models(await self._get(operation.envelope))
            token = ""
            for _ in range(_MOST_PAGES):
                profiles, token = read_profiles(await self._get(LIST_PROFILES, token))
                found += profiles
                if not token:
                    break
        except _MayNotList:
            known = KNOWN[operation.dialects[0]]
            return ModelList(tuple(_listed(name) for name in known), built_in=True)
        return ModelList(tuple(found))

    async def _get(self, envelope: Envelope, token: str = "") -> bytes:
        more = f"&nextToken={quote(token, safe='')}" if token else ""
        call = AwsCall(
            provider=self.provider,
            fields=self.fields,
            admission=self.admission,
            local=self.local,
            model="",
            method=envelope.method,
            path=envelope.path + more,
            service=envelope.service,
            headers=envelope.headers,
            body=b"",
        )
        signed = await self.plane.aws.prepare(call)
        outgoing = OutgoingRequest(signed.origin, [signed.head + framing(_GET, 0)])
        whole = await collect(self.plane, outgoing, self.provider.timeouts, self.limit)
        status = whole.head.status
        if status == 200:
            return whole.body
        failure = read_failure(status, _said(whole.body), whole.fields)
        raise _MayNotList(status) if failure.kind == "permission" else BadStatus(status)


class _MayNotList(BadStatus):
    """The identity is good, and has no right to lists."""


def _said(body: bytes) -> Any:
    try:
        return decode(body)
    except BadJson:
        return body.decode("utf-8", "replace")


def _listed(name: str) -> Listed:
    return Listed(name, without_geography(name).partition(".")[0])
