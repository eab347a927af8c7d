"""Streams of chat chunks, with all that providers do differently from OpenAI.

``index`` and ``id`` of calls can be missing or repeated, a call can come whole in one chunk, a
chunk can have no choices, usage can come in any chunk, and the stream can end without ``[DONE]``.

See: https://platform.openai.com/docs/api-reference/chat-streaming; 2026-10.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from magicgateway.conversation.events import (
    Ended,
    Event,
    Failed,
    Started,
    UsageCounted,
)
from magicgateway.conversation.ledger import Fields
from magicgateway.conversation.reply import Failure
from magicgateway.dialects.grammar import Sent
from magicgateway.dialects.openai_chat.choice_reader import ChoiceReader, TooMuch
from magicgateway.dialects.openai_chat.counts import read_counts
from magicgateway.dialects.openai_chat.failures import is_error, read_failure
from magicgateway.dialects.openai_chat.finishes import is_broken
from magicgateway.wire.jsontext import BadJson, decode

_DONE = b"[DONE]"
_UNREADABLE = Failure(
    status=502, kind="server", message="The provider sent an event that cannot be read."
)
_TOO_MUCH = Failure(
    status=502, kind="server", message="The provider's answer is too large to read."
)
_BROKEN_OFF = Failure(status=502, kind="server", message="The provider broke its answer off.")
MOST_CHOICES = 128
"""As many as OpenAI's ``n`` allows."""


class ChatStreamReader:
    """Reads one stream. State: what its choices have said, and whether it is over.

    Args:
        sent: What is answered.
    """

    def __init__(self, sent: Sent) -> None:
        self._origin = sent.origin
        self._choices: dict[int, ChoiceReader] = {}
        self._source = ""
        self._begun = False
        self._over = False
        self._tier: str | None = None

    def feed(self, name: str, data: bytes) -> Iterator[Event]:
        """The hub events of one chunk."""
        if self._over:
            return
        if data.startswith(_DONE):
            yield from self._end()
            return
        try:
            chunk = decode(data)
        except BadJson:
            chunk = None
        if not isinstance(chunk, dict):
            if data:  # an event without data is a sign of life
                yield self._failed(_UNREADABLE)
        elif name == "error" or is_error(chunk):
            yield self._failed(read_failure(0, chunk, {}))
        else:
            yield from self._chunk(chunk)

    def close(self) -> Iterator[Event]:
        """The body has ended: well, if every choice had finished."""
        done = bool(self._choices) and all(c.finished for c in self._choices.values())
        if not self._over and done:
            yield from self._end()

    def _failed(self, failure: Failure) -> Failed:
        self._over = True
        return Failed(failure)

    def _chunk(self, chunk: dict[str, Any]) -> Iterator[Event]:
        choices = chunk.get("choices")
        if not self._begun:
            if not (choices or chunk.get("usage") or chunk.get("id")):
                return  # a first chunk without anything, as content filters send it
            yield self._start(chunk)
        if isinstance(chunk.get("service_tier"), str):
            self._tier = chunk["service_tier"]
        if isinstance(choices, list):
            for entry in choices:
                if isinstance(entry, dict):
                    yield from self._choice(entry)
                if self._over:
                    return
        yield from self._extras(chunk)

    def _start(self, chunk: dict[str, Any]) -> Started:
        self._begun = True
        answer_id, model, created = chunk.get("id"), chunk.get("model"), chunk.get("created")
        self._source = f"{answer_id}/{created}"
        return Started(
            answer_id if isinstance(answer_id, str) else "",
            model if isinstance(model, str) else "",
            created if isinstance(created, int) and not isinstance(created, bool) else None,
        )

    def _extras(self, chunk: dict[str, Any]) -> Iterator[Event]:
        extra = chunk.get("x_groq")
        usage = chunk.get("usage")
        if isinstance(extra, dict):
            usage = usage or extra.get("usage")
            if extra.get("error"):
                yield self._failed(read_failure(0, {"error": extra["error"]}, {}))
                return
        if isinstance(usage, dict) and usage:
            yield UsageCounted(read_counts(Fields(usage, lenient=True), {}))

    def _choice(self, entry: dict[str, Any]) -> Iterator[Event]:
        if is_broken(entry.get("finish_reason")):
            yield self._failed(_BROKEN_OFF)
            return
        index = entry.get("index")
        if not isinstance(index, int) or isinstance(index, bool) or index < 0:
            index = 0
        choice = self._choices.get(index)
        if choice is None:
            if len(self._choices) == MOST_CHOICES:
                yield self._failed(_UNREADABLE)
                return
            source = f"{self._source}/{index}"
            choice = self._choices[index] = ChoiceReader(index, source, self._origin)
        try:
            yield from choice.feed(entry)
        except TooMuch:
            yield self._failed(_TOO_MUCH)

    def _end(self) -> Iterator[Event]:
        self._over = True
        if not self._choices:
            return  # ``[DONE]`` and no choice before it is no answer
        for choice in self._choices.values():
            yield from choice.end()
        yield Ended(self._tier)


def open_reader(sent: Sent) -> ChatStreamReader:
    """A reader of one streamed answer."""
    return ChatStreamReader(sent)
