"""How callers of a dialect ask, and how they check answers that were translated for them. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping

import msgspec
from attrs import field, frozen

from bench import client
from bench.events import BrokenStream, EventReader

CHAT = "chat"
_SIZE = 200
MESSAGES = "messages"
_TEXT = re.compile(r"(\d{8}) \d{16} \.+")
_AWS = {
    "x-aws-access-key-id": "AKIABENCHBENCHBENCH1",
    "x-aws-secret-access-key": "bench-secret-key-that-is-no-secret-00001",
    "x-aws-region": "eu-central-1",
}


@frozen
class Translated:
    """What is asked of the gateway where something is translated.

    Args:
        door: The caller's dialect.
        provider: Its name at the gateway; it speaks another dialect.
        credentials: What the caller shows.
    """

    door: str
    provider: str
    credentials: Mapping[str, str] = field(factory=lambda: {"Authorization": "Bearer sk-bench"})

    @property
    def headers(self) -> dict[str, str]:
        """What every request carries."""
        return {"x-provider": self.provider, **self.credentials}


TRANSLATED = {
    "events-from-anthropic": Translated(CHAT, "benchanthropic"),
    "events-from-converse": Translated(CHAT, "bedrock", _AWS),
    "events-to-messages": Translated(MESSAGES, "bench"),
    "translated-requests": Translated(CHAT, "benchanthropic"),
    "signed-requests": Translated(CHAT, "bedrock", _AWS),
    "translated-image": Translated(CHAT, "benchanthropic"),
    "translated-turns": Translated(CHAT, "benchanthropic"),
}
"""The measurements in which the gateway translates. Nobody else does: they pass the same on."""


class _Delta(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    delta: _Delta


class _Chunk(msgspec.Struct):
    choices: list[_Choice]


class _MessageDelta(msgspec.Struct):
    text: str | None = None


class _MessageEvent(msgspec.Struct):
    type: str
    delta: _MessageDelta | None = None


class _Message(msgspec.Struct):
    content: str


class _Answered(msgspec.Struct):
    message: _Message


class _Completion(msgspec.Struct):
    choices: list[_Answered]


_chunk = msgspec.json.Decoder(_Chunk).decode
_message_event = msgspec.json.Decoder(_MessageEvent).decode
_completion = msgspec.json.Decoder(_Completion).decode
_END = object()


def _chat_words(text: bytes) -> object:
    if text == b"data: [DONE]":
        return _END
    choices = _chunk(text.removeprefix(b"data: ")).choices
    return choices[0].delta.content if choices else None


def _message_words(text: bytes) -> object:
    event = _message_event(text.partition(b"\ndata: ")[2])
    if event.type == "error":
        raise BrokenStream(f"it ends with {text!r}")
    if event.type == "message_stop":
        return _END
    return event.delta.text if event.delta is not None else None


_WORDS: Mapping[str, Callable[[bytes], object]] = {CHAT: _chat_words, MESSAGES: _message_words}


class TranslatedReader:
    """Checks one translated stream as ``EventReader`` does one that was passed on."""

    def __init__(self, door: str) -> None:
        self.count = 0
        self.done = False
        self._words = _WORDS[door]
        self._length = 0
        self._pending = b""

    def feed(self, data: bytes) -> int:
        """Take bytes of the body; how many events with words they completed.

        Raises:
            BrokenStream: when an event is missing, repeated, changed or follows the last.
        """
        before = self.count
        *events, self._pending = (self._pending + data).split(b"\n\n")
        for text in events:
            if not text.startswith(b":"):
                self._take(text)
        return self.count - before

    def _take(self, text: bytes) -> None:
        if self.done:
            raise BrokenStream(f"after the last event came {text[:60]!r}")
        try:
            words = self._words(text)
        except msgspec.MsgspecError as error:
            raise BrokenStream(f"{error}: {text!r}") from None
        if words is _END:
            self.done = True
        elif isinstance(words, str) and words:
            found = _TEXT.fullmatch(words)
            self._length = self._length or len(words)
            if not found or int(found[1]) != self.count or len(words) != self._length:
                raise BrokenStream(f"event {self.count} is {text!r}")
            self.count += 1


def reader(door: str) -> EventReader | TranslatedReader:
    """What checks a stream; ``door`` is empty where it was passed on as it was."""
    return TranslatedReader(door) if door else EventReader()


def body(door: str, model: str, *, stream: bool, size: int = 0) -> bytes:
    """A small request; filled up to ``size`` bytes."""
    if not door:
        return client.chat_body(model, stream=stream, size=size)
    if door == CHAT:  # which must say something, to be translated
        return client.chat_body(model, stream=stream, size=size or _SIZE)
    message = {"role": "user", "content": "Hi"}
    asked = {"model": model, "max_tokens": 100, "stream": stream, "messages": [message]}
    return json.dumps(asked).encode("ascii")


def path(door: str) -> str:
    """Where it is sent."""
    return "/v1/messages" if door == MESSAGES else client.CHAT


def answer_text(answer: bytes) -> str:
    """The words of a whole answer to a chat; what is none has none."""
    try:
        return _completion(answer).choices[0].message.content
    except (msgspec.MsgspecError, IndexError):
        return ""
