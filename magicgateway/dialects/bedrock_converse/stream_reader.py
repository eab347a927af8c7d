"""Streamed answers of ConverseStream, event by event.

See: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html; the
service model of botocore 1.44.5, 2026-11.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from attrs import define, evolve, field

from magicgateway.conversation.blocks import (
    CONVERSE,
    Block,
    Hosted,
    Image,
    Inline,
    Text,
    Thinking,
    Token,
    ToolCall,
)
from magicgateway.conversation.events import (
    ArgumentsDelta,
    BlockStarted,
    BlockStopped,
    CitationDelta,
    Ended,
    Event,
    Failed,
    Finished,
    Started,
    TextDelta,
    ThinkingDelta,
    TokenDelta,
    UsageCounted,
)
from magicgateway.conversation.ledger import Fields
from magicgateway.conversation.reply import Failure
from magicgateway.dialects.bedrock_converse.citations import read_citation
from magicgateway.dialects.bedrock_converse.content_reader import OWN_CALL, redacted_token
from magicgateway.dialects.bedrock_converse.extras import rest_of
from magicgateway.dialects.bedrock_converse.failures import stream_failure
from magicgateway.dialects.bedrock_converse.frames import ERROR, EXCEPTION
from magicgateway.dialects.bedrock_converse.media import type_of
from magicgateway.dialects.bedrock_converse.reply_reader import (
    read_finish,
    read_usage,
    unusable,
)
from magicgateway.dialects.bedrock_converse.stream_values import (
    Broken,
    place_of,
    read_words,
    rest_without,
    text_of,
    value_of,
)
from magicgateway.dialects.grammar import Sent
from magicgateway.wire.jsontext import REFUSALS, BadJson, decode, encode

_ENDS = ("exception", "error")
_LONGEST_HELD = 16 * 1024 * 1024
"""Characters of blocks that have no deltas, before the answer is given up."""
_MOST_OPEN = 1024
"""Blocks that have begun and not stopped; there are seldom more than a few."""
_MOST_BLOCKS = 65536
_BEFORE, _STARTED, _FINISHED, _ENDED = "before", "started", "finished", "ended"
_DELTA = "contentBlockDelta"
_WHOLE = ("redacted", "hosted", "image")
_PIECES = {"toolResult": "hosted", "image": "image"}
"""Deltas that are kept, and the kind of block that is made of them."""


@define
class _Open:
    """A block that has begun on the wire.

    Attributes:
        kind: ``text``, ``thinking``, ``call``, or one that is held until it is whole:
            ``redacted``, ``hosted``, ``image``.
        index: The hub's; of those that are held it means nothing.
        start: What the start said of one that is held.
        held: Its deltas, or the signature of reasoning.
        said: It had a delta that was passed on.
        begun_at: Characters of text before it.
    """

    kind: str
    index: int = -1
    start: dict[str, Any] = field(factory=dict)
    held: list[Any] = field(factory=list)
    said: bool = False
    begun_at: int = 0


def open_reader(sent: Sent) -> ConverseStreamReader:
    """A reader of one streamed answer."""
    return ConverseStreamReader(sent.origin or CONVERSE)


class ConverseStreamReader:
    """Reads one stream. State: its open blocks, and how far it is.

    Args:
        origin: Whose tokens the reasoning has.
    """

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._out: list[Event] = []
        self._open: dict[int, _Open] = {}
        self._next = 0
        self._state = _BEFORE
        self._calls = self._words = False
        self._length = 0
        self._held = 0

    def feed(self, name: str, data: bytes) -> Iterable[Event]:
        """The hub events of one event of the wire.

        Args:
            name: As ``frames.named`` tells it: an event's type, or ``exception:`` or ``error:``
                and what that is called. A bare name that ends like one is an exception's too.
            data: JSON text.
        """
        if name == _DELTA and self._state == _STARTED:
            events = self._more_words(data)
            if events is not None:
                return events
        self._out = []
        if self._state == _ENDED:
            return self._out
        try:
            self._event(name, data)
        except Broken as broken:
            message = f"The provider's stream is broken: {broken}."
            self._fail(Failure(status=502, kind="server", message=message))
        return self._out

    def _more_words(self, data: bytes) -> Iterable[Event] | None:
        """The most frequent event, read fast: more of an open text; None for any other."""
        try:
            value = read_words(data)
        except REFUSALS:
            return None
        opened, words = self._open.get(value.contentBlockIndex), value.delta.text
        if opened is None or opened.kind != "text" or not words:
            return None
        self._length += len(words)
        return (TextDelta(opened.index, words),)

    def close(self) -> Iterable[Event]:
        """``Ended``, where nothing was missing but what the answer cost."""
        if self._state != _FINISHED:
            return ()
        self._state = _ENDED
        return (Ended(),)

    def _fail(self, failure: Failure) -> None:
        self._state = _ENDED
        self._out.append(Failed(failure))

    def _event(self, name: str, data: bytes) -> None:
        bare = name.removeprefix(EXCEPTION).removeprefix(ERROR)
        if bare != name or name.lower().endswith(_ENDS):
            try:
                value = value_of(data)
            except Broken:
                value = {}
            self._fail(stream_failure(bare, value))
            return
        read = self._READERS.get(name)
        if read is None:
            return
        value = value_of(data)
        value.pop("p", None)
        if self._state == _BEFORE and name != "messageStart":
            self._start_message({})
        if self._state == _FINISHED and name != "metadata":
            raise Broken(f"{name} after the end")
        read(self, value)
        if len(self._open) > _MOST_OPEN or self._next > _MOST_BLOCKS:
            raise Broken("it has too many blocks")

    def _start_message(self, value: dict[str, Any]) -> None:
        if self._state != _BEFORE:
            raise Broken("it begins twice")
        self._state = _STARTED
        self._out.append(Started(extras=rest_without(value, "role")))

    def _start(self, value: dict[str, Any]) -> None:
        place = place_of(value)
        self._close(place)
        start = value.get("start")
        start = start if isinstance(start, dict) else {}
        call, result, image = (start.get(kind) for kind in ("toolUse", "toolResult", "image"))
        if isinstance(call, dict) and call.get("type") in (None, OWN_CALL):
            call_id, name = text_of(call, "toolUseId"), text_of(call, "name")
            extras = rest_without(call, "name", "toolUseId", "type")
            self._begin(place, "call", ToolCall(id=call_id, name=name, extras=extras))
            self._calls = True
        elif isinstance(call, dict):
            self._wait(place, _Open("hosted", start={"toolUse": call}))
        elif isinstance(result, dict):
            self._wait(place, _Open("hosted", start={"toolResult": result}))
        elif isinstance(image, dict):
            self._wait(place, _Open("image", start=image))

    def _wait(self, place: int, opened: _Open) -> None:
        """A block begins that is told when it is whole."""
        self._open[place] = opened
        self._count(len(encode(opened.start)))

    def _begin(self, place: int, kind: str, block: Block) -> _Open:
        opened = self._open[place] = _Open(kind, self._next, begun_at=self._length)
        self._next += 1
        self._out.append(BlockStarted(opened.index, block))
        return opened

    def _opened(self, place: int, kind: str, block: Block) -> _Open:
        """The block that a delta belongs to, which begins if nothing has said so."""
        opened = self._open.get(place)
        if opened is not None and opened.kind == kind:
            return opened
        self._close(place)
        return self._begin(place, kind, block)

    def _delta(self, value: dict[str, Any]) -> None:
        place, delta = place_of(value), value.get("delta")
        if not isinstance(delta, dict):
            raise Broken("a delta is no object")
        for kind, content in delta.items():
            if kind == "text":
                self._text(place, text_of(delta, "text"))
            elif kind == "toolUse":
                self._arguments(place, text_of(content, "input"))
            elif kind == "reasoningContent":
                self._thought(place, content)
            elif kind == "citation":
                self._citation(place, content)
            elif kind in _PIECES:
                opened = self._open.get(place)
                if opened is not None and opened.kind != _PIECES[kind]:
                    raise Broken("a piece belongs to no such block")
                self._hold(place, content)

    def _text(self, place: int, words: str) -> None:
        if not words:
            return
        opened = self._opened(place, "text", Text(text=""))
        self._length += len(words)
        self._words = True
        self._out.append(TextDelta(opened.index, words))

    def _arguments(self, place: int, words: str) -> None:
        opened = self._open.get(place)
        if opened is None or opened.kind not in ("call", "hosted"):
            raise Broken("arguments belong to no call")
        if opened.kind == "hosted":
            self._hold(place, words)
        elif words:
            opened.said = True
            self._out.append(ArgumentsDelta(opened.index, words))

    def _thought(self, place: int, content: Any) -> None:
        if not isinstance(content, dict):
            raise Broken("reasoning is no object")
        if "redactedContent" in content:
            data = text_of(content, "redactedContent")
            opened = self._open.get(place)
            if opened is None or opened.kind != "redacted":
                self._close(place)
                self._open[place] = _Open("redacted")
            self._hold(place, data)
            return
        words = text_of(content, "text") if "text" in content else ""
        signature = text_of(content, "signature") if "signature" in content else ""
        if words or signature:
            opened = self._opened(place, "thinking", Thinking())
            if words:
                self._out.append(ThinkingDelta(opened.index, words))
            if signature:
                self._hold(place, signature)

    def _citation(self, place: int, content: Any) -> None:
        if not isinstance(content, dict):
            raise Broken("a citation is no object")
        self._count(len(encode(content)))
        opened = self._opened(place, "text", Text(text=""))
        citation = evolve(read_citation(content), start=opened.begun_at, end=self._length)
        self._out.append(CitationDelta(opened.index, citation))

    def _hold(self, place: int, content: Any) -> None:
        """Keep a piece of what can only be told when it is whole."""
        opened = self._open.get(place)
        if opened is None:
            return
        self._count(len(content) if isinstance(content, str) else len(encode(content)))
        opened.held.append(content)

    def _count(self, size: int) -> None:
        self._held += size
        if self._held > _LONGEST_HELD:
            raise Broken("a block is too long")

    def _stop(self, value: dict[str, Any]) -> None:
        place = place_of(value)
        opened = self._open.get(place)
        if opened is not None and opened.kind == "call" and not opened.said:
            self._out.append(ArgumentsDelta(opened.index, "{}"))
        self._close(place)

    def _close(self, place: int) -> None:
        opened = self._open.pop(place, None)
        if opened is None:
            return
        if opened.kind not in _WHOLE:
            if opened.held or (opened.kind == "thinking" and self._origin):
                token = Token(self._origin, "".join(opened.held))
                self._out.append(TokenDelta(opened.index, token))
            self._out.append(BlockStopped(opened.index))
            return
        block = _whole(opened, self._origin)
        if block is not None:
            index, self._next = self._next, self._next + 1
            self._out += (BlockStarted(index, block), BlockStopped(index))

    def _stop_message(self, value: dict[str, Any]) -> None:
        for place in tuple(self._open):
            self._close(place)
        fields = Fields(value, lenient=True)
        finish, more = read_finish(fields, calls=self._calls)
        if unusable(finish, usable=self._calls or self._words):
            raise Broken("the answer is malformed, as the provider says itself")
        self._state = _FINISHED
        usage = read_usage(None, more)
        if usage.reasoning is not None:
            self._out.append(UsageCounted(usage))
        self._out.append(Finished(finish))

    def _metadata(self, value: dict[str, Any]) -> None:
        fields = Fields(value, lenient=True)
        usage = fields.object("usage")
        if usage is not None:
            self._out.append(UsageCounted(read_usage(usage)))
        fields.take("metrics")
        tier = fields.fields("serviceTier")
        name = None if tier is None else tier.text("type")
        if self._state == _FINISHED:
            self._state = _ENDED
            self._out.append(Ended(name, rest_of(fields, {"serviceTier": tier})))

    # Not bound to one stream, which would then hold itself until the collector comes.
    _READERS: ClassVar[Mapping[str, Callable[[ConverseStreamReader, dict[str, Any]], None]]] = {
        "messageStart": _start_message,
        "contentBlockStart": _start,
        _DELTA: _delta,
        "contentBlockStop": _stop,
        "messageStop": _stop_message,
        "metadata": _metadata,
    }


def _whole(opened: _Open, origin: str) -> Block | None:
    """A block that came without deltas of the hub's; None where nothing of it came."""
    if opened.kind == "redacted":
        token = redacted_token(origin, "".join(opened.held))
        return Thinking(redacted=True, token=token)
    if opened.kind == "image":
        return _image(opened)
    kind, start = next(iter(opened.start.items()))
    name = "input" if kind == "toolUse" else "content"
    pieces = [piece for piece in opened.held if isinstance(piece, str)]
    listed = [inner for piece in opened.held if isinstance(piece, list) for inner in piece]
    content: Any = _input("".join(pieces)) if kind == "toolUse" else listed
    return Hosted(family=CONVERSE, kind=kind, raw={kind: {**start, name: content}})


def _input(text: str) -> Any:
    try:
        return decode(text.encode()) if text else {}
    except (BadJson, UnicodeEncodeError):
        return text


def _image(opened: _Open) -> Image | None:
    data = ""
    for piece in opened.held:
        source = piece.get("source") if isinstance(piece, dict) else None
        more = source.get("bytes") if isinstance(source, dict) else None
        data += more if isinstance(more, str) else ""
    form = opened.start.get("format")
    if not data or not isinstance(form, str):
        return None
    return Image(source=Inline(type_of("image", form), data))
