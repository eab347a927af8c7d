"""Content blocks as Messages callers send them.

See: https://docs.anthropic.com/en/api/messages; anthropic 2.13 (Python), 2026-11.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from attrs import evolve

from magicgateway.conversation.blocks import (
    ANTHROPIC,
    Block,
    Document,
    Foreign,
    Image,
    Inline,
    Media,
    Plain,
    Remote,
    SearchResult,
    Stored,
    Text,
    Thinking,
    Token,
    ToolCall,
    ToolResult,
)
from magicgateway.conversation.ledger import Fields, Ledger, invalid
from magicgateway.conversation.media import checked_base64
from magicgateway.conversation.reasons import Reason
from magicgateway.conversation.sealed import is_sealed, unseal
from magicgateway.dialects.anthropic_messages.citations import read_citation
from magicgateway.dialects.anthropic_messages.extras import rest_of, take_mark
from magicgateway.dialects.anthropic_messages.hosted import hosted, is_hosted
from magicgateway.wire.jsontext import encode

NO_SOURCE = Plain("")
"""Stands for the source of a document that is made of blocks."""


class BlockReader:
    """Reads the blocks of one request. It has no state of its own.

    Args:
        ledger: Told of reasoning that cannot be read.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def content(self, fields: Fields, name: str = "content") -> tuple[tuple[Block, ...], bool]:
        """The blocks of an object's ``content``, and whether it was one string."""
        value = fields.peek(name)
        if isinstance(value, str):
            return (Text(text=fields.take(name), field=fields.at(name)),), True
        if value is not None and not isinstance(value, list):
            raise invalid(fields.at(name), "must be a string or an array of blocks")
        return tuple(self.block(block) for block in fields.each(name)), False

    def block(self, fields: Fields) -> Block:
        """One block; what is of no known kind is kept as it is."""
        kind = fields.needed("type")
        read = self._KINDS.get(kind)
        if read is not None:
            return read(self, fields)
        cache, mark = take_mark(fields)
        raw = {"type": kind, **fields.rest(ANTHROPIC).fields}
        extras = rest_of(Fields({}, fields.place), cache_control=mark)
        if is_hosted(kind):
            return evolve(hosted(raw, fields.place), cache=cache, extras=extras)
        return Foreign(
            family=ANTHROPIC, kind=kind, raw=raw, field=fields.place, cache=cache, extras=extras
        )

    def _text(self, fields: Fields) -> Block:
        cache, mark = take_mark(fields)
        cited = fields.list("citations") or ()
        for index, raw in enumerate(cited):
            if not isinstance(raw, dict):
                raise invalid(f"{fields.at('citations')}[{index}]", "must be an object")
        return Text(
            text=fields.needed("text"),
            citations=tuple(map(read_citation, cited)),
            cache=cache,
            field=fields.place,
            extras=rest_of(fields, cache_control=mark),
        )

    def _image(self, fields: Fields) -> Block:
        cache, mark = take_mark(fields)
        source = _source_of(fields)
        media = self._media(source, source.needed("type"))
        if media is None:
            raise invalid(source.at("type"), "must be base64, url or file")
        return Image(
            source=media,
            cache=cache,
            field=fields.place,
            extras=rest_of(fields, cache_control=mark, source=source),
        )

    def _media(self, source: Fields, kind: str) -> Media | None:
        match kind:
            case "base64":
                media_type = source.needed("media_type")
                return Inline(media_type, checked_base64(source.needed("data"), source.at("data")))
            case "url":
                return Remote(source.needed("url"))
            case "file":
                return Stored(source.needed("file_id"), ANTHROPIC)
            case _:
                return None

    def _document(self, fields: Fields) -> Block:
        cache, mark = take_mark(fields)
        source = _source_of(fields)
        kind = source.needed("type")
        content: tuple[Block, ...] = ()
        media = self._media(source, kind)
        if kind == "text":
            media = Plain(source.needed("data"), source.text("media_type") or "text/plain")
        elif kind == "content":
            media = NO_SOURCE
            content, _ = self.content(source)
        if media is None:
            raise invalid(source.at("type"), "must be base64, text, content, url or file")
        cited = fields.fields("citations")
        return Document(
            source=media,
            content=content,
            name=fields.text("title"),
            context=fields.text("context"),
            cited=None if cited is None else cited.flag("enabled"),
            cache=cache,
            field=fields.place,
            extras=rest_of(fields, cache_control=mark, source=source, citations=cited),
        )

    def _search_result(self, fields: Fields) -> Block:
        cache, mark = take_mark(fields)
        cited = fields.fields("citations")
        content, _ = self.content(fields)
        return SearchResult(
            source=fields.needed("source"),
            title=fields.needed("title"),
            content=content,
            cited=None if cited is None else cited.flag("enabled"),
            cache=cache,
            field=fields.place,
            extras=rest_of(fields, cache_control=mark, citations=cited),
        )

    def _thinking(self, fields: Fields) -> Block:
        words, signature = fields.text("thinking") or "", fields.text("signature") or ""
        token = Token(ANTHROPIC, signature) if signature else None
        shown = Thinking(parts=(words,) if words else (), token=token)
        return self._unsealed(shown, signature, "signature", fields)

    def _redacted(self, fields: Fields) -> Block:
        data = fields.needed("data")
        shown = Thinking(redacted=True, token=Token(ANTHROPIC, data))
        return self._unsealed(shown, data, "data", fields)

    def _unsealed(self, shown: Thinking, data: str, name: str, fields: Fields) -> Block:
        """Reasoning as its maker gave it, where what came back with it is a sealed string."""
        place = fields.at(name)
        block = shown
        if is_sealed(data):
            sealed = unseal(data)
            if sealed is None:
                self._ledger.drop(place, Reason.UNREADABLE)
                block = evolve(shown, token=None)
            else:
                block = evolve(sealed, parts=sealed.parts or shown.parts)
        return evolve(block, field=fields.place, extras=rest_of(fields))

    def _tool_use(self, fields: Fields) -> Block:
        cache, mark = take_mark(fields)
        arguments = fields.object("input")
        return ToolCall(
            id=fields.needed("id"),
            name=fields.needed("name"),
            arguments=encode(arguments or {}).decode(),
            cache=cache,
            field=fields.place,
            extras=rest_of(fields, cache_control=mark),
        )

    def _tool_result(self, fields: Fields) -> Block:
        cache, mark = take_mark(fields)
        call_id = fields.needed("tool_use_id")
        content, _ = self.content(fields)
        return ToolResult(
            call_id=call_id,
            content=content,
            is_error=fields.flag("is_error"),
            cache=cache,
            field=fields.place,
            extras=rest_of(fields, cache_control=mark),
        )

    # Not bound to one reader, which would then hold itself until the collector comes.
    _KINDS: ClassVar[Mapping[str, Callable[[BlockReader, Fields], Block]]] = {
        "text": _text,
        "image": _image,
        "document": _document,
        "search_result": _search_result,
        "thinking": _thinking,
        "redacted_thinking": _redacted,
        "tool_use": _tool_use,
        "tool_result": _tool_result,
    }


def _source_of(fields: Fields) -> Fields:
    source = fields.fields("source")
    if source is None:
        raise invalid(fields.at("source"), "is required")
    return source
