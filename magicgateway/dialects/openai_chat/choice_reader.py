"""One choice of a chat stream: its deltas as blocks that begin, go on and stop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import define, evolve, field

from magicgateway.conversation.blocks import Refusal, Text, Thinking, ToolCall
from magicgateway.conversation.events import (
    ArgumentsDelta,
    BlockStarted,
    BlockStopped,
    CitationDelta,
    Event,
    Finished,
    TextDelta,
    ThinkingDelta,
    TokenDelta,
)
from magicgateway.conversation.ledger import Fields, Ledger
from magicgateway.dialects.openai_chat.finishes import read_finish
from magicgateway.dialects.openai_chat.reasoning import (
    DETAILS,
    SIGNATURE,
    WORDS,
    details_token,
    read_thinking,
)
from magicgateway.dialects.openai_chat.reply_reader import (
    content_blocks,
    made_id,
    own_token,
    read_citation,
    signature_token,
)
from magicgateway.wire.jsontext import encode

MOST_BLOCKS = 65536
"""Of one choice."""
MOST_CALLS = 1024
"""Of one choice: more than any model makes, and what a provider can make the gateway remember."""
LONGEST_HELD = 16 * 1024 * 1024
"""Characters that are kept of what cannot be told yet, before the answer is given up."""
_PIECE = 64
"""Characters that a piece of something counts for, beside its own."""
_THINKING, _TEXT, _REFUSAL = "thinking", "text", "refusal"
_BLOCKS = {_THINKING: Thinking(), _TEXT: Text(text=""), _REFUSAL: Refusal(text="")}


class TooMuch(ValueError):
    """A choice with more calls, or with more to be kept, than an answer has."""


@define
class _Call:
    """One call, which begins once its name is known.

    Attributes:
        index: Of its block, -1 before it has begun.
        held: Arguments that came before the name, in pieces.
    """

    id: str = ""
    name: str = ""
    kind: str = "function"
    index: int = -1
    held: list[str] = field(factory=list)
    signature: Any = None


class ChoiceReader:
    """Reads one choice. State: its blocks, and what is open of them.

    Args:
        choice: Its index.
        source: What ids of calls are made of where the provider gives none.
        origin: Whose reasoning it is.
    """

    def __init__(self, choice: int, source: str, origin: str) -> None:
        self._choice = choice
        self._source = source
        self._origin = origin
        self._next = 0
        self._open: str | None = None
        self._at = -1
        self._calls: list[_Call] = []
        self._by_key: dict[int, _Call] = {}
        self._refused = False
        self._details: list[Any] = []
        self._logprobs: Mapping[str, Any] | None = None
        self._held = 0
        self._finish: Any = None
        self._stops: dict[str, Any] = {}

    @property
    def finished(self) -> bool:
        """A reason was given why it ended."""
        return self._finish is not None

    def feed(self, entry: dict[str, Any]) -> Iterator[Event]:
        """The events of one chunk's choice.

        Raises:
            TooMuch: While they are taken: more has come than is kept.
        """
        delta = entry.get("delta")
        if not isinstance(delta, dict):
            delta = entry.get("message")
        logprobs = entry.get("logprobs")
        if isinstance(logprobs, dict):
            if self._logprobs is not None:
                self._hold(len(encode(logprobs)))
            self._logprobs = _joined_logprobs(self._logprobs, logprobs)
        if isinstance(delta, dict) and delta:
            content = delta.get("content")
            if isinstance(content, str) and len(delta) == 1 and self._open == _TEXT:
                if content:
                    yield self._text_delta(content)
            else:
                yield from self._delta(delta)
                if self._next > MOST_BLOCKS:
                    raise TooMuch(f"more than {MOST_BLOCKS} blocks")
        reason = entry.get("finish_reason")
        if isinstance(reason, str) and reason:
            self._finish = reason
            self._stops = entry

    def _delta(self, delta: dict[str, Any]) -> Iterator[Event]:
        yield from self._reasoning(delta)
        yield from self._content(delta.get("content"))
        refusal = delta.get("refusal")
        if isinstance(refusal, str) and refusal:
            self._refused = True
            yield from self._ensure(_REFUSAL)
            yield TextDelta(self._at, refusal, self._choice)
        if self._open == _TEXT:
            for annotation in _objects(delta.get("annotations")):
                self._hold(len(encode(annotation)))
                citation = read_citation(Fields(annotation, lenient=True))
                yield CitationDelta(self._at, citation, self._choice)
        for position, call in enumerate(_objects(delta.get("tool_calls"))):
            yield from self._call(call, position)
        old = delta.get("function_call")
        if isinstance(old, dict):
            yield from self._call({"index": 0, "function": old}, 0)

    def _reasoning(self, delta: dict[str, Any]) -> Iterator[Event]:
        details = _objects(delta.get(DETAILS))
        if details:
            self._hold(len(encode(details)))
            self._details += details
            if not self._next:
                yield from self._ensure(_THINKING)
        words = next((w for name in WORDS if isinstance(w := delta.get(name), str) and w), "")
        if words:
            yield from self._ensure(_THINKING)
            yield ThinkingDelta(self._at, words, self._choice)
        yield from self._signed(_objects(delta.get("thinking_blocks")))

    def _signed(self, entries: list[dict[str, Any]]) -> Iterator[Event]:
        """Anthropic's blocks, whose words have been read: their signatures, and redacted ones."""
        for entry in entries:
            block = read_thinking(Fields(entry, lenient=True), Ledger())
            if block.redacted and block.token is not None:
                yield from self._stop_open()
                yield BlockStarted(self._next, evolve(block, field=""), self._choice)
                yield BlockStopped(self._next, self._choice)
                self._next += 1
            elif block.token is not None:
                yield from self._ensure(_THINKING)
                yield TokenDelta(self._at, block.token, self._choice)
                yield BlockStopped(self._at, self._choice)
                self._open = None

    def _content(self, content: Any) -> Iterator[Event]:
        if isinstance(content, str):
            if content:
                yield from self._ensure(_TEXT)
                yield self._text_delta(content)
        elif isinstance(content, list):
            for block in content_blocks(content, self._origin):
                if isinstance(block, Thinking):
                    yield from self._ensure(_THINKING)
                    yield ThinkingDelta(self._at, block.text, self._choice)
                elif isinstance(block, Text):
                    yield from self._ensure(_TEXT)
                    yield self._text_delta(block.text)

    def _text_delta(self, text: str) -> TextDelta:
        logprobs, self._logprobs = self._logprobs, None
        return TextDelta(self._at, text, self._choice, logprobs)

    def _ensure(self, kind: str) -> Iterator[Event]:
        """Have a block of a kind open; what is open of another kind stops."""
        if self._open == kind:
            return
        yield from self._stop_open()
        self._open, self._at = kind, self._next
        self._next += 1
        yield BlockStarted(self._at, _BLOCKS[kind], self._choice)

    def _stop_open(self) -> Iterator[Event]:
        if self._open is None:
            return
        if self._open == _THINKING:
            token = details_token(self._details, self._origin) if self._origin else None
            token = token or own_token(self._origin)
            self._details = []
            if token is not None:
                yield TokenDelta(self._at, token, self._choice)
        yield BlockStopped(self._at, self._choice)
        self._open = None

    def _call(self, entry: dict[str, Any], position: int) -> Iterator[Event]:
        call = self._known(entry, position)
        inner = entry.get("function")
        if isinstance(entry.get("custom"), dict):
            inner, call.kind = entry["custom"], "custom"
        if not isinstance(inner, dict):
            inner = {}
        if isinstance(entry.get(SIGNATURE), dict):
            call.signature = entry[SIGNATURE]
        name = inner.get("name")
        if not call.name and isinstance(name, str):
            call.name = name
        text = _arguments(inner.get("input" if call.kind == "custom" else "arguments"))
        if call.index < 0:
            if text:
                self._hold(len(text) + _PIECE)
                call.held.append(text)
            if call.name:
                yield from self._begin(call)
        elif text:
            yield ArgumentsDelta(call.index, text, self._choice)

    def _known(self, entry: dict[str, Any], position: int) -> _Call:
        """The call that a piece belongs to, which can be a new one."""
        key, given = entry.get("index"), entry.get("id")
        call_id = given if isinstance(given, str) else ""
        if not isinstance(key, int) or isinstance(key, bool):
            same = [call for call in self._calls if call_id and call.id == call_id]
            if same:
                return same[0]
            key = len(self._calls) if call_id else position
        call = self._by_key.get(key)
        if call is None or (call_id and call.id and call_id != call.id):
            # Some number all their calls 0, each with an id of its own.
            if len(self._calls) == MOST_CALLS:
                raise TooMuch(f"more than {MOST_CALLS} calls")
            call = self._by_key[key] = _Call()
            self._calls.append(call)
        call.id = call.id or call_id
        return call

    def _hold(self, size: int) -> None:
        self._held += size
        if self._held > LONGEST_HELD:
            raise TooMuch("too much that is not told")

    def _begin(self, call: _Call) -> Iterator[Event]:
        yield from self._stop_open()
        call.index = self._next
        self._next += 1
        call.id = call.id or made_id(self._source, self._calls.index(call))
        token, call.signature = signature_token(call.signature, self._origin), None
        block = ToolCall(id=call.id, name=call.name, kind=call.kind, token=token)
        yield BlockStarted(call.index, block, self._choice)
        if call.held:
            yield ArgumentsDelta(call.index, "".join(call.held), self._choice)
            call.held = []

    def _sign(self, call: _Call) -> Iterator[Event]:
        """What the provider wants back with a call, where it came after its start."""
        token, call.signature = signature_token(call.signature, self._origin), None
        if token is not None:
            yield TokenDelta(call.index, token, self._choice)

    def end(self) -> Iterator[Event]:
        """Nothing more comes: stop what is open, and say why."""
        if self._details and self._open != _THINKING:
            yield from self._ensure(_THINKING)
        yield from self._stop_open()
        begun = [call for call in self._calls if call.index >= 0]
        for call in begun:
            yield from self._sign(call)
            yield BlockStopped(call.index, self._choice)
        finish = read_finish(self._finish, self._stops, calls=bool(begun), refusal=self._refused)
        yield Finished(finish, self._choice)


def _objects(value: Any) -> list[dict[str, Any]]:
    """The objects of what should be a list of them."""
    return [item for item in _listed(value) if isinstance(item, dict)]


def _arguments(value: Any) -> str:
    if isinstance(value, str):
        return value
    return encode(value).decode() if isinstance(value, dict) else ""


def _joined_logprobs(
    before: Mapping[str, Any] | None, more: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Probabilities of tokens that no words came with go along with the next words."""
    if before is None:
        return more
    return {
        name: [item for odds in (before, more) for item in _listed(odds.get(name))] or None
        for name in ("content", "refusal")
    }


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
