"""Content blocks as Converse's bodies hold them, of callers and of models.

A block is an object with one key, which is its kind. A cache point is a block of its own there and
a mark on the block before it here.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from attrs import evolve

from magicgateway.conversation.blocks import (
    ANTHROPIC,
    CONVERSE,
    Audio,
    Block,
    CacheMark,
    Document,
    Foreign,
    Hosted,
    Image,
    Media,
    Plain,
    SearchResult,
    Text,
    Thinking,
    Token,
    ToolCall,
    ToolResult,
    Video,
)
from magicgateway.conversation.ledger import Fields, Ledger, invalid
from magicgateway.conversation.reasons import Reason
from magicgateway.conversation.sealed import is_sealed, unseal
from magicgateway.dialects.bedrock_converse.citations import read_citations
from magicgateway.dialects.bedrock_converse.extras import FAMILY, rest_of
from magicgateway.dialects.bedrock_converse.media import read_source, type_of
from magicgateway.wire.jsontext import encode

NO_SOURCE = Plain("")
"""Stands for the source of a document that is made of blocks."""
GUARD = "guardContent"
"""Among a text's or a picture's extras: guardrails look at it."""
OWN_CALL = "tool_use"
"""What some models say in ``type`` of a call that is the caller's to run."""
Inner = dict[str, Fields | None]


