"""The items of a Responses ``input``, as the turns they make.

Reasoning, an assistant's message and its calls are items of their own here, and one turn
everywhere else: a run of them is one turn, unless a second message would become part of the first.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attrs import define, evolve, field

from magicgateway.conversation.blocks import (
    NO_EXTRAS,
    Block,
    Extras,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from magicgateway.conversation.call_tokens import with_call_tokens
from magicgateway.conversation.ledger import Fields, Ledger, invalid
from magicgateway.conversation.request import ASSISTANT, DEVELOPER, SYSTEM, TOOL, USER, Turn
from magicgateway.dialects.openai_responses.block_items import (
    REFERENCE,
    is_client_run,
    item_id_of,
    other_item,
    read_client_call,
    read_client_output,
    read_custom_call,
    read_function_call,
    read_output,
    read_reasoning,
)
from magicgateway.dialects.openai_responses.client_run import (
    BY_CALL,
)
from magicgateway.dialects.openai_responses.extras import ITEMS, rest_of
from magicgateway.dialects.openai_responses.part_reader import read_content
from magicgateway.dialects.openai_responses.tool_reader import AnyTool, read_tools

_SPOKEN = (USER, SYSTEM, DEVELOPER)
_CALLERS = frozenset({
    "additional_tools", "compaction", "compaction_trigger", "configuration_update",
    "mcp_approval_response", REFERENCE,
})  # fmt: skip
"""Items besides outputs that do not come from the model."""


@define
class _Run:
    """An assistant's turn while it is put together."""

    place: str
    blocks: list[Block] = field(factory=list)
    extras: Extras = NO_EXTRAS
    whole: bool = False
    has_message: bool = False
    has_calls: bool = False

    def turn(self) -> Turn:
        """The turn."""
        return Turn(
            role=ASSISTANT,
            blocks=tuple(self.blocks),
            whole=self.whole,
            field=self.place,
            extras=self.extras,
        )


class ItemReader:
    """Reads items in order. State: the turns so far, and the tools that items declare.

    Args:
        ledger: Told of what cannot be read.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._turns: list[Turn] = []
        self._run: _Run | None = None
        self.tools: list[AnyTool] = []
        self.references: list[str] = []
        """Where items stand that only the provider knows."""

    def read(self, items: Iterable[Fields]) -> tuple[Turn, ...]:
        """All turns."""
        for item in items:
            self._item(item)
        self._close()
        return with_call_tokens(tuple(self._turns), self._ledger)

    def _item(self, item: Fields) -> None:
        kind = item.peek("type")
        if kind is None:
            kind = "message" if "role" in item else REFERENCE
        if is_client_run(item):
            if kind in BY_CALL:
                self._call(read_client_call(item), item.place)
            else:
                tools, place = item.peek("tools"), item.at("tools")
                self._output(read_client_output(item))
                self._declare(tools, place)
            return
        match kind:
            case "message":
                self._message(item)
            case "reasoning":
                self._reasoning(item)
            case "function_call":
                self._call(read_function_call(item), item.place)
            case "custom_tool_call":
                self._call(read_custom_call(item), item.place)
            case "function_call_output" | "custom_tool_call_output":
                self._output(read_output(item))
            case _:
                self._other(item, kind)

    def _open(self, place: str) -> _Run:
        if self._run is None:
            self._run = _Run(place)
        return self._run

    def _close(self) -> None:
        if self._run is not None:
            self._turns.append(self._run.turn())
            self._run = None

    def _message(self, item: Fields) -> None:
        item.take("type")
        role = item.needed("role")
        if role == ASSISTANT:
            self._answered(item)
            return
        if role not in _SPOKEN:
            known = ", ".join((*_SPOKEN, ASSISTANT))
            raise invalid(item.at("role"), f"must be one of {known}")
        blocks, whole = read_content(*_content(item))
        item_id = item_id_of(item)
        self._close()
        self._turns.append(
            Turn(
                role=role, blocks=blocks, whole=whole, field=item.place, item_id=item_id,
                extras=rest_of(item),
            )
        )  # fmt: skip

    def _answered(self, item: Fields) -> None:
        content, whole = read_content(*_content(item))
        item_id, phase = item_id_of(item), item.text("phase")
        blocks = [_in_message(block, item_id, phase) for block in content]
        extras = rest_of(item)
        run = self._run
        if run is not None and run.has_message and not _joins(run, blocks, extras):
            self._close()
        run = self._open(item.place)
        if not run.has_message:
            run.extras, run.whole = extras, whole
        run.has_message = True
        run.blocks += blocks

    def _reasoning(self, item: Fields) -> None:
        thinking = read_reasoning(item, self._ledger)
        run = self._run
        if run is not None and run.has_message and not (run.has_calls or thinking.call_id):
            self._close()
        self._open(item.place).blocks.append(thinking)

    def _call(self, call: ToolCall, place: str) -> None:
        run = self._open(place)
        run.has_calls = True
        run.blocks.append(call)

    def _output(self, result: ToolResult) -> None:
        self._close()
        self._turns.append(Turn(role=TOOL, blocks=(result,), field=result.field))

    def _declare(self, tools: Any, place: str) -> None:
        """Take note of tools that an item brings, so that other targets know them too."""
        if isinstance(tools, list):
            listed = Fields({"tools": tools}, place.removesuffix(".tools"))
            self.tools += read_tools(listed.each("tools"), self._ledger)

    def _other(self, item: Fields, kind: Any) -> None:
        """An item that only its provider can read; it is kept as it is."""
        if not isinstance(kind, str):
            raise invalid(item.at("type"), "must be a string")
        if kind == REFERENCE:
            if not isinstance(item.peek("id"), str):
                raise invalid(item.at("id"), "is required")
            self.references.append(item.place)
        elif kind == "additional_tools":
            self._declare(item.peek("tools"), item.at("tools"))
        block = other_item({"type": kind, **item.rest(ITEMS).fields}, item.place)
        if kind.endswith("_output") or kind in _CALLERS:
            self._close()
            self._turns.append(Turn(role=USER, blocks=(block,), field=item.place))
        else:
            self._open(item.place).blocks.append(block)


def _joins(run: _Run, blocks: list[Block], extras: Extras) -> bool:
    """Whether a message can go on a turn that has one, and be told from it afterwards.

    It has to, where calls would otherwise be cut off from their results.
    """
    if not run.has_calls or extras.fields or not blocks:
        return False
    last = run.blocks[-1]
    return not isinstance(last, Text | Refusal) or last.item_id != blocks[0].item_id


def _content(item: Fields) -> tuple[Any, str]:
    if item.peek("content") is None:
        raise invalid(item.at("content"), "is required")
    return item.take("content"), item.at("content")


def _in_message(block: Block, item_id: str | None, phase: str | None) -> Block:
    if isinstance(block, Text):
        return evolve(block, item_id=item_id, phase=phase)
    return evolve(block, item_id=item_id)
