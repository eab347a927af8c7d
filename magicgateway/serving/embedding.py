"""Embeddings of a provider that takes them in other words, and perhaps not all in one request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.reply import Failure as Refusal
from magicgateway.dialects.bedrock_converse.failures import read_failure, repair_of
from magicgateway.dialects.bedrock_embeddings import Answered, Batch, join_answers, write_requests
from magicgateway.dialects.failure_errors import as_error
from magicgateway.dialects.grammar import NoAnswer
from magicgateway.errors import ApiError
from magicgateway.observe import facts
from magicgateway.policy.repair import repair_after
from magicgateway.providers.capabilities import capabilities
from magicgateway.providers.envelopes import enclose
from magicgateway.serving import answer, faults
from magicgateway.serving.collecting import WholeAnswer, collect
from magicgateway.serving.translating import LARGE, is_strict
from magicgateway.upstream.attempt import OutgoingRequest
from magicgateway.upstream.aws_requests import AwsCall, AwsRequest
from magicgateway.upstream.forwarding import framing
from magicgateway.wire.jsontext import BadJson, decode, encode

if TYPE_CHECKING:
    from magicgateway.providers.aws_credentials import AwsCredential
    from magicgateway.providers.ways import Way
    from magicgateway.routing.destination import Destination
    from magicgateway.serving.exchange import Exchange

SIDE_BY_SIDE = 8
"""Requests of one exchange that are under way at a time."""
LARGEST_ANSWER = 64 * 1024 * 1024
"""Bytes of one answer."""
LARGEST_SUM = 256 * 1024 * 1024
"""Bytes of all of them: 2048 vectors are not more."""


@frozen
class _Question:
    """One of the requests, how often it was made already, and in which ways again."""

    index: int
    call: AwsCall
    attempts: int = 0
    tried: tuple[str, ...] = ()


class Embedding:
    """The way of one question, there and back. State: what was asked so far, and what came of it.

    All of it fails with its first failure: nobody can use a part of what was asked for.

    Args:
        exchange: The exchange, whose body is complete.
        destination: Where it goes.
        way: In which envelope.
    """

    _batch: Batch
    _left: Iterator[int] = iter(())

    def __init__(self, exchange: Exchange, destination: Destination, way: Way) -> None:
        self._exchange = exchange
        self._destination = destination
        self._way = way
        self._ledger = Ledger()
        self._answers: dict[int, WholeAnswer] = {}
        self._asking: dict[int, Deferred[WholeAnswer]] = {}
        self._size = 0
        self._stopped = False

    # -- out ----------------------------------------------------------------------------------

    def start(self, pieces: list[bytes], size: int) -> None:
        """Read the question and send what it becomes.

        Args:
            pieces: Of the body.
            size: Of all of them.

        Raises:
            ApiError: It cannot be sent; of a large body the exchange is told later.
        """
        exchange = self._exchange
        exchange.on_leave(self._stop)
        if size < LARGE:
            self._send(self._read(b"".join(pieces)))
            return
        reading = exchange.plane.threads.run(lambda: self._read(b"".join(pieces)))
        reading.addCallback(self._send).addErrback(self._failed)

    def _read(self, body: bytes) -> Batch:
        """It touches nothing of the reactor's."""
        model = self._destination.upstream_model
        if not model:
            raise ApiError(400, "missing_model", "The body must name a model.", param="model")
        try:
            value = decode(body)
        except BadJson as fault:
            raise ApiError(400, "invalid_json", f"The request body is no JSON: {fault}.") from None
        if not isinstance(value, dict):
            raise ApiError(400, "invalid_json", "The request body must be a JSON object.")
        able = capabilities(self._destination.provider, model, self._way.dialect)
        batch = write_requests(value, able.embeddings, self._ledger)
        self._ledger.check(strict=is_strict(self._exchange))
        return batch

    def _send(self, batch: Batch) -> None:
        if self._stopped:
            return
        self._batch = batch
        self._left = iter(range(len(batch.bodies)))
        for _ in range(SIDE_BY_SIDE):
            self._ask_next()

    def _ask_next(self) -> None:
        index = None if self._stopped else next(self._left, None)
        if index is None:
            return
        exchange, destination = self._exchange, self._destination
        model = destination.upstream_model or ""
        letter = enclose(self._way.envelope, self._batch.bodies[index], self._ledger, model=model)
        assert exchange.standing.admission is not None
        call = AwsCall(
            provider=destination.provider,
            fields=exchange.request.head.fields,
            admission=exchange.standing.admission,
            local=exchange.standing.is_local(),
            model=model,
            method=letter.method,
            path=letter.path,
            service=self._way.envelope.service,
            headers=letter.headers,
            body=encode(letter.body),
        )
        self._sign(_Question(index, call))

    def _sign(self, question: _Question, refused: AwsCredential | None = None) -> None:
        preparing = self._exchange.plane.aws.prepare(question.call, refused)
        preparing.addCallback(self._ask, question).addErrback(self._failed)

    def _ask(self, signed: AwsRequest, question: _Question) -> Any:
        if self._stopped:
            return None
        exchange, call = self._exchange, question.call
        exchange.own_credential = signed.own
        head = signed.head + framing(call.method.encode("ascii"), len(call.body))
        outgoing = OutgoingRequest(signed.origin, [head, call.body], repeatable=True)
        timeouts = self._destination.provider.timeouts
        asking = collect(exchange.plane, outgoing, timeouts, LARGEST_ANSWER)
        self._asking[question.index] = asking
        return asking.addCallback(self._answered, question, signed.machine)

    # -- back ---------------------------------------------------------------------------------

    def _answered(
        self, whole: WholeAnswer, question: _Question, machine: AwsCredential | None
    ) -> None:
        index = question.index
        del self._asking[index]
        self._size += len(whole.body)
        whole = evolve(whole, attempts=whole.attempts + question.attempts)
        if whole.head.status != 200:
            failure = self._failure(whole)
            if self._again(failure, question, machine, whole.attempts):
                return
            exchange = self._exchange
            raise as_error(failure, exchange.family, own_credential=exchange.own_credential)
        if self._size > LARGEST_SUM:
            raise faults.no_answer(f"the answers are larger than {LARGEST_SUM} bytes together")
        self._answers[index] = whole
        if len(self._answers) < len(self._batch.bodies):
            self._ask_next()
        elif self._size < LARGE:
            self._answer(self._joined())
        else:
            joining = self._exchange.plane.threads.run(self._joined)
            joining.addCallback(self._answer).addErrback(self._failed)

    def _again(
        self, failure: Refusal, question: _Question, machine: AwsCredential | None, attempts: int
    ) -> bool:
        """Ask with another credential, if AWS has called the machine's expired."""
        repair = repair_after(
            repair_of(failure),
            question.tried,
            shaped=False,
            streamed=False,
            renewable=machine is not None,
        )
        if repair is not None:
            self._sign(_Question(question.index, question.call, attempts, (repair,)), machine)
        return repair is not None

    def _failure(self, whole: WholeAnswer) -> Refusal:
        try:
            said: Any = decode(whole.body)
        except BadJson:
            said = whole.body.decode("utf-8", "replace")
        return read_failure(whole.head.status, said, whole.fields)

    def _joined(self) -> tuple[bytes, facts.Usage]:
        """The caller's answer, and what it cost. It touches nothing of the reactor's."""
        wholes = [self._answers[index] for index in range(len(self._answers))]
        try:
            answered = [Answered(decode(whole.body), whole.fields) for whole in wholes]
            joined = join_answers(answered, self._batch, self._exchange.model)
        except BadJson as fault:
            raise faults.no_answer(f"the answer is no JSON: {fault}") from None
        except NoAnswer as fault:
            raise faults.no_answer(str(fault)) from None
        return encode(joined), facts.Usage(input=joined["usage"]["prompt_tokens"])

    def _answer(self, joined: tuple[bytes, facts.Usage]) -> None:
        if self._stopped:
            return
        exchange = self._exchange
        body, exchange.usage = joined
        exchange.attempts = max(whole.attempts for whole in self._answers.values())
        exchange.answer_json(200, body, [*self._fields(), *answer.warnings(self._ledger.notes)])

    def _fields(self) -> Iterator[bytes]:
        """What the answer says of where it came from."""
        yield b"x-magicgateway-model: %b\r\n" % (self._destination.upstream_model or "").encode()
        yield b"x-magicgateway-attempts: %d\r\n" % self._exchange.attempts
        identity = self._answers[0].fields.get("x-amzn-requestid")
        if identity is not None:
            yield b"x-amzn-requestid: %b\r\n" % identity.encode("latin-1")

    # -- ending -------------------------------------------------------------------------------

    def _failed(self, reason: Failure) -> None:
        if self._stopped:
            return
        self._stop()
        if isinstance(reason.value, ApiError):
            self._exchange.fail(reason.value)
        else:
            self._exchange.failed_inside(reason)

    def _stop(self) -> None:
        self._stopped = True
        asking, self._asking = self._asking, {}
        for one in asking.values():
            one.cancel()
