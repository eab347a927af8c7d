"""What the demo model says to a request, before any dialect writes it down."""

from __future__ import annotations

import re
from typing import Any

from attrs import evolve, field, frozen

from magicgateway.demo import wording
from magicgateway.demo.example import instance
from magicgateway.demo.faults import Script
from magicgateway.wire import jsontext

STOP, LENGTH, TOOLS = "stop", "length", "tools"
AUTO, NO_TOOL, ANY_TOOL = "auto", "none", "any"
_FILLER = "x" * 16384
_CACHE_STEP = 128
_CACHE_FROM = 1024
_CALL_TOKENS = 8
"""What a tool call costs beside its arguments."""
_WORD = re.compile(r"[\w-]+")
_REFUSE = "refuse"
REFUSAL = "I cannot help with that."


@frozen
class Tool:
    """A tool that the caller offers."""

    name: str
    schema: Any = None
    free: bool = False
    """Its input is plain text, not JSON."""


@frozen
class Ask:
    """What of a request decides about the answer. ``limit`` and ``reasoning`` are in tokens."""

    model: str
    prompt: str
    """The text of the last user message."""
    size: int = 0
    """Characters of the whole input."""
    limit: int | None = None
    stops: tuple[str, ...] = ()
    tools: tuple[Tool, ...] = ()
    choice: str = AUTO
    """``AUTO``, ``NO_TOOL``, ``ANY_TOOL`` or ``=NAME`` of the tool that must be called."""
    parallel: bool = True
    answered: bool = False
    """The conversation ends with a tool's result, so no tool is called again."""
    reasoning: bool = False
    schema: Any = None
    """The answer is a JSON value of this schema."""
    preface: bool = False
    """A sentence goes before tool calls."""
    seen: tuple[str, ...] = ()
    """What came beside the text, in words."""
    script: Script = field(factory=Script)


@frozen
class ToolCall:
    """A call of a tool; arguments are JSON text, unless the tool takes free text."""

    id: str
    name: str
    arguments: str
    free: bool = False

    @property
    def value(self) -> Any:
        """The arguments as a value; of what the limit cut off, an empty one."""
        try:
            return jsontext.decode(self.arguments.encode())
        except jsontext.BadJson:
            return {}


