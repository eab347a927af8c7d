"""One request's life: who asks, for what, of whom; then the attempt, the relay, the end."""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import Logger

from magicgateway.dialects.catalogue import error_body
from magicgateway.errors import ApiError, UpstreamError
from magicgateway.observe import facts
from magicgateway.providers.credentials import (
    Admission,
    Credential,
    is_local,
    operator_credential,
    own_credential,
)
from magicgateway.providers.registry import Provider
from magicgateway.providers.row import OWN
from magicgateway.routing.destination import Destination
from magicgateway.routing.doors import MODELS, Target, needs_peek
from magicgateway.serving import answer
from magicgateway.serving.intake import JsonBody, Upload, too_large
from magicgateway.serving.plane import DataPlane
from magicgateway.serving.relay import Relay
from magicgateway.serving.request import GatewayRequest
from magicgateway.upstream.attempt import Attempt, OutgoingRequest
from magicgateway.upstream.connection import Connection
from magicgateway.upstream.forwarding import Forwarder
from magicgateway.wire.json_peek import splice

_SAFE_METHODS = frozenset({b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE"})


class Exchange:
    """One downstream request and its answer. It takes the request's body (``Intake``).

    Args:
        plane: What all exchanges share.
        request: The caller's.
        target: What its path asks for.
    """

    _log = Logger()
    forwarder: Forwarder
    destination: Destination | None = None
    own_credential = False
    model = ""
    _admission: Admission | None = None
    _json: JsonBody | None = None
    _upload: Upload | None = None
    _attempt: Attempt | None = None
    _relay: Relay | None = None
    _stop: Callable[[], None] | None = None
    _ended = False
    _body_bytes = 0

    def __init__(self, plane: DataPlane, request: GatewayRequest, target: Target) -> None:
        self.plane = plane
        self.request = request
        self.target = target
        fields = request.head.fields
        self.now = plane.now
        self.request_id = plane.request_ids.name(fields.get(b"x-request-id"))
        self.anthropic = b"anthropic-version" in fields
        self.family = target.family(self.anthropic)
        self.caller = plane.proxies.caller(request.peer, fields.get(b"x-forwarded-for"))
        self.began = plane.wall_clock()
        self._cors = plane.cors.fields(fields.get(b"origin"))
        self._body_at = request.received

    # -- the head ---------------------------------------------------------------------------

    def open(self) -> None:
        """Check what the head tells, then take the body or refuse it."""
        self.plane.running.add(self)
        self.request.intake = self
        try:
            self._open()
        except ApiError as error:
            self.fail(error)
        except Exception:  # noqa: BLE001 - the caller gets an answer whatever we did wrong
            self._failed_inside()

    def _open(self) -> None:
        request = self.request
        head = request.head
        plane = self.plane
        if head.method == b"OPTIONS":
            preflight = plane.cors.preflight(head.fields)
            if preflight is not None:
                self._answer(204, [preflight])
                return
        if b"upgrade" in head.fields and head.fields[b"upgrade"].lower() == b"websocket":
            raise ApiError(
                501, "websocket_unsupported", "WebSocket is not offered here; use HTTP and SSE."
            )
        self._admission = plane.keyring.admit(head.fields)
        door = self.target.door
        if door is not None:
            self._check_method(door.methods)
        if needs_peek(self.target, head.method, head.fields.get(b"content-type", b"")):
            limit = plane.settings.server.max_body_bytes
            if head.length > limit:
                raise too_large(limit, "server.max_body_bytes")
            self._json = JsonBody(limit)
            request.send_continue()
            return
        limit = plane.settings.server.max_upload_bytes
        if head.length > limit:
            raise too_large(limit, "server.max_upload_bytes")
        if door is not None and door.name == MODELS and plane.models.answers(self):
            return
        self.route()
        request.send_continue()
        if head.length != 0:
            self._upload = Upload(request, limit)
            self._send([], head.length)

    def _check_method(self, methods: tuple[bytes, ...]) -> None:
        if self.request.head.method not in methods:
            allowed = ", ".join(method.decode() for method in methods)
            raise ApiError(405, "method_not_allowed", f"This path takes {allowed}.")

    # -- the body ---------------------------------------------------------------------------

    def body_received(self, data: bytes) -> None:
        """A piece of the caller's body."""
        try:
            if self._json is not None:
                self._json.add(data)
            elif self._upload is not None:
                self._upload.add(data)
                if self._upload.begun and self._attempt is not None:
                    self._attempt.no_repeat()
        except ApiError as error:
            self.refuse(error)

    def body_ended(self) -> None:
        """The caller's body is complete."""
        self._body_at = self.now()
        if self._ended:
            return
        try:
            if self._upload is not None:
                self._upload.complete()
                if self._attempt is not None:
                    self._attempt.body_sent()
            elif self._json is not None:
                self._send_json(self._json)
            elif self._attempt is None and self.destination is not None:
                self._send([], 0)
        except ApiError as error:
            self.fail(error)
        except Exception:  # noqa: BLE001 - as in open
            self._failed_inside()

    def _send_json(self, body: JsonBody) -> None:
        asked = body.read()
        pieces = body.pieces
        size = body.size
        destination = self.route(asked.model)
        if destination.rewrite:
            assert destination.upstream_model is not None
            pieces = splice(pieces, asked.span, destination.upstream_model)
            size = sum(map(len, pieces))
        self._send(pieces, size)

    def named_provider(self) -> Provider | None:
        """The provider that path or header name.

        Raises:
            ApiError: 400, it is unknown, or they name different ones.
        """
        return self.plane.router.named(self.target, self.request.head.fields.get(b"x-provider"))

    def route(self, model: str | None = None) -> Destination:
        """Find out where the request goes.

        Raises:
            ApiError: Nowhere; see ``Router.resolve``.
        """
        fields = self.request.head.fields
        target = self.target
        self.model = model or target.model_id or ""
        destination = self.plane.router.resolve(
            target, model, fields.get(b"x-provider"), anthropic=self.anthropic
        )
        self.destination = destination
        self.forwarder = self.plane.forwarder(destination.provider)
        return destination

    # -- the attempt ------------------------------------------------------------------------

    def credential(self) -> Credential | None:
        """Whose credential this request goes with.

        Raises:
            ApiError: 401, there is none that may be used.
        """
        assert self.destination is not None
        assert self._admission is not None
        provider = self.destination.provider
        own = own_credential(provider, self.request.head.fields, self._admission)
        return own or self.operator_credential(provider)

    def operator_credential(self, provider: Provider) -> Credential | None:
        """The operator's credential for a provider, if it may serve this caller.

        Raises:
            ApiError: 401, it may not.
        """
        assert self._admission is not None
        local = is_local(self.caller, self.request.head.fields)
        return operator_credential(provider, self._admission, local=local)

    def _send(self, pieces: list[bytes], length: int) -> None:
        destination = self.destination
        assert destination is not None
        provider = destination.provider
        credential = self.credential()
        self.own_credential = credential is not None and credential.own
        head = self.request.head
        first = self.forwarder.request_head(
            head, destination.upstream_path + self.target.query, credential, length
        )
        outgoing = OutgoingRequest(
            origin=self.forwarder.origin,
            pieces=[first, *pieces],
            head_request=head.method == b"HEAD",
            repeatable=self._json is not None
            or head.method in _SAFE_METHODS
            or b"idempotency-key" in head.fields,
            streamed=self._upload is not None,
        )
        door = self.target.door
        relay = self._relay = Relay(
            self, door.dialect if door is not None else OWN, provider.timeouts
        )
        plane = self.plane
        attempt = self._attempt = Attempt(
            plane.pool, plane.sweeper, plane.reactor, outgoing, provider.timeouts, relay
        )
        attempt.start()

    def request_sent(self, connection: Connection) -> None:
        """The head is on its way; a streamed body follows it."""
        if self._upload is not None:
            self._upload.connected(connection)
            if self._upload.begun and self._attempt is not None:
                self._attempt.no_repeat()

    def answer_begins(self) -> None:
        """The provider answers; if the caller is still sending, nobody wants the rest."""
        if self._upload is not None:
            self._upload.stop()
        self.request.ignore_body()

    def own_lines(self, fields: dict[bytes, bytes], status: int) -> list[bytes]:
        """The fields that we add to a provider's answer."""
        destination, attempt = self.destination, self._attempt
        assert destination is not None
        assert attempt is not None
        identity = self.request_id.encode()
        relay = self._relay
        upstream = (relay.head_at - attempt.sent_at) * 1000 if relay is not None else 0.0
        lines = [
            b"x-magicgateway-request-id: %b\r\nx-magicgateway-provider: %b\r\n"
            b"x-magicgateway-attempts: %d\r\n"
            b"Server-Timing: gateway;dur=%.2f, upstream;dur=%.2f\r\n"
            % (
                identity,
                destination.provider.name.encode(),
                attempt.count,
                (attempt.sent_at - self._body_at) * 1000,
                upstream,
            )
        ]
        if destination.upstream_model is not None:
            lines.append(b"x-magicgateway-model: %b\r\n" % _field_text(destination.upstream_model))
        if b"x-request-id" not in fields and b"request-id" not in fields:
            name = b"request-id" if self.family == "anthropic" else b"x-request-id"
            lines.append(b"%b: %b\r\n" % (name, identity))
        if status >= 400 and b"cache-control" not in fields:
            lines.append(answer.NO_STORE)
        if self._cors:
            lines.append(self._cors)
        return lines

    # -- the end ----------------------------------------------------------------------------

    def refuse(self, error: ApiError) -> None:
        """The caller's body cannot be taken any further."""
        if not self._ended:
            self._abandon()
            self.fail(error)

    def on_leave(self, stop: Callable[[], None]) -> None:
        """Have something stopped should the caller leave before its answer."""
        self._stop = stop

    def caller_left(self) -> None:
        """The caller's connection is gone."""
        if self._ended:
            return
        self._abandon()
        self._record(499, facts.CALLER_LEFT, None)

    def interrupt(self) -> None:
        """The gateway stops now."""
        fault = ApiError(
            503, "gateway_stopping", "The gateway is shutting down.", retry_after=1, close=True
        )
        if self._ended:
            return
        if self._relay is not None and self._relay.committed:
            self._relay.interrupt(fault)
        else:
            self.refuse(fault)

    def _abandon(self) -> None:
        if self._upload is not None:
            self._upload.stop()
        if self._relay is not None:
            self._relay.caller_left()
        if self._attempt is not None:
            self._attempt.abandon()
        stop, self._stop = self._stop, None
        if stop is not None:
            stop()

    def _failed_inside(self) -> None:
        self._log.failure("an exchange failed inside the gateway")
        self._abandon()
        self.fail(ApiError(500, "internal_error", "The gateway failed. The fault is not yours."))

    def fail(self, error: ApiError) -> None:
        """End with an error answer in the caller's dialect."""
        if self._ended:
            return
        if self._upload is not None:
            self._upload.stop()
        lines = [answer.JSON, answer.NO_STORE]
        if error.retry_after is not None:
            lines.append(b"Retry-After: %d\r\n" % error.retry_after)
        if error.status == 405 and self.target.door is not None:
            lines.append(b"Allow: %b\r\n" % b", ".join(self.target.door.methods))
        if error.close:
            self.request.close_after = True
        body = error_body(self.family, error, self.request_id)
        self._answer(error.status, lines, body, error)

    def answer_json(self, status: int, body: bytes) -> None:
        """End with a JSON answer of our own."""
        self._answer(status, [answer.JSON], body)

    def _answer(
        self, status: int, lines: list[bytes], body: bytes = b"", error: ApiError | None = None
    ) -> None:
        if self._ended:
            return
        request = self.request
        request.ignore_body()
        identity = self.request_id.encode()
        own = [
            b"x-magicgateway-request-id: %b\r\n" % identity,
            b"%b: %b\r\n"
            % (b"request-id" if self.family == "anthropic" else b"x-request-id", identity),
            self._cors if status != 204 else b"",
        ]
        if self.destination is not None:
            own.append(b"x-magicgateway-provider: %b\r\n" % self.destination.provider.name.encode())
        if request.close_after or self.plane.draining:
            request.close_after = True
            own.append(answer.CLOSE)
        request.send(
            answer.whole(
                status,
                self.plane.own_fields(),
                lines + own,
                body,
                send_body=request.head.method != b"HEAD",
            )
        )
        if error is None:
            outcome = facts.COMPLETED
        else:
            outcome = facts.FAILED if isinstance(error, UpstreamError) else facts.REFUSED
        self._body_bytes = len(body)
        self.finish(status, outcome, error)

    def finish(self, status: int, outcome: str, error: ApiError | None = None) -> None:
        """Record the end and give the connection back to its caller's next request."""
        if self._ended:
            return
        self._record(status, outcome, error)
        request = self.request
        request.intake = None
        request.done()

    def _record(self, status: int, outcome: str, error: ApiError | None) -> None:
        self._ended = True
        plane = self.plane
        plane.running.discard(self)
        request, relay, attempt = self.request, self._relay, self._attempt
        head = request.head
        destination = self.destination
        sent_at = attempt.sent_at if attempt is not None else 0.0
        received = request.received
        size = self._json.size if self._json is not None else 0
        if self._upload is not None:
            size = self._upload.size
        plane.finished(
            facts.Finished(
                time=self.began,
                request_id=self.request_id,
                client=self.caller,
                method=head.method.decode("latin-1"),
                path=head.target.partition(b"?")[0][:256].decode("latin-1"),
                status=status,
                outcome=outcome,
                duration_ms=(self.now() - received) * 1000,
                operation=self.target.operation,
                provider=destination.provider.name if destination is not None else "",
                model=self.model[:128],
                upstream_model=(destination.upstream_model or "")[:128] if destination else "",
                stream=relay is not None and relay.is_stream,
                attempts=attempt.count if attempt is not None else 0,
                request_bytes=size,
                response_bytes=relay.body_bytes if relay is not None else self._body_bytes,
                first_byte_ms=(relay.first_byte_at - received) * 1000
                if relay is not None and relay.first_byte_at
                else None,
                upstream_ms=(relay.head_at - sent_at) * 1000
                if relay is not None and relay.head_at
                else None,
                overhead_ms=(sent_at - self._body_at) * 1000 if sent_at else None,
                usage=relay.usage() if relay is not None else None,
                error=error.code if error is not None else "",
                detail=error.detail if isinstance(error, UpstreamError) else "",
            )
        )
        # Nothing points back any more, so all of it is freed now and not by the collector.
        self._relay = self._attempt = self._json = self._upload = None


def _field_text(text: str) -> bytes:
    """A model's name as a header value: what a header cannot hold is percent-encoded."""
    raw = text.encode("utf-8", "surrogatepass")[:256]
    if raw.isascii() and raw.decode().isprintable():
        return raw
    return b"".join(
        bytes((byte,)) if 0x20 < byte < 0x7F and byte != 0x25 else b"%%%02X" % byte for byte in raw
    )
