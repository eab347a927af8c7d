"""How a provider's bytes are cut into the events of a stream."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Iterable, Iterator
from typing import Protocol

from magicgateway.dialects.bedrock_converse.failures import stream_failure
from magicgateway.dialects.bedrock_converse.frames import ERROR, EXCEPTION, named
from magicgateway.dialects.grammar import FailedReply, NoAnswer
from magicgateway.wire import sse
from magicgateway.wire.event_stream import Frame, FrameCut, FrameError, FrameReader
from magicgateway.wire.jsontext import BadJson, decode

SSE = "sse"
AWS_EVENT_STREAM = "aws-event-stream"
AWS_CHUNKS = "aws-chunks"
"""Frames that hold another dialect's own events as base64, as InvokeModel's."""

_CHUNK = "chunk"


class Framing(Protocol):
    """One stream. State: what of its next event has come.

    Attributes:
        cut: The body has ended inside an event.
    """

    cut: bool

    def feed(self, data: bytes) -> Iterable[tuple[str, bytes]]:
        """Name and data of the events that are whole now.

        Raises:
            NoAnswer: While they are taken: what comes is no such stream.
            FailedReply: The frames themselves say that the answer failed.
        """
        ...

    def rest(self) -> Iterable[tuple[str, bytes]]:
        """The body has ended: events that are whole nevertheless."""
        ...


def open_framing(framing: str) -> Framing:
    """What cuts one stream; by the names above."""
    if framing == AWS_EVENT_STREAM:
        return _Frames()
    return _Chunks() if framing == AWS_CHUNKS else _Events()


class _Events:
    """Server-sent events."""

    def __init__(self) -> None:
        self._splitter = sse.EventSplitter()
        self.cut = False

    def feed(self, data: bytes) -> Iterator[tuple[str, bytes]]:
        try:
            whole = self._splitter.feed(data)
        except sse.EventTooLong as fault:
            raise NoAnswer(str(fault)) from None
        if whole:
            yield from sse.events(whole)

    def rest(self) -> Iterator[tuple[str, bytes]]:
        """A last event without its empty line counts if its JSON is whole."""
        held = self._splitter.take_held()
        if not held.strip():
            return
        for name, data in sse.events(held + b"\n\n"):
            try:
                decode(data)
            except BadJson:
                if not data.startswith(b"[DONE]"):
                    self.cut = True
                    return
            yield name, data


class _Frames:
    """Frames of ``application/vnd.amazon.eventstream``."""

    def __init__(self) -> None:
        self._reader = FrameReader()
        self.cut = False

    def feed(self, data: bytes) -> Iterator[tuple[str, bytes]]:
        try:
            for frame in self._reader.feed(data):
                yield self._event(frame)
        except FrameError as fault:
            raise NoAnswer(str(fault)) from None

    def rest(self) -> Iterable[tuple[str, bytes]]:
        try:
            self._reader.finish()
        except FrameCut:
            self.cut = True
        return ()

    def _event(self, frame: Frame) -> tuple[str, bytes]:
        return named(frame)


class _Chunks(_Frames):
    """Frames whose payload has an event of another dialect in it."""

    def _event(self, frame: Frame) -> tuple[str, bytes]:
        name, payload = super()._event(frame)
        if name != _CHUNK:
            self._fail(name, payload)
            return name, payload
        try:
            content = decode(payload)
            return "", b64decode(content["bytes"], validate=True)
        except (BadJson, KeyError, TypeError, ValueError, binascii.Error):
            raise NoAnswer("a chunk of the stream holds no event") from None

    @staticmethod
    def _fail(name: str, payload: bytes) -> None:
        """Say what an exception says: the dialect inside of the chunks has no word for it."""
        bare = name.removeprefix(EXCEPTION).removeprefix(ERROR)
        if bare == name and not name.endswith("Exception"):
            return
        try:
            value = decode(payload)
        except BadJson:
            value = {}
        raise FailedReply(stream_failure(bare, value if isinstance(value, dict) else {}))
