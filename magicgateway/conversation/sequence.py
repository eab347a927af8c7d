"""Blocks one after another, for callers whose streams have one open block at a time.

Some providers stream several calls at once, in turns. Here the first stays open, and what comes of
the others is kept until it is their turn.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import define, field

from magicgateway.conversation.blocks import ToolCall
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
)
from magicgateway.conversation.pieces import ValueScan
from magicgateway.conversation.reply import Failure

LONGEST_HELD = 16 * 1024 * 1024
"""Characters that are kept of blocks that have to wait, before the answer is given up."""

_TOO_LONG = Failure(
    status=502, kind="server", message="The provider's parallel calls are too long."
)

Delta = TextDelta | ThinkingDelta | ArgumentsDelta | CitationDelta | TokenDelta


@define
class _Waiting:
    """A block whose turn has not come."""

    start: BlockStarted
    deltas: list[Delta] = field(factory=list)
    stop: BlockStopped | None = None

    def merged(self) -> Iterator[Event]:
        """Its start and its deltas; arguments that came in pieces are one."""
        yield self.start
        pieces: list[str] = []
        for delta in self.deltas:
            if isinstance(delta, ArgumentsDelta):
                pieces.append(delta.text)
            else:
                yield delta
        if pieces:
            yield ArgumentsDelta(self.start.index, "".join(pieces), self.start.choice)


@define
class _Lane:
    """One choice's blocks.

    Attributes:
        open: The index of the one that is open; None between blocks.
        scan: Of the open block's arguments, where it is a function's call.
        waiting: The others by index, in the order in which they began.
    """

    open: int | None = None
    scan: ValueScan | None = None
    waiting: dict[int, _Waiting] = field(factory=dict)

    def is_whole(self) -> bool:
        """Whether the open block is a call whose arguments are a whole object."""
        return self.scan is not None and self.scan.complete and self.scan.is_object


class Sequencer:
    """Turns a stream with several open blocks into one with one. State: the blocks that wait.

    What belongs to the open block leaves at once. A call whose arguments are a whole object is
    closed as soon as another block begins, so that calls that come one after the other are not
    held back although nothing says that the first has ended; what could still come of it would
    make no JSON of it, and is not passed on.
    """

    def __init__(self) -> None:
        self._lanes: dict[int, _Lane] = {}
        self._held = 0
        self._over = False

    def feed(self, event: Event) -> Iterator[Event]:
        """What follows of one event; the iterator has to be used up."""
        if self._over:
            return
        match event:
            case BlockStarted():
                yield from self._start(event)
            case TextDelta() | ThinkingDelta() | ArgumentsDelta() | CitationDelta() | TokenDelta():
                yield from self._delta(event)
            case BlockStopped():
                yield from self._stop(event)
            case Finished():
                yield from self._flush(event.choice)
                yield event
            case Ended():
                for choice in tuple(self._lanes):
                    yield from self._flush(choice)
                self._over = True
                yield event
            case _:
                self._over = isinstance(event, Failed)
                yield event

    def _start(self, event: BlockStarted) -> Iterator[Event]:
        lane = self._lanes.setdefault(event.choice, _Lane())
        if lane.open is not None:
            lane.waiting[event.index] = _Waiting(event)
            if lane.is_whole():
                yield from self._next(event.choice, lane)
            return
        self._open(lane, event)
        yield event

    def _open(self, lane: _Lane, event: BlockStarted) -> None:
        lane.open = event.index
        lane.scan = None
        if isinstance(event.block, ToolCall) and event.block.kind == "function":
            lane.scan = ValueScan()
            lane.scan.feed(event.block.arguments)

    def _delta(self, event: Delta) -> Iterator[Event]:
        lane = self._lanes.get(event.choice)
        if lane is None:
            return
        if event.index == lane.open:
            if lane.scan is not None and isinstance(event, ArgumentsDelta):
                lane.scan.feed(event.text)
            yield event
        elif event.index in lane.waiting:
            lane.waiting[event.index].deltas.append(event)
            self._held += _size(event)
            if self._held > LONGEST_HELD:
                self._over = True
                yield Failed(_TOO_LONG)

    def _stop(self, event: BlockStopped) -> Iterator[Event]:
        lane = self._lanes.get(event.choice)
        if lane is None:
            return
        if event.index == lane.open:
            yield from self._next(event.choice, lane)
        elif event.index in lane.waiting:
            lane.waiting[event.index].stop = event

    def _next(self, choice: int, lane: _Lane) -> Iterator[Event]:
        """Close the open block and go on until one is open that has not stopped."""
        assert lane.open is not None
        yield BlockStopped(lane.open, choice)
        lane.open = lane.scan = None
        while lane.waiting:
            index = next(iter(lane.waiting))
            waiting = lane.waiting.pop(index)
            self._open(lane, waiting.start)
            for event in waiting.merged():
                self._held -= _size(event)
                if lane.scan is not None and isinstance(event, ArgumentsDelta):
                    lane.scan.feed(event.text)
                yield event
            more = bool(lane.waiting)
            if waiting.stop is None and not (more and lane.is_whole()):
                return
            yield BlockStopped(index, choice)
            lane.open = lane.scan = None

    def _flush(self, choice: int) -> Iterator[Event]:
        """Close all of a choice, whatever a reader has left open."""
        lane = self._lanes.get(choice)
        while lane is not None and lane.open is not None:
            yield from self._next(choice, lane)


def _size(event: Event) -> int:
    if isinstance(event, TextDelta | ThinkingDelta | ArgumentsDelta):
        return len(event.text)
    return len(event.token.data) if isinstance(event, TokenDelta) else 0
