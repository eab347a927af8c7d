"""The items of an answer while they grow, and the events that say so."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import define, evolve, field, frozen

from magicgateway.conversation.blocks import (
    OPENAI,
    Citation,
    Thinking,
    Token,
)
from magicgateway.conversation.sealed import seal
from magicgateway.dialects.openai_responses.client_run import TOOL_SEARCH, ClientRun, action_of
from magicgateway.dialects.openai_responses.extras import ITEMS

Item = dict[str, Any]


@frozen
class Place:
    """Where an item stands: what all events about it say."""

    id: str
    index: int

    def event(self, kind: str, /, **fields: Any) -> Item:
        """An event about the item's inside."""
        return {
            "type": f"response.{kind}",
            "item_id": self.id,
            "output_index": self.index,
            **fields,
        }

    def added(self, item: Item) -> Item:
        """The item begins."""
        return {"type": "response.output_item.added", "output_index": self.index, "item": item}

    def done(self, item: Item) -> Item:
        """The item is complete."""
        return {"type": "response.output_item.done", "output_index": self.index, "item": item}


class OpenItem(ABC):
    """An item that is not done."""

    place: Place

    @abstractmethod
    def begun(self) -> Item:
        """As it is when it begins."""

    @abstractmethod
    def stop(self) -> Iterator[Item]:
        """End the block in it that is open; nothing where none is."""

    def late(self) -> Iterator[Item]:
        """What has to come before it is done, and could not come earlier."""
        return iter(())

    @abstractmethod
    def whole(self, status: str) -> Item:
        """As it is when it is done."""


@define
class _Part:
    """One part of a message."""

    refusal: bool
    offset: int
    pieces: list[str] = field(factory=list)
    annotations: list[Item] = field(factory=list)
    logprobs: list[Any] = field(factory=list)
    cited: list[Citation] = field(factory=list)

    def content(self, text: str) -> Item:
        """The part with a text."""
        if self.refusal:
            return {"type": "refusal", "refusal": text}
        return {
            "type": "output_text",
            "text": text,
            "annotations": list(self.annotations),
            "logprobs": list(self.logprobs),
        }


@define
class OpenMessage(OpenItem):
    """A message. State: its parts, and the open one."""

    place: Place
    phase: str | None = None
    given_id: str | None = None
    _parts: list[Item] = field(factory=list)
    _part: _Part | None = None

    def takes(self, item_id: str | None, phase: str | None) -> bool:
        """Whether another part belongs to it."""
        return item_id == self.given_id and phase == self.phase

    def begun(self) -> Item:
        """As it is when it begins."""
        return self.whole("in_progress")

    def begin(self, *, refusal: bool, offset: int) -> Iterator[Item]:
        """Open a part.

        Args:
            refusal: It declines.
            offset: Characters of the answer before it.
        """
        self._part = _Part(refusal, offset)
        yield self._event("content_part.added", part=self._part.content(""))

    def _event(self, kind: str, /, **fields: Any) -> Item:
        return self.place.event(kind, content_index=len(self._parts), **fields)

    def say(self, text: str, logprobs: Mapping[str, Any] | None) -> Iterator[Item]:
        """More words."""
        part = self._part
        if part is None:
            return
        part.pieces.append(text)
        if part.refusal:
            yield self._event("refusal.delta", delta=text)
            return
        listed = logprobs.get("content") if logprobs else None
        known = listed if isinstance(listed, list) else []
        part.logprobs += known
        yield self._event("output_text.delta", delta=text, logprobs=known)

    def cite(self, citation: Citation) -> bool:
        """Add a citation of the open part; False where this API has no word for it."""
        if self._part is None or (citation.family != ITEMS and citation.url is None):
            return False
        self._part.cited.append(citation)
        return True

    def stop(self) -> Iterator[Item]:
        """Close the open part."""
        part = self._part
        if part is None:
            return
        text = "".join(part.pieces)
        for citation in part.cited:
            annotation = _annotation(citation, part.offset, len(text))
            number = len(part.annotations)
            part.annotations.append(annotation)
            yield self._event(
                "output_text.annotation.added", annotation_index=number, annotation=annotation
            )
        content = part.content(text)
        if part.refusal:
            yield self._event("refusal.done", refusal=text)
        else:
            yield self._event("output_text.done", text=text, logprobs=part.logprobs)
        yield self._event("content_part.done", part=content)
        self._parts.append(content)
        self._part = None

    def whole(self, status: str) -> Item:
        """As it is when it is done."""
        item: Item = {
            "id": self.place.id,
            "type": "message",
            "role": "assistant",
            "status": status,
            "content": list(self._parts),
        }
        return item if self.phase is None else {**item, "phase": self.phase}


def _annotation(citation: Citation, offset: int, length: int) -> Item:
    """A citation; where nothing says what it is about, it is about the whole part."""
    start = 0 if citation.start is None else max(citation.start - offset, 0)
    end = length if citation.end is None else max(citation.end - offset, 0)
    if citation.family == ITEMS and citation.kind != "url":
        return dict(citation.raw)
    return {
        "type": "url_citation",
        "url": citation.url or "",
        "title": citation.title or "",
        "start_index": start,
        "end_index": end,
    }


