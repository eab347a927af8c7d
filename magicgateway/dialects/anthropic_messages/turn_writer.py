"""Turns as the system prompt and the messages of a request."""

from __future__ import annotations

from typing import Any

from magicgateway.conversation.blocks import Foreign, Text
from magicgateway.conversation.capabilities import Capabilities
from magicgateway.conversation.ledger import Ledger, invalid
from magicgateway.conversation.request import ASSISTANT, SYSTEM, Turn
from magicgateway.conversation.turns import (
    arranged,
    leading,
    prefill,
)
from magicgateway.dialects.anthropic_messages.block_writer import BlockWriter, Json, content_of
from magicgateway.dialects.anthropic_messages.extras import SAID, put_back


def write_turns(
    turns: tuple[Turn, ...], blocks: BlockWriter, capabilities: Capabilities, ledger: Ledger
) -> tuple[list[Json], list[Json]]:
    """The system prompt's blocks, and the messages.

    Args:
        turns: That fit.
        blocks: Writes what they are made of.
        capabilities: The target's.
        ledger: Told of what is put elsewhere.

    Raises:
        ApiError: 400: they are no conversation that Anthropic takes.
    """
    first, rest = leading(turns)
    system = [block for turn in first for block in _system(turn, blocks, ledger)]
    claude = capabilities.claude
    rest = prefill(arranged(rest, claude.mid_system, ledger), claude.prefill)
    if not rest:
        raise invalid("messages", "must hold at least one message that is no system message")
    return system, [_message(turn, blocks, ledger) for turn in rest]


def _system(turn: Turn, blocks: BlockWriter, ledger: Ledger) -> list[Json]:
    for block in turn.blocks:
        if not isinstance(block, Text | Foreign):
            raise ledger.unsupported(block.field, SAID, "a system prompt is text")
    ledger.carry(turn.extras, "")  # what stood on a message has no place here
    return blocks.blocks(turn.blocks)


def _message(turn: Turn, blocks: BlockWriter, ledger: Ledger) -> Json:
    content: Any = blocks.blocks(turn.blocks)
    if turn.role == SYSTEM and turn.whole:
        content = content_of(content)
    message: Json = {"role": turn.role, "content": content}
    put_back(message, turn.extras, ledger)
    return message


def lacks_thinking(messages: list[Json]) -> bool:
    """Whether the conversation stands amid tool calls that do not begin with reasoning.

    The model cannot go on thinking by a budget there.
    """
    spoken = [message for message in messages[-3:] if message["role"] != SYSTEM]
    if len(spoken) < 2 or spoken[-1]["role"] == ASSISTANT or spoken[-2]["role"] != ASSISTANT:
        return False
    if not any(block["type"] == "tool_result" for block in spoken[-1]["content"]):
        return False
    return spoken[-2]["content"][0]["type"] not in ("thinking", "redacted_thinking")
