"""Streams of a provider of the Responses API.

An item's last event has it whole, and the stream's last event all of them: what a provider has
left out of its deltas is taken from there.

See: https://platform.openai.com/docs/api-reference/responses-streaming; openai 3.57 (Python),
2026-11.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from attrs import define, evolve, field

from magicgateway.conversation.blocks import (
    OPENAI,
    Block,
    Refusal,
    Text,
    Thinking,
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
    Started,
    TextDelta,
    ThinkingDelta,
    TokenDelta,
    UsageCounted,
)
from magicgateway.conversation.ledger import Fields
from magicgateway.conversation.reply import Failure
from magicgateway.dialects.grammar import Sent
from magicgateway.dialects.openai_responses.failures import stream_failure
from magicgateway.dialects.openai_responses.output_reader import (
    besides,
    finish_of,
    read_item,
    usage_of,
)
from magicgateway.dialects.openai_responses.part_reader import read_citation
from magicgateway.wire.jsontext import BadJson, decode, encode

Content = dict[str, Any]

_NO_EVENT = Failure(status=502, kind="server", message="The provider's stream is not valid.")
_TOO_MUCH = Failure(
    status=502, kind="server", message="The provider's answer is too large to read."
)
LONGEST_HELD = 64 * 1024 * 1024
"""Characters of items as they were announced."""
MOST_ITEMS = 4096
"""Items of an answer, and blocks in all of them."""
_CALLS = ("function_call", "custom_tool_call")
_PARTS = ("output_text", "refusal")
"""Parts of a message that are words."""
_TERMINAL = ("response.completed", "response.incomplete")


@define
class _Piece:
    """One block. State: how much of it has come; ``offset`` counts the answer's text before it."""

    index: int
    offset: int = 0
    came: int = 0
    cited: int = 0
    stopped: bool = False


@define
class _Item:
    """One item. State: its blocks by number, that of a call or of reasoning by 0."""

    content: Content
    pieces: dict[int, _Piece] = field(factory=dict)
    summary: bool = True
    thought: dict[int, int] = field(factory=dict)
    done: bool = False


