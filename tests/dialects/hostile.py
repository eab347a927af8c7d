"""Streams of providers that go wrong: well-formed ones, changed at random, and what must hold.

Two kinds of changes are made. *Events* are changed in what they say, and sent in order, twice, or
not at all; frames around them have right checksums. *Bytes* are flipped, lost and put in, or the
stream is cut. Whatever comes, nothing is raised, what the caller gets is well-formed, and nothing
looks complete of which no event said why it ended.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from functools import cache
from random import Random
from typing import Any

from attrs import evolve, frozen

from magicgateway.conversation.capabilities import (
    PLAIN,
    Capabilities,
    ChatAbilities,
    ClaudeAbilities,
)
from magicgateway.conversation.reply import Failure
from magicgateway.dialects.catalogue import (
    ANTHROPIC_MESSAGES,
    BEDROCK_CONVERSE,
    OPENAI_CHAT,
    OPENAI_RESPONSES,
    grammar,
)
from magicgateway.dialects.framing import AWS_CHUNKS, AWS_EVENT_STREAM, SSE
from magicgateway.dialects.grammar import FailedReply, NoAnswer
from magicgateway.dialects.translation import TranslatedStream, Translation
from magicgateway.wire import sse
from magicgateway.wire.event_stream import FrameReader, encode_frame
from magicgateway.wire.jsontext import BadJson, decode, encode
from tests.dialects.hostile_changes import Said, changed, damaged, pieces, spoil
from tests.dialects.hostile_seeds import MORE
from tests.integration.own_recordings import own_recordings
from tests.judging import unjudged

Json = dict[str, Any]

READERS = (OPENAI_CHAT, OPENAI_RESPONSES, ANTHROPIC_MESSAGES, BEDROCK_CONVERSE)
WRITERS = (OPENAI_CHAT, OPENAI_RESPONSES, ANTHROPIC_MESSAGES)
ENDS: Mapping[str, tuple[bytes, ...]] = {
    OPENAI_CHAT: (b"data: [DONE]\n\n",),
    OPENAI_RESPONSES: (b"event: response.completed\n", b"event: response.incomplete\n"),
    ANTHROPIC_MESSAGES: (b"event: message_stop\n",),
}
"""What makes a caller's stream look complete."""
LAST = ("response.completed", "response.incomplete", "response.done")
WORDS = re.compile(
    rb'(?:finish|stop)_reason"\s*:\s*[^n\s]|message_stop|\[DONE\]'
    rb"|response\.(?:completed|incomplete|done)"
)
"""In bytes that were changed, these may say that it ended."""
BROKEN = Failure(status=502, kind="server", message="The stream broke off.")
_ABLE: Mapping[str, Capabilities] = {
    OPENAI_CHAT: evolve(PLAIN, chat=ChatAbilities(custom_tools=False)),
    ANTHROPIC_MESSAGES: evolve(PLAIN, claude=ClaudeAbilities(structured_outputs=False)),
}
_TOOL = {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {}}}
_CHATTER: Json = {
    "model": "m", "max_tokens": 99, "stream": True, "stream_options": {"include_usage": True},
    "messages": [{"role": "user", "content": "hi"}],
}  # fmt: skip
_FORMAT = {"name": "n", "schema": {"type": "object", "properties": {"a": {"type": "string"}}}}
_QUESTIONS: Mapping[str, tuple[Json, ...]] = {
    OPENAI_CHAT: (
        _CHATTER,
        {
            **_CHATTER,
            "tools": [
                {"type": "function", "function": _TOOL},
                {"type": "custom", "custom": {"name": "weather"}},
            ],
            "response_format": {"type": "json_schema", "json_schema": _FORMAT},
        },
    ),
    OPENAI_RESPONSES: (
        {"model": "m", "input": "hi", "stream": True, "store": False},
        {
            "model": "m", "input": "hi", "stream": True, "store": False,
            "tools": [{"type": "custom", "name": "weather"}, {"type": "function", **_TOOL}],
            "text": {"format": {"type": "json_schema", **_FORMAT}},
        },
    ),
    ANTHROPIC_MESSAGES: (
        {"model": "m", "max_tokens": 9, "stream": True, "messages": _CHATTER["messages"]},
    ),
}  # fmt: skip


