"""A request on its way to a provider that speaks another dialect than its door."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from magicgateway.conversation.capabilities import PLAIN
from magicgateway.conversation.media import Wanted, remote_sources, with_fetched
from magicgateway.conversation.request import Request
from magicgateway.dialects.catalogue import grammar
from magicgateway.dialects.framing import AWS_CHUNKS
from magicgateway.dialects.translation import Translation
from magicgateway.errors import ApiError
from magicgateway.providers.capabilities import capabilities
from magicgateway.providers.envelopes import Letter, enclose
from magicgateway.serving.translated_relay import TranslatedRelay
from magicgateway.upstream.attempt import OutgoingRequest
from magicgateway.upstream.aws_requests import AwsCall, AwsRequest
from magicgateway.upstream.forwarding import framing
from magicgateway.wire.jsontext import encode

if TYPE_CHECKING:
    from magicgateway.providers.ways import Way
    from magicgateway.routing.destination import Destination
    from magicgateway.serving.exchange import Exchange
    from magicgateway.upstream.pool import Origin

LARGE = 128 * 1024
"""Bytes from which on a body is translated in a thread, so that nobody waits for it."""
_Step = Any
_UNFIT = re.compile(r"[^A-Za-z0-9_-]")


class Translating:
    """The way out of one request. State: which step it is at, and whether it is still wanted.

    Args:
        exchange: The exchange, whose body is complete.
        destination: Where it goes.
        way: In which dialect and envelope.
    """

    _translates = Translation
    _relays = TranslatedRelay

    def __init__(self, exchange: Exchange, destination: Destination, way: Way) -> None:
        self._exchange = exchange
        self._destination = destination
        self._way = way
        self._stopped = False
        self._able = PLAIN
        self._fetching: Deferred[Any] | None = None
        door = exchange.standing.target.door
        assert door is not None
        self._translation = self._translates(
            grammar(door.dialect),
            grammar(way.dialect),
            model=exchange.model,
            answer_id=_UNFIT.sub("_", exchange.request_id)[:64],
            now=int(exchange.began),
        )

    def start(self, pieces: list[bytes], size: int) -> None:
        """Translate the body and send it.

        Args:
            pieces: Of the body.
            size: Of all of them.

        Raises:
            ApiError: It cannot be sent; for a large body the exchange is told later.
        """
        if size < LARGE:
            self._go_on(self._begin(b"".join(pieces)))
            return
        exchange = self._exchange
        exchange.on_leave(self._stop)
        working = exchange.plane.threads.run(lambda: self._begin(b"".join(pieces)))
        working.addCallback(self._if_wanted(self._go_on)).addErrback(self._failed)

    def _stop(self) -> None:
        self._stopped = True
        if self._fetching is not None:
            self._fetching.cancel()

    def _if_wanted(self, step: Callable[[_Step], None]) -> Callable[[_Step], None]:
        return lambda made: None if self._stopped else step(made)

    def _failed(self, reason: Failure) -> None:
        fault = reason.value
        if self._stopped:
            return
        if isinstance(fault, ApiError):
            self._exchange.fail(fault)
        else:
            self._exchange.failed_inside(reason)

    def _begin(self, body: bytes) -> Letter | tuple[Wanted, ...]:
        """The request as it is sent, or what has to be fetched before it can be written.

        It touches nothing of the reactor's, and neither does ``_write``.
        """
        model = self._destination.upstream_model
        if not model:
            raise ApiError(400, "missing_model", "The body must name a model.", param="model")
        request = self._translation.read(body, model)
        self._able = capabilities(self._destination.provider, model, self._way.dialect)
        return remote_sources(request, self._able) or self._write(request)

    def _go_on(self, step: Letter | tuple[Wanted, ...]) -> None:
        if isinstance(step, Letter):
            self._send(step)
            return
        exchange = self._exchange
        exchange.on_leave(self._stop)
        request = self._translation.request
        assert request is not None
        plane = exchange.plane
        fetching = self._fetching = plane.media.fetch(step)
        written = fetching.addCallback(
            lambda fetched: plane.threads.run(self._write, with_fetched(request, fetched))
        )
        written.addCallback(self._if_wanted(self._send)).addErrback(self._failed)

    def _write(self, request: Request) -> Letter:
        exchange, translation = self._exchange, self._translation
        sent = translation.write(request, self._able)
        betas = exchange.request.head.fields.get(b"anthropic-beta", b"").decode("latin-1")
        letter = enclose(
            self._way.envelope,
            sent.body,
            translation.ledger,
            model=request.model,
            stream=sent.stream,
            betas=[betas] if betas else [],
        )
        translation.check(strict=is_strict(exchange))
        return letter

    def _send(self, letter: Letter) -> None:
        exchange, standing = self._exchange, self._exchange.standing
        provider = self._destination.provider
        body = encode(letter.body) if letter.body is not None else b""
        if provider.aws is not None:
            self._send_signed(letter, body)
            return
        credential = standing.credential()
        exchange.own_credential = credential is not None and credential.own
        forwarder = standing.forwarder
        head = forwarder.translated_fields(
            exchange.request.head,
            letter.method.encode("ascii"),
            provider.prefix + letter.path.encode("ascii"),
            letter.headers,
            credential,
        )
        self._attempt(forwarder.origin, letter.method, head, body)

    def _send_signed(self, letter: Letter, body: bytes) -> None:
        """Have the request signed, which may have to wait, then send it."""
        exchange, standing = self._exchange, self._exchange.standing
        assert standing.admission is not None
        exchange.on_leave(self._stop)
        call = AwsCall(
            provider=self._destination.provider,
            fields=exchange.request.head.fields,
            admission=standing.admission,
            local=standing.is_local(),
            model=self._destination.upstream_model or "",
            method=letter.method,
            path=letter.path,
            service=self._way.envelope.service,
            headers=letter.headers,
            body=body,
        )

        def send(signed: AwsRequest) -> None:
            if not self._stopped:
                exchange.own_credential = signed.own
                self._attempt(signed.origin, letter.method, signed.head, body)

        exchange.plane.aws.prepare(call).addCallback(send).addErrback(self._failed)

    def _attempt(self, origin: Origin, method: str, head: bytes, body: bytes) -> None:
        timeouts = self._destination.provider.timeouts
        pieces = [head + framing(method.encode("ascii"), len(body)), body]
        envelope = self._way.envelope
        cut = AWS_CHUNKS if envelope.chunked else envelope.framing
        relay = self._relays(self._exchange, self._translation, cut, timeouts)
        outgoing = OutgoingRequest(origin, pieces, repeatable=True)
        self._exchange.attempt_with(outgoing, relay, timeouts)


def is_strict(exchange: Exchange) -> bool:
    """Whether the caller would rather be refused than have anything reported."""
    said = exchange.request.head.fields.get(b"x-magicgateway-strict", b"")
    return said.strip().lower() == b"true"
