"""The way back of what a target was sent in another form than it was asked.

Readers report what is on the wire. Here, between a reader and the caller's writer, tools get their
own names again, the call of the tool that stands for a response format becomes text, without what
was said beside it, and arguments that were asked for as ``{"input": …}`` lose that, also while they
arrive in pieces.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from attrs import evolve, frozen

from magicgateway.conversation.asides import Asides, without_asides
from magicgateway.conversation.blocks import Block, Text, ToolCall
from magicgateway.conversation.events import (
    ArgumentsDelta,
    BlockStarted,
    BlockStopped,
    Event,
    Finished,
    TextDelta,
)
from magicgateway.conversation.names import qualified
from magicgateway.conversation.pieces import StringText, ValueScan
from magicgateway.conversation.reply import STOP, TOOL_CALLS, Choice, Finish, Reply
from magicgateway.conversation.request import HostedTool, Tool


class Changes(Protocol):
    """What was changed on the way out; ``dialects.grammar.Sent`` says it."""

    @property
    def names(self) -> Mapping[str, str]:
        """Names as sent, to the caller's (qualified) ones."""

    @property
    def json_tool(self) -> str | None:
        """The sent name of the tool that stands for a response format."""

    @property
    def wrapped(self) -> frozenset[str]:
        """The caller's names of tools, or the JSON tool's, whose arguments are in ``input``."""


@frozen
class _Origins:
    """Whose a call of the target's is."""

    changes: Changes
    tools: Mapping[str, Tool]

    def is_json(self, call: ToolCall) -> bool:
        """Whether the call stands for a response format."""
        return call.name == self.changes.json_tool

    def original(self, call: ToolCall) -> ToolCall:
        """The call under the caller's name."""
        name = self.changes.names.get(call.name, call.name)
        tool = self.tools.get(name)
        if tool is not None:
            return evolve(call, name=tool.name, namespace=tool.namespace, kind=tool.kind)
        kind = "custom" if call.kind == "function" and name in self.changes.wrapped else call.kind
        return (
            call if name == call.name and kind == call.kind else evolve(call, name=name, kind=kind)
        )

    def unwrapper(self, call: ToolCall) -> Unwrapper | None:
        """What takes a call's arguments out of their wrapping; None where they have none."""
        name = self.changes.names.get(call.name, call.name)
        if name not in self.changes.wrapped:
            return None
        tool = self.tools.get(name)
        as_json = self.is_json(call) or (tool is not None and tool.kind == "function")
        return Unwrapper(as_json=as_json)


def _origins(changes: Changes, tools: Iterable[Tool | HostedTool]) -> _Origins:
    declared = {qualified(t.name, t.namespace): t for t in tools if isinstance(t, Tool)}
    return _Origins(changes, declared)


def undo_reply(reply: Reply, changes: Changes, tools: Iterable[Tool | HostedTool] = ()) -> Reply:
    """A whole answer as the caller's request would have got it.

    Args:
        reply: As the target's reader gave it.
        changes: What the target's writer changed.
        tools: As the caller declared them, for the kinds and namespaces of calls.
    """
    if not any(isinstance(block, ToolCall) for choice in reply.choices for block in choice.blocks):
        return reply
    origins = _origins(changes, tools)
    return evolve(reply, choices=tuple(_undone(choice, origins) for choice in reply.choices))


def _undone(choice: Choice, origins: _Origins) -> Choice:
    calls = [block for block in choice.blocks if isinstance(block, ToolCall)]
    if not calls:
        return choice
    alone = all(map(origins.is_json, calls))
    return evolve(
        choice,
        blocks=tuple(
            _undone_call(block, origins) if isinstance(block, ToolCall) else block
            for block in without_asides(choice.blocks, origins.is_json)
        ),
        finish=_finish(choice.finish, alone=alone),
    )


def _undone_call(call: ToolCall, origins: _Origins) -> Block:
    unwrapper = origins.unwrapper(call)
    arguments = call.arguments
    if unwrapper is not None:
        arguments = unwrapper.feed(arguments) + unwrapper.close()
    if origins.is_json(call):
        return _text(call, arguments)
    return evolve(origins.original(call), arguments=arguments)


def _text(call: ToolCall, words: str) -> Text:
    return Text(text=words, field=call.field, token=call.token, extras=call.extras)


def _finish(finish: Finish, *, alone: bool) -> Finish:
    """Why an answer ended, where ``alone`` says that its only calls were no calls."""
    return evolve(finish, reason=STOP) if alone and finish.reason == TOOL_CALLS else finish


