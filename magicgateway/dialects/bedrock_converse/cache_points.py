"""Cache marks as Converse has them: blocks of their own after what they are about.

They are counted over the whole request, do not stand inside a tool's result, and one that lives for
an hour does not follow one that lives for five minutes.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve

from magicgateway.conversation.blocks import (
    Block,
    CacheMark,
    Document,
    SearchResult,
    Thinking,
    ToolResult,
)
from magicgateway.conversation.capabilities import ConverseAbilities
from magicgateway.conversation.ledger import Ledger, joined
from magicgateway.conversation.marks import MARK, anthropic_lifetime, capped_marks
from magicgateway.conversation.reasons import Reason
from magicgateway.conversation.request import Request, Turn

MOST = 4
_SHORT = (None, "5m")
_LONG = "1h"


def movable_marks(request: Request, abilities: ConverseAbilities, ledger: Ledger) -> Request:
    """A request whose marks can all be sent, and no more of them than may be."""
    if not abilities.cache:
        return request
    if not abilities.cache_tools:
        for tool in request.tools:
            if tool.cache is not None:
                ledger.drop(joined(tool.field, MARK))
        request = evolve(request, tools=tuple(evolve(t, cache=None) for t in request.tools))
    request = evolve(request, turns=tuple(_outside(turn, ledger) for turn in request.turns))
    return capped_marks(request, MOST, ledger)


def _outside(turn: Turn, ledger: Ledger) -> Turn:
    """A turn whose marks inside a block stand after it, and none after reasoning."""
    blocks = tuple(_moved(block, ledger) for block in turn.blocks)
    unchanged = all(new is old for new, old in zip(blocks, turn.blocks, strict=True))
    return turn if unchanged else evolve(turn, blocks=blocks)


def _moved(block: Block, ledger: Ledger) -> Block:
    if isinstance(block, Thinking) and block.cache is not None:
        ledger.drop(joined(block.field, MARK))
        return evolve(block, cache=None)
    if not isinstance(block, ToolResult | Document | SearchResult):
        return block
    marked = [inner for inner in block.content if inner.cache is not None]
    if not marked:
        return block
    for inner in marked:
        ledger.rewrite(joined(inner.field, MARK), Reason.MOVED_AFTER_RESULT)
    return evolve(
        block,
        cache=block.cache or marked[-1].cache,
        content=tuple(evolve(inner, cache=None) for inner in block.content),
    )


class CachePoints:
    """Writes one request's points in the order in which the cache sees them.

    State: whether one that lives shortly was written.

    Args:
        abilities: The target's.
        ledger: Told of marks that are lost, or live shorter than they should.
    """

    def __init__(self, abilities: ConverseAbilities, ledger: Ledger) -> None:
        self._abilities = abilities
        self._ledger = ledger
        self._short = False

    def after(
        self, mark: CacheMark | None, place: str, *, is_file: bool = False
    ) -> list[dict[str, Any]]:
        """The block for a mark, none where there is none or it cannot be sent.

        Args:
            mark: Of the block that was written last.
            place: Where that stood.
            is_file: It was a document or a video.
        """
        if mark is None:
            return []
        name = joined(place, MARK)
        if not self._abilities.cache:
            self._ledger.drop(name)
            return []
        if is_file and not self._abilities.cache_after_files:
            self._ledger.drop(name, Reason.NOT_AFTER_A_FILE)
            return []
        ttl = self._ttl(mark, name)
        return [{"cachePoint": {"type": "default", **({} if ttl is None else {"ttl": ttl})}}]

    def _ttl(self, mark: CacheMark, place: str) -> str | None:
        if self._abilities.cache_ttl:
            ttl = anthropic_lifetime(mark, place, self._ledger)
        else:
            if mark.ttl not in _SHORT:
                self._ledger.drop(joined(place, "ttl"))
            ttl = None
        if ttl == _LONG and self._short:
            self._ledger.clamp(joined(place, "ttl"), Reason.AFTER_A_SHORTER)
            ttl = "5m"
        self._short = self._short or ttl in _SHORT
        return ttl
