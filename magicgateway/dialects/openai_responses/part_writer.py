"""Blocks as the parts of an ``input`` message or of a tool's output."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any

from attrs import frozen

from magicgateway.conversation.blocks import (
    OPENAI,
    Audio,
    Block,
    Document,
    Foreign,
    Hosted,
    Image,
    Inline,
    Media,
    Plain,
    Refusal,
    Remote,
    SearchResult,
    Stored,
    Text,
    Video,
)
from magicgateway.conversation.capabilities import Capabilities
from magicgateway.conversation.ledger import Ledger, joined
from magicgateway.conversation.marks import MARK, openai_lifetime
from magicgateway.conversation.media import FORMAT_OF_MEDIA_TYPE
from magicgateway.conversation.reasons import Reason
from magicgateway.dialects.openai_responses.extras import ITEMS, SAID, give_back

_BREAKPOINT = "prompt_cache_breakpoint"


@frozen
class PartWriter:
    """Writes parts for one model.

    Attributes:
        capabilities: What it takes.
        ledger: Is told of losses.
    """

    capabilities: Capabilities
    ledger: Ledger

    def parts(self, blocks: Iterable[Block]) -> list[dict[str, Any]]:
        """The parts of what a user, a developer or a tool says."""
        return [part for block in blocks for part in self._parts(block)]

    def _parts(self, block: Block) -> list[dict[str, Any]]:
        if isinstance(block, Document) and block.content:
            return self._document_of_blocks(block)
        part = self._part(block)
        if part is None:
            self.ledger.drop(block.field or type(block).__name__)
            self.ledger.carry(block.extras, OPENAI)
            self.unmarked(block)
            return []
        self._mark(part, block)
        give_back(part, block.extras, self.ledger)
        return [part]

    def _part(self, block: Block) -> dict[str, Any] | None:
        match block:
            case Text() | Refusal():
                return self.text(block)
            case Image():
                return self._image(block)
            case Document():
                return self._document(block)
            case Audio():
                return self._audio(block)
            case SearchResult():
                return self._search_result(block)
            case Foreign() if block.family in (OPENAI, ITEMS):
                return dict(block.raw)
            case Foreign() | Video():
                raise self.ledger.unsupported(block.field, SAID)
            case Hosted() if block.text:
                self.ledger.rewrite(block.field, Reason.AS_TEXT)
                return {"type": "input_text", "text": block.text}
            case _:
                return None

    def _mark(self, part: dict[str, Any], block: Block) -> None:
        """Mark where the prompt may be kept."""
        if block.cache is None:
            return
        if not self.marks:
            self.unmarked(block)
            return
        mark = part[_BREAKPOINT] = {"mode": "explicit"}
        ttl = openai_lifetime(block.cache, joined(block.field, MARK), self.ledger)
        if ttl is not None:
            mark["ttl"] = ttl

    @property
    def marks(self) -> bool:
        """The target takes a mark on a part."""
        return self.capabilities.chat.cache_marks == _BREAKPOINT

    def unmarked(self, block: Block) -> None:
        """Report the mark of what can have none."""
        if block.cache is not None:
            self.ledger.drop(joined(block.field, "cache_control"))

    def text(self, block: Text | Refusal) -> dict[str, Any]:
        """Words. Who cites what in a user's words is lost."""
        if isinstance(block, Text) and block.citations:
            self.ledger.drop(joined(block.field, "citations"))
        return {"type": "input_text", "text": block.text}

    def _image(self, block: Image) -> dict[str, Any]:
        if not self.capabilities.images:
            raise self.ledger.unsupported(block.field, SAID, "the model takes no images")
        if block.name is not None:
            self.ledger.drop(joined(block.field, "filename"))
        part: dict[str, Any] = {"type": "input_image", "detail": block.detail or "auto"}
        match block.source:
            case Stored(id=file_id):
                part["file_id"] = self._file_id(block, file_id)
            case Remote(url=url):
                part["image_url"] = url
            case source:
                part["image_url"] = data_url(source)
        return part

    def _document(self, block: Document) -> dict[str, Any]:
        if not self.capabilities.documents:
            raise self.ledger.unsupported(block.field, SAID, "the model reads no files")
        part: dict[str, Any] = {"type": "input_file"}
        match block.source:
            case Stored(id=file_id):
                part["file_id"] = self._file_id(block, file_id)
            case Remote(url=url):
                part["file_url"] = url
            case source:
                part["file_data"] = data_url(source)
        if block.name is not None:
            part["filename"] = block.name
        elif "file_data" in part:
            part["filename"] = f"document.{_ending(block.source)}"
        self._about(block)
        return part

    def _about(self, block: Document) -> None:
        if block.context is not None:
            self.ledger.drop(joined(block.field, "context"))
        if block.cited:
            self.ledger.drop(joined(block.field, "citations"))

    def _document_of_blocks(self, block: Document) -> list[dict[str, Any]]:
        self._about(block)
        self.unmarked(block)
        self.ledger.rewrite(block.field, Reason.AS_PARTS)
        self.ledger.carry(block.extras, OPENAI)
        title = [{"type": "input_text", "text": block.name}] if block.name else []
        return [*title, *self.parts(block.content)]

    def _file_id(self, block: Image | Document, file_id: str) -> str:
        source = block.source
        if isinstance(source, Stored) and source.origin != OPENAI:
            raise self.ledger.unsupported(block.field, SAID, "the file is kept by another provider")
        return file_id

    def _audio(self, block: Audio) -> dict[str, Any]:
        if not self.capabilities.audio or not isinstance(block.source, Inline):
            raise self.ledger.unsupported(block.field, SAID, "the model takes no sound")
        return {
            "type": "input_audio",
            "input_audio": {"data": block.source.data, "format": block.form or "wav"},
        }

    def _search_result(self, block: SearchResult) -> dict[str, Any]:
        if block.cited:
            self.ledger.drop(joined(block.field, "citations"))
        for inner in block.content:
            if not isinstance(inner, Text):
                field = inner.field or block.field
                raise self.ledger.unsupported(field, SAID, "a hit can hold only text")
        words = [inner.text for inner in block.content if isinstance(inner, Text)]
        text = "\n".join([block.title, block.source, *words])
        return {"type": "input_text", "text": text}


def data_url(source: Media) -> str:
    """Bytes as an address that holds them."""
    if isinstance(source, Plain):
        data = base64.b64encode(source.text.encode("utf-8", "surrogatepass")).decode()
        return f"data:{source.media_type};base64,{data}"
    assert isinstance(source, Inline)
    return f"data:{source.media_type};base64,{source.data}"


def _ending(source: Media) -> str:
    assert isinstance(source, Plain | Inline)
    return FORMAT_OF_MEDIA_TYPE.get(
        source.media_type, "txt" if isinstance(source, Plain) else "bin"
    )