@define
class OpenReasoning(OpenItem):
    """Reasoning. State: its parts.

    Attributes:
        thinking: As it began.
        summary: Its words are shown as a summary, else as they are.
        encrypted: The caller wants what the next turn has to bring back.
        token: Of it, as soon as it is known.
    """

    place: Place
    thinking: Thinking
    summary: bool = field(kw_only=True)
    encrypted: bool = field(kw_only=True)
    token: Token | None = None
    _parts: list[list[str]] = field(factory=list)
    _number: int | None = None

    def begun(self) -> Item:
        """As it is when it begins."""
        return {"id": self.place.id, "type": "reasoning", "summary": [], "status": "in_progress"}

    def _event(self, kind: str, /, **fields: Any) -> Item:
        index = "summary_index" if self.summary else "content_index"
        return self.place.event(kind, **{index: len(self._parts) - 1}, **fields)

    def _shown(self, text: str) -> Item:
        return {"type": "summary_text" if self.summary else "reasoning_text", "text": text}

    def think(self, text: str, number: int) -> Iterator[Item]:
        """More words of a part; another number is another part."""
        stem = "reasoning_summary" if self.summary else "reasoning"
        if number != self._number:
            yield from self.stop()
            self._number = number
            self._parts.append([])
            kind = "reasoning_summary_part" if self.summary else "content_part"
            yield self._event(f"{kind}.added", part=self._shown(""))
        self._parts[-1].append(text)
        yield self._event(f"{stem}_text.delta", delta=text)

    def stop(self) -> Iterator[Item]:
        """Close the open part."""
        if self._number is None:
            return
        self._number = None
        text = "".join(self._parts[-1])
        stem = "reasoning_summary" if self.summary else "reasoning"
        yield self._event(f"{stem}_text.done", text=text)
        kind = "reasoning_summary_part" if self.summary else "content_part"
        yield self._event(f"{kind}.done", part=self._shown(text))

    def whole(self, status: str) -> Item:
        """As it is when it is done."""
        texts = tuple("".join(pieces) for pieces in self._parts)
        shown = [self._shown(text) for text in texts]
        item: Item = {
            "id": self.place.id,
            "type": "reasoning",
            "summary": shown if self.summary else [],
            "status": status,
        }
        if shown and not self.summary:
            item["content"] = shown
        sealed = self._sealed(texts) if self.encrypted else None
        if sealed is not None:
            item["encrypted_content"] = sealed
        return item

    def _sealed(self, texts: tuple[str, ...]) -> str | None:
        """What the next turn has to bring back; OpenAI's own stays as it is."""
        token = self.token or self.thinking.token
        if token is None:
            return None
        if token.origin == OPENAI and self.thinking.call_id is None:
            return token.data or None
        if not (token.data or texts):
            return None
        return seal(evolve(self.thinking, parts=texts, token=token))


@define
class OpenCall(OpenItem):
    """A call of a function or of a custom tool. State: its arguments."""

    place: Place
    call_id: str
    name: str
    namespace: str | None
    custom: bool = field(kw_only=True)
    _pieces: list[str] = field(factory=list)
    _stopped: bool = False

    def begun(self) -> Item:
        """As it is when it begins."""
        return self.whole("in_progress")

    def argue(self, text: str) -> Iterator[Item]:
        """More arguments."""
        self._pieces.append(text)
        kind = "custom_tool_call_input" if self.custom else "function_call_arguments"
        yield self.place.event(f"{kind}.delta", delta=text)

    def stop(self) -> Iterator[Item]:
        """No more arguments; a function's are at least an object."""
        if self._stopped:
            return
        self._stopped = True
        if not self.custom and not self._pieces:
            yield from self.argue("{}")
        text = "".join(self._pieces)
        if self.custom:
            yield self.place.event("custom_tool_call_input.done", input=text)
        else:
            yield self.place.event("function_call_arguments.done", name=self.name, arguments=text)

    def whole(self, status: str) -> Item:
        """As it is when it is done."""
        text = "".join(self._pieces)
        item: Item = {"id": self.place.id}
        if self.custom:
            item |= {"type": "custom_tool_call", "call_id": self.call_id, "name": self.name}
            item["input"] = text
        else:
            item |= {"type": "function_call", "call_id": self.call_id, "name": self.name}
            item |= {"arguments": text, "status": status}
        return item if self.namespace is None else {**item, "namespace": self.namespace}


@define
class OpenClientCall(OpenItem):
    """A call of a tool with an item type of its own, which is shown when it is known whole.

    Arguments that do not fit the tool make it a call of a function by the tool's name, so that the
    caller can tell the model.
    """

    place: Place
    tool: ClientRun
    call_id: str
    _pieces: list[str] = field(factory=list)

    def begun(self) -> Item:
        """As it is when it begins, which is when all is known of it."""
        return self.whole("in_progress")

    def argue(self, text: str) -> Iterator[Item]:
        """More arguments, of which nothing is told yet."""
        self._pieces.append(text)
        return iter(())

    def stop(self) -> Iterator[Item]:
        """Nothing: see ``late``."""
        return iter(())

    def late(self) -> Iterator[Item]:
        """The item begins just before it is done."""
        yield self.place.added(self.begun())
        if action_of(self.tool, self._text) is None:
            yield self.place.event("function_call_arguments.delta", delta=self._text)
            yield self.place.event(
                "function_call_arguments.done", name=self.tool.kind, arguments=self._text
            )

    @property
    def _text(self) -> str:
        return "".join(self._pieces)

    def whole(self, status: str) -> Item:
        """As it is when it is done."""
        action = action_of(self.tool, self._text)
        item: Item = {"id": self.place.id}
        if action is None:
            begun = status == "in_progress"
            item |= {"type": "function_call", "call_id": self.call_id, "name": self.tool.kind}
            item |= {"arguments": "" if begun else self._text, "status": status}
            return item
        item |= {"type": self.tool.call, "call_id": self.call_id, self.tool.action: action}
        if self.tool.kind == TOOL_SEARCH:
            item["execution"] = "client"
        item["status"] = status
        return item
