"""Words beside the call that stands for a response format.

Models like to say that they are about to call something. Where the call is the answer, such
words are no part of it, and whoever parses it could not read on; where a model makes no such call,
they are the answer. In a stream they are held back until that is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from attrs import evolve

from magicgateway.conversation.blocks import Block, Text, ToolCall
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
from magicgateway.conversation.reply import Failure

LONGEST_HELD = 16 * 1024 * 1024
"""Characters that are held back, before the answer is given up."""
_TOO_LONG = Failure(
    status=502, kind="server", message="The provider says too much beside its answer."
)
IsJson = Callable[[ToolCall], bool]
"""Whether a call stands for a response format."""
_Key = tuple[int, int]
_OfBlock = (
    BlockStarted | TextDelta | ThinkingDelta | TokenDelta | ArgumentsDelta | CitationDelta
    | BlockStopped
)  # fmt: skip


def without_asides(blocks: tuple[Block, ...], is_json: IsJson) -> tuple[Block, ...]:
    """The blocks of a whole answer, without words where a call is the answer.

    Args:
        blocks: As they came.
        is_json: Which calls are answers.
    """
    if not any(isinstance(block, ToolCall) and is_json(block) for block in blocks):
        return blocks
    return tuple(block for block in blocks if not isinstance(block, Text))


class Asides:
    """The same for a stream. State: what is held, by choice, and how blocks are numbered on.

    Args:
        is_json: Which calls are answers.
    """

    def __init__(self, is_json: IsJson) -> None:
        self._is_json = is_json
        self._texts: set[_Key] = set()
        self._held: dict[int, list[_OfBlock]] = {}
        self._size = 0
        self._answered: set[int] = set()
        self._places: dict[_Key, int] = {}
        self._blocks: dict[int, int] = {}

    def feed(self, event: Event) -> Iterator[Event]:
        """What can be told now."""
        if isinstance(event, _OfBlock):
            yield from self._of_block(event)
            return
        if isinstance(event, Finished):
            yield from self._release(event.choice)
        elif isinstance(event, Ended | Failed):
            for choice in list(self._held):
                yield from self._release(choice)
        yield event

    def _of_block(self, event: _OfBlock) -> Iterator[Event]:
        choice, key = event.choice, (event.choice, event.index)
        if isinstance(event, BlockStarted):
            if isinstance(event.block, Text):
                self._texts.add(key)
            elif isinstance(event.block, ToolCall):
                if self._is_json(event.block):
                    self._answered.add(choice)
                    self._held.pop(choice, None)
                else:
                    yield from self._release(choice)
        if key not in self._texts:
            yield self._placed(event)
        elif choice not in self._answered:
            self._held.setdefault(choice, []).append(event)
            self._size += len(event.text) if isinstance(event, TextDelta) else 0
            if self._size > LONGEST_HELD:
                self._held.clear()
                yield Failed(_TOO_LONG)

    def _release(self, choice: int) -> Iterator[Event]:
        """What is held was the answer, and what is still open of it goes on."""
        for event in self._held.pop(choice, ()):
            self._texts.discard((choice, event.index))
            yield self._placed(event)
        if not self._held:
            self._size = 0

    def _placed(self, event: _OfBlock) -> Event:
        """With an index among the blocks that are told of."""
        choice, key = event.choice, (event.choice, event.index)
        if isinstance(event, BlockStarted):
            self._places[key] = self._blocks.get(choice, 0)
            self._blocks[choice] = self._places[key] + 1
        place = self._places[key]
        return event if place == event.index else evolve(event, index=place)
