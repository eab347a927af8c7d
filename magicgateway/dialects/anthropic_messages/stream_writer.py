"""Streams of message events as Messages callers know them.

The official SDKs need ``message_start`` once and first, counts in it and in ``message_delta``,
blocks one after the other with dense indexes, and ``message_stop`` once and last.

See: https://docs.anthropic.com/en/docs/build-with-claude/streaming; anthropic 2.13 (Python) and
its ``@anthropic-ai/sdk`` 1.12, 2026-11.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar

from attrs import define, field

from magicgateway.conversation.blocks import (
    ANTHROPIC,
    Block,
    Citation,
    Foreign,
    Hosted,
    Refusal,
    Text,
    Thinking,
    Token,
    ToolCall,
)
from magicgateway.conversation.counting import estimate, merged_usage
from magicgateway.conversation.events import (
    ArgumentsDelta,
    BlockStarted,
    BlockStopped,
    CitationDelta,
    Ended,
    Event,
    Failed,
    Finished,
    Ping,
    Started,
    TextDelta,
    ThinkingDelta,
    TokenDelta,
    UsageCounted,
)
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.reply import NO_USAGE, STOP, Finish
from magicgateway.conversation.sealed import LONGEST
from magicgateway.conversation.sequence import Sequencer
from magicgateway.dialects.anthropic_messages.answer_blocks import (
    call_id,
    call_token_block,
    message_id,
    own_block,
    sealed_token,
    thinking_block,
)
from magicgateway.dialects.anthropic_messages.errors import error_event
from magicgateway.dialects.anthropic_messages.extras import put_back
from magicgateway.dialects.anthropic_messages.finishes import write_finish
from magicgateway.dialects.anthropic_messages.hosted import CALLS
from magicgateway.dialects.anthropic_messages.token_counts import (
    complete,
    write_counts,
    written_tier,
)
from magicgateway.dialects.failure_errors import as_error
from magicgateway.dialects.grammar import Asked
from magicgateway.wire.jsontext import encode

_PING = b'event: ping\ndata: {"type":"ping"}\n\n'
_LETTERS = 4
"""Characters of a token, on average."""

Json = dict[str, Any]


@define
class _Open:
    """The block that is being written.

    Attributes:
        block: As it began.
        begun: Its start was written; blocks that say nothing never have one.
        parts: The words of its reasoning, by part and in pieces, for another family's token.
        held: How many characters these are.
        part: Of a summary, the last one.
        token: What its maker wants back with it.
        frame: What stands before and after the text of a delta.
    """

    block: Block
    begun: bool = False
    parts: list[list[str]] = field(factory=list)
    held: int = 0
    part: int = 0
    token: Token | None = None
    frame: tuple[bytes, bytes] | None = None


class MessagesStreamWriter:
    """Writes one stream. State: the open block, the counts, why it ended, and whether it is over.

    Args:
        asked: What is answered.
    """

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._sequencer = Sequencer()
        self._started: Started | None = None
        self._begun = False
        self._over = False
        self._open: _Open | None = None
        self._index = -1
        self._calls = 0
        self._refused = False
        self._length = 0
        self._usage = NO_USAGE
        self._finish = Finish(reason=STOP)

    def write(self, event: Event) -> bytes:
        """The whole frames that say an event; often empty."""
        other: int | None = getattr(event, "choice", None)
        if self._over or other:
            return b""  # a message has place for one choice
        if type(event) is Failed:
            return self._fail(event)
        return b"".join(frame for step in self._sequencer.feed(event) for frame in self._step(step))

    def _step(self, event: Event) -> Iterator[bytes]:
        """One event of a stream that has one open block at a time."""
        match event:
            case Started():
                # Written with what follows it, which may be its counts, or that all is lost.
                self._started = self._started or event
                return
            case UsageCounted():
                self._usage = merged_usage(self._usage, event.usage)
            case Failed():
                yield self._fail(event)
                return
        if self._started is None and isinstance(event, UsageCounted | Ping):
            return
        yield from self._begin()
        step = self._STEPS.get(type(event))
        if step is not None:
            yield from step(self, event)

    def _fail(self, event: Failed) -> bytes:
        self._over = True
        error = as_error(event.failure, ANTHROPIC, own_credential=False)
        return error_event(error, self._asked.answer_id)

    # -- the message --------------------------------------------------------------------------

    def _begin(self) -> Iterator[bytes]:
        if self._begun:
            return
        self._begun = True
        started = self._started or Started()
        message: Json = {
            "id": message_id(started.id, self._asked),
            "type": "message",
            "role": "assistant",
            "model": self._asked.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": write_counts(self._usage, self._prompt(), 0),
        }
        put_back(message, started.extras, Ledger())
        complete(message["usage"])
        yield _frame({"type": "message_start", "message": message})

    def _prompt(self) -> int:
        """About how many tokens went in, where nobody has counted them yet."""
        return estimate(self._asked.request) if self._usage.prompt is None else 0

    def _end(self, event: Ended) -> Iterator[bytes]:
        self._over = True
        finish = write_finish(self._finish, calls=self._calls > 0, refused=self._refused)
        usage = write_counts(self._usage, self._prompt(), -(-self._length // _LETTERS))
        usage.update(written_tier(event.service_tier))
        last: Json = {"type": "message_delta", "delta": dict(finish), "usage": usage}
        put_back(last, event.extras, Ledger())
        complete(usage)
        yield _frame(last)
        yield _frame({"type": "message_stop"})

    def _finished(self, event: Finished) -> Iterable[bytes]:
        self._finish = event.finish
        return ()

    # -- blocks -------------------------------------------------------------------------------

    def _text_delta(self, event: TextDelta) -> Iterable[bytes]:
        return self._text(event.text)

    def _arguments_delta(self, event: ArgumentsDelta) -> Iterable[bytes]:
        return self._arguments(event.text)

    def _citation_delta(self, event: CitationDelta) -> Iterable[bytes]:
        return self._citation(event.citation)

    def _token(self, event: TokenDelta) -> Iterable[bytes]:
        if self._open is not None:
            self._open.token = event.token
        return ()

    def _start(self, event: BlockStarted) -> Iterator[bytes]:
        block = event.block
        self._open = opened = _Open(block)
        match block:
            case Thinking(redacted=True):
                written = thinking_block(block)
                if written is not None:
                    yield self._block(written)
            case Thinking():
                opened.token = block.token
                for part, text in enumerate(block.parts):
                    yield from self._thinking(ThinkingDelta(0, text, part=part))
            case Text(text=text) | Refusal(text=text):
                if text:
                    yield from self._text(text)
                if isinstance(block, Text):
                    for citation in block.citations:
                        yield from self._citation(citation)
            case ToolCall():
                yield from self._call(block)
            case Hosted() | Foreign():
                yield from self._whole(block)

    def _call(self, call: ToolCall) -> Iterator[bytes]:
        name = call_id(call.id, self._asked, self._calls)
        yield from self._call_token(name, call.token)
        written: Json = {"type": "tool_use", "id": name, "name": call.name, "input": {}}
        put_back(written, call.extras, Ledger())
        self._calls += 1
        yield self._block(written)
        if call.kind == "custom":
            yield self._delta("input_json_delta", "partial_json", '{"input":"')
        if call.arguments:
            yield from self._arguments(call.arguments)

    def _call_token(self, call: str, token: Token | None) -> Iterator[bytes]:
        """What is wanted back with a call, as a block before it, or after it if it comes late."""
        written = call_token_block(call, token)
        if written is not None:
            yield self._block(written)
            yield _frame({"type": "content_block_stop", "index": self._index})

    def _whole(self, block: Hosted | Foreign) -> Iterator[bytes]:
        """A block that only this family has; a call's input comes after it, as from Anthropic."""
        written = own_block(block)
        if written is None:
            return
        given = written.get("input")
        if block.kind not in CALLS or not given:
            yield self._block(written)
            return
        written["input"] = {}
        yield self._block(written)
        yield self._delta("input_json_delta", "partial_json", encode(given).decode())

    def _block(self, written: Json) -> bytes:
        assert self._open is not None
        self._open.begun = True
        self._index += 1
        return _frame(
            {"type": "content_block_start", "index": self._index, "content_block": written}
        )

    def _delta(self, kind: str, name: str, value: Any) -> bytes:
        delta = {"type": kind, name: value}
        return _frame({"type": "content_block_delta", "index": self._index, "delta": delta})

    def _words(self, opened: _Open, kind: str, name: str, text: str) -> bytes:
        """A delta of some words, of which only they differ from the one before."""
        self._length += len(text)
        if opened.frame is None:
            before, _, after = self._delta(kind, name, "\0").rpartition(b'"\\u0000"')
            opened.frame = (before, after)
        return b"".join((opened.frame[0], encode(text), opened.frame[1]))

    def _text(self, text: str) -> Iterator[bytes]:
        opened = self._open
        if opened is None or not isinstance(opened.block, Text | Refusal) or not text:
            return
        if not opened.begun:
            self._refused = self._refused or isinstance(opened.block, Refusal)
            yield self._block({"type": "text", "text": ""})
        yield self._words(opened, "text_delta", "text", text)

    def _thinking(self, event: ThinkingDelta) -> Iterator[bytes]:
        opened, text = self._open, event.text
        if opened is None or not isinstance(opened.block, Thinking) or not text:
            return
        if not opened.begun:
            yield self._block({"type": "thinking", "thinking": "", "signature": ""})
        apart = bool(opened.parts) and event.part != opened.part
        if apart or not opened.parts:
            opened.parts.append([])
        opened.part = event.part
        opened.held += len(text)
        if opened.held <= LONGEST:  # what is longer cannot be sealed
            opened.parts[-1].append(text)
        shown = f"\n\n{text}" if apart else text
        yield self._words(opened, "thinking_delta", "thinking", shown)

    def _arguments(self, text: str) -> Iterator[bytes]:
        opened = self._open
        if opened is None or not isinstance(opened.block, ToolCall) or not text:
            return
        if opened.block.kind == "custom":
            text = encode(text)[1:-1].decode()
        yield self._words(opened, "input_json_delta", "partial_json", text)

    def _citation(self, citation: Citation) -> Iterator[bytes]:
        opened = self._open
        if opened is None or not isinstance(opened.block, Text):
            return
        if citation.family == ANTHROPIC and opened.begun:
            yield self._delta("citations_delta", "citation", dict(citation.raw))

    def _stop(self, event: BlockStopped) -> Iterator[bytes]:
        opened, self._open = self._open, None
        if opened is None:
            return
        block = opened.block
        if isinstance(block, Thinking) and not block.redacted:
            yield from self._sign(opened, block)
        elif isinstance(block, ToolCall) and block.kind == "custom":
            yield self._delta("input_json_delta", "partial_json", '"}')
        if opened.begun:
            yield _frame({"type": "content_block_stop", "index": self._index})
        if isinstance(block, ToolCall) and opened.token is not None:
            self._open = opened
            name = call_id(block.id, self._asked, self._calls - 1)
            yield from self._call_token(name, opened.token)
            self._open = None

    def _sign(self, opened: _Open, block: Thinking) -> Iterator[bytes]:
        """The signature, also of reasoning without words; an empty one where nobody made it."""
        token, signature = opened.token, ""
        if token is not None:
            if opened.held > LONGEST and token.origin != ANTHROPIC:
                token = Token(token.origin, "")  # the words are not all there
            words = tuple("".join(pieces) for pieces in opened.parts)
            signature = sealed_token(block, words, token)
        if not opened.begun and token is not None and token.data:
            self._open = opened
            yield self._block({"type": "thinking", "thinking": "", "signature": ""})
            self._open = None
        if opened.begun:
            yield self._delta("signature_delta", "signature", signature)

    def _ping(self, _: Ping) -> Iterable[bytes]:
        return (_PING,)

    # Not bound to one stream, which would then hold itself until the collector comes.
    _STEPS: ClassVar[Mapping[type[Any], Callable[[MessagesStreamWriter, Any], Iterable[bytes]]]] = {
        TextDelta: _text_delta,
        ThinkingDelta: _thinking,
        ArgumentsDelta: _arguments_delta,
        BlockStarted: _start,
        BlockStopped: _stop,
        CitationDelta: _citation_delta,
        TokenDelta: _token,
        Finished: _finished,
        Ping: _ping,
        Ended: _end,
    }


def _frame(event: Mapping[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (event["type"].encode(), encode(event))


def open_writer(asked: Asked) -> MessagesStreamWriter:
    """A writer of one streamed answer."""
    return MessagesStreamWriter(asked)
