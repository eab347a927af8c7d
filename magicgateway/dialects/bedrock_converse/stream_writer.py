"""Streamed answers for callers of ConverseStream, as frames."""

from __future__ import annotations

from typing import Any

from attrs import evolve

from magicgateway.conversation.blocks import (
    CONVERSE,
    Block,
    Hosted,
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
    TextDelta,
    ThinkingDelta,
    TokenDelta,
    UsageCounted,
)
from magicgateway.conversation.reply import NO_USAGE, Failure, Finish
from magicgateway.conversation.sealed import seal
from magicgateway.dialects.bedrock_converse.citations import write_citation
from magicgateway.dialects.bedrock_converse.extras import FAMILY
from magicgateway.dialects.bedrock_converse.frames import event_frame, exception_frame
from magicgateway.dialects.bedrock_converse.reply_reader import MORE
from magicgateway.dialects.bedrock_converse.reply_writer import (
    NATIVE,
    call_id,
    more_fields,
    reasoning_content,
    stop_reason,
    write_usage,
)
from magicgateway.dialects.grammar import Asked
from magicgateway.wire.jsontext import encode

Written = dict[str, Any]
_EXCEPTIONS = {
    "invalid_request": "validationException",
    "context_length": "validationException",
    "too_large": "validationException",
    "rate_limit": "throttlingException",
    "quota": "throttlingException",
    "overloaded": "serviceUnavailableException",
    "server": "internalServerException",
}
_FAILED = "modelStreamErrorException"


def open_writer(asked: Asked) -> ConverseStreamWriter:
    """A writer of one streamed answer."""
    del asked
    return ConverseStreamWriter()


class ConverseStreamWriter:
    """Writes one stream, of several choices the first. State: its blocks, and how far it is."""

    def __init__(self) -> None:
        self._started = self._over = False
        self._finish: Finish | None = None
        self._usage = NO_USAGE
        self._places: dict[int, int] = {}
        """The wire's numbers of blocks that have begun on it, by the hub's."""
        self._kinds: dict[int, Block] = {}
        self._thoughts: dict[int, list[str]] = {}

    def write(self, event: Event) -> bytes:
        """The whole frames that say an event; often empty."""
        if self._over or getattr(event, "choice", 0) != 0:
            return b""
        if isinstance(event, Failed):
            self._over = True
            return _exception(event.failure)
        start = b"" if self._started else self._start()
        return start + self._said(event)

    def _start(self) -> bytes:
        self._started = True
        return event_frame("messageStart", {"role": "assistant"})

    def _said(self, event: Event) -> bytes:
        match event:
            case BlockStarted():
                return self._begin(event.index, event.block)
            case TokenDelta():
                return self._token(event.index, event.token)
            case BlockStopped():
                return self._stop(event.index)
            case Ended():
                return self._end(event)
            case UsageCounted():
                self._usage = merged_usage(self._usage, event.usage)
            case Finished():
                self._finish = event.finish
            case TextDelta() | ThinkingDelta() | ArgumentsDelta() | CitationDelta():
                return self._more(event)
        return b""

    def _more(self, event: TextDelta | ThinkingDelta | ArgumentsDelta | CitationDelta) -> bytes:
        match event:
            case TextDelta():
                delta: Written = {"text": event.text}
            case ThinkingDelta():
                self._thoughts.setdefault(event.index, []).append(event.text)
                delta = {"reasoningContent": {"text": event.text}}
            case ArgumentsDelta():
                delta = {"toolUse": {"input": event.text}}
            case CitationDelta():
                written = write_citation(event.citation)
                if written is None:
                    return b""
                delta = {"citation": written}
        return self._delta(event.index, delta)

    def _begin(self, index: int, block: Block) -> bytes:
        self._kinds[index] = block
        match block:
            case ToolCall():
                use = {"toolUseId": call_id(block.id), "name": block.name}
                started = self._block_start(index, {"toolUse": use})
                if block.arguments:
                    started += self._delta(index, {"toolUse": {"input": block.arguments}})
                return started
            case Text() | Refusal() if block.text:
                return self._delta(index, {"text": block.text})
            case Thinking():
                return self._thinking(index, block)
            case Hosted(family=family) if family == CONVERSE:
                return self._hosted(index, block)
            case _:
                return b""

    def _thinking(self, index: int, block: Thinking) -> bytes:
        written = reasoning_content(block) if block.token or block.parts else {}
        if "redactedContent" in written:
            return self._delta(index, {"reasoningContent": written})
        words = written.get("reasoningText", {})
        said = b""
        for name in ("text", "signature"):
            if words.get(name):
                said += self._delta(index, {"reasoningContent": {name: words[name]}})
        self._thoughts[index] = list(block.parts)
        return said

    def _hosted(self, index: int, block: Hosted) -> bytes:
        """A step of a tool that the service ran, as its start and one delta."""
        raw = dict(block.raw.get(block.kind, {}))
        if block.kind == "toolUse":
            arguments = raw.pop("input", {})
            text = arguments if isinstance(arguments, str) else encode(arguments).decode()
            started = self._block_start(index, {"toolUse": raw})
            return started + self._delta(index, {"toolUse": {"input": text}})
        content = raw.pop("content", [])
        started = self._block_start(index, {block.kind: raw})
        return started + self._delta(index, {block.kind: content})

    def _place(self, index: int) -> int:
        return self._places.setdefault(index, len(self._places))

    def _block_start(self, index: int, start: Written) -> bytes:
        value = {"contentBlockIndex": self._place(index), "start": start}
        return event_frame("contentBlockStart", value)

    def _delta(self, index: int, delta: Written) -> bytes:
        if index not in self._kinds:
            return b""
        value = {"contentBlockIndex": self._place(index), "delta": delta}
        return event_frame("contentBlockDelta", value)

    def _token(self, index: int, token: Token) -> bytes:
        block = self._kinds.get(index)
        if not isinstance(block, Thinking):
            return b""
        words = ("".join(self._thoughts.get(index, ())),)
        native = token.origin in NATIVE
        sealed = token.data if native else seal(evolve(block, parts=words, token=token))
        if not sealed:
            return b""
        return self._delta(index, {"reasoningContent": {"signature": sealed}})

    def _stop(self, index: int) -> bytes:
        if self._kinds.pop(index, None) is None or index not in self._places:
            return b""
        return event_frame("contentBlockStop", {"contentBlockIndex": self._places[index]})

    def _end(self, event: Ended) -> bytes:
        self._over = True
        finish = self._finish or Finish(reason="stop")
        stop: Written = {"stopReason": stop_reason(finish)}
        more = more_fields(finish, self._usage)
        if "stop_sequence" in more:
            more["delta"] = {"stop_sequence": more.pop("stop_sequence")}
        if more:
            stop[MORE] = more
        metadata: Written = {"usage": write_usage(self._usage), "metrics": {"latencyMs": 0}}
        if event.service_tier is not None:
            metadata["serviceTier"] = {"type": event.service_tier}
        if event.extras.family == FAMILY:
            metadata = {**event.extras.fields, **metadata}
        return event_frame("messageStop", stop) + event_frame("metadata", metadata)


def _exception(failure: Failure) -> bytes:
    name = _EXCEPTIONS.get(failure.kind, _FAILED)
    more = {"originalStatusCode": failure.status} if name == _FAILED else {}
    return exception_frame(name, {"message": failure.message, **more})