class Undo:
    """The same for a stream: event by event, holding back nothing that could go on.

    But where a call is to stand for a response format, words are held until that call begins.

    State: the calls that are being rewritten, and which sorts of calls a choice has had.

    Args:
        changes: What the target's writer changed.
        tools: As the caller declared them, for the kinds and namespaces of calls.
    """

    def __init__(self, changes: Changes, tools: Iterable[Tool | HostedTool] = ()) -> None:
        self._origins = _origins(changes, tools)
        self._rewritten: dict[tuple[int, int], tuple[bool, Unwrapper | None]] = {}
        self._alone: dict[int, bool] = {}
        self._asides = None if changes.json_tool is None else Asides(self._origins.is_json)

    def feed(self, event: Event) -> Iterable[Event]:
        """What the caller's writer is told of one event of the target's reader."""
        if self._asides is None:
            return self._undone(event)
        return [new for told in self._asides.feed(event) for new in self._undone(told)]

    def _undone(self, event: Event) -> Iterable[Event]:
        if isinstance(event, ArgumentsDelta):
            found = self._rewritten.get((event.choice, event.index))
            return (event,) if found is None else self._delta(event, *found)
        if isinstance(event, BlockStarted) and isinstance(event.block, ToolCall):
            return self._start(event, event.block)
        if isinstance(event, BlockStopped):
            return self._stop(event)
        if isinstance(event, Finished):
            alone = self._alone.get(event.choice, False)
            return (evolve(event, finish=_finish(event.finish, alone=alone)),)
        return (event,)

    def _start(self, event: BlockStarted, call: ToolCall) -> Iterator[Event]:
        is_json = self._origins.is_json(call)
        self._alone[event.choice] = is_json and self._alone.get(event.choice, True)
        unwrapper = self._origins.unwrapper(call)
        if not is_json and unwrapper is None:
            yield evolve(event, block=self._origins.original(call))
            return
        self._rewritten[event.choice, event.index] = (is_json, unwrapper)
        bare = evolve(call, arguments="")
        block = _text(bare, "") if is_json else self._origins.original(bare)
        yield evolve(event, block=block)
        if call.arguments:
            delta = ArgumentsDelta(event.index, call.arguments, event.choice)
            yield from self._delta(delta, is_json, unwrapper)

    def _delta(
        self, event: ArgumentsDelta, is_json: bool, unwrapper: Unwrapper | None
    ) -> Iterator[Event]:
        text = event.text if unwrapper is None else unwrapper.feed(event.text)
        if text:
            yield _words(event.index, event.choice, text, is_json=is_json)

    def _stop(self, event: BlockStopped) -> Iterator[Event]:
        is_json, unwrapper = self._rewritten.pop((event.choice, event.index), (False, None))
        text = unwrapper.close() if unwrapper is not None else ""
        if text:
            yield _words(event.index, event.choice, text, is_json=is_json)
        yield event


def _words(index: int, choice: int, text: str, *, is_json: bool) -> Event:
    return TextDelta(index, text, choice) if is_json else ArgumentsDelta(index, text, choice)


_OPENING = '{"input":'
_GAPS = frozenset({0, 1, 8, 9})
"""Places in it that may be preceded by white space."""
_SPACE = " \t\n\r"
_LONGEST_OPENING = 4096
"""With its white space; what is longer is no wrapping of a model's."""


class Unwrapper:
    """Takes one call's arguments out of ``{"input": …}``, in pieces.

    A string comes out as what it says, any other value as its JSON text. Arguments that begin in
    another way come out as they are. State: what is open.

    Args:
        as_json: A string comes out as JSON text as well.
    """

    def __init__(self, *, as_json: bool = False) -> None:
        self._as_json = as_json
        self._matched = 0
        self._held = ""
        self._raw = False
        self._string: StringText | None = None
        self._value: ValueScan | None = None

    def feed(self, text: str) -> str:
        """What can be told now."""
        if self._raw:
            return text
        if self._string is not None:
            return self._string.feed(text)
        if self._value is not None:
            return text[: self._value.feed(text)]
        return self._open(text)

    def close(self) -> str:
        """What was held back and can no longer go on."""
        if self._string is not None:
            return self._string.close()
        held, self._held = self._held, ""
        return held

    def _open(self, text: str) -> str:
        for at, char in enumerate(text):
            too_long = len(self._held) + at >= _LONGEST_OPENING
            if char in _SPACE and self._matched in _GAPS and not too_long:
                continue
            if self._matched == len(_OPENING):
                self._held = ""
                return self._begin(text, at)
            if too_long or char != _OPENING[self._matched]:
                self._raw = True
                return self.close() + text
            self._matched += 1
        self._held += text
        return ""

    def _begin(self, text: str, at: int) -> str:
        if text[at] == '"' and not self._as_json:
            self._string = StringText()
            return self._string.feed(text[at + 1 :])
        self._value = ValueScan()
        return text[at : self._value.feed(text, at)]
