"""Streams of a chat as legacy completions.

See: https://platform.openai.com/docs/api-reference/completions; openai 3.57, 2026-10.
"""

from __future__ import annotations

from typing import Any

from magicgateway.conversation.blocks import OPENAI
from magicgateway.conversation.counting import merged_usage
from magicgateway.conversation.events import (
    Ended,
    Event,
    Failed,
    Finished,
    Ping,
    Started,
    TextDelta,
    UsageCounted,
)
from magicgateway.conversation.reply import NO_USAGE, STOP, Finish
from magicgateway.dialects.failure_errors import as_error
from magicgateway.dialects.grammar import Asked
from magicgateway.dialects.openai_chat.counts import write_counts
from magicgateway.dialects.openai_chat.errors import error_event
from magicgateway.dialects.openai_completions.reply_writer import (
    OBJECT,
    answer_id,
    finish_reason,
)
from magicgateway.wire.jsontext import encode

_DONE = b"data: [DONE]\n\n"
_PING = b": ping\n\n"


class CompletionStreamWriter:
    """Writes one stream. State: why its choices ended, the counts, and whether it is over.

    Args:
        asked: What is answered.
    """

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._wants_usage = asked.request.include_usage
        self._usage = NO_USAGE
        self._finishes: dict[int, Finish] = {}
        self._head: dict[str, Any] = {}
        self._over = False

    def write(self, event: Event) -> bytes:
        """The whole frames that say an event; often empty."""
        if self._over:
            return b""
        match event:
            case TextDelta():
                return self._chunk(event.choice, event.text)
            case Started():
                self._begin(event)
            case UsageCounted():
                self._usage = merged_usage(self._usage, event.usage)
            case Finished():
                self._finishes[event.choice] = event.finish
            case Ping():
                return _PING if self._head else b""  # before an answer it proves nothing
            case Failed():
                self._over = True
                error = as_error(event.failure, OPENAI, own_credential=False)
                return error_event(error, self._asked.answer_id)
            case Ended():
                return self._end()
            case _:
                pass
        return b""

    def _begin(self, event: Started) -> None:
        asked = self._asked
        self._head = {
            "id": answer_id(event.id, asked),
            "object": OBJECT,
            "created": asked.now if event.created is None else event.created,
            "model": asked.model,
        }

    def _chunk(self, index: int, text: str, finish: str | None = None) -> bytes:
        if not self._head:
            self._begin(Started())
        choice = {"text": text, "index": index, "logprobs": None, "finish_reason": finish}
        chunk = {**self._head, "choices": [choice]}
        if self._wants_usage:
            chunk["usage"] = None
        return b"data: %b\n\n" % encode(chunk)

    def _end(self) -> bytes:
        self._over = True
        finishes = self._finishes or {0: Finish(reason=STOP)}
        out = [self._chunk(index, "", finish_reason(f)) for index, f in finishes.items()]
        usage = write_counts(self._usage) if self._wants_usage else None
        if usage is not None:
            last = {**self._head, "choices": [], "usage": usage}
            out.append(b"data: %b\n\n" % encode(last))
        return b"".join((*out, _DONE))


def open_writer(asked: Asked) -> CompletionStreamWriter:
    """A writer of one streamed answer."""
    return CompletionStreamWriter(asked)