@cache
def seeds(reader: str) -> tuple[tuple[Said, ...], ...]:
    """Well-formed streams of a dialect."""
    own = [one for one in own_recordings() if one.stream and one.dialect == reader]
    return (*(tuple(_events(reader, one.answer)) for one in own), *_more(reader))


def _events(reader: str, stream: bytes) -> Iterator[Said]:
    if reader == BEDROCK_CONVERSE:
        for frame in FrameReader().feed(stream):
            yield Said(str(frame.headers[":event-type"]), decode(frame.payload))
    else:
        for name, data in sse.events(stream):
            yield Said(name, decode(data) if data[:1] == b"{" else data.decode())


def _more(reader: str) -> Iterator[tuple[Said, ...]]:
    for stream in MORE[reader]:
        if reader == BEDROCK_CONVERSE:
            yield tuple(Said(*event) for event in stream)
        else:
            yield tuple(Said(event.get("type", ""), event) for event in stream)


@cache
def _asked(reader: str, writer: str) -> tuple[Translation, ...]:
    made = []
    for question in _QUESTIONS[writer]:
        translation = Translation(
            grammar(writer), grammar(reader), model="m", answer_id="a1", now=1_790_000_000
        )
        request = translation.read(encode(question), "up")
        translation.write(request, _ABLE.get(reader, PLAIN))
        made.append(translation)
    return tuple(made)


def says_end(reader: str, said: Said) -> bool:
    """Whether an event may be taken for the end of an answer, or for why it ended."""
    content = said.content
    if reader == BEDROCK_CONVERSE:
        return said.name == "messageStop"
    if content == "[DONE]":
        return reader == OPENAI_CHAT
    if not isinstance(content, dict):
        return False
    if reader == OPENAI_CHAT:
        choices = content.get("choices")
        return isinstance(choices, list) and any(
            isinstance(choice, dict) and choice.get("finish_reason") for choice in choices
        )
    if reader == OPENAI_RESPONSES:
        return said.name in LAST or content.get("type") in LAST
    delta = content.get("delta")
    reason = delta.get("stop_reason") if isinstance(delta, dict) else None
    return "message_stop" in (said.name, content.get("type")) or bool(reason)


# -- on the wire ----------------------------------------------------------------------------------


def wire(framing: str, reader: str, said: Said) -> bytes:
    """An event as it is sent."""
    content = said.content
    data = content.encode("utf-8", "replace") if isinstance(content, str) else encode(content)
    if framing == AWS_EVENT_STREAM:
        return _frame(said.name, data)
    if framing == AWS_CHUNKS:
        return _frame("chunk", encode({"bytes": b64encode(data).decode(), "p": "abc"}))
    lines = data.replace(b"\n", b"\ndata: ")
    name = b"" if reader == OPENAI_CHAT else b"event: %b\n" % said.name.encode()
    return b"%bdata: %b\n\n" % (name, lines)


def _frame(name: str, data: bytes) -> bytes:
    kind = "exception" if name.startswith(":") else "event"
    named = {f":{kind}-type": name.lstrip(":")}
    headers = {**named, ":content-type": "application/json", ":message-type": kind}
    return encode_frame(headers, data)


@unjudged("of what a provider garbled, much goes on as it is")
def reply_complaint(seed: str) -> str:
    """What is wrong with what becomes of a whole answer that was changed; empty if nothing is."""
    chance = Random(seed)  # noqa: S311 - no secrets
    reader, writer = chance.choice(READERS), chance.choice(WRITERS)
    body = deepcopy(chance.choice(_replies(reader)))
    for _ in range(chance.randint(1, 3)):
        spoil(body, chance)
    data = encode(body)
    if chance.random() < 0.2:
        data, _ = damaged(data, chance)
    translation = chance.choice(_asked(reader, writer))
    try:
        decode(translation.reply(data))
    except (NoAnswer, FailedReply):
        return ""
    except Exception as fault:  # noqa: BLE001 - that there is one is what is looked for
        return f"{reader} to {writer}: {type(fault).__name__}: {fault}"
    return ""


