"""A request on its way to a provider that speaks another dialect than its door."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from magicgateway.conversation.capabilities import PLAIN, Capabilities
from magicgateway.conversation.media import Wanted, remote_sources, with_fetched
from magicgateway.conversation.parameters import RESPONSE_FORMAT
from magicgateway.conversation.reply import Failure as Refusal
from magicgateway.conversation.request import Request, Tool
from magicgateway.dialects.bedrock_converse.failures import CREDENTIALS, SCHEMA, repair_of
from magicgateway.dialects.catalogue import grammar
from magicgateway.dialects.framing import AWS_CHUNKS
from magicgateway.dialects.translation import Translation
from magicgateway.errors import ApiError
from magicgateway.policy.repair import repair_after
from magicgateway.providers.capabilities import capabilities
from magicgateway.providers.envelopes import Letter, enclose
from magicgateway.serving.translated_relay import TranslatedRelay
from magicgateway.upstream.attempt import OutgoingRequest
from magicgateway.upstream.aws_requests import AwsCall, AwsRequest
from magicgateway.upstream.forwarding import framing, in_pieces
from magicgateway.wire import large_json
from magicgateway.wire.jsontext import encode

if TYPE_CHECKING:
    from magicgateway.providers.aws_credentials import AwsCredential
    from magicgateway.providers.ways import Way
    from magicgateway.routing.destination import Destination
    from magicgateway.serving.exchange import Exchange
    from magicgateway.upstream.pool import Origin

LARGE = 128 * 1024
"""Bytes from which on a body is translated in a thread, so that nobody waits for it."""
_Step = Any
_UNFIT = re.compile(r"[^A-Za-z0-9_-]")


@frozen
class _Written:
    """A request as it is sent, and the bytes of its body."""

    letter: Letter
    body: bytes


class Translating:
    """The way out of one request. State: which step it is at, and whether it is still wanted.

    Args:
        exchange: The exchange, whose body is complete.
        destination: Where it goes.
        way: In which dialect and envelope.
    """

    _translates = Translation
    _relays = TranslatedRelay
    _written: _Written
    _machine: AwsCredential | None = None
    """The machine's credential, where the request went with that."""
    _tried: frozenset[str] = frozenset()
    """In which ways it was asked again."""
    _stopped = False
    _able = PLAIN
    _encode = staticmethod(encode)
    _fetching: Deferred[Any] | None = None

    def __init__(self, exchange: Exchange, destination: Destination, way: Way) -> None:
        self._exchange = exchange
        self._destination = destination
        self._way = way
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
            self._go_on(self._begin(pieces[0] if len(pieces) == 1 else b"".join(pieces)))
            return
        exchange = self._exchange
        exchange.on_leave(self._stop)
        self._encode = large_json.encode
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

    def _begin(self, body: bytes) -> _Written | tuple[Wanted, ...]:
        """The request as it is sent, or what has to be fetched before it can be written.

        It touches nothing of the reactor's, and neither does ``_write``.
        """
        model = self._destination.upstream_model
        if not model:
            raise ApiError(400, "missing_model", "The body must name a model.", param="model")
        request = self._translation.read(body, model)
        self._able = capabilities(self._destination.provider, model, self._way.dialect)
        return remote_sources(request, self._able) or self._write(request)

    def _go_on(self, step: _Written | tuple[Wanted, ...]) -> None:
        if isinstance(step, _Written):
            self._send(step)
            return
        exchange = self._exchange
        exchange.on_leave(self._stop)
        request = self._translation.request
        assert request is not None
        plane = exchange.plane
        self._encode = large_json.encode
        fetching = self._fetching = plane.media.fetch(step)
        written = fetching.addCallback(
            lambda fetched: plane.threads.run(self._write, with_fetched(request, fetched))
        )
        written.addCallback(self._if_wanted(self._send)).addErrback(self._failed)

    def _write(self, request: Request) -> _Written:
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
        body = self._encode(letter.body) if letter.body is not None else b""
        return _Written(letter, body)

    def _send(self, written: _Written) -> None:
        self._written = written
        exchange, standing = self._exchange, self._exchange.standing
        provider = self._destination.provider
        if provider.aws is not None:
            self._send_signed()
            return
        head = standing.open_translated(written.letter)
        exchange.own_credential = standing.own_credential
        self._attempt(standing.forwarder.origin, head)

    def _send_signed(self, refused: AwsCredential | None = None) -> None:
        """Have the request signed, which may have to wait, then send it.

        Args:
            refused: The machine's credential that is not to be taken again.
        """
        exchange, standing = self._exchange, self._exchange.standing
        assert standing.admission is not None
        exchange.on_leave(self._stop)
        letter = self._written.letter
        own = standing.aws_credential()
        call = AwsCall(
            provider=self._destination.provider,
            fields=exchange.request.head.fields,
            admission=standing.admission,
            local=own is None and standing.is_local(),
            model=self._destination.upstream_model or "",
            method=letter.method,
            path=letter.path,
            service=self._way.envelope.service,
            headers=letter.headers,
            body=self._written.body,
            own=own,
        )

        def send(signed: AwsRequest) -> None:
            self._machine = signed.machine
            exchange.own_credential = signed.own
            self._attempt(signed.origin, signed.head)

        ready = exchange.plane.aws.at_once(call)
        if ready is not None:
            send(ready)
            return
        preparing = exchange.plane.aws.prepare(call, refused)
        preparing.addCallback(self._if_wanted(send)).addErrback(self._failed)

    def _attempt(self, origin: Origin, head: bytes) -> None:
        exchange, body = self._exchange, self._written.body
        method = self._written.letter.method.encode("ascii")
        timeouts = self._destination.provider.timeouts
        pieces = in_pieces(head + framing(method, len(body)), body)
        envelope = self._way.envelope
        cut = AWS_CHUNKS if envelope.chunked else envelope.framing
        relay = self._relays(exchange, self._translation, cut, timeouts, self._repair)
        outgoing = OutgoingRequest(origin, pieces, repeatable=True)
        if exchange.attempt is not None:
            exchange.attempts += exchange.attempt.count
        exchange.attempt_with(outgoing, relay, timeouts)

    def _repair(self, refusal: Refusal) -> bool:
        """Ask again in another way, if the refusal is one that this may help against.

        Args:
            refusal: What the provider said; nothing has reached the caller yet.

        Returns:
            Whether it is asked again. If not, the refusal is the answer.
        """
        translation = self._translation
        request, sent = translation.request, translation.sent
        assert request is not None
        assert sent is not None
        repair = repair_after(
            repair_of(refusal),
            self._tried,
            shaped=_is_shaped(request),
            streamed=sent.stream,
            renewable=self._machine is not None,
        )
        if repair is None:
            return False
        self._tried |= {repair}
        exchange = self._exchange
        exchange.on_leave(self._stop)
        if repair == CREDENTIALS:
            self._send_signed(self._machine)
            return True
        self._able = _without(self._able, repair)
        writing = exchange.plane.threads.run(self._write, request)
        writing.addCallback(self._if_wanted(self._send)).addErrback(self._failed)
        return True


def _is_shaped(request: Request) -> bool:
    """Whether it has schemas that models can be asked to keep to by themselves."""
    form = request.parameters.get(RESPONSE_FORMAT)
    if form is not None and form.schema is not None:
        return True
    functions = (tool for tool in request.tools if isinstance(tool, Tool))
    return any(tool.strict or tool.strict_by_default for tool in functions)


def _without(able: Capabilities, repair: str) -> Capabilities:
    """What is left of a model's abilities after it has refused one."""
    if repair == SCHEMA:
        return evolve(
            able,
            claude=evolve(able.claude, structured_outputs=False),
            converse=evolve(able.converse, structured_outputs=False, strict_tools=False),
        )
    return evolve(able, converse=evolve(able.converse, streaming=False))


def is_strict(exchange: Exchange) -> bool:
    """Whether the caller would rather be refused than have anything reported."""
    said = exchange.request.head.fields.get(b"x-magicgateway-strict", b"")
    return said.strip().lower() == b"true"