@frozen
class Reply:
    """One answer: tokens of reasoning, tokens of text, tool calls, and how it ended."""

    reasoning: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    tools: tuple[ToolCall, ...] = ()
    finish: str = STOP
    stop: str | None = None
    """The stop string that ended the text."""
    input: int = 0
    cached: int = 0
    refused: bool = False
    """The text says why the model does not answer."""

    @property
    def output(self) -> int:
        """Tokens written, reasoning included."""
        calls = sum(_CALL_TOKENS + len(call.arguments) // 4 for call in self.tools)
        return len(self.reasoning) + len(self.text) + calls

    @property
    def content(self) -> str:
        """The whole text."""
        return "".join(self.text)


def count(characters: int) -> int:
    """Tokens that so many characters are worth."""
    return -(-characters // 4)


def cached_tokens(tokens: int) -> int:
    """Input tokens that are said to come from the provider's cache: whole steps of long input."""
    return tokens // _CACHE_STEP * _CACHE_STEP if tokens > _CACHE_FROM else 0


def reply_to(ask: Ask, index: int = 0) -> Reply:
    """The answer to a request; ``index`` tells several choices apart."""
    seed = wording.digest(ask.model, ask.prompt, str(index))
    size = count(ask.size)
    reply = Reply(input=size, cached=cached_tokens(size))
    words = set(_WORD.findall(ask.prompt.lower()))
    if _REFUSE in words:
        return evolve(reply, text=tuple(wording.split(REFUSAL)), refused=True)
    if ask.reasoning:
        thoughts = tuple(wording.split(wording.prose(seed, wording.THOUGHTS, 2)))
        reply = evolve(reply, reasoning=thoughts)
    if called := _called(ask, words):
        calls = tuple(_call(tool, seed, number) for number, tool in enumerate(called))
        text = tuple(wording.split("Let me look that up.")) if ask.preface else ()
        return _with_cut_calls(evolve(reply, text=text, tools=calls, finish=TOOLS), ask.limit)
    # The length that a script gives in bytes is exact, whatever else the request says.
    limit = ask.limit if ask.script.bytes is None else None
    return _limited(_stopped(evolve(reply, text=_text(ask, seed)), ask), limit)


def _called(ask: Ask, words: set[str]) -> tuple[Tool, ...]:
    if not ask.tools or ask.choice == NO_TOOL:
        return ()
    if ask.choice.startswith("="):
        return tuple(tool for tool in ask.tools if tool.name == ask.choice[1:])[:1]
    wanted = tuple(tool for tool in ask.tools if tool.name.lower() in words)
    if not wanted and (ask.choice == ANY_TOOL or words & {"tool", "tools"}):
        wanted = ask.tools[:1]
    if ask.answered and ask.choice == AUTO:
        return ()
    return wanted if ask.parallel else wanted[:1]


def _call(tool: Tool, seed: bytes, number: int) -> ToolCall:
    if tool.free:
        return ToolCall(f"{seed.hex()[:20]}{number:02d}", tool.name, wording.prose(seed), True)
    value = instance(tool.schema, seed)
    arguments = jsontext.encode(value if isinstance(value, dict) else {}).decode()
    return ToolCall(f"{seed.hex()[:20]}{number:02d}", tool.name, arguments)


def _text(ask: Ask, seed: bytes) -> tuple[str, ...]:
    script = ask.script
    if script.bytes is not None:
        full, rest = divmod(script.bytes, len(_FILLER))
        return (_FILLER,) * full + ((_FILLER[:rest],) if rest else ())
    if ask.schema is not None:
        words = wording.split(jsontext.encode(instance(ask.schema, seed)).decode())
    else:
        seen = f"I see {'; '.join(ask.seen)}. " if ask.seen else ""
        words = wording.split(seen + wording.prose(seed))
    if script.tokens is not None:
        words[0] = " " + words[0]
        words = (words * (script.tokens // len(words) + 1))[: script.tokens]
        words[0] = words[0].lstrip()
    if script.huge_line is not None:
        words.insert(1, " " + "x" * (script.huge_line - 1))
    return tuple(words)


def _stopped(reply: Reply, ask: Ask) -> Reply:
    if not ask.stops or ask.script.bytes is not None:
        return reply
    content = reply.content
    places = [(content.find(stop), stop) for stop in ask.stops if stop]
    found = min(((place, stop) for place, stop in places if place >= 0), default=None)
    if found is None:
        return reply
    return evolve(reply, text=tuple(wording.split(content[: found[0]])), stop=found[1])


def _with_cut_calls(reply: Reply, limit: int | None) -> Reply:
    """The reply up to the limit: of the call that crosses it, the beginning of its arguments."""
    if limit is None or reply.output <= limit:
        return reply
    kept: tuple[ToolCall, ...] = ()
    left = limit - len(reply.reasoning) - len(reply.text)
    for call in reply.tools:
        if left <= _CALL_TOKENS:
            break
        room = 4 * (left - _CALL_TOKENS)
        kept += (evolve(call, arguments=call.arguments[:room]),)
        left -= _CALL_TOKENS + len(call.arguments) // 4
    return _limited(evolve(reply, tools=kept, finish=LENGTH), limit)


def _limited(reply: Reply, limit: int | None) -> Reply:
    if limit is None or reply.output <= limit:
        return reply
    thoughts = reply.reasoning[:limit]
    text = reply.text[: limit - len(thoughts)] if limit > len(thoughts) else ()
    return evolve(reply, reasoning=thoughts, text=text, finish=LENGTH, stop=None)
