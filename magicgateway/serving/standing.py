"""What a request's head alone tells, worked out once for heads that say the same."""

from __future__ import annotations

from attrs import evolve

from magicgateway.errors import ApiError
from magicgateway.providers.aws_credentials import AwsBearer, AwsCredential, own_aws_credential
from magicgateway.providers.credentials import (
    Admission,
    Credential,
    is_local,
    operator_credential,
    own_credential,
)
from magicgateway.providers.envelopes import Letter
from magicgateway.providers.registry import Provider
from magicgateway.providers.row import OWN
from magicgateway.routing.destination import Destination
from magicgateway.routing.doors import MODELS, Target, needs_peek
from magicgateway.serving.plane import DataPlane
from magicgateway.upstream.forwarding import Forwarder
from magicgateway.wire.heads import RequestHead

_SAFE_METHODS = frozenset({b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE"})
_MODEL_BYTES = 256


class Standing:
    """A caller, a path and what they may: all that does not depend on the body.

    It belongs to one connection, for as long as its requests' heads say the same, and remembers
    where the last of them went. Nothing here may depend on the body's length.

    Args:
        plane: What all exchanges share.
        head: The request's.
        target: What its path asks for.
        peer: The address at the other end of the connection.
    """

    def __init__(self, plane: DataPlane, head: RequestHead, target: Target, peer: str) -> None:
        fields = head.fields
        self._plane = plane
        self._fields = fields
        self._head = head
        self.target = target
        self.given_id = fields.get(b"x-request-id")
        self.named = fields.get(b"x-provider")
        self.anthropic = b"anthropic-version" in fields
        self.family = target.family(self.anthropic)
        self.identity_name = b"request-id" if self.family == "anthropic" else b"x-request-id"
        self.caller = plane.proxies.caller(peer, fields.get(b"x-forwarded-for"))
        self.cors = plane.cors.fields(fields.get(b"origin"))
        self.peeks = needs_peek(target, head.method, fields.get(b"content-type", b""))
        door = target.door
        self.dialect = door.dialect if door is not None else OWN
        self.lists_models = target.operation == MODELS
        self.is_head = head.method == b"HEAD"
        self.is_read = self.is_head or head.method == b"GET"
        self.repeatable = self.peeks or head.method in _SAFE_METHODS or b"idempotency-key" in fields
        self.method = head.method.decode("latin-1")
        self.path = head.target.partition(b"?")[0][:256].decode("latin-1")
        self.admission: Admission | None = None
        """Set once the request was found to be one that may be served."""
        self.destination: Destination | None = None
        self._model: str | None = None
        self.forwarder: Forwarder
        self.described = b""
        """The fields of our answer that say where it came from."""
        self.opening = b""
        """The upstream request's head without its framing; empty until there was a credential."""
        self.own_credential = False
        self._aws: AwsCredential | AwsBearer | None = None
        self._translated: Letter | None = None
        """Around which body ``opening`` was written, where the gateway has written that."""

    def admit(self) -> None:
        """Find out whether the request may be served at all.

        Raises:
            ApiError: It may not: 401, 405 or 501.
        """
        fields = self._fields
        if b"upgrade" in fields and fields[b"upgrade"].lower() == b"websocket":
            raise ApiError(
                501, "websocket_unsupported", "WebSocket is not offered here; use HTTP and SSE."
            )
        admission = self._plane.keyring.admit(fields)
        door = self.target.door
        if door is not None and self._head.method not in door.methods:
            allowed = ", ".join(method.decode() for method in door.methods)
            raise ApiError(405, "method_not_allowed", f"This path takes {allowed}.")
        encoding = fields.get(b"content-encoding", b"identity")
        if self.peeks and encoding.lower() != b"identity":
            raise ApiError(
                415,
                "unsupported_encoding",
                "The gateway has to read this body, so it must come without Content-Encoding.",
            )
        self.admission = admission

    def named_provider(self) -> Provider | None:
        """The provider that path or header name.

        Raises:
            ApiError: 400, it is unknown, or they name different ones.
        """
        return self._plane.router.named(self.target, self.named)

    def route(self, model: str | None) -> Destination:
        """Find out where the request goes.

        Raises:
            ApiError: Nowhere; see ``Router.resolve``.
        """
        destination = self.destination
        if destination is not None and model == self._model:
            return destination
        destination = self._plane.router.resolve(
            self.target, model, self.named, anthropic=self.anthropic
        )
        self._model = model
        self.destination = destination
        self.forwarder = self._plane.forwarder(destination.provider)
        self.opening = b""
        self.described = b"x-magicgateway-provider: %b\r\n" % destination.provider.name.encode()
        if destination.upstream_model is not None:
            text = _field_text(destination.upstream_model)
            self.described += b"x-magicgateway-model: %b\r\n" % text
        return destination

    def credential(self) -> Credential | None:
        """Whose credential the request goes with.

        Raises:
            ApiError: 401, there is none that may be used.
        """
        assert self.destination is not None
        assert self.admission is not None
        provider = self.destination.provider
        own = own_credential(provider, self._fields, self.admission)
        return own or self.operator_credential(provider)

    def operator_credential(self, provider: Provider) -> Credential | None:
        """The operator's credential for a provider, if it may serve this caller.

        Raises:
            ApiError: 401, it may not.
        """
        assert self.admission is not None
        return operator_credential(provider, self.admission, local=self.is_local())

    def is_local(self) -> bool:
        """Whether the caller is on this machine."""
        return is_local(self.caller, self._fields, version=self._head.version)

    def open_upstream(self) -> bytes:
        """The head of the upstream request, up to its framing.

        Raises:
            ApiError: 401, there is no credential for it.
        """
        if not self.opening or self._translated is not None:
            self._translated = None
            destination = self.destination
            assert destination is not None
            credential = self.credential()
            self.own_credential = credential is not None and credential.own
            self.opening = self.forwarder.request_fields(
                self._head, destination.upstream_path + self.target.query, credential
            )
        return self.opening

    def open_translated(self, letter: Letter) -> bytes:
        """The head of an upstream request whose body the gateway writes, up to its framing.

        Args:
            letter: What goes around the body.

        Raises:
            ApiError: 401, there is no credential for it.
        """
        before = self._translated
        if (
            self.opening
            and before is not None
            and (letter.method, letter.path, letter.headers)
            == (before.method, before.path, before.headers)
        ):
            return self.opening
        forwarder = self.forwarder
        credential = self.credential()
        self.own_credential = credential is not None and credential.own
        self.opening = forwarder.translated_fields(
            self._head,
            letter.method.encode("ascii"),
            forwarder.provider.prefix + letter.path.encode("ascii"),
            letter.headers,
            credential,
        )
        self._translated = evolve(letter, body=None)
        return self.opening

    def aws_credential(self) -> AwsCredential | AwsBearer | None:
        """The credential for AWS that the caller brought; None if it brought none.

        Raises:
            ApiError: 400, it brought one that cannot be used; see ``own_aws_credential``.
        """
        assert self.admission is not None
        if self._aws is None:
            self._aws = own_aws_credential(self._fields, self.admission)
        return self._aws


def _field_text(text: str) -> bytes:
    """A model's name as a header value: what a header cannot hold is percent-encoded."""
    raw = text.encode("utf-8", "surrogatepass")[:_MODEL_BYTES]
    if raw.isascii() and raw.decode().isprintable():
        return raw
    return b"".join(
        bytes((byte,)) if 0x20 < byte < 0x7F and byte != 0x25 else b"%%%02X" % byte for byte in raw
    )