class ResponsesReader:
    """One stream of a provider. State: the items so far.

    Args:
        sent: What is answered.
    """

    def __init__(self, sent: Sent) -> None:
        self._origin = sent.origin or OPENAI
        self._items: dict[int, _Item] = {}
        self._next = 0
        self._length = 0
        self._started = False
        self._has_calls = False
        self._held = 0
        self._over = False

    def feed(self, name: str, data: bytes) -> Iterable[Event]:
        """The hub events of one wire event."""
        if self._over or data.startswith(b"[DONE]"):
            return
        try:
            content = decode(data)
        except BadJson:
            content = None
        if not isinstance(content, dict):
            if data:  # an event without data is a sign of life
                yield from self._fail(_NO_EVENT)
            return
        kind = content.get("type")
        yield from self._event(kind if isinstance(kind, str) else name, content)

    def close(self) -> Iterable[Event]:
        """Nothing: a stream without its terminal event was cut."""
        return ()

    def _fail(self, failure: Failure) -> Iterator[Event]:
        self._over = True
        yield Failed(failure)

    def _event(self, kind: str, content: Content) -> Iterator[Event]:
        response = content.get("response")
        whole = response if isinstance(response, dict) else {}
        if kind == "error" or (not kind and content.get("error")):
            error = content.get("error")
            yield from self._fail(stream_failure(error if isinstance(error, dict) else content))
            return
        if kind == "response.failed":
            yield from self._fail(stream_failure(whole.get("error")))
            return
        if not self._started and kind.startswith("response."):
            yield self._start(whole)
        if kind in _TERMINAL:
            yield from self._end(kind, whole)
        else:
            yield from self._inside(kind.removeprefix("response."), content)
            if max(len(self._items), self._next) > MOST_ITEMS or self._held > LONGEST_HELD:
                yield from self._fail(_TOO_MUCH)

    def _start(self, response: Content) -> Started:
        self._started = True
        fields = Fields(response, lenient=True)
        return Started(
            fields.text("id") or "", fields.text("model") or "", fields.integer("created_at")
        )

    def _inside(self, kind: str, content: Content) -> Iterator[Event]:
        fields = Fields(content, lenient=True)
        place = fields.integer("output_index") or 0
        number = fields.integer("content_index") or 0
        delta = fields.text("delta") or ""
        match kind:
            case "output_item.added":
                yield from self._added(place, fields.object("item") or {})
            case "output_item.done":
                yield from self._done(place, fields.object("item") or {})
            case "content_part.added":
                yield from self._part_added(place, number, fields.object("part") or {})
            case "content_part.done":
                yield from self._part_done(place, number, fields.object("part") or {})
            case "output_text.delta" | "refusal.delta":
                refusal = kind == "refusal.delta"
                yield from self._say(place, number, delta, fields.list("logprobs"), refusal=refusal)
            case "output_text.annotation.added":
                yield from self._cite(place, number, fields.fields("annotation"))
            case "reasoning_summary_text.delta":
                part = fields.integer("summary_index") or 0
                yield from self._think(place, part, delta, summary=True)
            case "reasoning_text.delta":
                yield from self._think(place, number, delta, summary=False)
            case "function_call_arguments.delta" | "custom_tool_call_input.delta":
                yield from self._argue(place, delta)

    def _added(self, place: int, content: Content) -> Iterator[Event]:
        if place in self._items:
            return
        begun = {name: value for name, value in content.items() if name != "status"}
        item = self._items[place] = _Item(begun)
        self._held += len(encode(begun))
        if content.get("type") in _CALLS:
            yield from self._call(item)

    def _call(self, item: _Item) -> Iterator[Event]:
        """A call begins."""
        for block in read_item(item.content, self._origin):
            if isinstance(block, ToolCall):
                self._has_calls = True
                yield self._begin(item, 0, evolve(block, arguments=""))
                yield from self._rest_of_call(item, block.arguments)

    def _rest_of_call(self, item: _Item, arguments: str) -> Iterator[Event]:
        """What of a call's arguments has not come."""
        piece = item.pieces[0]
        rest = arguments[piece.came :]
        if rest:
            piece.came += len(rest)
            yield ArgumentsDelta(piece.index, rest)

    def _begin(self, item: _Item, number: int, block: Block) -> BlockStarted:
        piece = item.pieces[number] = _Piece(self._next, self._length)
        self._next += 1
        return BlockStarted(piece.index, block)

    def _stop(self, piece: _Piece) -> Iterator[Event]:
        if not piece.stopped:
            piece.stopped = True
            yield BlockStopped(piece.index)

    def _item(self, place: int, kind: str) -> _Item | None:
        """The item that a delta is about, if it can be; one that nobody announced is made up."""
        item = self._items.setdefault(place, _Item({"type": kind}))
        return None if item.done or item.content.get("type") != kind else item

    def _part_added(self, place: int, number: int, part: Content) -> Iterator[Event]:
        item = self._item(place, "message")
        kind = part.get("type")
        if item is None or number in item.pieces or kind not in _PARTS:
            return
        yield self._begin_part(item, number, refusal=kind == "refusal")
        text = part.get("refusal" if kind == "refusal" else "text")
        if isinstance(text, str):
            yield from self._say(place, number, text, None, refusal=kind == "refusal")

    def _begin_part(self, item: _Item, number: int, *, refusal: bool) -> BlockStarted:
        fields = Fields(item.content, lenient=True)
        item_id, phase = fields.text("id"), fields.text("phase")
        if refusal:
            return self._begin(item, number, Refusal(text="", item_id=item_id))
        return self._begin(item, number, Text(text="", item_id=item_id, phase=phase))

    def _say(
        self, place: int, number: int, text: str, logprobs: list[Any] | None, *, refusal: bool
    ) -> Iterator[Event]:
        item = self._item(place, "message")
        if item is None or not text:
            return
        if number not in item.pieces:
            yield self._begin_part(item, number, refusal=refusal)
        piece = item.pieces[number]
        if not piece.stopped:
            piece.came += len(text)
            self._length += len(text)
            yield TextDelta(piece.index, text, logprobs={"content": logprobs} if logprobs else None)

    def _cite(self, place: int, number: int, annotation: Fields | None) -> Iterator[Event]:
        item = self._item(place, "message")
        piece = item.pieces.get(number) if item is not None else None
        if piece is not None and annotation is not None and not piece.stopped:
            piece.cited += 1
            citation = read_citation(annotation, piece.offset)
            self._held += len(repr(citation.raw))
            yield CitationDelta(piece.index, citation)

    def _part_done(self, place: int, number: int, part: Content) -> Iterator[Event]:
        """A part is complete; what of it has not come is taken from here."""
        yield from self._part_added(place, number, {"type": part.get("type")})
        item = self._item(place, "message")
        piece = item.pieces.get(number) if item is not None else None
        if piece is None or piece.stopped:
            return
        refusal = part.get("type") == "refusal"
        text = part.get("refusal" if refusal else "text")
        if isinstance(text, str):
            yield from self._say(place, number, text[piece.came :], None, refusal=refusal)
        listed = Fields(part, lenient=True).each("annotations")
        for annotation in tuple(listed)[piece.cited :]:
            yield from self._cite(place, number, annotation)
        yield from self._stop(piece)

    def _think(self, place: int, part: int, text: str, *, summary: bool) -> Iterator[Event]:
        item = self._item(place, "reasoning")
        if item is None or not text:
            return
        if not item.pieces:
            item.summary = summary
            item_id = Fields(item.content, lenient=True).text("id")
            yield self._begin(item, 0, Thinking(summary=summary, item_id=item_id))
        if item.summary == summary:  # of words and a summary of them the first are taken
            item.thought[part] = item.thought.get(part, 0) + len(text)
            yield ThinkingDelta(item.pieces[0].index, text, part=part)

    def _argue(self, place: int, text: str) -> Iterator[Event]:
        item = self._items.get(place)
        piece = item.pieces.get(0) if item is not None else None
        known = item is not None and item.content.get("type") in _CALLS
        if piece is not None and known and text and not piece.stopped:
            piece.came += len(text)
            yield ArgumentsDelta(piece.index, text)

    def _done(self, place: int, content: Content) -> Iterator[Event]:
        """An item is complete; what of it has not come is taken from here."""
        item = self._items.setdefault(place, _Item(content))
        if item.done:
            return
        kind = content.get("type")
        if not item.pieces:
            item.content = content
            self._held += len(encode(content))
        if kind == "message" and item.content.get("type") == "message":
            parts = Fields(content, lenient=True).list("content") or []
            for number, part in enumerate(parts):
                if isinstance(part, dict):
                    yield from self._part_done(place, number, part)
        elif kind in _CALLS:
            yield from self._call_done(item, content)
        elif kind == "reasoning":
            yield from self._reasoning_done(place, item, content)
        elif not item.pieces:
            yield from self._whole(item, content)
        for piece in item.pieces.values():
            yield from self._stop(piece)
        item.done = True

    def _call_done(self, item: _Item, content: Content) -> Iterator[Event]:
        if not item.pieces:
            yield from self._call(item)
        elif item.content.get("type") in _CALLS:
            for block in read_item(content, self._origin):
                if isinstance(block, ToolCall):
                    yield from self._rest_of_call(item, block.arguments)

    def _reasoning_done(self, place: int, item: _Item, content: Content) -> Iterator[Event]:
        for block in read_item(content, self._origin):
            if not isinstance(block, Thinking):
                continue
            if not item.pieces:
                item.summary = block.summary
                yield self._begin(item, 0, evolve(block, parts=(), token=None))
            if block.summary == item.summary:
                for part, text in enumerate(block.parts):
                    rest = text[item.thought.get(part, 0) :]
                    yield from self._think(place, part, rest, summary=item.summary)
            if block.token is not None and 0 in item.pieces:
                yield TokenDelta(item.pieces[0].index, block.token)

    def _whole(self, item: _Item, content: Content) -> Iterator[Event]:
        """An item that has no deltas in the hub."""
        for block in read_item(content, self._origin):
            if isinstance(block, ToolCall):
                self._has_calls = True
                yield self._begin(item, 0, evolve(block, arguments=""))
                yield from self._rest_of_call(item, block.arguments)
            else:
                yield self._begin(item, 0, block)

    def _end(self, kind: str, response: Content) -> Iterator[Event]:
        fields = Fields(response, lenient=True)
        nothing = self._next == 0
        for place, content in enumerate(fields.list("output") or ()):
            # Positions are trusted only where events have named them.
            if isinstance(content, dict) and (nothing or place in self._items):
                yield from self._done(place, content)
        for item in self._items.values():
            for piece in item.pieces.values():
                yield from self._stop(piece)
        counts = fields.take("usage")
        if counts:
            yield UsageCounted(usage_of(counts))
        status = kind.removeprefix("response.")
        finish = finish_of({**response, "status": status}, has_calls=self._has_calls)
        yield Finished(finish)
        tier = fields.text("service_tier")
        for name in ("id", "model", "created_at", "status"):
            fields.take(name)
        self._over = True
        yield Ended(tier, besides(fields))


def open_reader(sent: Sent) -> ResponsesReader:
    """A reader of one streamed answer."""
    return ResponsesReader(sent)
