"""The turns of a conversation in the order and the company that Converse and its models demand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import compress
from typing import Any

from attrs import evolve

from magicgateway.conversation.blocks import (
    Audio,
    Block,
    Document,
    Image,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Video,
)
from magicgateway.conversation.capabilities import ALL, NONE, Capabilities
from magicgateway.conversation.ledger import Ledger, invalid
from magicgateway.conversation.plain import is_plain
from magicgateway.conversation.reasons import Reason
from magicgateway.conversation.request import ASSISTANT, SYSTEM, USER, Request, Turn
from magicgateway.conversation.turns import (
    arranged,
    leading,
    prefill,
    settled,
    without_blanks,
)
from magicgateway.dialects.bedrock_converse.block_writer import BlockWriter, Written
from magicgateway.dialects.bedrock_converse.extras import FAMILY, SAID, put_back

FILLER = "."
"""Says nothing where something has to be said."""
_BILLING = "x-anthropic-billing-header:"
"""Begins a system text of Claude Code's that is no prompt and differs each time."""


class TurnWriter:
    """Writes the turns of one request.

    Args:
        capabilities: The target's.
        blocks: Writes what is in them, in the order of the request.
        ledger: Told of what is moved, added and lost.
    """

    def __init__(self, capabilities: Capabilities, blocks: BlockWriter, ledger: Ledger) -> None:
        self._capabilities = capabilities
        self._abilities = capabilities.converse
        self._blocks = blocks
        self._ledger = ledger

    def arranged(self, request: Request) -> tuple[tuple[Block, ...], tuple[Turn, ...]]:
        """What stands in ``system``, and all turns in an order that the target takes.

        Raises:
            ApiError: 400: there is no such order.
        """
        lead, rest = leading(settled(request.turns, FAMILY, self._ledger))
        system = self._system(lead)
        if not is_plain(request):
            rest = without_blanks(self._spoken(rest), self._ledger, filler=FILLER)
        rest = arranged(rest, self._capabilities.claude.mid_system, self._ledger)
        rest = prefill(rest, self._abilities.prefill)
        if not rest:
            raise invalid("messages", "must hold a message of the user's that says something")
        turns = tuple(new for turn in rest for new in self._apart(_sorted(turn)))
        if self._abilities.first_user and turns[0].role == ASSISTANT:
            self._ledger.emulate(turns[0].field, Reason.FILLED)
            turns = (_filled(USER, turns[0].field), *turns)
        if system and not self._abilities.system:
            self._ledger.rewrite(system[0].field, Reason.SYSTEM_AS_USER_TEXT)
            turns = led(system, turns)
            system = ()
        return system, turns

    def system(self, blocks: tuple[Block, ...]) -> list[Written]:
        """The array ``system``."""
        return self._blocks.blocks(blocks, SYSTEM)

    def messages(self, turns: tuple[Turn, ...]) -> list[Written]:
        """The array ``messages``."""
        messages: list[Written] = []
        for turn in turns:
            content = self._blocks.blocks(turn.blocks, turn.role)
            if any("document" in block for block in content) and not _has_text(content):
                self._ledger.emulate(turn.field, Reason.FILLED)
                content.append({"text": FILLER})
            message: Written = {"role": turn.role, "content": content}
            put_back(message, turn.extras, self._ledger)
            messages.append(message)
        return messages

    def _system(self, turns: tuple[Turn, ...]) -> tuple[Block, ...]:
        kept: list[Block] = []
        for turn in without_blanks(turns, self._ledger):
            self._ledger.carry(turn.extras, "")
            for block in turn.blocks:
                if isinstance(block, Text) and block.text.startswith(_BILLING):
                    self._ledger.drop(block.field, Reason.NOT_A_PROMPT)
                    self._ledger.carry(block.extras, "")
                elif isinstance(block, Image | Document | Audio | Video):
                    raise self._ledger.unsupported(block.field, SAID, "the system says only text")
                else:
                    kept.append(block)
        return tuple(kept)

    def _spoken(self, turns: Iterable[Turn]) -> Iterator[Turn]:
        """Turns without the blocks that cannot be said at all, which are reported.

        A turn of nothing else is none: it neither begins an answer nor stands between two others.
        """
        for turn in turns:
            said = [self._blocks.says(block, turn.role) for block in turn.blocks]
            if all(said):
                yield turn
                continue
            lost = (block for block, kept in zip(turn.blocks, said, strict=True) if not kept)
            self._blocks.blocks(lost, turn.role)
            if any(said):
                yield evolve(turn, blocks=tuple(compress(turn.blocks, said)))
            else:
                self._ledger.carry(turn.extras, "")

    def _apart(self, turn: Turn) -> Iterator[Turn]:
        """A turn in as many as it takes, where results of tools may not stand beside all."""
        results = [block for block in turn.blocks if isinstance(block, ToolResult)]
        if not results:
            yield turn
            return
        self._check_tools(results[0])
        moved: list[Block] = []
        results = [self._without_media(result, moved) for result in results]
        rest = [*moved, *(b for b in turn.blocks if not isinstance(b, ToolResult))]
        beside, company = self._abilities.text_with_results, (Text, Refusal, Image)
        fits = beside == ALL or (beside != NONE and all(isinstance(b, company) for b in rest))
        if fits or not rest:
            yield evolve(turn, blocks=(*results, *rest))
            return
        self._ledger.rewrite(turn.field, Reason.APART_FROM_RESULTS)
        yield evolve(turn, blocks=tuple(results))
        yield _filled(ASSISTANT, turn.field)
        yield evolve(turn, blocks=tuple(rest))

    def _without_media(self, result: ToolResult, moved: list[Block]) -> ToolResult:
        """A result without what the target takes only outside of it, which is moved."""
        kinds: tuple[type[Block], ...] = (Audio,)
        if not self._abilities.result_images:
            kinds += (Image, Video)
        if not self._abilities.result_documents:
            kinds += (Document,)
        out = [block for block in result.content if isinstance(block, kinds)]
        if not out:
            return result
        for block in out:
            self._ledger.rewrite(block.field, Reason.MOVED_AFTER_RESULT)
        moved += out
        return evolve(result, content=tuple(b for b in result.content if b not in out))

    def _check_tools(self, block: Block) -> None:
        if not self._capabilities.tools:
            raise self._ledger.unsupported(block.field, "This model", "it takes no tools")


