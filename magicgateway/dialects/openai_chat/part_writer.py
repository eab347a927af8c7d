"""Blocks as the content of chat messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from magicgateway.conversation.blocks import (
    OPENAI,
    Audio,
    Block,
    CacheMark,
    Document,
    Foreign,
    Hosted,
    Image,
    Inline,
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
from magicgateway.conversation.marks import MARK, anthropic_lifetime, openai_lifetime
from magicgateway.conversation.media import FORMAT_OF_MEDIA_TYPE, PDF, checked_image
from magicgateway.conversation.reasons import Reason
from magicgateway.dialects.openai_chat.extras import MESSAGES, put_back
from magicgateway.errors import ApiError

SAID = "OpenAI chat completions"

BREAKPOINT = "prompt_cache_breakpoint"

Part = dict[str, Any]


def is_blank(text: str) -> bool:
    """Whether a text says nothing."""
    return not text or text.isspace()


class PartWriter:
    """Writes blocks for one target. It has no state of its own.

    Args:
        capabilities: The target's.
        ledger: Told of what does not arrive.
    """

    def __init__(self, capabilities: Capabilities, ledger: Ledger) -> None:
        self._capabilities = capabilities
        self._chat = capabilities.chat
        self._ledger = ledger

    def parts(self, blocks: Iterable[Block]) -> list[Part]:
        """Blocks of a user, or of a tool's result."""
        return [part for block in blocks for part in self.part(block)]

    def part(self, block: Block) -> list[Part]:
        """One block, which may be no part or several.

        Raises:
            ApiError: 400: the target cannot be given it.
        """
        parts = self._written(block)
        if parts:
            self.mark(parts[-1], block.cache, block.field)
            put_back(parts[-1], block.extras, self._ledger)
        else:
            self.lose(block)
        if block.token is not None:
            self._ledger.drop(joined(block.field, "signature"), Reason.FOREIGN_REASONING)
        return parts

    def lose(self, block: Block) -> None:
        """A block is left out: so is what stood on it."""
        self._ledger.carry(block.extras, "")
        if block.cache is not None:
            self._ledger.drop(joined(block.field, "cache_control"))

    def _written(self, block: Block) -> list[Part]:
        match block:
            case Text() | Refusal():
                return self._text(block)
            case Image():
                return [self._image(block)]
            case Document():
                return self._document(block)
            case SearchResult():
                return self._search_result(block)
            case Audio():
                return [self._audio(block)]
            case Video():
                return [self._video(block)]
            case Hosted():
                return self._folded(block)
            case _:
                return self._other(block)

    def refusal(self, field: str, remedy: str = "") -> ApiError:
        """The refusal of something that the target has no place for."""
        return self._ledger.unsupported(field, SAID, remedy)

    def mark(self, part: Part, mark: CacheMark | None, field: str) -> None:
        """Say with a part that the prompt may be cached up to there."""
        if mark is None:
            return
        if not self._chat.cache_marks:
            self._ledger.drop(joined(field, "cache_control"))
        elif self._chat.cache_marks == BREAKPOINT:
            ttl = openai_lifetime(mark, joined(field, MARK), self._ledger)
            part[BREAKPOINT] = {"mode": "explicit", **({"ttl": ttl} if ttl else {})}
        else:
            ttl = anthropic_lifetime(mark, joined(field, MARK), self._ledger)
            part[self._chat.cache_marks] = {"type": "ephemeral", **({"ttl": ttl} if ttl else {})}

    def mark_whole(self, written: Part, mark: CacheMark | None, field: str) -> None:
        """The same with a call or a tool, which only some can have a mark on."""
        if mark is not None and self._chat.cache_marks in ("", BREAKPOINT):
            self._ledger.drop(joined(field, "cache_control"))
        else:
            self.mark(written, mark, field)

    def _text(self, block: Text | Refusal) -> list[Part]:
        if isinstance(block, Text) and block.citations:
            self._ledger.drop(joined(block.field, "citations"))
        if not is_blank(block.text):
            return [text_part(block.text)]
        if block.text:
            self._ledger.drop(block.field, Reason.BLANK)
        return []

    def _folded(self, block: Hosted) -> list[Part]:
        """A step of a provider's own tool as the text it can be told by."""
        if not block.text:
            self._ledger.drop(block.field)
            return []
        self._ledger.rewrite(block.field, Reason.AS_TEXT)
        return [text_part(block.text)]

    def _image(self, block: Image) -> Part:
        if not self._capabilities.images:
            raise self.refusal(block.field, "the model takes no images")
        if block.name is not None:
            self._ledger.drop(joined(block.field, "filename"))
        source = block.source
        if isinstance(source, Inline):
            checked = checked_image(source, block.field, self._ledger)
            url = f"data:{checked.media_type};base64,{checked.data}"
        elif isinstance(source, Remote) and self._capabilities.image_urls:
            url = source.url
        else:
            raise self.refusal(block.field, "images are taken as data URLs")
        inner = {"url": url}
        if block.detail is not None:
            inner["detail"] = block.detail
        return {"type": "image_url", "image_url": inner}

    def _document(self, block: Document) -> list[Part]:
        if block.context:
            self._ledger.drop(joined(block.field, "context"))
        if block.cited:
            self._ledger.drop(joined(block.field, "citations"))
        title = f" title={block.name!r}" if block.name else ""
        if block.content:
            self._ledger.rewrite(block.field, Reason.AS_PARTS)
            parts = self.parts(block.content)
            return [text_part(f"<document{title}>"), *parts, text_part("</document>")]
        source = block.source
        if isinstance(source, Plain):
            return [text_part(f"<document{title}>\n{source.text}\n</document>")]
        return [{"type": "file", "file": self._file(block, source)}]

    def _file(self, block: Document, source: Inline | Remote | Stored) -> dict[str, Any]:
        if not self._capabilities.documents:
            raise self.refusal(block.field, "the model takes no files")
        named = {} if block.name is None else {"filename": block.name}
        if isinstance(source, Inline):
            ending = "pdf" if source.media_type == PDF else "bin"
            name = block.name or f"document.{ending}"
            data = f"data:{source.media_type};base64,{source.data}"
            return {"filename": name, "file_data": data}
        if isinstance(source, Remote) and self._capabilities.document_urls:
            return {"file_url": source.url, **named}
        if isinstance(source, Stored) and source.origin in (OPENAI, self._capabilities.origin):
            return {"file_id": source.id, **named}
        raise self.refusal(block.field, "files are taken as data")

    def _search_result(self, block: SearchResult) -> list[Part]:
        if block.cited:
            self._ledger.drop(joined(block.field, "citations"))
        for inner in block.content:
            if not isinstance(inner, Text):
                raise self.refusal(inner.field or block.field, "a hit can hold only text")
        words = texts_of(self.parts(block.content))
        return [text_part("\n".join((block.title, block.source, *words)))]

    def _audio(self, block: Audio) -> Part:
        if not (self._capabilities.audio and isinstance(block.source, Inline)):
            raise self.refusal(block.field, "the model takes no audio")
        form = block.form or FORMAT_OF_MEDIA_TYPE.get(block.source.media_type, "wav")
        return {"type": "input_audio", "input_audio": {"data": block.source.data, "format": form}}

    def _video(self, block: Video) -> Part:
        match block.source:
            case Inline(media_type=named, data=data):
                return {"type": "video_url", "video_url": {"url": f"data:{named};base64,{data}"}}
            case Remote(url=url):
                return {"type": "video_url", "video_url": {"url": url}}
            case _:
                raise self.refusal(block.field)

    def _other(self, block: Block) -> list[Part]:
        """A part of a kind that only chat itself knows, or nothing."""
        if isinstance(block, Foreign) and block.family == MESSAGES:
            return [dict(block.raw)]
        if isinstance(block, Foreign):
            raise self.refusal(block.field)
        self._ledger.drop(block.field, Reason.FOREIGN_REASONING)
        return []


def text_part(text: str) -> Part:
    """A part that is text."""
    return {"type": "text", "text": text}


def texts_of(parts: Iterable[Part]) -> list[str]:
    """The words of those parts that have any."""
    return [part["text"] for part in parts if part["type"] == "text"]


def is_plain(part: Part) -> bool:
    """Whether a part says nothing but its text."""
    return part["type"] == "text" and len(part) == len(("type", "text"))


def content_of(parts: Sequence[Part], separator: str | None) -> str | list[Part]:
    """Parts as a message's content: a string where that says the same.

    Args:
        parts: At least one.
        separator: Between texts that are joined; None where several texts stay parts.
    """
    if all(map(is_plain, parts)) and (separator is not None or len(parts) == 1):
        return (separator or "").join(part["text"] for part in parts)
    return list(parts)