class ContentReader:
    """Reads the blocks of one body. It has no state of its own.

    Args:
        origin: Whose tokens the reasoning in it has.
        ledger: Told of reasoning that cannot be read; None for what a model said.
    """

    def __init__(self, origin: str, ledger: Ledger | None = None) -> None:
        self._origin = origin
        self._ledger = ledger

    def content(self, body: Fields, name: str = "content") -> tuple[tuple[Block, ...], bool]:
        """The blocks of an object's array, and whether it was one string instead."""
        if isinstance(body.peek(name), str):
            return (Text(text=body.take(name), field=body.at(name)),), True
        read: list[Block] = []
        length = 0
        for entry in body.each(name):
            raw = entry.peek("cachePoint")
            if isinstance(raw, dict) and _marks(read, raw):
                continue
            block = self.block(entry, length)
            length += len(block.text) if isinstance(block, Text) else 0
            read.append(block)
        return tuple(read), False

    def block(self, entry: Fields, start: int = 0) -> Block:
        """One block; what is of no known kind is kept as it is.

        Args:
            entry: The object.
            start: Characters of text before it, by which citations are placed.
        """
        if isinstance(entry.peek("text"), str):
            return Text(text=entry.needed("text"), field=entry.place, extras=rest_of(entry))
        if "json" in entry:
            words = encode(entry.take("json")).decode()
            return Text(text=words, field=entry.place, extras=rest_of(entry))
        for kind, read in _KINDS.items():
            value = entry.peek(kind)
            if isinstance(value, dict):
                inner = Fields(value, entry.at(kind), lenient=self._ledger is None)
                block = read(self, entry, inner)
                if block is not None:
                    return self._placed(block, start)
        raw = dict(entry.rest(FAMILY).fields)
        kind = next(iter(raw), "")
        if not kind and self._ledger is not None:
            raise invalid(entry.place, "must be a block of content")
        return Foreign(family=CONVERSE, kind=kind, raw=raw, field=entry.place)

    def _placed(self, block: Block, start: int) -> Block:
        if not isinstance(block, Text) or not block.citations:
            return block
        end = start + len(block.text)
        placed = tuple(evolve(cited, start=start, end=end) for cited in block.citations)
        return evolve(block, citations=placed)

    def _image(self, entry: Fields, inner: Fields) -> Block | None:
        found = self._media("image", inner)
        if found is None:
            return None
        media, _, nested = found
        entry.take("image")
        extras = _rest(entry, "image", inner, nested)
        return Image(source=media, field=entry.place, extras=extras)

    def _video(self, entry: Fields, inner: Fields) -> Block | None:
        found = self._media("video", inner)
        if found is None:
            return None
        media, _, nested = found
        entry.take("video")
        extras = _rest(entry, "video", inner, nested)
        return Video(source=media, field=entry.place, extras=extras)

    def _audio(self, entry: Fields, inner: Fields) -> Block | None:
        found = self._media("audio", inner)
        if found is None:
            return None
        media, form, nested = found
        entry.take("audio")
        extras = _rest(entry, "audio", inner, nested)
        return Audio(source=media, form=form, field=entry.place, extras=extras)

    def _media(self, kind: str, inner: Fields) -> tuple[Media, str, Inner] | None:
        source = inner.fields("source")
        form = inner.needed("format")
        if source is None:
            if self._ledger is not None:
                raise invalid(inner.at("source"), "is required")
            return None
        media, nested = read_source(source, type_of(kind, form))
        if media is None or isinstance(media, Plain):
            if self._ledger is not None:
                raise invalid(source.place, "must be bytes or s3Location")
            return None
        return media, form, {"source": source, **_below("source", nested)}

    def _document(self, entry: Fields, inner: Fields) -> Block | None:
        source = inner.fields("source")
        if source is None:
            return None
        form = inner.text("format") or ""
        media, nested = read_source(source, type_of("document", form))
        content: tuple[Block, ...] = ()
        if media is None and "content" in source:
            content, _ = self.content(source)
            media = NO_SOURCE
        if media is None:
            return None
        entry.take("document")
        cited = inner.fields("citations")
        about: Inner = {"source": source, **_below("source", nested), "citations": cited}
        return Document(
            source=media,
            content=content,
            name=inner.text("name"),
            context=inner.text("context"),
            cited=None if cited is None else cited.flag("enabled"),
            field=entry.place,
            extras=_rest(entry, "document", inner, about),
        )

    def _call(self, entry: Fields, inner: Fields) -> Block | None:
        if inner.peek("type") == OWN_CALL:
            inner.take("type")
        if "type" in inner:
            return self._hosted("toolUse", entry)
        arguments = inner.take("input")
        if self._ledger is not None and not isinstance(arguments, dict | None):
            raise invalid(inner.at("input"), "must be an object")
        entry.take("toolUse")
        return ToolCall(
            id=inner.needed("toolUseId"),
            name=inner.needed("name"),
            arguments=encode({} if arguments is None else arguments).decode(),
            field=entry.place,
            extras=_rest(entry, "toolUse", inner),
        )

    def _result(self, entry: Fields, inner: Fields) -> Block | None:
        if "type" in inner or self._ledger is None:
            return self._hosted("toolResult", entry)
        entry.take("toolResult")
        content, _ = self.content(inner)
        status = inner.peek("status")
        if status in ("error", "success"):
            inner.take("status")
        return ToolResult(
            call_id=inner.needed("toolUseId"),
            content=content,
            is_error={"error": True, "success": False}.get(status),
            field=entry.place,
            extras=_rest(entry, "toolResult", inner),
        )

    def _hosted(self, kind: str, entry: Fields) -> Block:
        """A step of a tool that the service runs itself."""
        raw = {kind: entry.take(kind)}
        text = _words(raw[kind].get("content"))
        extras = rest_of(entry)
        return Hosted(
            family=CONVERSE, kind=kind, raw=raw, text=text, field=entry.place, extras=extras
        )

    def _reasoning(self, entry: Fields, inner: Fields) -> Block | None:
        words = inner.fields("reasoningText")
        if words is not None:
            entry.take("reasoningContent")
            text, signature = words.text("text") or "", words.text("signature") or ""
            # Of an answer it is known whose reasoning it is, signed or not.
            known = bool(signature or (self._ledger is None and self._origin))
            token = Token(self._origin, signature) if known else None
            shown = Thinking(parts=(text,) if text else (), token=token)
            block = self._unsealed(shown, signature, words.at("signature"))
            extras = _rest(entry, "reasoningContent", inner, {"reasoningText": words})
            return evolve(block, field=entry.place, extras=extras)
        data = inner.text("redactedContent")
        if data is None:
            return None
        entry.take("reasoningContent")
        block = self._unsealed(
            Thinking(redacted=True, token=redacted_token(self._origin, data)),
            data,
            inner.at("redactedContent"),
        )
        extras = _rest(entry, "reasoningContent", inner)
        return evolve(block, field=entry.place, extras=extras)

    def _unsealed(self, shown: Thinking, data: str, place: str) -> Thinking:
        """Reasoning as its maker gave it, if what came back is a string of the gateway's."""
        if self._ledger is None or not is_sealed(data):
            return shown
        sealed = unseal(data)
        if sealed is None:
            self._ledger.drop(place, Reason.UNREADABLE)
            return evolve(shown, token=None)
        return evolve(sealed, parts=sealed.parts or shown.parts)

    def _cited(self, entry: Fields, inner: Fields) -> Block | None:
        texts = list(inner.each("content"))
        words = "".join(text.text("text") or "" for text in texts)
        entry.take("citationsContent")
        citations = read_citations(inner.take("citations"))
        nested: Inner = {f"content.{index}": text for index, text in enumerate(texts)}
        return Text(
            text=words,
            citations=citations,
            field=entry.place,
            extras=_rest(entry, "citationsContent", inner, nested),
        )

    def _search_result(self, entry: Fields, inner: Fields) -> Block | None:
        entry.take("searchResult")
        cited = inner.fields("citations")
        content, _ = self.content(inner)
        return SearchResult(
            source=inner.needed("source"),
            title=inner.needed("title"),
            content=content,
            cited=None if cited is None else cited.flag("enabled"),
            field=entry.place,
            extras=_rest(entry, "searchResult", inner, {"citations": cited}),
        )

    def _guarded(self, entry: Fields, inner: Fields) -> Block | None:
        """Words or a picture that guardrails are to look at, which others at least get."""
        words = inner.fields("text")
        block: Block | None = None
        if words is not None and isinstance(words.peek("text"), str):
            block = Text(text=words.needed("text"), field=entry.place)
            inside = dict(words.rest(FAMILY).fields)
        elif isinstance(picture := inner.peek("image"), dict):
            fields = Fields(picture, inner.at("image"), lenient=True)
            found = self._media("image", fields)
            if found is not None:
                block = Image(source=found[0], field=entry.place)
                inside = {}
        if block is None:
            return None
        entry.take(GUARD)
        extras = rest_of(Fields({GUARD: inside, **entry.rest(FAMILY).fields}, entry.place))
        return evolve(block, extras=extras)