def _sorted(turn: Turn) -> Turn:
    """An assistant's turn with its calls after its words; reasoning between them stays put."""
    if turn.role != ASSISTANT:
        return turn
    blocks = turn.blocks
    first = next((i for i, block in enumerate(blocks) if isinstance(block, ToolCall)), len(blocks))
    late = blocks[first:]
    if all(isinstance(b, ToolCall) for b in late) or any(isinstance(b, Thinking) for b in late):
        return turn
    calls = tuple(block for block in late if isinstance(block, ToolCall))
    words = tuple(block for block in late if not isinstance(block, ToolCall))
    return evolve(turn, blocks=(*blocks[:first], *words, *calls))


def _filled(role: str, field: str) -> Turn:
    return Turn(role=role, blocks=(Text(text=FILLER, field=field),), field=field)


def led(system: tuple[Block, ...], turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """Turns of which the user's first begins with what the system would have said."""
    first = next((i for i, turn in enumerate(turns) if turn.role == USER), None)
    if first is None:
        return (Turn(role=USER, blocks=system, field=system[0].field), *turns)
    turn = evolve(turns[first], blocks=(*system, *turns[first].blocks))
    return (*turns[:first], turn, *turns[first + 1 :])


def _has_text(content: list[dict[str, Any]]) -> bool:
    return any("text" in block for block in content)