@cache
def _replies(reader: str) -> tuple[Json, ...]:
    return tuple(
        decode(one.answer)
        for one in own_recordings()
        if not one.stream and one.dialect == reader and one.status == 200
    )


# -- what must hold -------------------------------------------------------------------------------


@frozen(kw_only=True)
class Case:
    """One stream that goes wrong, made of its seed alone.

    Attributes:
        title: Says how it can be had again.
        reader: The provider's dialect.
        writer: The door's.
        framing: Of the provider's stream.
        chunks: The bytes, as they come.
        changes: Frames and events in it that were changed.
        may_end: Something in it may be taken for why an answer ended.
    """

    title: str
    reader: str
    writer: str
    framing: str
    chunks: tuple[bytes, ...]
    changes: int
    may_end: bool

    def open(self, chance: Random) -> TranslatedStream:
        """Its way back."""
        translation = chance.choice(_asked(self.reader, self.writer))
        return translation.open_stream(self.framing)


def case(seed: str) -> Case:
    """The case of a seed."""
    chance = Random(seed)  # noqa: S311 - no secrets
    reader, writer = chance.choice(READERS), chance.choice(WRITERS)
    framing = AWS_EVENT_STREAM if reader == BEDROCK_CONVERSE else SSE
    if reader == ANTHROPIC_MESSAGES and chance.random() < 0.3:
        framing = AWS_CHUNKS
    events = list(chance.choice(seeds(reader)))
    changes, may_end = 0, True
    if chance.random() < 0.8:
        events, changes = changed(events, chance)
        may_end = any(says_end(reader, said) for said in events)
        stream = b"".join(wire(framing, reader, said) for said in events)
    else:
        frames = [wire(framing, reader, said) for said in events]
        stream, at = damaged(b"".join(frames), chance)
        changes = 1
        whole = _whole_before(frames, at)
        may_end = any(says_end(reader, said) for said in events[:whole])
        if framing == SSE:  # whose events have no checksums
            may_end = bool(WORDS.search(stream))
    chunks = tuple(pieces(stream, chance))
    return Case(
        title=seed, reader=reader, writer=writer, framing=framing, chunks=chunks,
        changes=changes, may_end=may_end,
    )  # fmt: skip


def _whole_before(frames: Iterable[bytes], at: int) -> int:
    """How many frames end before some byte."""
    count, length = 0, 0
    for frame in frames:
        length += len(frame)
        if length > at:
            break
        count += 1
    return count


@unjudged("of what a provider garbled, much goes on as it is")
def complaint(case: Case) -> str:
    """What is wrong with what a caller gets; empty if nothing is."""
    stream = case.open(Random(case.title))  # noqa: S311 - no secrets
    try:
        out = b"".join([*map(stream.feed, case.chunks), stream.end()])
        broken = stream.fail(BROKEN) if stream.failure is None and not stream.finished else b""
    except Exception as fault:  # noqa: BLE001 - that there is one is what is looked for
        return f"{case.reader} to {case.writer}: {type(fault).__name__}: {fault}"
    if stream.finished and not case.may_end:
        return "it looks complete"
    marks = sum(out.count(end) for end in ENDS[case.writer])
    if marks != stream.finished:
        return f"{marks} times is its end marked, and finished is {stream.finished}"
    if not stream.finished and any(end in broken for end in ENDS[case.writer]):
        return "its error looks like an end"
    try:
        for _, data in sse.events(out + broken):
            if data and data != b"[DONE]":
                decode(data)
    except BadJson as fault:
        return f"the caller gets what is no JSON: {fault}"
    return ""
