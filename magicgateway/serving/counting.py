"""Counts of a request's tokens: the provider's own in its dialect, else an estimate of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.python.failure import Failure

from magicgateway.conversation.reply import Failure as Refusal
from magicgateway.dialects.catalogue import grammar
from magicgateway.dialects.token_counting import TokenCounting
from magicgateway.errors import ApiError
from magicgateway.serving import answer
from magicgateway.serving.translated_relay import TranslatedRelay
from magicgateway.serving.translating import LARGE, Translating, is_strict

if TYPE_CHECKING:
    from magicgateway.routing.destination import Destination
    from magicgateway.serving.exchange import Exchange

_CANNOT_COUNT = "support counting tokens"
"""What AWS says of a model that it has no counter for; there are many such."""


class _CountRelay(TranslatedRelay):
    """Reads a provider's count; where the provider has none for the model, there is an estimate."""

    def _provider_failed(self, failure: Refusal) -> None:
        if failure.kind != "invalid_request" or _CANNOT_COUNT not in failure.message:
            super()._provider_failed(failure)
            return
        counting, request = self._translation, self._translation.request
        assert isinstance(counting, TokenCounting)
        assert request is not None
        self._ended = True
        self._release()
        exchange = self.exchange
        body = counting.estimate(request)
        try:
            counting.check(strict=is_strict(exchange))
        except ApiError as error:
            exchange.fail(error)
        else:
            exchange.answer_json(200, body, answer.warnings(counting.ledger.notes))


class Counting(Translating):
    """A request whose tokens the provider counts. State: as its class's."""

    _translates = TokenCounting
    _relays = _CountRelay


class Estimating:
    """A request whose tokens nobody counts. State: whether it is still wanted.

    Args:
        exchange: The exchange, whose body is complete.
        destination: Where it would go.
    """

    def __init__(self, exchange: Exchange, destination: Destination) -> None:
        self._exchange = exchange
        self._model = destination.upstream_model
        self._stopped = False
        door = exchange.standing.target.door
        assert door is not None
        dialect = grammar(door.dialect)
        self._counting = TokenCounting(dialect, dialect, model="", answer_id="", now=0)

    def start(self, pieces: list[bytes], size: int) -> None:
        """Answer.

        Args:
            pieces: Of the body.
            size: Of all of them.

        Raises:
            ApiError: It is no such request; of a large body the exchange is told later.
        """
        if size < LARGE:
            self._answer(self._estimate(b"".join(pieces)))
            return
        exchange = self._exchange
        exchange.on_leave(self._stop)
        working = exchange.plane.threads.run(lambda: self._estimate(b"".join(pieces)))
        working.addCallback(self._answer).addErrback(self._failed)

    def _estimate(self, body: bytes) -> bytes:
        """The answer's body. It touches nothing of the reactor's."""
        counting = self._counting
        text = counting.estimate(counting.read(body, self._model or ""))
        counting.check(strict=is_strict(self._exchange))
        return text

    def _answer(self, body: bytes) -> None:
        if not self._stopped:
            self._exchange.answer_json(200, body, answer.warnings(self._counting.ledger.notes))

    def _failed(self, reason: Failure) -> None:
        if self._stopped:
            return
        if isinstance(reason.value, ApiError):
            self._exchange.fail(reason.value)
        else:
            self._exchange.failed_inside(reason)

    def _stop(self) -> None:
        self._stopped = True
