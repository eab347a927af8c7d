"""Blocks as the content of Messages requests."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from magicgateway.conversation.arguments import arguments_object
from magicgateway.conversation.blocks import (
    ANTHROPIC,
    Block,
    CacheMark,
    Document,
    Foreign,
    Hosted,
    Image,
    Inline,
    Plain,
    Remote,
    SearchResult,
    Stored,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from magicgateway.conversation.capabilities import Capabilities
from magicgateway.conversation.ledger import Ledger, invalid, joined
from magicgateway.conversation.marks import MARK, anthropic_lifetime
from magicgateway.conversation.media import PDF, checked_image
from magicgateway.dialects.anthropic_messages.citations import write_citations
from magicgateway.dialects.anthropic_messages.extras import SAID, put_back

Json = dict[str, Any]


def text_block(text: str) -> Json:
    """A block that is text."""
    return {"type": "text", "text": text}


def mark_of(mark: CacheMark, field: str, ledger: Ledger) -> Json:
    """A cache mark; lifetimes that only others have become the long one."""
    ttl = anthropic_lifetime(mark, joined(field, MARK), ledger)
    return {"type": "ephemeral", **({} if ttl is None else {"ttl": ttl})}


class BlockWriter:
    """Writes blocks that fit. It has no state of its own.

    Args:
        capabilities: The target's.
        wrapped: Sent names of tools whose arguments go as ``{"input": …}``.
        ledger: Told of what does not arrive.
    """

    def __init__(
        self, capabilities: Capabilities, wrapped: Collection[str], ledger: Ledger
    ) -> None:
        self._capabilities = capabilities
        self._wrapped = wrapped
        self._ledger = ledger

    def blocks(self, blocks: Iterable[Block]) -> list[Json]:
        """The content of one message."""
        return list(map(self.block, blocks))

    def block(self, block: Block) -> Json:
        """One block.

        Raises:
            ApiError: 400: the model cannot be given it.
        """
        written = self._written(block)
        if block.cache is not None:
            written["cache_control"] = mark_of(block.cache, block.field, self._ledger)
        put_back(written, block.extras, self._ledger)
        return written

    def _written(self, block: Block) -> Json:
        match block:
            case Text():
                return self._text(block)
            case ToolCall():
                return {
                    "type": "tool_use",
                    "id": block.id,
                    "name": block.name,
                    "input": arguments_object(block, self._ledger, self._wrapped),
                }
            case ToolResult():
                return self._result(block)
            case Thinking():
                return _thinking(block)
            case Image():
                return self._image(block)
            case Document():
                return self._document(block)
            case SearchResult():
                return self._search_result(block)
            case Hosted() | Foreign():
                return dict(block.raw)
            case _:
                raise self._ledger.unsupported(block.field, SAID)

    def _text(self, block: Text) -> Json:
        written = text_block(block.text)
        citations = write_citations(block.citations, block.field, self._ledger)
        if citations:
            written["citations"] = citations
        return written

    def _result(self, block: ToolResult) -> Json:
        written: Json = {"type": "tool_result", "tool_use_id": block.call_id}
        if block.content:
            written["content"] = content_of(self.blocks(block.content))
        if block.is_error is not None:
            written["is_error"] = block.is_error
        return written

    def _image(self, block: Image) -> Json:
        if not self._capabilities.images:
            raise self._ledger.unsupported(block.field, SAID, "the model takes no images")
        if block.detail not in (None, "auto"):
            self._ledger.drop(joined(block.field, "detail"))
        if block.name is not None:
            self._ledger.drop(joined(block.field, "filename"))
        return {"type": "image", "source": self._picture(block.source, block.field)}

    def _picture(self, source: Inline | Remote | Stored | Plain, field: str) -> Json:
        match source:
            case Inline():
                image = checked_image(source, field, self._ledger)
                return {"type": "base64", "media_type": image.media_type, "data": image.data}
            case Remote(url) if self._capabilities.image_urls:
                return self._at_url(url, field)
            case Stored(id, origin) if origin == ANTHROPIC:
                return {"type": "file", "file_id": id}
            case Plain(_, media_type):
                raise invalid(field, f"is {media_type}, which is no image that can be sent")
            case _:
                raise self._ledger.unsupported(field, SAID, "images are taken as data")

    def _at_url(self, url: str, field: str) -> Json:
        if not url[:8].lower().startswith("https://"):
            raise invalid(field, "must be an https address or a data URL")
        return {"type": "url", "url": url}

    def _document(self, block: Document) -> Json:
        source = block.source
        if isinstance(source, Inline) and source.media_type.startswith("image/"):
            if block.name is not None:
                self._ledger.drop(joined(block.field, "filename"))
            return {"type": "image", "source": self._picture(source, block.field)}
        written: Json = {"type": "document", "source": self._file(block)}
        if block.name is not None:
            written["title"] = block.name
        if block.context is not None:
            written["context"] = block.context
        if block.cited is not None:
            written["citations"] = {"enabled": block.cited}
        return written

    def _file(self, block: Document) -> Json:
        if block.content:
            return {"type": "content", "content": self.blocks(block.content)}
        if not self._capabilities.documents:
            raise self._ledger.unsupported(block.field, SAID, "the model takes no documents")
        match block.source:
            case Plain(text):
                return {"type": "text", "media_type": "text/plain", "data": text}
            case Inline(media_type, data) if media_type == PDF:
                return {"type": "base64", "media_type": PDF, "data": data}
            case Remote(url) if self._capabilities.document_urls:
                return self._at_url(url, block.field)
            case Stored(id, origin) if origin == ANTHROPIC:
                return {"type": "file", "file_id": id}
            case Inline(media_type):
                remedy = f"of {media_type} it takes nothing, only PDF and text"
                raise self._ledger.unsupported(block.field, SAID, remedy)
            case _:
                raise self._ledger.unsupported(block.field, SAID, "documents are taken as data")

    def _search_result(self, block: SearchResult) -> Json:
        written: Json = {
            "type": "search_result",
            "source": block.source,
            "title": block.title,
            "content": self.blocks(block.content),
        }
        if block.cited is not None:
            written["citations"] = {"enabled": block.cited}
        return written


def _thinking(block: Thinking) -> Json:
    assert block.token is not None
    if block.redacted:
        return {"type": "redacted_thinking", "data": block.token.data}
    return {"type": "thinking", "thinking": block.text, "signature": block.token.data}


def content_of(blocks: list[Json]) -> str | list[Json]:
    """Content as a string where it is nothing but one text."""
    if len(blocks) == 1 and blocks[0].keys() == {"type", "text"}:
        text: str = blocks[0]["text"]
        return text
    return blocks
