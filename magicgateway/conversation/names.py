"""Names of tools and ids of calls that a target would not take, and the way back.

Both are renamed per request and as a function of the request alone, so the same conversation, one
turn longer, is sent with the same names: nothing is kept between requests.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterable

from attrs import evolve

from magicgateway.conversation.blocks import Block, ToolCall, ToolResult
from magicgateway.conversation.ledger import invalid
from magicgateway.conversation.parameters import TOOL_CHOICE, Parameters
from magicgateway.conversation.request import Request, Tool, Turn
from magicgateway.conversation.turns import has_calls

_BAD = re.compile(r"[^a-zA-Z0-9_-]")
_DIGEST = 8
"""Hexadecimal digits that tell apart long names with the same beginning."""


def qualified(name: str, namespace: str | None) -> str:
    """The name of a tool as the whole request knows it: ``namespace__name``."""
    return f"{namespace}__{name}" if namespace else name


def safe_id(id: str) -> str:  # noqa: A002 - it is an id
    """An id with ``_`` for each character that is no ASCII letter, digit, ``_`` or ``-``."""
    return _BAD.sub("_", id) or "_"


def free_name(wanted: str, taken: Collection[str], longest: int = 64) -> str:
    """``wanted``, or with the first of ``_2``, ``_3``, … that makes it one that is not taken."""
    return _Names(taken, lambda name, count: _numbered(name, count, longest)).free(wanted)


def _numbered(name: str, count: int, longest: int) -> str:
    suffix = f"_{count}"
    return name[: longest - len(suffix)] + suffix


class _Names:
    """Names that are given once. State: those taken, and how often one was wanted.

    Args:
        taken: Names that are gone from the start.
        number: Makes another name of one and a count from 2.
    """

    def __init__(self, taken: Iterable[str], number: Callable[[str, int], str]) -> None:
        self._taken = set(taken)
        self._counts: dict[str, int] = {}
        self._number = number

    def free(self, wanted: str) -> str:
        """The first name for a wish that nobody has, which thereby is taken."""
        name, count = wanted, self._counts.get(wanted, 1)
        while name in self._taken:
            count += 1
            name = self._number(wanted, count)
        self._counts[wanted] = count
        self._taken.add(name)
        return name


def shortened(name: str, longest: int = 64) -> str:
    """A name in safe characters; a long one ends in eight digits of its SHA-256."""
    safe = safe_id(name)
    if len(safe) <= longest:
        return safe
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST]
    return f"{safe[: longest - _DIGEST - 1]}_{digest}"


def rename_tools(request: Request, longest: int) -> tuple[Request, dict[str, str]]:
    """Give every tool a name of ``[a-zA-Z0-9_-]{1,longest}``, one to one.

    A name that fits stays. Tools in a namespace are sent as ``namespace__name`` and no longer have
    one. Calls in the history of tools that are not declared are renamed after those that are, in
    the order in which they appear.

    Args:
        request: It is not changed.
        longest: Characters.

    Returns:
        The request as it is to be sent, and the caller's (qualified) name by the name sent, for
        those that differ.

    Raises:
        ApiError: 400: two tools have one name.
    """
    called = _called(request)
    if not (request.tools or called):
        return request, {}
    fits = re.compile(rf"[a-zA-Z0-9_-]{{1,{longest}}}").fullmatch
    declared: dict[str, None] = {}
    taken: set[str] = set()
    for tool in request.tools:
        if not isinstance(tool, Tool):
            taken.add(tool.name)
            continue
        name = qualified(tool.name, tool.namespace)
        if name in declared:
            raise invalid(tool.field or "tools", f"has the name of another tool, {name}")
        declared[name] = None
        if fits(name):
            taken.add(name)
    names = _Names(taken, lambda name, count: _numbered(name, count, longest))
    sent = {name: name for name in declared if fits(name)}
    for name in [*declared, *called]:
        if name not in sent:
            sent[name] = names.free(shortened(name, longest))
    return _renamed(request, sent), {new: old for old, new in sent.items() if new != old}


def undeclared(request: Request) -> tuple[str, ...]:
    """Names, as ``rename_tools`` left them, of tools that were called and are not declared."""
    declared = {tool.name for tool in request.tools}
    return tuple(dict.fromkeys(name for name in _called(request) if name not in declared))


def _called(request: Request) -> list[str]:
    return [
        qualified(block.name, block.namespace)
        for turn in request.turns
        for block in turn.blocks
        if isinstance(block, ToolCall)
    ]


def _renamed(request: Request, sent: dict[str, str]) -> Request:
    if all(old == new for old, new in sent.items()) and not _has_namespaces(request):
        return request

    def renamed(block: Block) -> Block:
        if not isinstance(block, ToolCall):
            return block
        name = sent[qualified(block.name, block.namespace)]
        return evolve(block, name=name, namespace=None)

    return evolve(
        request,
        tools=tuple(
            _renamed_tool(tool, sent[qualified(tool.name, tool.namespace)])
            if isinstance(tool, Tool)
            else tool
            for tool in request.tools
        ),
        turns=_each_block(request.turns, renamed),
        parameters=_renamed_choice(request.parameters, sent),
    )


def _renamed_tool(tool: Tool, name: str) -> Tool:
    """A tool under another name, with what its namespace is for said of each of its members."""
    about = "\n\n".join(text for text in (tool.namespace_about, tool.description) if text)
    return evolve(
        tool,
        name=name,
        namespace=None,
        namespace_about=None,
        description=about if tool.namespace_about else tool.description,
    )


def _has_namespaces(request: Request) -> bool:
    return any(isinstance(tool, Tool) and tool.namespace for tool in request.tools) or any(
        isinstance(block, ToolCall) and block.namespace
        for turn in request.turns
        for block in turn.blocks
    )


def _renamed_choice(parameters: Parameters, sent: dict[str, str]) -> Parameters:
    choice = parameters.get(TOOL_CHOICE)
    if choice is None:
        return parameters
    allowed = choice.allowed
    return parameters.replacing(
        TOOL_CHOICE,
        evolve(
            choice,
            name=None if choice.name is None else sent.get(choice.name, choice.name),
            allowed=None if allowed is None else tuple(sent.get(name, name) for name in allowed),
        ),
    )


def _each_block(turns: tuple[Turn, ...], change: Callable[[Block], Block]) -> tuple[Turn, ...]:
    """The turns with their blocks changed; what does not change is not copied."""
    return tuple(
        turn
        if all(new is old for new, old in zip(blocks, turn.blocks, strict=True))
        else evolve(turn, blocks=blocks)
        for turn in turns
        for blocks in (tuple(map(change, turn.blocks)),)
    )


def rename_calls(
    request: Request, fits: Callable[[str], bool], make: Callable[[str], str]
) -> Request:
    """Give every call, and its result likewise, an id that the target takes, one to one.

    The first that comes has its id; a later one that would get the same has ``_2`` appended, or
    ``make`` asked again where that does not fit.

    Args:
        request: It is not changed.
        fits: Whether the target takes an id.
        make: A pure function from an id that it does not take to one that it does.
    """
    if not has_calls(request.turns):
        return request

    def number(id: str, count: int) -> str:  # noqa: A002 - it is an id
        new = f"{id}_{count}"
        return new if fits(new) else make(new)

    names = _Names((), number)
    sent: dict[str, str] = {}

    def renamed(id: str) -> str:  # noqa: A002 - it is an id
        if id not in sent:
            sent[id] = names.free(id if fits(id) else make(id))
        return sent[id]

    def change(block: Block) -> Block:
        if isinstance(block, ToolCall):
            new = renamed(block.id)
            return block if new == block.id else evolve(block, id=new)
        if isinstance(block, ToolResult):
            new = renamed(block.call_id)
            return block if new == block.call_id else evolve(block, call_id=new)
        return block

    turns = _each_block(request.turns, change)
    if all(new is old for new, old in zip(turns, request.turns, strict=True)):
        return request
    return evolve(request, turns=turns)
