"""A request of an AWS SDK on its way to AWS, as it came but for its signature.

Whoever signed it did so for this gateway's address and, for all that is known, with keys that are
none: the signature is thrown away, unread. Who asks is told by the same fields as at every door.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.python.failure import Failure

from magicgateway.dialects.bedrock_converse.failures import ERROR_NAME, read_failure, repair_of
from magicgateway.dialects.bedrock_converse.tap import FramesTap, head_usage
from magicgateway.dialects.catalogue import BEDROCK_CONVERSE
from magicgateway.errors import ApiError
from magicgateway.policy.repair import repair_after
from magicgateway.providers.envelopes import Envelope
from magicgateway.serving.relay import Relay
from magicgateway.upstream.attempt import OutgoingRequest
from magicgateway.upstream.aws_requests import AwsCall, AwsRequest
from magicgateway.upstream.forwarding import framing, in_pieces

if TYPE_CHECKING:
    from magicgateway.config.settings import TimeoutSettings
    from magicgateway.observe.facts import Usage
    from magicgateway.providers.aws_credentials import AwsCredential
    from magicgateway.routing.destination import Destination
    from magicgateway.routing.passages import Passage
    from magicgateway.serving.exchange import Exchange
    from magicgateway.wire.response_heads import ResponseHead

_PASSED = (b"accept", b"content-type")
_PASSED_PREFIX = b"x-amzn-bedrock-"
_FRAMES = b"application/vnd.amazon.eventstream"
_CONVERSE = "converse"
_ERROR_NAME = ERROR_NAME.encode()


class _PassedRelay(Relay):
    """Passes an answer on, unless it is a refusal after which the request is made again.

    Frames of a stream are only watched, for what it cost: nothing of ours is put between them, and
    one that breaks is broken for the caller too.

    Args:
        exchange: The exchange it ends.
        operation: The passage's.
        timeouts: Of the provider.
        repair: Has that done, if it can, after a refusal of which nothing has reached the caller;
            False: it cannot.
    """

    def __init__(
        self,
        exchange: Exchange,
        operation: str,
        timeouts: TimeoutSettings,
        repair: Callable[[int, str], bool],
    ) -> None:
        dialect = BEDROCK_CONVERSE if operation == _CONVERSE else exchange.standing.dialect
        super().__init__(exchange, dialect, timeouts)
        self._repair = repair
        self._head: ResponseHead | None = None

    def answer_received(self, head: ResponseHead, body: bytes) -> None:
        """All of the answer is there."""
        if not self._asks_again(head):
            self._head = head
            super().answer_received(head, body)

    def head_received(self, head: ResponseHead) -> None:
        """An answer begins."""
        if self._ended or self._asks_again(head):
            return
        self._head = head
        super().head_received(head)
        if head.status == 200 and head.content_type.lower().startswith(_FRAMES):
            self.is_stream = True
            self._tap = FramesTap()

    def body_received(self, data: bytes, framed: bytes) -> None:
        """Pass on what came, and look at it."""
        if self._tap is not None:
            self._tap.feed(data)
        super().body_received(data, framed)

    def usage(self) -> Usage | None:
        """What AWS counted, if it said so."""
        usage = super().usage()
        return usage if usage or self._head is None else head_usage(self._head.raw)

    def _is_complete(self, *, delimited: bool) -> bool:
        return delimited or super()._is_complete(delimited=delimited)

    def _say_broken(self, fault: ApiError) -> None:
        self.request.close_after = True
        self._release()
        if not self.request.gone:
            self.request.drop()

    def _keep_caller_alive(self, now: float) -> None:
        """Between frames there are no comments."""

    def _asks_again(self, head: ResponseHead) -> bool:
        if head.status < 400:
            return False
        names = (value for name, value in head.raw if name.lower() == _ERROR_NAME)
        if not self._repair(head.status, next(names, b"").decode("latin-1")):
            return False
        self._ended = True
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abandon()
        return True


class Passing:
    """The way out of one request. State: whether it is still wanted, and how it was tried.

    Args:
        exchange: The exchange, whose body is complete.
        destination: Where it goes.
        passage: Which operation it is.
        envelope: Tells AWS's service.
    """

    def __init__(
        self, exchange: Exchange, destination: Destination, passage: Passage, envelope: Envelope
    ) -> None:
        self._exchange = exchange
        self._destination = destination
        self._passage = passage
        self._envelope = envelope
        self._stopped = False
        self._machine: AwsCredential | None = None
        self._tried: frozenset[str] = frozenset()

    def start(self, pieces: list[bytes]) -> None:
        """Have the request signed, which may have to wait, and send it.

        Args:
            pieces: Of the body.

        Raises:
            ApiError: 405, it has another method than the operation.
        """
        exchange, passage = self._exchange, self._passage
        head, standing = exchange.request.head, exchange.standing
        if head.method not in passage.methods:
            allowed = ", ".join(method.decode() for method in passage.methods)
            raise ApiError(405, "method_not_allowed", f"This path takes {allowed}.")
        assert standing.admission is not None
        exchange.model = passage.model
        exchange.on_leave(self._stop)
        self._call = AwsCall(
            provider=self._destination.provider,
            fields=head.fields,
            admission=standing.admission,
            local=standing.is_local(),
            model=passage.model,
            method=head.method.decode(),
            path=(passage.path + standing.target.query).decode("ascii"),
            service=self._envelope.service,
            headers={
                name.decode("latin-1"): value.decode("latin-1")
                for name, value in head.fields.items()
                if name in _PASSED or name.startswith(_PASSED_PREFIX)
            },
            body=b"".join(pieces),
        )
        self._sign()

    def _sign(self, refused: AwsCredential | None = None) -> None:
        preparing = self._exchange.plane.aws.prepare(self._call, refused)
        preparing.addCallback(self._send).addErrback(self._failed)

    def _send(self, signed: AwsRequest) -> None:
        if self._stopped:
            return
        exchange, body = self._exchange, self._call.body
        exchange.own_credential = signed.own
        self._machine = signed.machine
        timeouts = self._destination.provider.timeouts
        outgoing = OutgoingRequest(
            signed.origin,
            in_pieces(signed.head + framing(self._call.method.encode(), len(body)), body),
            repeatable=self._passage.repeatable,
        )
        if exchange.attempt is not None:
            exchange.attempts += exchange.attempt.count
        relay = _PassedRelay(exchange, self._passage.operation, timeouts, self._repair)
        exchange.attempt_with(outgoing, relay, timeouts)

    def _repair(self, status: int, name: str) -> bool:
        """Ask again with another credential, if AWS has called the machine's expired.

        Nothing else of the request is ours to change.
        """
        repair = repair_after(
            repair_of(read_failure(status, {}, {ERROR_NAME: name})),
            self._tried,
            shaped=False,
            streamed=False,
            renewable=self._machine is not None,
        )
        if repair is None:
            return False
        self._tried |= {repair}
        self._exchange.on_leave(self._stop)
        self._sign(self._machine)
        return True

    def _failed(self, reason: Failure) -> None:
        if self._stopped:
            return
        if isinstance(reason.value, ApiError):
            self._exchange.fail(reason.value)
        else:
            self._exchange.failed_inside(reason)

    def _stop(self) -> None:
        self._stopped = True
