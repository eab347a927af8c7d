"""A request of an AWS SDK on its way to AWS, as it came but for its signature.

Whoever signed it did so for this gateway's address and, for all that is known, with keys that are
none: the signature is thrown away, unread. Who asks is told by the same fields as at every door.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.python.failure import Failure

from magicgateway.errors import ApiError
from magicgateway.providers.envelopes import Envelope
from magicgateway.serving.relay import Relay
from magicgateway.upstream.attempt import OutgoingRequest
from magicgateway.upstream.aws_requests import AwsCall, AwsRequest
from magicgateway.upstream.forwarding import framing

if TYPE_CHECKING:
    from magicgateway.routing.destination import Destination
    from magicgateway.routing.passages import Passage
    from magicgateway.serving.exchange import Exchange

_PASSED = (b"accept", b"content-type")
_PASSED_PREFIX = b"x-amzn-bedrock-"


class Passing:
    """The way out of one request. State: whether it is still wanted.

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
        body = b"".join(pieces)
        call = AwsCall(
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
            body=body,
        )
        preparing = exchange.plane.aws.prepare(call)
        preparing.addCallback(self._send, head.method, body).addErrback(self._failed)

    def _send(self, signed: AwsRequest, method: bytes, body: bytes) -> None:
        if self._stopped:
            return
        exchange = self._exchange
        exchange.own_credential = signed.own
        timeouts = self._destination.provider.timeouts
        outgoing = OutgoingRequest(
            signed.origin,
            [signed.head + framing(method, len(body)), body],
            repeatable=self._passage.repeatable,
        )
        exchange.attempt_with(
            outgoing, Relay(exchange, exchange.standing.dialect, timeouts), timeouts
        )

    def _failed(self, reason: Failure) -> None:
        if self._stopped:
            return
        if isinstance(reason.value, ApiError):
            self._exchange.fail(reason.value)
        else:
            self._exchange.failed_inside(reason)

    def _stop(self) -> None:
        self._stopped = True
