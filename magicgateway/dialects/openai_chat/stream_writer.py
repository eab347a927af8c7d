"""Streams of chunks as OpenAI's chat callers know them.

The official SDKs add deltas up blindly: a role, an id or a name sent twice becomes twice as long,
an index that is not dense is an error, and so is a list whose members have none.

See: https://platform.openai.com/docs/api-reference/chat-streaming; openai 3.57 (Python), 2026-10.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define, field

from magicgateway.conversation.blocks import (
    ANTHROPIC,
    OPENAI,
    Block,
    Citation,
    Refusal,
    Text,
    Thinking,
    Token,
    ToolCall,
)
from magicgateway.conversation.counting import merged_usage
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
from magicgateway.conversation.parameters import SERVICE_TIER
from magicgateway.conversation.reply import NO_USAGE, REFUSED, STOP, Finish
from magicgateway.conversation.sealed import LONGEST
from magicgateway.dialects.failure_errors import as_error
from magicgateway.dialects.grammar import Asked
from magicgateway.dialects.openai_chat.counts import write_counts
from magicgateway.dialects.openai_chat.errors import error_event
from magicgateway.dialects.openai_chat.finishes import GENERIC_REFUSAL, write_finish
from magicgateway.dialects.openai_chat.reasoning import thinking_entry
from magicgateway.dialects.openai_chat.reply_writer import (
    annotation,
    answer_id,
    wanted_back,
    written_call,
)
from magicgateway.wire.jsontext import encode

_DONE = b"data: [DONE]\n\n"
_PING = b": ping\n\n"


@define
class _Written:
    """One block as it is written.

    Attributes:
        place: Its index among the calls, or among the blocks of reasoning; -1 for none.
        start: Where its text begins in the whole answer's.
        said: Something of it was written, beside its start.
        words: Of reasoning, by part and in pieces: another family's token is sealed with them.
        held: How many characters these are.
        part: Of a summary, the last one.
    """

    block: Block
    place: int = -1
    start: int = 0
    said: bool = False
    words: list[list[str]] = field(factory=list)
    held: int = 0
    part: int = 0


@define
class _Choice:
    """One choice. State: its blocks, and what is kept until it ends."""

    blocks: dict[int, _Written] = field(factory=dict)
    calls: int = 0
    thoughts: int = 0
    thought: bool = False
    length: int = 0
    refused: bool = False
    citations: list[tuple[Citation, _Written]] = field(factory=list)
    finish: Finish | None = None


class ChatStreamWriter:
    """Writes one stream. State: its choices, the counts so far, and whether it is over.

    Args:
        asked: What is answered.
    """

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._legacy = asked.request.legacy_functions
        self._wants_usage = asked.request.include_usage
        self._usage = NO_USAGE
        self._choices: dict[int, _Choice] = {}
        self._head: dict[str, Any] = {}
        self._fast: dict[int, tuple[bytes, bytes]] = {}
        self._over = False

    def write(self, event: Event) -> bytes:
        """The whole frames that say an event; often empty."""
        if self._over:
            return b""
        if type(event) is TextDelta:
            return self._text(event)
        match event:
            case Started():
                return self._start(event)
            case Ping():
                return _PING if self._head else b""  # before an answer it proves nothing
            case UsageCounted():
                self._usage = merged_usage(self._usage, event.usage)
                return b""
            case Failed():
                self._over = True
                error = as_error(event.failure, OPENAI, own_credential=False)
                return error_event(error, self._asked.answer_id)
            case Ended():
                return self._end(event)
            case _:
                return self._of_choice(event)

    def _of_choice(self, event: Event) -> bytes:
        match event:
            case BlockStarted():
                return self._block(event)
            case ThinkingDelta():
                return self._thinking(event)
            case TokenDelta():
                return self._token(event)
            case ArgumentsDelta():
                return self._arguments(event)
            case BlockStopped():
                return self._stop(event)
            case CitationDelta():
                written = self._written(event.choice, event.index)
                if written is not None:
                    self._choices[event.choice].citations.append((event.citation, written))
            case Finished():
                opened = self._opened(event.choice)
                self._choices[event.choice].finish = event.finish
                return opened
        return b""

    # -- the parts of a chunk -----------------------------------------------------------------

    def _start(self, event: Started) -> bytes:
        if self._head:
            return b""
        asked = self._asked
        self._head = {
            "id": answer_id(event.id, asked),
            "object": "chat.completion.chunk",
            "created": asked.now if event.created is None else event.created,
            "model": asked.model,
            "system_fingerprint": None,
        }
        return self._role(0)

    def _role(self, index: int) -> bytes:
        self._choices[index] = _Choice()
        return self._chunk(index, {"role": "assistant", "content": ""})

    def _opened(self, index: int) -> bytes:
        """What has to be said before anything of a choice."""
        begun = b"" if self._head else self._start(Started())
        return begun if index in self._choices else begun + self._role(index)

    def _chunk(
        self,
        index: int,
        delta: Mapping[str, Any],
        finish: str | None = None,
        logprobs: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> bytes:
        choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
        chunk = {**self._head, "choices": [choice], **fields}
        if self._wants_usage:
            chunk["usage"] = None
        return b"data: %b\n\n" % encode(chunk)

    def _written(self, choice: int, index: int) -> _Written | None:
        known = self._choices.get(choice)
        return None if known is None else known.blocks.get(index)

    # -- blocks -------------------------------------------------------------------------------

    def _text(self, event: TextDelta) -> bytes:
        written = self._written(event.choice, event.index)
        if written is None or not event.text:
            return b""
        choice = self._choices[event.choice]
        if isinstance(written.block, Refusal):
            choice.refused = True
            return self._chunk(event.choice, {"refusal": event.text})
        choice.length += len(event.text)
        if event.logprobs is not None:
            return self._chunk(event.choice, {"content": event.text}, logprobs=event.logprobs)
        around = self._fast.get(event.choice)
        if around is None:
            before, _, after = self._chunk(event.choice, {"content": "\0"}).rpartition(b'"\\u0000"')
            around = self._fast[event.choice] = (before, after)
        return b"".join((around[0], encode(event.text), around[1]))

    def _block(self, event: BlockStarted) -> bytes:
        opened = self._opened(event.choice)
        choice = self._choices[event.choice]
        block = event.block
        written = choice.blocks[event.index] = _Written(block, start=choice.length)
        match block:
            case ToolCall():
                return opened + self._call(event.choice, choice, written, block)
            case Thinking():
                written.place = choice.thoughts
                choice.thoughts += 1
                return opened + self._whole_thinking(event, written, block)
            case Text(text=text) | Refusal(text=text) if text:
                return opened + self._text(TextDelta(event.index, text, event.choice))
            case _:
                return opened

    def _call(self, index: int, choice: _Choice, written: _Written, block: ToolCall) -> bytes:
        written.place = choice.calls
        choice.calls += 1
        written.said = bool(block.arguments)
        if not self._legacy:
            call = {"index": written.place, **written_call(block, block.arguments)}
            return self._chunk(index, {"tool_calls": [call]})
        if written.place:
            return b""  # there is a place for one only
        function = {"name": block.name, "arguments": block.arguments}
        return self._chunk(index, {"function_call": function})

    def _arguments(self, event: ArgumentsDelta) -> bytes:
        written = self._written(event.choice, event.index)
        if written is None or not isinstance(written.block, ToolCall) or not event.text:
            return b""
        written.said = True
        return self._more_arguments(event.choice, written, event.text)

    def _more_arguments(self, index: int, written: _Written, text: str) -> bytes:
        assert isinstance(written.block, ToolCall)
        if self._legacy:
            one = {"function_call": {"arguments": text}}
            return b"" if written.place else self._chunk(index, one)
        custom = written.block.kind == "custom"
        inner = {"custom": {"input": text}} if custom else {"function": {"arguments": text}}
        return self._chunk(index, {"tool_calls": [{"index": written.place, **inner}]})

    def _whole_thinking(self, event: BlockStarted, written: _Written, block: Thinking) -> bytes:
        """What is known of reasoning at its start: redacted, all of it."""
        out = b""
        for part, text in enumerate(block.parts):
            if text:
                out += self._thinking(ThinkingDelta(event.index, text, event.choice, part))
        if block.token is not None:
            out += self._token(TokenDelta(event.index, block.token, event.choice))
        return out

    def _thinking(self, event: ThinkingDelta) -> bytes:
        written = self._written(event.choice, event.index)
        if written is None or not event.text:
            return b""
        choice = self._choices[event.choice]
        text = event.text
        apart = written.said and event.part != written.part
        if apart or not written.words:
            written.words.append([])
        written.held += len(text)
        if written.held <= LONGEST:  # what is longer cannot be sealed
            written.words[-1].append(text)
        words = "\n\n" + text if apart or (choice.thought and not written.said) else text
        shown = "\n\n" + text if apart else text
        written.said, written.part, choice.thought = True, event.part, True
        entry = {"index": written.place, "type": "thinking", "thinking": shown}
        return self._chunk(event.choice, {"reasoning_content": words, "thinking_blocks": [entry]})

    def _token(self, event: TokenDelta) -> bytes:
        written = self._written(event.choice, event.index)
        if written is None:
            return b""
        if isinstance(written.block, ToolCall):
            signature = {} if self._legacy else wanted_back(event.token)
            if not signature:
                return b""
            custom = written.block.kind == "custom"
            nothing = {"custom": {"input": ""}} if custom else {"function": {"arguments": ""}}
            call = {"index": written.place, **nothing, **signature}
            return self._chunk(event.choice, {"tool_calls": [call]})
        if not isinstance(written.block, Thinking):
            return b""
        entry = _signed(written, event.token)
        if entry is None:
            return b""
        return self._chunk(event.choice, {"thinking_blocks": [{"index": written.place, **entry}]})

    def _stop(self, event: BlockStopped) -> bytes:
        written = self._written(event.choice, event.index)
        if written is None or not isinstance(written.block, ToolCall) or written.said:
            return b""
        written.said = True
        if written.block.kind == "custom":
            return b""
        return self._more_arguments(event.choice, written, "{}")

    # -- the end ------------------------------------------------------------------------------

    def _end(self, event: Ended) -> bytes:
        out = [b"" if self._head else self._opened(0)]
        self._over = True
        fields: dict[str, Any] = {}
        if event.service_tier and self._asked.request.parameters.get(SERVICE_TIER) is not None:
            fields["service_tier"] = event.service_tier
        for index, choice in self._choices.items():
            finish = choice.finish or Finish(reason=STOP)
            word = write_finish(finish, calls=bool(choice.calls), legacy=self._legacy)
            out.append(self._chunk(index, _last_delta(choice, finish), word, **fields))
        counts = write_counts(self._usage) if self._wants_usage else None
        if counts is not None:
            last = {**self._head, "choices": [], **fields, "usage": counts}
            out.append(b"data: %b\n\n" % encode(last))
        out.append(_DONE)
        return b"".join(out)


def _last_delta(choice: _Choice, finish: Finish) -> dict[str, Any]:
    """What can only be said at the end: citations, which SDKs add up once, and a refusal."""
    delta: dict[str, Any] = {}
    urls = [
        annotation(citation, (written.start, _end_of(written, choice)))
        for citation, written in choice.citations
        if citation.kind == "url"
    ]
    if urls:
        delta["annotations"] = urls
    if finish.reason == REFUSED and not choice.refused:
        delta["refusal"] = finish.explanation or GENERIC_REFUSAL
    return delta


def _end_of(written: _Written, choice: _Choice) -> int:
    """Where a text ends: where the next begins."""
    later = [other.start for other in choice.blocks.values() if other.start > written.start]
    return min(later, default=choice.length)


def _signed(written: _Written, token: Token) -> dict[str, Any] | None:
    block = written.block
    assert isinstance(block, Thinking)
    parts = tuple("".join(pieces) for pieces in written.words)
    if token.origin != ANTHROPIC and written.held > LONGEST:
        return None
    if token.origin != ANTHROPIC:
        block = Thinking(
            parts=parts, summary=block.summary, redacted=block.redacted, token=token,
            item_id=block.item_id,
        )  # fmt: skip
        entry = thinking_entry(block)
    else:
        entry = thinking_entry(Thinking(redacted=block.redacted, token=token))
    if entry is not None and entry["type"] == "thinking":
        entry["thinking"] = ""  # its words have been written
    return entry


def open_writer(asked: Asked) -> ChatStreamWriter:
    """A writer of one streamed answer."""
    return ChatStreamWriter(asked)
