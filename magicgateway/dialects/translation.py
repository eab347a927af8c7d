"""One exchange between a caller of one dialect and a provider of another.

A pair of grammars and what the way back has to know. Nothing here does I/O: bytes go in, bytes come
out, and losses are in the ledger.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import evolve

from magicgateway.conversation.capabilities import Capabilities
from magicgateway.conversation.counting import merged_usage
from magicgateway.conversation.events import (
    Ended,
    Event,
    Failed,
    Started,
    UsageCounted,
)
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.notes import DROPPED, Note, header_lines
from magicgateway.conversation.one_shot import events_of
from magicgateway.conversation.places import spelled
from magicgateway.conversation.reply import NO_USAGE, Failure, Reply
from magicgateway.conversation.request import Request
from magicgateway.conversation.undo import Undo, undo_reply
from magicgateway.dialects.bedrock_converse.failures import ERROR_NAME as AWS_NAME
from magicgateway.dialects.bedrock_converse.failures import read_failure as read_aws_failure
from magicgateway.dialects.framing import Framing, open_framing
from magicgateway.dialects.grammar import (
    Asked,
    FailedReply,
    Grammar,
    NoAnswer,
    Sent,
    StreamReader,
    StreamWriter,
)
from magicgateway.errors import ApiError
from magicgateway.observe import facts
from magicgateway.wire import large_json
from magicgateway.wire.jsontext import BadJson, encode


class Translation:
    """See the module's text. State: the request once it was read, and what was sent for it.

    Args:
        door: The caller's dialect.
        target: The provider's.
        model: As the caller named it.
        answer_id: The gateway's id of the exchange.
        now: Seconds since the epoch.
    """

    def __init__(
        self, door: Grammar, target: Grammar, *, model: str, answer_id: str, now: int
    ) -> None:
        self._door = door
        self._target = target
        self._model = model
        self._answer_id = answer_id
        self._now = now
        self.ledger = Ledger()
        self._read_notes: tuple[Note, ...] = ()
        self._body: Mapping[str, Any] | None = None
        """The caller's own, until a request was written of it."""
        self._places: dict[str, str] = {}
        self.request: Request | None = None
        self.sent: Sent | None = None
        self.served_model = ""
        """The model that answered, as the provider names it."""
        self.usage = NO_USAGE

    # -- out ----------------------------------------------------------------------------------

    def read(self, body: bytes, upstream_model: str) -> Request:
        """What the caller asks for, of the model that the provider knows.

        Raises:
            ApiError: 400: the body is none of the door's dialect.
        """
        try:
            value = large_json.decode(body)
        except BadJson as fault:
            raise ApiError(400, "invalid_json", f"The request body is no JSON: {fault}.") from None
        if not isinstance(value, dict):
            raise ApiError(400, "invalid_json", "The request body must be a JSON object.")
        self._body = value
        request = self._read_request(value)
        self._read_notes = self.ledger.notes
        if request.model != upstream_model:
            request = evolve(request, model=upstream_model)
        self.request = request
        return request

    def _read_request(self, value: dict[str, Any]) -> Request:
        return self._door.read_request(value, self.ledger)

    def write(self, request: Request, capabilities: Capabilities) -> Sent:
        """What the provider is sent; of what was written before, nothing is left.

        Args:
            request: As it was read, remote media perhaps fetched.
            capabilities: Of the model.

        Raises:
            ApiError: 400: it cannot be had from this target.
        """
        self.request = request
        self.ledger = Ledger()
        if self._read_notes:
            self.ledger.extend(self._read_notes)
        try:
            self.sent = self._target.write_request(request, capabilities, self.ledger)
        except ApiError as refusal:
            place = refusal.param
            if place is not None and (caller := self._spelled(place)) != place:
                said = refusal.message.replace(place, caller, 1)
                raise ApiError(refusal.status, refusal.code, said, param=caller) from None
            raise
        if self.ledger.notes:
            self.ledger.respell(self._spelled)
        self._body = None
        return self.sent

    def _spelled(self, place: str) -> str:
        """A field in the caller's words; those of a body that is gone are remembered."""
        caller = self._places.get(place)
        if caller is None:
            caller = spelled(place, self._body) if self._body is not None else place
            self._places[place] = caller
        return caller

    def check(self, *, strict: bool) -> None:
        """See whether the differences can be borne.

        Raises:
            ApiError: 422 ``strict_refusal``: there are some, and the caller wants none.
        """
        self.ledger.check(strict=strict)

    def warnings(self) -> bytes:
        """The header lines that report the differences."""
        return b"".join(header_lines(self.ledger.notes))

    # -- back ---------------------------------------------------------------------------------

    def reply(self, body: bytes) -> bytes:
        """The caller's answer, of a provider's whole one.

        Raises:
            NoAnswer: It is none.
            FailedReply: It says so itself.
        """
        request, sent = self._both()
        reply = self._read_reply(body, request, sent)
        ledger = Ledger()
        write = large_json.encode if len(body) > large_json.SLICE else encode
        text = write(self._door.write_reply(reply, self._asked(request), ledger))
        self._report(ledger)
        return text

    def _report(self, ledger: Ledger) -> None:
        """Tell of what became of an answer's blocks.

        That the envelope around them is another dialect's (``object``, ``system_fingerprint``) is
        what was asked for, and no loss.
        """
        notes = ledger.notes
        if notes:
            self.ledger.extend(n for n in notes if n.action != DROPPED or "[" in n.field)

    def _read_reply(self, body: bytes, request: Request, sent: Sent) -> Reply:
        try:
            value = large_json.decode(body)
        except BadJson as fault:
            raise NoAnswer(f"the answer is no JSON: {fault}") from None
        if not isinstance(value, dict):
            raise NoAnswer("the answer is no JSON object")
        reply = undo_reply(self._target.read_reply(value, sent), sent, request.tools)
        if not reply.choices:
            raise NoAnswer("the answer has no choices")
        self.served_model = reply.model
        self.usage = reply.usage
        return reply

    def failure(self, status: int, body: bytes, headers: Mapping[str, str]) -> Failure:
        """What a provider's error answer says."""
        try:
            said: Any = large_json.decode(body)
        except BadJson:
            said = body.decode("utf-8", "replace")
        if AWS_NAME in headers:
            return read_aws_failure(status, said, headers)  # whatever the answer is in
        return self._target.read_failure(status, said, headers)

    def one_shot(self, body: bytes) -> bytes:
        """A whole stream of the caller's, for a provider that answered with a whole reply.

        Raises:
            NoAnswer: It is none.
        """
        request, sent = self._both()
        writer = self._door.open_writer(self._asked(request))
        reply = self._read_reply(body, request, sent)
        return b"".join(writer.write(event) for event in events_of(reply))

    def open_stream(self, framing: str) -> TranslatedStream:
        """The way back of a streamed answer.

        Args:
            framing: As the provider frames it; see ``dialects.framing``.
        """
        request, sent = self._both()
        return TranslatedStream(
            self,
            open_framing(framing),
            self._target.open_reader(sent),
            Undo(sent, request.tools),
            self._door.open_writer(self._asked(request)),
        )

    def _both(self) -> tuple[Request, Sent]:
        assert self.request is not None
        assert self.sent is not None
        return self.request, self.sent

    def _asked(self, request: Request) -> Asked:
        return Asked(request=request, model=self._model, answer_id=self._answer_id, now=self._now)

    def counted(self) -> facts.Usage | None:
        """The tokens, for the log and the metrics; None where nobody counted."""
        usage = self.usage
        if usage.estimated or usage == NO_USAGE:
            return None
        return facts.Usage(
            input=usage.prompt,
            output=usage.output,
            cached_input=usage.cache_read,
            cache_write=usage.cache_write,
            reasoning=usage.reasoning,
        )


