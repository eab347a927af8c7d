"""What a provider wants back with a call, where the caller's API has no place for it on the call.

It goes out in a block of its own beside the call (``Thinking.call_id``), and is put on the call
again when both come back.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve

from magicgateway.conversation.blocks import Block, Thinking, Token, ToolCall
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.reasons import Reason
from magicgateway.conversation.request import Turn


def with_call_tokens(turns: tuple[Turn, ...], ledger: Ledger) -> tuple[Turn, ...]:
    """The turns with such tokens on their calls, and without the blocks that brought them.

    Args:
        turns: As they were read.
        ledger: Told of tokens whose call is not in their turn.
    """
    if not any(_brings_token(block) for turn in turns for block in turn.blocks):
        return turns
    return tuple(
        evolve(turn, blocks=tuple(_signed(turn.blocks, ledger))) if _has_tokens(turn) else turn
        for turn in turns
    )


def _brings_token(block: Block) -> bool:
    return isinstance(block, Thinking) and block.call_id is not None


def _has_tokens(turn: Turn) -> bool:
    return any(map(_brings_token, turn.blocks))


def _signed(blocks: tuple[Block, ...], ledger: Ledger) -> Iterator[Block]:
    calls = {block.id for block in blocks if isinstance(block, ToolCall)}
    tokens: dict[str, Token] = {}
    for block in blocks:
        if isinstance(block, Thinking) and block.call_id is not None:
            assert block.token is not None
            if block.call_id in calls and block.call_id not in tokens:
                tokens[block.call_id] = block.token
            else:
                ledger.drop(block.field, Reason.UNREADABLE)
            ledger.carry(block.extras, "")
    for block in blocks:
        if isinstance(block, ToolCall):
            yield evolve(block, token=block.token or tokens.get(block.id))
        elif not _brings_token(block):
            yield block
