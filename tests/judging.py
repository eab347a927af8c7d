"""Independent judges of everything that is written while tests run.

``install`` puts them around the writers of all dialects, before anything else imports these: each
request has to be one by the types of its API's SDK, or by botocore; each answer, and each stream
that came to its end, has to be read by the SDK of its door. What a test has ill-formed on purpose
stands within ``unjudged``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from importlib import import_module
from typing import Any

import attrs

from magicgateway.conversation.events import Ended, Event, Failed
from magicgateway.dialects.catalogue import (
    ANTHROPIC_MESSAGES,
    BEDROCK_CONVERSE,
    OPENAI_CHAT,
    OPENAI_COMPLETIONS,
    OPENAI_RESPONSES,
)
from magicgateway.dialects.grammar import Sent, StreamWriter
from magicgateway.wire.jsontext import decode, encode

TARGETS = (OPENAI_CHAT, OPENAI_RESPONSES, ANTHROPIC_MESSAGES, BEDROCK_CONVERSE)
DOORS = (OPENAI_CHAT, OPENAI_COMPLETIONS, OPENAI_RESPONSES, ANTHROPIC_MESSAGES)
_REQUEST = "judge_request"
_ANSWERS = ("judge_reply", "judge_stream")
_FAULTS = "APIError"
"""What both SDKs raise for an answer that says that it failed, which is an answer too."""


@attrs.define
class _Bench:
    """State: which judges are away for now, innermost last, and how much was judged."""

    away: list[tuple[str, ...]] = attrs.Factory(list)
    seen: int = 0


_BENCH = _Bench()


@contextmanager
def unjudged(reason: str, *, answers_only: bool = False) -> Iterator[None]:
    """Within this, writers may write what is ill-formed.

    Args:
        reason: Why they do.
        answers_only: Requests are judged all the same.
    """
    assert reason
    _BENCH.away.append(_ANSWERS if answers_only else (_REQUEST, *_ANSWERS))
    try:
        yield
    finally:
        _BENCH.away.pop()


def seen() -> int:
    """How many requests, answers and streams were judged so far."""
    return _BENCH.seen


def prepare() -> Any:
    """The judges; they are imported at the first call, which takes a second or two."""
    return import_module("tests.golden.judges")


def _judge(name: str, *given: Any) -> None:
    if any(name in judges for judges in _BENCH.away):
        return
    _BENCH.seen += 1
    try:
        getattr(prepare(), name)(*given)
    except Exception as wrong:
        if _FAULTS not in {kind.__name__ for kind in type(wrong).__mro__}:
            raise AssertionError(f"{name} of {given[0]}: {wrong}: {given[1]!r}"[:4000]) from wrong


@attrs.define
class JudgedWriter:
    """A writer of a stream. State: what it wrote so far."""

    door: str
    writer: StreamWriter
    written: list[bytes] = attrs.Factory(list)

    def write(self, event: Event) -> bytes:
        """What it writes; a stream is judged as a whole, once it has ended."""
        frames = self.writer.write(event)
        self.written.append(frames)
        if isinstance(event, Ended | Failed):
            whole = b"".join(self.written)
            self.written.clear()
            if whole:
                _judge("judge_stream", self.door, whole)
        return frames

    def __getattr__(self, name: str) -> Any:
        return getattr(self.writer, name)


def _judged_request(target: str, write: Callable[..., Sent]) -> Callable[..., Sent]:
    @wraps(write)
    def judged(*given: Any) -> Sent:
        sent = write(*given)
        # Converse has bytes in it, which are base64 only on the wire.
        body = sent.body if target == BEDROCK_CONVERSE else decode(encode(sent.body))
        _judge(_REQUEST, target, body)
        return sent

    return judged


def _judged_reply(door: str, write: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(write)
    def judged(*given: Any) -> Any:
        reply = write(*given)
        _judge("judge_reply", door, encode(reply))
        return reply

    return judged


def _judged_stream(door: str, opened: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(opened)
    def judged(*given: Any) -> Any:
        return JudgedWriter(door, opened(*given))

    return judged


def install() -> None:
    """Put the judges around every writer; to be done once, first of all."""
    for dialects, module, name, judged in (
        (TARGETS, "request_writer", "write_request", _judged_request),
        (DOORS, "reply_writer", "write_reply", _judged_reply),
        (DOORS, "stream_writer", "open_writer", _judged_stream),
    ):
        for dialect in dialects:
            writing = import_module(f"magicgateway.dialects.{dialect}.{module}")
            setattr(writing, name, judged(dialect, getattr(writing, name)))
