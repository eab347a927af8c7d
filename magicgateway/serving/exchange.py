"""One request's life: who asks, for what, of whom; then the attempt, the relay, the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from twisted.logger import Logger
from twisted.python.failure import Failure

from magicgateway.config.settings import TimeoutSettings
from magicgateway.dialects.catalogue import error_body
from magicgateway.errors import ApiError, ProviderError, UpstreamError
from magicgateway.observe import facts
from magicgateway.routing.destination import Destination
from magicgateway.routing.doors import Target
from magicgateway.serving import answer
from magicgateway.serving.intake import JsonBody, RawBody, Upload, too_large
from magicgateway.serving.plane import DataPlane
from magicgateway.serving.record import fact_of
from magicgateway.serving.relay import Relay
from magicgateway.serving.request import GatewayRequest
from magicgateway.serving.standing import Standing
from magicgateway.upstream.attempt import Attempt, OutgoingRequest
from magicgateway.upstream.connection import Connection
from magicgateway.upstream.forwarding import framing
from magicgateway.wire.json_peek import splice

_PROVIDERS = (UpstreamError, ProviderError)
"""Errors that are not the gateway's own refusals."""


class Exchange:
    """One downstream request and its answer. It takes the request's body (``Intake``).

    Args:
        plane: What all exchanges share.
        request: The caller's.
        target: What its path asks for.
    """

    _log = Logger()
    destination: Destination | None = None
    own_credential = False
    model = ""
    json_body: JsonBody | None = None
    upload: Upload | None = None
    attempt: Attempt | None = None
    relay: Relay | None = None
    _stop: Callable[[], None] | None = None
    _answered_elsewhere = False
    _ended = False
    answer_bytes = 0
    attempts = 0
    """How often a provider was asked besides the present ``attempt``."""
    usage: facts.Usage | None = None
    """Without a ``relay``: what the provider counted."""

    def __init__(self, plane: DataPlane, request: GatewayRequest, target: Target) -> None:
        self.plane = plane
        self.request = request
        head = request.head
        standing = head.standing
        if standing is None:
            standing = head.standing = Standing(plane, head, target, request.peer)
        self.standing: Standing = standing
        self.now = plane.now
        self.request_id = plane.request_ids.name(standing.given_id)
        self.began = plane.wall_clock()
        self.body_at = request.received

    @property
    def family(self) -> str:
        """Whose words errors are said in."""
        return self.standing.family

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
            self.failed_inside()

    def _open(self) -> None:
        standing = self.standing
        if standing.admission is None:
            if self._answer_preflight():
                return
            standing.admit()
        request, settings = self.request, self.plane.settings.server
        length = request.head.length
        if standing.peeks:
            limit = settings.max_body_bytes
            if length > limit:
                raise too_large(limit, "server.max_body_bytes")
            self.json_body = (RawBody if standing.target.passage else JsonBody)(limit)
            if request.head.expects_continue:
                standing.named_provider()
                request.send_continue()
            return
        limit = settings.max_upload_bytes
        if length > limit:
            raise too_large(limit, "server.max_upload_bytes")
        if standing.lists_models and self.plane.models.answers(self):
            self._answered_elsewhere = True
            return
        self.route()
        standing.open_upstream()  # without a credential nobody is told to go on
        request.send_continue()
        if length != 0:
            self.upload = Upload(request, limit)
            self._send([], length)

    def _answer_preflight(self) -> bool:
        """Answer a page's question whether it may ask; False if this is none."""
        head = self.request.head
        if head.method != b"OPTIONS":
            return False
        preflight = self.plane.cors.preflight(head.fields)
        if preflight is None:
            return False
        self._answer(204, [preflight])
        return True

    # -- the body ---------------------------------------------------------------------------

    def body_received(self, data: bytes) -> None:
        """A piece of the caller's body."""
        try:
            if self.json_body is not None:
                self.json_body.add(data)
            elif self.upload is not None:
                self.upload.add(data)
                if self.upload.begun and self.attempt is not None:
                    self.attempt.no_repeat()
        except ApiError as error:
            self.refuse(error)

    def body_ended(self) -> None:
        """The caller's body is complete."""
        self.body_at = self.now()
        if self._ended:
            return
        try:
            if self.upload is not None:
                self.upload.complete()
                if self.attempt is not None:
                    self.attempt.body_sent()
            elif self.json_body is not None:
                self._send_json(self.json_body)
            elif self.attempt is None and not self._answered_elsewhere:
                self._send([], 0)
        except ApiError as error:
            self.fail(error)
        except Exception:  # noqa: BLE001 - as in open
            self.failed_inside()

    def _send_json(self, body: JsonBody) -> None:
        asked = body.read()
        pieces = body.pieces
        size = body.size
        destination = self.route(asked.model)
        way = destination.way
        if way is None and destination.own_way is not None and body.holds_carrier():
            way = destination.own_way  # reasoning of another family must not reach the provider
        if way is not None:
            from magicgateway.serving.crossing import cross  # noqa: PLC0415 - see preparation

            cross(self, destination, way, pieces, size)
            return
        if destination.rewrite:
            assert destination.upstream_model is not None
            assert asked.span is not None
            pieces = splice(pieces, asked.span, destination.upstream_model)
            size = sum(map(len, pieces))
        self._send(pieces, size)

    def route(self, model: str | None = None) -> Destination:
        """Find out where the request goes.

        Raises:
            ApiError: Nowhere; see ``Router.resolve``.
        """
        standing = self.standing
        self.model = model or standing.target.model_id or ""
        destination = self.destination = standing.route(model)
        return destination

    # -- the attempt ------------------------------------------------------------------------

    def _send(self, pieces: list[bytes], length: int) -> None:
        standing = self.standing
        first = standing.open_upstream() + framing(self.request.head.method, length)
        self.own_credential = standing.own_credential
        forwarder = standing.forwarder
        timeouts = forwarder.provider.timeouts
        outgoing = OutgoingRequest(
            forwarder.origin,
            [first, *pieces],
            standing.is_head,
            standing.repeatable,
            self.upload is not None,
        )
        self.attempt_with(outgoing, Relay(self, standing.dialect, timeouts), timeouts)

    def attempt_with(
        self, outgoing: OutgoingRequest, relay: Relay, timeouts: TimeoutSettings
    ) -> None:
        """Send a request whose answer a relay reads."""
        self.relay = relay
        plane = self.plane
        attempt = self.attempt = Attempt(
            plane.pool, plane.sweeper, plane.reactor, outgoing, timeouts, relay
        )
        attempt.start()

    def request_sent(self, connection: Connection) -> None:
        """The head is on its way; a streamed body follows it."""
        if self.upload is not None:
            self.upload.connected(connection)
            if self.upload.begun and self.attempt is not None:
                self.attempt.no_repeat()

    def answer_begins(self) -> None:
        """The provider answers; if the caller is still sending, nobody wants the rest."""
        if self.upload is not None:
            self.upload.stop()
        self.request.ignore_body()

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
        if self.relay is not None and self.relay.committed:
            self.relay.interrupt(fault)
        else:
            self.refuse(fault)

    def _abandon(self) -> None:
        if self.upload is not None:
            self.upload.stop()
        if self.relay is not None:
            self.relay.caller_left()
        if self.attempt is not None:
            self.attempt.abandon()
        stop, self._stop = self._stop, None
        if stop is not None:
            stop()

    def failed_inside(self, reason: Failure | None = None) -> None:
        """End with an error answer; ``reason`` where no exception is being handled."""
        self._log.failure("an exchange failed inside the gateway", reason)
        self._abandon()
        self.fail(ApiError(500, "internal_error", "The gateway failed. The fault is not yours."))

    def fail(self, error: ApiError, fields: Iterable[bytes] = ()) -> None:
        """End with an error answer in the caller's dialect, and further header lines."""
        if self._ended:
            return
        if self.upload is not None:
            self.upload.stop()
        lines = [answer.JSON, answer.NO_STORE, *fields]
        if error.retry_after is not None:
            lines.append(b"Retry-After: %d\r\n" % error.retry_after)
        if error.should_retry is not None:
            lines.append(b"x-should-retry: %b\r\n" % (b"true" if error.should_retry else b"false"))
        door = self.standing.target.door
        if error.status == 405 and door is not None:
            lines.append(b"Allow: %b\r\n" % b", ".join(door.methods))
        if error.close:
            self.request.close_after = True
        body = error_body(self.family, error, self.request_id)
        self._answer(error.status, lines, body, error)

    def answer_json(self, status: int, body: bytes, lines: Iterable[bytes] = ()) -> None:
        """End with a JSON answer of our own, and further header lines."""
        self._answer(status, [answer.JSON, *lines], body)

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
            self.standing.cors if status != 204 else b"",
        ]
        named = self.standing.identity_name + b": "
        if not any(line.startswith(named) for line in lines):
            own.append(named + identity + b"\r\n")
        if self.destination is not None:
            own.append(b"x-magicgateway-provider: %b\r\n" % self.destination.provider.name.encode())
        if request.close_after or self.plane.draining:
            request.close_after = True
            own.append(answer.CLOSE)
        elif request.head.version == 10:
            own.append(answer.KEEP_ALIVE)
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
            outcome = facts.FAILED if isinstance(error, _PROVIDERS) else facts.REFUSED
        self.answer_bytes = len(body)
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
        plane.finished(fact_of(self, status, outcome, error))
        # Nothing points back any more, so all of it is freed now and not by the collector.
        self.relay = self.attempt = self.json_body = self.upload = self._stop = None