class TranslatedStream:
    """A stream on its way back. State: how far it is.

    Args:
        translation: Whose it is.
        framing: Cuts the provider's bytes into events.
        reader: The target's.
        undo: Of what was changed on the way out.
        writer: The door's.
    """

    def __init__(
        self,
        translation: Translation,
        framing: Framing,
        reader: StreamReader,
        undo: Undo,
        writer: StreamWriter,
    ) -> None:
        self._translation = translation
        self._framing = framing
        self._reader = reader
        self._undo = undo
        self._writer = writer
        self.begun = False
        """Something was written."""
        self.finished = False
        """The terminal event was written."""
        self.failure: Failure | None = None
        """The provider said that it failed; where nothing had begun, nothing was written of it."""
        self.broken = ""
        """Why nothing more of it can be read, for the operator."""

    def feed(self, data: bytes) -> bytes:
        """What the caller gets of some bytes of the provider's; often nothing."""
        out: list[bytes] = []
        if not self.broken:
            self._read(self._framing.feed(data), out)
        return b"".join(out)

    def end(self) -> bytes:
        """The body has ended. If ``finished`` is not set then, it was cut."""
        out: list[bytes] = []
        if not self._reads_no_more():
            self._read(self._framing.rest(), out)
            if not (self._reads_no_more() or self._framing.cut):
                self._take(self._reader.close(), out)
        return b"".join(out)

    def _read(self, events: Iterable[tuple[str, bytes]], out: list[bytes]) -> None:
        try:
            for name, content in events:
                if self._is_over():
                    break
                self._take(self._reader.feed(name, content), out)
        except NoAnswer as fault:
            self.broken = str(fault)  # what came before it still goes out
        except FailedReply as failed:
            self._write(Failed(failed.failure), out)

    def _reads_no_more(self) -> bool:
        return self._is_over() or bool(self.broken)

    def _is_over(self) -> bool:
        return self.finished or self.failure is not None

    def fail(self, failure: Failure) -> bytes:
        """An error event, for a stream that was broken off."""
        if self.finished:
            return b""
        self.failure = failure
        return self._writer.write(Failed(failure))

    def _take(self, events: Iterable[Event], out: list[bytes]) -> None:
        for read in events:
            for event in self._undo.feed(read):
                self._write(event, out)
                if self._is_over():
                    return

    def _write(self, event: Event, out: list[bytes]) -> None:
        kind = type(event)
        if kind is UsageCounted:
            translation = self._translation
            translation.usage = merged_usage(translation.usage, event.usage)  # type: ignore[union-attr]
        elif kind is Started:
            self._translation.served_model = event.model  # type: ignore[union-attr]
        elif kind is Failed:
            self.failure = event.failure  # type: ignore[union-attr]
            if not self.begun:
                return
        elif kind is Ended:
            self.finished = True
        written = self._writer.write(event)
        if written:
            self.begun = True
            out.append(written)
