"""Turns as the messages of a chat request.

See: https://platform.openai.com/docs/api-reference/chat/create; 2026-10.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from magicgateway.conversation.arguments import arguments_object
from magicgateway.conversation.blocks import (
    NO_EXTRAS,
    Audio,
    Block,
    Document,
    Foreign,
    Hosted,
    Image,
    Refusal,
    Stored,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from magicgateway.conversation.capabilities import Capabilities
from magicgateway.conversation.ledger import Ledger, joined
from magicgateway.conversation.reasons import Reason
from magicgateway.conversation.request import ASSISTANT, DEVELOPER, SYSTEM, Turn
from magicgateway.dialects.openai_chat.extras import MESSAGES, put_back
from magicgateway.dialects.openai_chat.part_writer import (
    Part,
    PartWriter,
    content_of,
    is_blank,
    text_part,
)
from magicgateway.dialects.openai_chat.reasoning import (
    DETAILS,
    SIGNATURE,
    details_of,
    signature_of,
)
from magicgateway.wire.jsontext import encode

_BILLING = "x-anthropic-billing-header:"
"""How a text of Claude Code begins that is no prompt, and would spoil caches."""
_BELOW = {Image: "(image below)", Document: "(document below)"}
_FAILED = "Error: "

Message = dict[str, Any]


class MessageWriter:
    """Writes turns in order. State: the messages, and pictures that wait for their place.

    Args:
        capabilities: The target's.
        wrapped: Sent names of tools whose arguments go as ``{"input": …}``.
        ledger: Told of what does not arrive.
    """

    def __init__(
        self, capabilities: Capabilities, wrapped: Collection[str], ledger: Ledger
    ) -> None:
        self._capabilities = capabilities
        self._chat = capabilities.chat
        self._wrapped = wrapped
        self._ledger = ledger
        self._parts = PartWriter(capabilities, ledger)
        self.last_field = ""
        """Of the last turn that has become one message."""
        self._messages: list[Message] = []
        self._late: list[Part] = []

    def write(self, turns: Iterable[Turn]) -> list[Message]:
        """All messages."""
        for turn in turns:
            if turn.role in (SYSTEM, DEVELOPER):
                self._flush()
                self._system(turn)
            elif turn.role == ASSISTANT:
                self._flush()
                self._assistant(turn)
            else:
                self._user(turn)
        self._flush()
        return self._messages

    def _add(self, turn: Turn, message: Message, *, named: bool = True) -> None:
        if named and turn.name is not None:
            if "name" in self._chat.drops:
                self._ledger.drop(joined(turn.field, "name"))
            else:
                message["name"] = turn.name
        put_back(message, turn.extras, self._ledger)
        self._messages.append(message)
        self.last_field = turn.field

    def _leave_out(self, turn: Turn) -> None:
        only_blanks = all(isinstance(block, Text | Refusal) for block in turn.blocks)
        if only_blanks and turn.role not in (SYSTEM, DEVELOPER):
            self._ledger.drop(turn.field or "messages", Reason.BLANK)
        self._ledger.carry(turn.extras, "")

    def _flush(self) -> None:
        """Pictures from tools' results are the user's, after all of the results."""
        if self._late:
            self._messages.append({"role": "user", "content": content_of(self._late, None)})
            self._late = []

    def _system(self, turn: Turn) -> None:
        blocks = [block for block in turn.blocks if not self._is_billing(turn, block)]
        parts = self._parts.parts(blocks)
        role = turn.role if self._chat.developer_role else SYSTEM
        if parts:
            self._add(turn, {"role": role, "content": content_of(parts, "\n\n")})
        else:
            self._leave_out(turn)

    def _is_billing(self, turn: Turn, block: Block) -> bool:
        if not (turn.lead and isinstance(block, Text) and block.text.startswith(_BILLING)):
            return False
        self._ledger.drop(block.field, Reason.NOT_A_PROMPT)
        self._parts.lose(block)
        return True

    def _user(self, turn: Turn) -> None:
        results = [block for block in turn.blocks if isinstance(block, ToolResult)]
        rest = [block for block in turn.blocks if not isinstance(block, ToolResult)]
        parts = self._parts.parts(rest)
        alone = not parts and len(results) == 1
        for result in results:
            message = self._result(result)
            if alone:
                self._add(turn, message)
            else:
                self._messages.append(message)
        if parts:
            parts, self._late = [*self._late, *parts], []
            separator = None if self._chat.text_parts else "\n\n"
            self._add(turn, {"role": "user", "content": content_of(parts, separator)})
        elif results:
            self._ledger.carry(NO_EXTRAS if alone else turn.extras, "")
        else:
            self._leave_out(turn)

    def _result(self, result: ToolResult) -> Message:
        parts: list[Part] = []
        for block in result.content:
            below = _BELOW.get(type(block))
            written = self._parts.part(block)
            is_media = any(part["type"] != "text" for part in written)
            if below is None or not is_media or (self._chat.tool_images and type(block) is Image):
                parts += written
            else:
                self._ledger.rewrite(block.field, Reason.MOVED_AFTER_RESULT)
                parts.append(text_part(below))
                self._late += written
        if result.is_error and not any(
            p.get("text", "").startswith(_FAILED.rstrip()) for p in parts[:1]
        ):
            parts = _prefixed(parts)
        if result.cache is not None:
            parts = parts or [text_part("")]
            self._parts.mark(parts[-1], result.cache, result.field)
        content = content_of(parts, "\n") if parts else ""
        message = {"role": "tool", "tool_call_id": result.call_id, "content": content}
        put_back(message, result.extras, self._ledger)
        return message

    def _assistant(self, turn: Turn) -> None:
        message: Message = {"role": ASSISTANT, "content": None}
        parts: list[Part] = []
        calls: list[Message] = []
        refusals: list[str] = []
        for block in turn.blocks:
            match block:
                case ToolCall():
                    calls.append(self._call(block))
                case Refusal():
                    refusals.append(block.text)
                    self._parts.lose(block)
                case Thinking():
                    pass
                case Audio(source=Stored(id=audio)):
                    message["audio"] = {"id": audio}
                    put_back(message["audio"], block.extras, self._ledger)
                case Text() | Hosted():
                    parts += self._parts.part(block)
                case Foreign(family=family) if family == MESSAGES:
                    parts += self._parts.part(block)
                case _:
                    self._lose(block)
        if parts:
            message["content"] = content_of(parts, "")
        if refusals:
            message["refusal"] = "".join(refusals)
        self._think(message, [block for block in turn.blocks if isinstance(block, Thinking)])
        if calls:
            message["tool_calls"] = calls
        if len(message) > len(("role", "content")) or message["content"] is not None:
            self._add(turn, message)
        else:
            self._leave_out(turn)

    def _lose(self, block: Block) -> None:
        """Leave out what a model of another family answered; nobody else says such things."""
        if not isinstance(block, Foreign):
            raise self._parts.refusal(block.field, "an answer holds no such part")
        self._ledger.drop(block.field)
        self._parts.lose(block)

    def _call(self, call: ToolCall) -> Message:
        self._check_token(call)
        written: Message
        if call.kind == "custom" and self._chat.custom_tools:
            inner = {"name": call.name, "input": call.arguments}
            written = {"id": call.id, "type": "custom", "custom": inner}
        else:
            inner = {"name": call.name, "arguments": self._arguments(call)}
            written = {"id": call.id, "type": "function", "function": inner}
        if call.token is not None and call.token.origin == self._capabilities.origin:
            signature = signature_of(call.token)
            if signature is not None:
                written[SIGNATURE] = signature
        put_back(written, call.extras, self._ledger)
        self._parts.mark_whole(written, call.cache, call.field)
        return written

    def _check_token(self, call: ToolCall) -> None:
        if call.token is not None and call.token.origin != self._capabilities.origin:
            self._ledger.drop(joined(call.field, "signature"), Reason.FOREIGN_REASONING)

    def _arguments(self, call: ToolCall) -> str:
        if call.kind == "custom" or call.name in self._wrapped:
            return encode(arguments_object(call, self._ledger, self._wrapped)).decode()
        return "{}" if is_blank(call.arguments) else call.arguments

    def _think(self, message: Message, blocks: list[Thinking]) -> None:
        """Give a provider its own reasoning back, where it wants it."""
        origin, name = self._capabilities.origin, self._chat.reasoning_field
        told = []
        for block in blocks:
            own = block.token is None or block.token.origin == origin
            if own and name and self._chat.reasoning_echo:
                told.append(block)
                put_back(message, block.extras, self._ledger)
            else:
                self._ledger.drop(block.field, Reason.FOREIGN_REASONING)
                self._parts.lose(block)
        words = "\n\n".join(block.text for block in told if block.parts)
        if words:
            message[name] = words
        details = details_of(block.token for block in told if block.token is not None)
        if details:
            message[DETAILS] = details


def _prefixed(parts: list[Part]) -> list[Part]:
    if parts and parts[0]["type"] == "text":
        return [{**parts[0], "text": _FAILED + parts[0]["text"]}, *parts[1:]]
    return [text_part(_FAILED.rstrip()), *parts]
