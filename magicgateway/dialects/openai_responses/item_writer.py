"""Turns as the items of an ``input``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import define, evolve

from magicgateway.conversation.arguments import INPUT
from magicgateway.conversation.blocks import (
    OPENAI,
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
from magicgateway.conversation.reasons import Reason
from magicgateway.conversation.request import ASSISTANT, DEVELOPER, SYSTEM, TOOL, USER, Turn
from magicgateway.dialects.openai_responses.client_run import (
    APPLY_PATCH,
    CLIENT_RUN,
    LOCAL_SHELL,
    SHELL,
    TOOL_SEARCH,
    action_of,
)
from magicgateway.dialects.openai_responses.extras import ITEMS, SAID, give_back
from magicgateway.dialects.openai_responses.part_writer import PartWriter
from magicgateway.wire.jsontext import BadJson, decode, encode

Item = dict[str, Any]

_BILLING = "x-anthropic-billing-header:"
"""How Claude Code's system block for Anthropic's accounting begins, which is no prompt."""
_ERROR = "Error: "


@define
class ItemWriter:
    """Writes items for one request.

    Attributes:
        parts: Writes what is said.
        origin: Whose reasoning the model can read.
        stored: The provider keeps items, and knows reasoning by its id alone.
        reasons: The model does; others are refused with reasoning in their input.
        wrapped: Names of functions whose arguments go in ``input``.
        made: How many ids of messages were made up.
    """

    parts: PartWriter
    origin: str
    stored: bool
    reasons: bool = True
    wrapped: frozenset[str] = frozenset()
    made: int = 0

    @property
    def ledger(self) -> Ledger:
        """Is told of losses."""
        return self.parts.ledger

    def instructions(self, turn: Turn) -> str | None:
        """A leading turn as one text; None where it has to be a message."""
        blocks = [block for block in turn.blocks if not self._is_billing(block)]
        plain = all(isinstance(b, Text) and not b.extras.fields for b in blocks)
        marked = self.parts.marks and any(block.cache is not None for block in blocks)
        if not plain or marked or turn.extras.fields or turn.name is not None:
            return None
        for block in blocks:
            self.parts.unmarked(block)
        return "\n\n".join(block.text for block in blocks if isinstance(block, Text))

    def _is_billing(self, block: Block) -> bool:
        found = isinstance(block, Text) and block.text.startswith(_BILLING)
        if found:
            self.ledger.drop(block.field, Reason.NOT_A_PROMPT)
        return found

    def items(self, turn: Turn) -> Iterator[Item]:
        """The items of one turn."""
        if turn.name is not None:
            self.ledger.drop(joined(turn.field, "name"))
        if turn.role == ASSISTANT:
            yield from self._answered(turn)
        else:
            yield from self._spoken(turn)

    def _spoken(self, turn: Turn) -> Iterator[Item]:
        role = turn.role if turn.role in (SYSTEM, DEVELOPER) else USER
        said: list[Block] = []
        for block in turn.blocks:
            if isinstance(block, ToolResult):
                item = self._output(block)
                if turn.role == TOOL and len(turn.blocks) == 1:
                    give_back(item, turn.extras, self.ledger)
                yield item
            elif isinstance(block, Hosted | Foreign) and _is_item(block, turn):
                yield from self._raw(block)
            elif role == USER or not self._is_billing(block):
                said.append(block)
        if said or (turn.role != TOOL and not turn.blocks):
            yield self._message(turn, role, said)
        elif turn.role != TOOL or len(turn.blocks) != 1:
            self._leave(turn)

    def _leave(self, turn: Turn) -> None:
        """Report what a turn has besides its blocks, where it is no message."""
        for name in turn.extras.fields:
            self.ledger.drop(joined(turn.extras.place, name))

    def _message(self, turn: Turn, role: str, said: list[Block]) -> Item:
        content: Any = self.parts.parts(said)
        if turn.whole and len(content) == 1 and content[0].keys() == {"type", "text"}:
            content = content[0]["text"]
        item: Item = {"type": "message", "role": role, "content": content}
        if turn.item_id is not None:
            item["id"] = turn.item_id
        give_back(item, turn.extras, self.ledger)
        return item

    def _answered(self, turn: Turn) -> Iterator[Item]:
        said: list[Text | Refusal] = []
        first = True
        alone = all(isinstance(block, Text | Refusal) for block in turn.blocks)
        for block in turn.blocks:
            if isinstance(block, Text | Refusal):
                self._token(block)
                if isinstance(block, Text) and not block.text and not alone:
                    continue
                if said and not _together(said[-1], block):
                    yield self._answer(turn if first else None, said)
                    first, said = False, []
                said.append(block)
                continue
            others = list(self._made(block))
            if others and said:
                yield self._answer(turn if first else None, said)
                first, said = False, []
            yield from others
        if said or not turn.blocks:
            yield self._answer(turn if first else None, said)
        elif first:
            self._leave(turn)

    def _made(self, block: Block) -> Iterator[Item]:
        """A block of the model's that is not in a message."""
        self._token(block)
        match block:
            case Thinking():
                yield from self._reasoning(block)
            case ToolCall():
                yield self._call(block)
            case Hosted() | Foreign() if block.family == ITEMS:
                yield from self._raw(block)
            case Hosted() if block.text:
                self.ledger.rewrite(block.field, Reason.AS_TEXT)
                yield {"type": "message", "role": ASSISTANT, "content": block.text}
            case Image() | Document() | Audio() | Video() | SearchResult():
                raise self.ledger.unsupported(block.field, SAID, "an answer holds no such part")
            case _:
                self.ledger.drop(block.field)
                self.ledger.carry(block.extras, OPENAI)

    def _token(self, block: Block) -> None:
        """Report what an item has no place for."""
        self.parts.unmarked(block)
        if block.token is not None and not isinstance(block, Thinking):
            self.ledger.drop(joined(block.field, "signature"), Reason.FOREIGN_REASONING)

    def _raw(self, block: Hosted | Foreign) -> Iterator[Item]:
        yield dict(block.raw)

    def _answer(self, turn: Turn | None, said: list[Text | Refusal]) -> Item:
        item: Item = {"type": "message", "role": ASSISTANT}
        item_id = said[0].item_id if said else None
        first = said[0] if said else None
        phase = first.phase if isinstance(first, Text) else None
        if item_id is None and len(said) == 1 and isinstance(first, Text) and _is_plain(first):
            item["content"] = first.text
        elif said:
            item["id"] = item_id or self._new_id()
            item["status"] = "completed"
            item["content"] = [self._said(block) for block in said]
        else:
            item["content"] = []
        if phase is not None:
            item["phase"] = phase
        if turn is not None:
            status = turn.extras.fields.get("status")
            if status is not None and turn.extras.family == ITEMS:
                item.pop("status", None)
            give_back(item, turn.extras, self.ledger)
        return item

    def _new_id(self) -> str:
        """An id for a message that has to have one, the same in every later turn."""
        self.made += 1
        return f"msg_{self.made}"

    def _said(self, block: Text | Refusal) -> Item:
        if isinstance(block, Refusal):
            part: Item = {"type": "refusal", "refusal": block.text}
        else:
            part = {"type": "output_text", "text": block.text, "annotations": []}
            for number, citation in enumerate(block.citations):
                if citation.family == ITEMS:
                    part["annotations"].append(dict(citation.raw))
                else:
                    self.ledger.drop(joined(block.field, f"citations[{number}]"))
        give_back(part, block.extras, self.ledger)
        return part

    def _reasoning(self, block: Thinking) -> Iterator[Item]:
        token = block.token if block.token is not None and block.token.data else None
        known = token is not None and token.origin == self.origin and self.reasons
        if not known and not (block.token is None and self.stored and block.item_id):
            self.ledger.drop(block.field or "reasoning", Reason.FOREIGN_REASONING)
            self.ledger.carry(block.extras, OPENAI)
            return
        item: Item = {"type": "reasoning"}
        if block.item_id is not None:  # encrypted content is refused under another id
            item["id"] = block.item_id
        shown = [{"type": "summary_text", "text": text} for text in block.parts]
        kept = block.extras.fields.get("summary") if block.extras.family == ITEMS else None
        item["summary"] = shown if block.summary else kept or []
        if not block.summary and block.parts:
            item["content"] = [{"type": "reasoning_text", "text": text} for text in block.parts]
        if token is not None:
            item["encrypted_content"] = token.data
        give_back(item, block.extras, self.ledger)
        yield item

    def _call(self, call: ToolCall) -> Item:
        tool = CLIENT_RUN.get(call.kind)
        action = action_of(tool, call.arguments) if tool is not None else None
        if tool is not None and action is not None:
            item: Item = {"type": tool.call, "call_id": call.id, tool.action: action}
            if tool.kind == TOOL_SEARCH:
                item["execution"] = "client"
            if "status" not in call.extras.fields:
                item["status"] = "completed"
            if tool.kind == LOCAL_SHELL:  # its type has an id of its own, and demands one
                item["id"] = call.id
        elif call.kind == "custom":
            item = {
                "type": "custom_tool_call", "call_id": call.id, "name": call.name,
                "input": call.arguments,
            }  # fmt: skip
        else:
            item = {
                "type": "function_call", "call_id": call.id, "name": call.name,
                "arguments": self._arguments(call),
            }  # fmt: skip
        if call.item_id is not None:
            item["id"] = call.item_id
        if call.namespace is not None:
            item["namespace"] = call.namespace
        give_back(item, call.extras, self.ledger)
        return item

    def _arguments(self, call: ToolCall) -> str:
        if call.name not in self.wrapped:
            return call.arguments
        try:
            value = decode(call.arguments.encode())
        except (BadJson, UnicodeEncodeError):
            return call.arguments
        return encode({INPUT: value}).decode()

    def _output(self, result: ToolResult) -> Item:
        tool = CLIENT_RUN.get(result.kind)
        if tool is None:
            kind = "custom_tool_call" if result.kind == "custom" else "function_call"
            item: Item = {
                "type": f"{kind}_output", "call_id": result.call_id,
                "output": self._answer_of(result),
            }  # fmt: skip
        else:
            item = {"type": tool.output, "call_id": result.call_id}
            self._client_output(item, result)
        if result.item_id is not None:
            item["id"] = result.item_id
        self.parts.unmarked(result)
        give_back(item, result.extras, self.ledger)
        return item

    def _answer_of(self, result: ToolResult) -> Any:
        parts = self.parts.parts(result.content)
        if result.is_error:
            start = parts[0].get("text", "") if parts else ""
            if not start.startswith(_ERROR):
                first = {"type": "input_text", "text": _ERROR + start}
                parts = [first, *parts[1:]] if start else [first, *parts]
        if not parts:
            return ""
        if len(parts) == 1 and parts[0].keys() == {"type", "text"}:
            return parts[0]["text"]
        return parts

    def _client_output(self, item: Item, result: ToolResult) -> None:
        """The output of a tool that has an item type of its own; it is text of some form."""
        bare = evolve(result, is_error=None) if result.kind == APPLY_PATCH else result
        output = self._answer_of(bare)
        text = output if isinstance(output, str) else encode(output).decode()
        if result.kind == LOCAL_SHELL:
            item["id"] = item.pop("call_id")
            item["output"] = text
        elif result.kind == SHELL:
            item["output"] = _listed(text, {"stdout", "stderr", "outcome"}) or [
                {"stdout": text, "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}
            ]
        elif result.kind == APPLY_PATCH:
            item["status"] = "failed" if result.is_error else "completed"
            if text:
                item["output"] = text
        else:
            item["execution"] = "client"
            item["tools"] = _listed(text, {"type"}) or []


def _listed(text: str, keys: set[str]) -> list[Any] | None:
    """The array of objects with some keys that a JSON text is."""
    try:
        value = decode(text.encode())
    except (BadJson, UnicodeEncodeError):
        return None
    if not isinstance(value, list):
        return None
    return value if all(isinstance(one, dict) and keys <= one.keys() for one in value) else None


def _is_item(block: Hosted | Foreign, turn: Turn) -> bool:
    """Whether a raw object is an item rather than a part of a message."""
    return block.family == ITEMS and turn.field == block.field


def _together(before: Text | Refusal, block: Text | Refusal) -> bool:
    """Whether two blocks are parts of one message."""
    if before.item_id != block.item_id:
        return False
    phases = [b.phase for b in (before, block) if isinstance(b, Text)]
    return len(phases) < 2 or phases[0] == phases[1]


def _is_plain(block: Text) -> bool:
    return not block.citations and not block.extras.fields
