"""Streams of message events.

Blocks come one after the other. The counts of every ``message_delta`` are totals that replace
earlier ones, and nothing is over before ``message_stop``.

See: https://docs.anthropic.com/en/docs/build-with-claude/streaming; 2026-11.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar

from attrs import define, field

from magicgateway.conversation.arguments import parsed_arguments
from magicgateway.conversation.blocks import (
    ANTHROPIC,
    NO_EXTRAS,
    Block,
    Extras,
    Foreign,
    Text,
    Thinking,
    Token,
    ToolCall,
)
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
from magicgateway.conversation.ledger import Fields
from magicgateway.conversation.reply import Failure
from magicgateway.dialects.anthropic_messages.citations import read_citation
from magicgateway.dialects.anthropic_messages.extras import FAMILY, rest_of
from magicgateway.dialects.anthropic_messages.failures import failure_of
from magicgateway.dialects.anthropic_messages.finishes import read_finish
from magicgateway.dialects.anthropic_messages.hosted import CALLS, hosted, is_hosted
from magicgateway.dialects.anthropic_messages.token_counts import Nested, read_counts
from magicgateway.dialects.grammar import Sent
from magicgateway.wire.jsontext import BadJson, decode, encode

LONGEST_HELD = 16 * 1024 * 1024
"""Characters that are kept of blocks that are told only when they are whole."""
MOST_BLOCKS = 65536
"""Of one answer."""
MOST_OPEN = 1024
"""Blocks that have begun and not stopped; there is seldom more than one."""
_BROKEN = Failure(status=502, kind="server", message="The provider sent an event that is no JSON.")
_TOO_LONG = Failure(status=502, kind="server", message="A block of the provider's is too long.")
_TOO_MANY = Failure(status=502, kind="server", message="The provider leaves too many blocks open.")

Json = Mapping[str, Any]


@define
class _Open:
    """One block that has begun.

    Attributes:
        kind: Its type.
        index: Its name in the hub; -1 while it is held back.
        raw: Its first event's object.
        start: Where its text begins in the whole answer's.
        filled: Some of its arguments have come.
        pieces: Of the input of a hosted tool's call.
        citations: Of its text, told when its end is known.
        signature: Of its reasoning.
        held: Characters that are kept of it.
    """

    kind: str
    index: int
    raw: dict[str, Any]
    start: int = 0
    filled: bool = False
    pieces: list[str] = field(factory=list)
    citations: list[dict[str, Any]] = field(factory=list)
    signature: str = ""
    held: int = 0


class MessagesStreamReader:
    """Reads one stream. State: the open blocks, the reason to stop, and whether it is over.

    Args:
        origin: Whose the signatures in it are.
    """

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._blocks: dict[int, _Open] = {}
        self._next = 0
        self._begun = False
        self._over = False
        self._calls = False
        self._length = 0
        self._held = 0
        self._end: dict[str, Any] = {}
        self._rest: dict[str, Any] = {}
        self._tier: str | None = None

    def feed(self, name: str, data: bytes) -> Iterable[Event]:
        """The hub events of one wire event; unknown ones are nothing."""
        if self._over:
            return ()
        try:
            event = decode(data)
        except BadJson:
            event = None
        if not isinstance(event, dict):
            # An event without data is a sign of life.
            return self._fail(_BROKEN) if data else ()
        kind = event.get("type", name)
        read = self._EVENTS.get(kind) if isinstance(kind, str) else None
        if read is None:
            return self._error(event) if event.get("error") else ()
        return read(self, event)

    def close(self) -> Iterable[Event]:
        """The end of an answer whose reason to stop was given, but not its last event."""
        if self._over or not self._end.get("stop_reason"):
            return ()
        return self._message_stop({})

    def _keep(self, value: Any) -> int:
        """Count what is kept; by -1 that it is more than is kept of one answer."""
        size = len(encode(value))
        self._held += size
        return size if self._held <= LONGEST_HELD and self._next <= MOST_BLOCKS else -1

    def _fail(self, failure: Failure) -> Iterable[Event]:
        self._over = True
        return (Failed(failure),)

    def _error(self, event: Json) -> Iterable[Event]:
        return self._fail(failure_of(event))

    def _ping(self, event: Json) -> Iterable[Event]:
        return (Ping(),)

    # -- the message --------------------------------------------------------------------------

    def _begin(self, event: Json) -> Iterable[Event]:
        message = event.get("message")
        if self._begun or not isinstance(message, dict):
            return ()
        self._begun = True
        fields = Fields(message, lenient=True)
        for name in ("type", "role", "content", "stop_reason", "stop_sequence"):
            fields.take(name)
        nested: Nested = {}
        usage = nested["usage"] = fields.fields("usage")
        tier = None if usage is None else usage.peek("service_tier")
        counted = () if usage is None else self._counted(usage, nested)
        started_id, model = fields.text("id") or "", fields.text("model") or ""
        rest = dict(rest_of(fields, **nested).fields)
        if isinstance(tier, str):
            rest["usage.service_tier"] = tier  # the hub has a place for it only at the end
        extras = Extras(FAMILY, "", rest) if rest else NO_EXTRAS
        return (Started(id=started_id, model=model, extras=extras), *counted)

    def _counted(self, usage: Fields, nested: Nested) -> Iterable[Event]:
        counts, tier = read_counts(usage, nested)
        self._tier = tier or self._tier
        return (UsageCounted(counts),)

    def _opened(self) -> Iterator[Event]:
        """What has to come before anything else, of a provider that has left it out."""
        if not self._begun:
            self._begun = True
            yield Started()

    def _message_delta(self, event: Json) -> Iterable[Event]:
        delta = event.get("delta")
        if self._keep(event) < 0:
            return self._fail(_TOO_LONG)
        if isinstance(delta, dict):
            self._end.update((name, value) for name, value in delta.items() if value is not None)
        usage = event.get("usage")
        if not isinstance(usage, dict):
            return ()
        nested: Nested = {}
        fields = nested["usage"] = Fields(usage, lenient=True)
        counted = self._counted(fields, nested)
        self._rest.update(rest_of(Fields({}), **nested).fields)
        return (*self._opened(), *counted)

    def _message_stop(self, event: Json) -> Iterable[Event]:
        if not self._begun and not self._end.get("stop_reason"):
            return ()  # the end of nothing is no answer
        events = [*self._opened()]
        for index in tuple(self._blocks):
            events += self._stopped(index)
        self._over = True
        fields = Fields(self._end, lenient=True)
        nested: Nested = {}
        finish = read_finish(fields, nested, calls=self._calls)
        rest = {f"delta.{name}": value for name, value in rest_of(fields, **nested).fields.items()}
        rest.update(self._rest)
        extras = Extras(FAMILY, "", rest) if rest else NO_EXTRAS
        return (*events, Finished(finish), Ended(service_tier=self._tier, extras=extras))

    # -- blocks -------------------------------------------------------------------------------

    def _start(self, event: Json) -> Iterable[Event]:
        index, raw = event.get("index"), event.get("content_block")
        if type(index) is not int or not isinstance(raw, dict):
            return ()
        if len(self._blocks) == MOST_OPEN:
            return self._fail(_TOO_MANY)
        size = self._keep(raw)
        if size < 0:
            return self._fail(_TOO_LONG)
        before = [*self._opened(), *(self._stopped(index) if index in self._blocks else ())]
        kind = raw.get("type")
        kind = kind if isinstance(kind, str) else ""
        block = self._blocks[index] = _Open(kind, -1, dict(raw), start=self._length, held=size)
        return (*before, *self._told(block))

    def _told(self, block: _Open) -> Iterator[Event]:
        """What can be told of a block at its start."""
        raw = block.raw
        match block.kind:
            case "text":
                yield self._named(block, Text(text=""))
                block.citations += _objects(raw.get("citations"))
                yield from self._more(block, "text", raw.get("text"))
            case "thinking":
                yield self._named(block, Thinking())
                yield from self._more(block, "thinking", raw.get("thinking"))
                block.signature = _text(raw.get("signature"))
            case "redacted_thinking":
                token = Token(self._origin, _text(raw.get("data")))
                yield self._named(block, Thinking(redacted=True, token=token))
            case "tool_use":
                self._calls = True
                fields = Fields(raw, lenient=True)
                for name in ("type", "input"):
                    fields.take(name)
                call_id, name = fields.text("id") or "", fields.text("name") or ""
                call = ToolCall(id=call_id, name=name, extras=rest_of(fields))
                yield self._named(block, call)
            case kind if is_hosted(kind) and kind not in CALLS:
                yield self._named(block, hosted(raw))
            case _:
                pass  # told when it is whole

    def _named(self, block: _Open, begun: Block) -> Event:
        block.index = self._next
        self._next += 1
        return BlockStarted(block.index, begun)

    def _more(self, block: _Open, kind: str, text: Any) -> Iterable[Event]:
        if not isinstance(text, str) or not text or block.kind != kind:
            return ()
        if kind == "thinking":
            return (ThinkingDelta(block.index, text),)
        self._length += len(text)
        return (TextDelta(block.index, text),)

    def _delta(self, event: Json) -> Iterable[Event]:
        index, delta = event.get("index"), event.get("delta")
        block = self._blocks.get(index) if type(index) is int else None
        if block is None or not isinstance(delta, dict):
            return ()
        match delta.get("type"):
            case "text_delta":
                return self._more(block, "text", delta.get("text"))
            case "thinking_delta":
                return self._more(block, "thinking", delta.get("thinking"))
            case "input_json_delta":
                return self._input(block, delta.get("partial_json"))
            case "signature_delta":
                block.signature = _text(delta.get("signature"))
            case "citations_delta" if isinstance(delta.get("citation"), dict):
                block.citations.append(delta["citation"])
                return self._held_more(block, delta)
            case _ if block.index < 0:
                block.raw.update((k, v) for k, v in delta.items() if k != "type")
                return self._held_more(block, delta)
        return ()

    def _held_more(self, block: _Open, delta: Json) -> Iterable[Event]:
        size = self._keep(delta)
        block.held += size
        return self._fail(_TOO_LONG) if size < 0 else ()

    def _input(self, block: _Open, text: Any) -> Iterable[Event]:
        if not isinstance(text, str) or not text:
            return ()
        block.filled = True
        if block.kind == "tool_use":
            return (ArgumentsDelta(block.index, text),)
        block.pieces.append(text)
        return self._held_more(block, {"": text})

    def _stop(self, event: Json) -> Iterable[Event]:
        index = event.get("index")
        return self._stopped(index) if type(index) is int and index in self._blocks else ()

    def _stopped(self, index: int) -> Iterable[Event]:
        block = self._blocks.pop(index)
        self._held -= block.held
        return tuple(self._last(block))

    def _last(self, block: _Open) -> Iterator[Event]:
        """What can be told of a block at its end."""
        match block.kind:
            case "text":
                for raw in block.citations:
                    citation = read_citation(raw, block.start, self._length)
                    yield CitationDelta(block.index, citation)
            case "thinking" if block.signature:
                yield TokenDelta(block.index, Token(self._origin, block.signature))
            case "tool_use" if not block.filled:
                # Some hosts send the whole input at the start; a call without any is {}.
                given = block.raw.get("input")
                yield ArgumentsDelta(block.index, encode(given or {}).decode())
        if block.index < 0:
            yield self._named(block, _whole(block))
        yield BlockStopped(block.index)

    # Not bound to one stream, which would then hold itself until the collector comes.
    _EVENTS: ClassVar[Mapping[str, Callable[[MessagesStreamReader, Json], Iterable[Event]]]] = {
        "content_block_delta": _delta,
        "content_block_start": _start,
        "content_block_stop": _stop,
        "message_start": _begin,
        "message_delta": _message_delta,
        "message_stop": _message_stop,
        "ping": _ping,
        "error": _error,
    }


def _whole(block: _Open) -> Block:
    raw = block.raw
    if block.kind in CALLS:
        if block.filled:
            raw["input"] = parsed_arguments("".join(block.pieces))
        return hosted(raw)
    return Foreign(family=ANTHROPIC, kind=block.kind, raw=raw)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def open_reader(sent: Sent) -> MessagesStreamReader:
    """A reader of one streamed answer."""
    return MessagesStreamReader(sent.origin)
