"""The messages of a chat request, as the turns they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import evolve

from magicgateway.conversation.blocks import (
    OPENAI,
    Audio,
    Block,
    CacheMark,
    Refusal,
    Stored,
    ToolCall,
    ToolResult,
)
from magicgateway.conversation.call_tokens import with_call_tokens
from magicgateway.conversation.ledger import Fields, Ledger, invalid
from magicgateway.conversation.request import ASSISTANT, TOOL, Turn
from magicgateway.dialects.openai_chat.extras import rest_of
from magicgateway.dialects.openai_chat.part_reader import read_content
from magicgateway.dialects.openai_chat.reasoning import read_cache, take_thinking
from magicgateway.wire.jsontext import encode

FUNCTION = "function"
"""The role of results before there were tools."""


class MessageReader:
    """Reads messages in order. State: the calls so far, by which results are known.

    Args:
        ledger: Told of what cannot be read.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._kinds: dict[str, str] = {}
        self._functions: list[tuple[str, str]] = []
        self._calls = 0

    def read(self, messages: Iterator[Fields]) -> tuple[Turn, ...]:
        """All turns."""
        return with_call_tokens(tuple(self._turn(message) for message in messages), self._ledger)

    def _turn(self, message: Fields) -> Turn:
        role = message.needed("role")
        match role:
            case "user" | "system" | "developer":
                return self._spoken(message, role)
            case "assistant":
                return self._answered(message)
            case "tool" | "function":
                return self._returned(message, role)
            case _:
                known = "system, developer, user, assistant, tool"
                raise invalid(message.at("role"), f"must be one of {known}")

    def _spoken(self, message: Fields, role: str) -> Turn:
        if "content" not in message:
            raise invalid(message.at("content"), "is required")
        blocks, whole = read_content(message, self._ledger)
        blocks = _marked(blocks, read_cache(message))
        return _turn_of(message, role, blocks, whole=whole)

    def _answered(self, message: Fields) -> Turn:
        thinking = take_thinking(message, self._ledger)
        content, whole = read_content(message, self._ledger)
        blocks = [*thinking, *content]
        refusal = message.text("refusal")
        if refusal is not None:
            blocks.append(Refusal(text=refusal, field=message.at("refusal")))
        audio = message.fields("audio")
        if audio is not None:
            source = Stored(audio.needed("id"), OPENAI)
            blocks.append(Audio(source=source, field=audio.place, extras=rest_of(audio)))
        blocks += self._tool_calls(message)
        if message.peek("annotations") == []:
            message.take("annotations")  # OpenAI's answers have it, and come back as they were
        marked = _marked(tuple(blocks), read_cache(message))
        return _turn_of(message, ASSISTANT, marked, whole=whole)

    def _tool_calls(self, message: Fields) -> Iterator[Block]:
        for call in message.each("tool_calls"):
            block = read_call(call, read_cache(call))
            self._kinds[block.id] = block.kind
            yield block
        old = message.fields("function_call")
        if old is not None:
            call_id = f"call_fn_{self._calls}"
            self._calls += 1
            name, arguments = old.needed("name"), _arguments(old, "arguments")
            self._functions.append((call_id, name))
            yield ToolCall(
                id=call_id, name=name, arguments=arguments, field=old.place, extras=rest_of(old)
            )

    def _returned(self, message: Fields, role: str) -> Turn:
        silent = message.peek("content") == ""
        content, whole = read_content(message, self._ledger)
        called = self._function_of if role == FUNCTION else _call_of
        call_id = called(message)
        result = ToolResult(
            call_id=call_id,
            content=() if silent else content,
            is_error=message.flag("is_error"),
            kind=self._kinds.get(call_id, "function"),
            cache=read_cache(message),
            field=message.place,
        )
        return _turn_of(message, TOOL, (result,), whole=whole)

    def _function_of(self, message: Fields) -> str:
        name = message.needed("name")
        for call in self._functions:
            if call[1] == name:
                self._functions.remove(call)
                return call[0]
        raise invalid(message.at("name"), "must be the name of a function that was called before")


def _call_of(message: Fields) -> str:
    return message.needed("tool_call_id")


def _turn_of(message: Fields, role: str, blocks: tuple[Block, ...], *, whole: bool) -> Turn:
    name = message.text("name")
    return Turn(
        role=role, blocks=blocks, name=name, whole=whole, field=message.place,
        extras=rest_of(message),
    )  # fmt: skip


def _marked(blocks: tuple[Block, ...], mark: CacheMark | None) -> tuple[Block, ...]:
    """The blocks of a message that has a mark itself: its end is marked."""
    if mark is None or not blocks:
        return blocks
    last = blocks[-1]
    return (*blocks[:-1], evolve(last, cache=last.cache or mark))


def read_call(call: Fields, mark: CacheMark | None = None, *, lenient: bool = False) -> ToolCall:
    """One member of ``tool_calls``; in answers, which are read leniently, much can be empty."""
    kind = call.text("type") or ("custom" if "custom" in call else "function")
    inner = call.fields("custom" if kind == "custom" else "function")
    if inner is None:
        inner = Fields({}, call.at(kind), lenient=lenient)
    call_id, name = call.needed("id"), inner.needed("name")
    call.take("index")  # of a streamed answer
    arguments = _arguments(inner, "input" if kind == "custom" else "arguments")
    nested = {"custom" if kind == "custom" else "function": inner}
    return ToolCall(
        id=call_id, name=name, arguments=arguments, kind=kind, cache=mark, field=call.place,
        extras=rest_of(call, **nested),
    )  # fmt: skip


def _arguments(inner: Fields, name: str) -> str:
    """Arguments as text; some write the object itself."""
    value: Any = inner.peek(name)
    if isinstance(value, dict):
        return encode(inner.take(name)).decode()
    return inner.text(name) or ""
