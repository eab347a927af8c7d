"""Whole ways through a door: a caller's body to Converse, and what comes back to the caller."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

from attrs import define, field

from magicgateway.conversation.capabilities import Capabilities
from magicgateway.conversation.events import Event
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.one_shot import events_of
from magicgateway.conversation.request import Request
from magicgateway.conversation.undo import Undo, undo_reply
from magicgateway.dialects.bedrock_converse import grammar as converse
from magicgateway.dialects.bedrock_converse.frames import named
from magicgateway.dialects.grammar import Asked, Sent
from magicgateway.dialects.openai_chat import grammar as chat
from magicgateway.wire.event_stream import FrameReader
from magicgateway.wire.jsontext import decode
from tests.dialects.bedrock_converse.bodies import (
    CLAUDE_4_5,
    Json,
)

USER = {"role": "user", "content": "U"}
DONE = "[DONE]"


@define
class Way:
    """One request on its way through a door. State: what was asked and sent."""

    body: Json
    door: ModuleType = chat
    capabilities: Capabilities = CLAUDE_4_5
    request: Request = field(init=False)
    sent: Sent = field(init=False)
    ledger: Ledger = field(factory=Ledger)

    def __attrs_post_init__(self) -> None:
        self.request = self.door.read_request({"model": "m", **self.body}, self.ledger)
        self.sent = converse.write_request(self.request, self.capabilities, self.ledger)

    def asked(self) -> Asked:
        """What the caller's writer has to know."""
        return Asked(request=self.request, model="m", answer_id="x", now=1)

    def reply(self, body: Json) -> Json:
        """The caller's answer, of a whole one."""
        read = undo_reply(converse.read_reply(body, self.sent), self.sent, self.request.tools)
        written: Json = self.door.write_reply(read, self.asked(), self.ledger)
        return written

    def stream(self, raw: bytes, size: int = 0) -> bytes:
        """The caller's stream, of a whole one's bytes in pieces."""
        writer = self.door.open_writer(self.asked())
        return b"".join(writer.write(event) for event in self._events(raw, size or len(raw) or 1))

    def _events(self, raw: bytes, size: int) -> Iterator[Event]:
        frames, reader = FrameReader(), converse.open_reader(self.sent)
        undo = Undo(self.sent, self.request.tools)
        for at in range(0, len(raw), size):
            for frame in frames.feed(raw[at : at + size]):
                for event in reader.feed(*named(frame)):
                    yield from undo.feed(event)
        for event in reader.close():
            yield from undo.feed(event)

    def one_shot(self, body: Json) -> bytes:
        """The caller's stream, of a whole answer."""
        read = undo_reply(converse.read_reply(body, self.sent), self.sent, self.request.tools)
        writer = self.door.open_writer(self.asked())
        return b"".join(writer.write(event) for event in events_of(read))


def chunks(raw: bytes) -> list[Any]:
    """The data of a stream's events; the last may be no JSON."""
    found = []
    for event in raw.decode().split("\n\n"):
        lines = [line[6:] for line in event.split("\n") if line.startswith("data: ")]
        if lines:
            (line,) = lines
            found.append(line if line == DONE else decode(line.encode()))
    return found


def deltas(raw: bytes) -> list[Any]:
    """The deltas of a chat's chunks."""
    return [c["choices"][0]["delta"] for c in chunks(raw) if c != DONE and c.get("choices")]


def finishes(raw: bytes) -> list[Any]:
    """The reasons for the end that were told."""
    told = [c for c in chunks(raw) if c != DONE and c.get("choices")]
    return [c["choices"][0]["finish_reason"] for c in told if c["choices"][0]["finish_reason"]]
