"""A conversation without what Claude cannot be given, before its messages are put in order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from operator import is_
from typing import Any

from attrs import evolve

from magicgateway.conversation.blocks import (
    Audio,
    Block,
    Document,
    Foreign,
    Hosted,
    Image,
    Refusal,
    SearchResult,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Video,
)
from magicgateway.conversation.ledger import Ledger, joined
from magicgateway.conversation.marks import capped_marks
from magicgateway.conversation.names import rename_calls, rename_tools, safe_id
from magicgateway.conversation.plain import is_plain
from magicgateway.conversation.reasons import Reason
from magicgateway.conversation.request import ASSISTANT, Request, Turn
from magicgateway.conversation.turns import settled, without_blanks
from magicgateway.dialects.anthropic_messages.extras import FAMILY, SAID

MOST_MARKS = 4
_ID = re.compile(r"[a-zA-Z0-9_-]+")


def fitted(
    request: Request, origin: str, longest_name: int, ledger: Ledger
) -> tuple[Request, dict[str, str]]:
    """The request with names, ids, blocks and cache marks that Claude takes.

    Args:
        request: With the tools that are to be sent.
        origin: Whose reasoning the model can read.
        longest_name: Of a tool, in characters.
        ledger: Told of losses.

    Returns:
        It, and the caller's name of each tool that has another now.

    Raises:
        ApiError: 400: a user says something that has no form here.
    """
    if is_plain(request):
        return request, {}
    request, names = rename_tools(request, longest_name)
    request = rename_calls(request, lambda id: bool(_ID.fullmatch(id)), safe_id)  # noqa: A006 - it is an id
    work = _Fitting(origin, ledger)
    turns = tuple(work.turns(settled(request.turns, FAMILY, ledger)))
    turns = without_blanks(turns, ledger)
    if not _same(turns, request.turns):
        request = evolve(request, turns=turns)
    return capped_marks(request, MOST_MARKS, ledger), names


class _Fitting:
    """Goes through turns. It has no state of its own."""

    def __init__(self, origin: str, ledger: Ledger) -> None:
        self._origin = origin
        self._ledger = ledger

    def turns(self, turns: Iterable[Turn]) -> Iterator[Turn]:
        """Turns whose blocks can all be written, without those of which nothing is left."""
        for turn in turns:
            blocks = self._blocks(turn.blocks, answered=turn.role == ASSISTANT)
            if _same(blocks, turn.blocks):
                yield turn
            elif blocks:
                yield evolve(turn, blocks=blocks)
            else:
                self._ledger.carry(turn.extras, "")

    def _blocks(self, blocks: tuple[Block, ...], *, answered: bool) -> tuple[Block, ...]:
        kept: list[Block] = []
        for block in blocks:
            fits = self._block(block, answered=answered)
            if fits is None:
                self._ledger.carry(block.extras, "")
            if block.cache is not None and (fits is None or isinstance(fits, Thinking)):
                self._move_mark(block, kept)
                fits = fits and evolve(fits, cache=None)
            if fits is not None:
                kept.append(fits)
        return tuple(kept)

    def _move_mark(self, block: Block, kept: list[Block]) -> None:
        """Put the mark of a block that can have none on the one before it."""
        if kept and not isinstance(kept[-1], Thinking):
            if kept[-1].cache is None:
                kept[-1] = evolve(kept[-1], cache=block.cache)
        else:
            self._ledger.drop(joined(block.field, "cache_control"))

    def _block(self, block: Block, *, answered: bool) -> Block | None:
        if block.token is not None and not isinstance(block, Thinking):
            self._ledger.drop(joined(block.field, "signature"), Reason.FOREIGN_REASONING)
        match block:
            case Thinking():
                return self._thinking(block)
            case Refusal():
                return Text(
                    text=block.text, field=block.field, cache=block.cache, extras=block.extras
                )
            case Audio() | Video():
                raise self._ledger.unsupported(block.field, SAID)
            case Image() if answered:
                raise self._ledger.unsupported(block.field, SAID, "an answer holds no such part")
            case Foreign() if block.family != FAMILY:
                if not answered:
                    raise self._ledger.unsupported(block.field, SAID)
                self._ledger.drop(block.field)
                return None
            case Hosted() if block.family != FAMILY:
                return self._told(block)
            case ToolResult() | Document() | SearchResult() if block.content:
                content = self._blocks(block.content, answered=False)
                return block if _same(content, block.content) else evolve(block, content=content)
            case ToolCall():
                return block
            case _:
                return block

    def _thinking(self, block: Thinking) -> Thinking | None:
        """Reasoning that its maker gets back; anybody else's, or unsigned, is not to be had."""
        if block.token is None or not block.token.data:
            self._ledger.drop(block.field, Reason.FOREIGN_REASONING)
            return None
        if block.token.origin != self._origin:
            self._ledger.drop(block.field, Reason.FOREIGN_REASONING)
            return None
        return block

    def _told(self, block: Hosted) -> Text | None:
        """A step of another provider's tool as the text it can be told by."""
        if not block.text or block.text.isspace():
            self._ledger.drop(block.field)
            return None
        self._ledger.carry(block.extras, "")
        self._ledger.rewrite(block.field, Reason.AS_TEXT)
        return Text(text=block.text, field=block.field, cache=block.cache)


def _same(new: tuple[Any, ...], old: tuple[Any, ...]) -> bool:
    return len(new) == len(old) and all(map(is_, new, old))
