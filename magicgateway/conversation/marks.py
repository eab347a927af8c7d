"""Cache marks: how many a target takes, over all that a request says."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve

from magicgateway.conversation.blocks import (
    Block,
    CacheMark,
    Document,
    SearchResult,
    ToolResult,
)
from magicgateway.conversation.ledger import Ledger, joined
from magicgateway.conversation.parameters import AUTOMATIC_CACHE
from magicgateway.conversation.reasons import Reason
from magicgateway.conversation.request import HostedTool, Request, Tool

MARK = "cache_control"
"""The name of a mark among a block's fields, for reports."""
_OPENAI = {"1h": "30m", "30m": "30m", "12h": "12h"}
"""Lifetimes, of any family, to OpenAI's; what lives for minutes lives as long as OpenAI has it."""

_ANTHROPIC = (None, "5m", "1h")


def openai_lifetime(
    mark: CacheMark, place: str, ledger: Ledger, *, longest: str = "12h"
) -> str | None:
    """OpenAI's word for how long a mark's cache is to live, None for the usual.

    Args:
        mark: Of any family.
        place: The mark's field.
        ledger: Told where it is another.
        longest: That may be said there, ``12h`` or ``30m``.
    """
    ttl = _OPENAI.get(mark.ttl or "")
    if ttl is not None and longest == "30m":
        ttl = longest
    if ttl != mark.ttl:
        ledger.rewrite(joined(place, "ttl"), Reason.NEAREST_LIFETIME)
    return ttl


def anthropic_lifetime(mark: CacheMark, place: str, ledger: Ledger) -> str | None:
    """Anthropic's word for how long a mark's cache is to live, None for the usual five minutes.

    OpenAI's shorter lifetime is within Anthropic's longer one; its longer one is not, and is
    reported.

    Args:
        mark: Of any family.
        place: The mark's field.
        ledger: Told where it lives less long.
    """
    if mark.ttl in _ANTHROPIC:
        return mark.ttl
    if mark.ttl != "30m":
        ledger.rewrite(joined(place, "ttl"), Reason.NEAREST_LIFETIME)
    return "1h"


def capped_marks(request: Request, most: int, ledger: Ledger) -> Request:
    """A request in which only the last ``most`` cache marks stay, over tools and turns.

    A mark for the whole request counts as the last one.
    """
    automatic = request.parameters.get(AUTOMATIC_CACHE) is not None
    excess = sum(_marks(request)) + automatic - most
    if excess <= 0:
        return request
    cut = _Cut(excess, ledger)
    return evolve(
        request,
        tools=tuple(map(cut.tool, request.tools)),
        turns=tuple(evolve(turn, blocks=cut.blocks(turn.blocks)) for turn in request.turns),
    )


def _marks(request: Request) -> Iterator[int]:
    yield from (tool.cache is not None for tool in request.tools)
    for turn in request.turns:
        for block in turn.blocks:
            yield block.cache is not None
            yield from (inner.cache is not None for inner in _content(block))


def _content(block: Block) -> tuple[Block, ...]:
    return block.content if isinstance(block, ToolResult | Document | SearchResult) else ()


class _Cut:
    """Takes away the first marks that it is shown. State: how many are left to take."""

    def __init__(self, excess: int, ledger: Ledger) -> None:
        self._excess = excess
        self._ledger = ledger

    def _takes(self, mark: CacheMark | None, place: str) -> bool:
        if mark is None or not self._excess:
            return False
        self._excess -= 1
        self._ledger.drop(joined(place, MARK), Reason.TOO_MANY_MARKS)
        return True

    def tool(self, tool: Tool | HostedTool) -> Tool | HostedTool:
        """A tool without its mark, if that goes."""
        return evolve(tool, cache=None) if self._takes(tool.cache, tool.field) else tool

    def blocks(self, blocks: tuple[Block, ...]) -> tuple[Block, ...]:
        """Blocks without the marks that go; those inside one come before its own."""
        return tuple(map(self._block, blocks))

    def _block(self, block: Block) -> Block:
        if isinstance(block, ToolResult | Document | SearchResult) and block.content:
            block = evolve(block, content=self.blocks(block.content))
        return evolve(block, cache=None) if self._takes(block.cache, block.field) else block