# Here and not on each reader: bound to it, they would keep it alive until the collector comes.
_KINDS: Mapping[str, Callable[[ContentReader, Fields, Fields], Block | None]] = {
    "image": ContentReader._image,  # noqa: SLF001 - its own table
    "document": ContentReader._document,  # noqa: SLF001
    "video": ContentReader._video,  # noqa: SLF001
    "audio": ContentReader._audio,  # noqa: SLF001
    "toolUse": ContentReader._call,  # noqa: SLF001
    "toolResult": ContentReader._result,  # noqa: SLF001
    "reasoningContent": ContentReader._reasoning,  # noqa: SLF001
    "citationsContent": ContentReader._cited,  # noqa: SLF001
    "searchResult": ContentReader._search_result,  # noqa: SLF001
    GUARD: ContentReader._guarded,  # noqa: SLF001
}
"""Blocks by their kind."""


def redacted_token(origin: str, data: str) -> Token:
    """What ``redactedContent`` holds: for one family, base64 of its own base64 text."""
    if origin != ANTHROPIC:
        return Token(origin, data)
    try:
        return Token(ANTHROPIC, base64.b64decode(data, validate=True).decode("ascii"))
    except (binascii.Error, ValueError):
        return Token(CONVERSE, data)


def redacted_content(token: Token) -> str:
    """The way back of ``redacted_token``."""
    if token.origin != ANTHROPIC:
        return token.data
    return base64.b64encode(token.data.encode("utf-8", "replace")).decode()


def _rest(entry: Fields, name: str, inner: Fields, nested: Inner | None = None) -> Any:
    return rest_of(entry, {name: inner, **_below(name, nested or {})})


def _below(name: str, nested: Inner) -> Inner:
    return {f"{name}.{inner}": fields for inner, fields in nested.items()}


def _marks(read: list[Block], raw: Mapping[str, Any]) -> bool:
    """Put a cache point on the block before it; whether that is all it says."""
    ttl = raw.get("ttl")
    plain = raw.get("type") == "default" and not raw.keys() - {"type", "ttl"}
    if not plain or not isinstance(ttl, str | None) or not read or read[-1].cache is not None:
        return False
    if isinstance(read[-1], Thinking | Foreign):
        return False
    read[-1] = evolve(read[-1], cache=CacheMark(ttl))
    return True


def _words(content: Any) -> str:
    """All texts of a hosted tool's result."""
    blocks: Iterable[Any] = content if isinstance(content, list) else ()
    texts = (block.get("text") for block in blocks if isinstance(block, dict))
    return "\n".join(text for text in texts if isinstance(text, str))
