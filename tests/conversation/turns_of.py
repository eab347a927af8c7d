"""Turns in few words, as the tables of this folder write them."""

from __future__ import annotations

from attrs import evolve

from magicgateway.conversation.blocks import Block, Text, ToolCall, ToolResult
from magicgateway.conversation.request import (
    ASSISTANT,
    DEVELOPER,
    SYSTEM,
    TOOL,
    USER,
    HostedTool,
    Request,
    Tool,
    Turn,
)

ROLES = {"s": SYSTEM, "d": DEVELOPER, "u": USER, "a": ASSISTANT, "t": TOOL}


def turn(role: str, *blocks: Block | str) -> Turn:
    """A turn by the first letter of its role; strings are texts."""
    return Turn(
        role=ROLES[role],
        blocks=tuple(Text(text=b) if isinstance(b, str) else b for b in blocks),
    )


def call(id: str, name: str = "f", arguments: str = "{}") -> ToolCall:  # noqa: A002 - it is an id
    """A model asks for a tool."""
    return ToolCall(id=id, name=name, arguments=arguments)


def result(call_id: str, *content: Block | str) -> ToolResult:
    """A tool's answer."""
    blocks = tuple(Text(text=b) if isinstance(b, str) else b for b in content)
    return ToolResult(call_id=call_id, content=blocks)


def placed(*turns: Turn) -> tuple[Turn, ...]:
    """Turns that know where they stand, as readers make them."""
    return tuple(
        evolve(
            turn,
            field=f"messages[{row}]",
            blocks=tuple(
                evolve(block, field=f"messages[{row}].content[{column}]")
                for column, block in enumerate(turn.blocks)
            ),
        )
        for row, turn in enumerate(turns)
    )


def said(*turns: Turn) -> list[tuple[str, list[str]]]:
    """What turns say: the first letter of the role, and each block in a word."""
    return [(turn.role[0], [_said(block) for block in turn.blocks]) for turn in turns]


def _said(block: Block) -> str:
    match block:
        case Text():
            return block.text
        case ToolCall():
            return f"call {block.id}"
        case ToolResult():
            return " ".join(["result", block.call_id, *map(_said, block.content)])
        case _:
            return type(block).__name__


def asking(*turns: Turn, tools: tuple[Tool | HostedTool, ...] = ()) -> Request:
    """A request with these turns."""
    return Request(model="m", turns=turns, tools=tools)
