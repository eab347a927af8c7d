"""Content blocks for Converse, of a request's turns and of an answer."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Any

from magicgateway.conversation.arguments import arguments_object
from magicgateway.conversation.blocks import (
    CONVERSE,
    Audio,
    Block,
    Citation,
    Document,
    Foreign,
    Hosted,
    Image,
    Refusal,
    SearchResult,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Video,
)
from magicgateway.conversation.capabilities import Capabilities
from magicgateway.conversation.ledger import Ledger, joined
from magicgateway.conversation.reasons import Reason
from magicgateway.conversation.request import ASSISTANT
from magicgateway.dialects.bedrock_converse.cache_points import CachePoints
from magicgateway.dialects.bedrock_converse.citations import write_citation
from magicgateway.dialects.bedrock_converse.content_reader import GUARD, redacted_content
from magicgateway.dialects.bedrock_converse.extras import FAMILY, SAID, put_back
from magicgateway.dialects.bedrock_converse.media import (
    DocumentNames,
    write_audio,
    write_document,
    write_image,
    write_video,
)
from magicgateway.wire.jsontext import BadJson, decode

Written = dict[str, Any]
RETURNED = "return_value"
"""Holds a tool's result that is no object, where results are objects."""


class BlockWriter:
    """Writes the blocks of one request. State: the documents' names and the cache's points.

    Args:
        capabilities: The target's.
        ledger: Told of losses.
    """

    def __init__(self, capabilities: Capabilities, ledger: Ledger) -> None:
        self._capabilities = capabilities
        self._abilities = capabilities.converse
        self._ledger = ledger
        self._names = DocumentNames()
        self.points = CachePoints(capabilities.converse, ledger)
        self.wrapped: Container[str] = ()
        """Sent names of tools whose arguments go in ``input``."""

    def blocks(self, blocks: Iterable[Block], role: str) -> list[Written]:
        """All that can be said of a turn's blocks, each with its cache point after it."""
        content: list[Written] = []
        for block in blocks:
            written = self._block(block, role)
            content += written
            if written:
                is_file = isinstance(block, Document | Video)
                content += self.points.after(block.cache, block.field, is_file=is_file)
            elif block.cache is not None:
                self._ledger.drop(joined(block.field, "cache_control"))
            if block.token is not None and not isinstance(block, Thinking):
                self._ledger.drop(joined(block.field, "signature"), Reason.FOREIGN_REASONING)
        return content

    def says(self, block: Block, role: str) -> bool:
        """Whether something is written of a block; all else is left out and reported."""
        match block:
            case Thinking():
                return self._is_own(block)
            case Hosted():
                return block.family == CONVERSE or not _is_blank(block.text)
            case Foreign():
                return block.family == CONVERSE or role != ASSISTANT
            case _:
                return True

    def _block(self, block: Block, role: str) -> list[Written]:
        match block:
            case Text():
                return self._text(block, role)
            case Refusal():
                return self._with(block, {"text": block.text})
            case Thinking():
                return self._thinking(block)
            case ToolCall():
                return self._call(block)
            case ToolResult():
                return self._result(block)
            case Foreign(family=family) if family != CONVERSE and role != ASSISTANT:
                raise self._ledger.unsupported(block.field, SAID)
            case Hosted() | Foreign():
                return self._raw(block)
            case _ if role == ASSISTANT:
                raise self._ledger.unsupported(block.field, SAID, "an answer holds no such part")
            case _:
                return self._media(block)

    def _media(self, block: Block) -> list[Written]:
        match block:
            case Image():
                self._check(block, able=self._capabilities.images)
                return self._image(block)
            case Document():
                self._check(block, able=self._capabilities.documents)
                return self._document(block)
            case Audio():
                self._check(block, able=self._capabilities.audio)
                return self._with(block, {"audio": write_audio(block)})
            case Video():
                return self._with(block, {"video": write_video(block)})
            case SearchResult():
                return self._search_result(block)
            case _:
                return self._lose(block)

    def _check(self, block: Block, *, able: bool) -> None:
        if not able:
            kind = type(block).__name__.lower()
            raise self._ledger.unsupported(block.field, "This model", f"it takes no {kind}")

    def _lose(self, block: Block, reason: Reason = Reason.UNSUPPORTED) -> list[Written]:
        self._ledger.drop(block.field, reason)
        self._ledger.carry(block.extras, "")
        return []

    def _with(self, block: Block, written: Written) -> list[Written]:
        put_back(written, block.extras, self._ledger)
        return [written]

    def _text(self, block: Text, role: str) -> list[Written]:
        guarded = self._guard(block)
        if guarded is not None:
            return [{GUARD: {"text": {"text": block.text, **guarded}}}]
        cited = [self._citation(c, block) for c in block.citations] if role == ASSISTANT else []
        citations = [citation for citation in cited if citation is not None]
        if len(citations) < len(block.citations):
            self._ledger.drop(joined(block.field, "citations"))
        if citations:
            content = {"content": [{"text": block.text}], "citations": citations}
            return self._with(block, {"citationsContent": content})
        return self._with(block, {"text": block.text})

    def _citation(self, citation: Citation, block: Text) -> Written | None:
        return write_citation(citation) if block.text else None

    def _guard(self, block: Block) -> Written | None:
        """What a guardrail is told of a block besides; None where it is not to look at it."""
        if block.extras.family != FAMILY or GUARD not in block.extras.fields:
            return None
        for name in block.extras.fields.keys() - {GUARD}:
            self._ledger.drop(joined(block.extras.place, name))
        guard: Written = block.extras.fields[GUARD]
        return guard

    def _thinking(self, block: Thinking) -> list[Written]:
        token = block.token
        if token is None or not self._is_own(block):
            return self._lose(block, Reason.FOREIGN_REASONING)
        if block.redacted:
            inner: Written = {"redactedContent": redacted_content(token)}
        else:
            inner = {"reasoningText": {"text": block.text, "signature": token.data}}
        return self._with(block, {"reasoningContent": inner})

    def _is_own(self, block: Thinking) -> bool:
        """Whether the model behind can read a thought."""
        token = block.token
        if token is None or not token.data:
            return False
        if token.origin == CONVERSE:
            return True
        origin = self._capabilities.origin or CONVERSE
        return token.origin == origin and self._abilities.replays_reasoning

    def _call(self, call: ToolCall) -> list[Written]:
        arguments = arguments_object(call, self._ledger, self.wrapped)
        use = {"toolUseId": call.id, "name": call.name, "input": arguments}
        return self._with(call, {"toolUse": use})

    def _result(self, result: ToolResult) -> list[Written]:
        content: list[Written] = []
        for block in result.content:
            if isinstance(block, Text | Refusal):
                content += self._said(block)
            elif isinstance(block, Foreign) and block.family != CONVERSE:
                raise self._ledger.unsupported(block.field, SAID)
            elif isinstance(block, Hosted | Foreign):
                content += self._raw(block)
            else:
                content += self._media(block)
        inner: Written = {"toolUseId": result.call_id, "content": content}
        if result.is_error is not None:
            if self._abilities.result_status:
                inner["status"] = "error" if result.is_error else "success"
            elif result.is_error:
                self._ledger.drop(joined(result.field, "is_error"))
        return self._with(result, {"toolResult": inner})

    def _said(self, block: Text | Refusal) -> list[Written]:
        if isinstance(block, Text) and block.citations:
            self._ledger.drop(joined(block.field, "citations"))
        if not self._abilities.result_json:
            return self._with(block, {"text": block.text})
        try:
            value = decode(block.text.encode())
        except (BadJson, UnicodeEncodeError):
            value = block.text
        return self._with(block, {"json": value if isinstance(value, dict) else {RETURNED: value}})

    def _raw(self, block: Hosted | Foreign) -> list[Written]:
        if block.family == CONVERSE:
            return self._with(block, dict(block.raw))
        if isinstance(block, Hosted) and not _is_blank(block.text):
            self._ledger.rewrite(block.field, Reason.AS_TEXT)
            self._ledger.carry(block.extras, "")
            return [{"text": block.text}]
        return self._lose(block)

    def _image(self, block: Image) -> list[Written]:
        written = write_image(block, self._ledger)
        if self._guard(block) is not None:
            return [{GUARD: {"image": written}}]
        return self._with(block, {"image": written})

    def _document(self, block: Document) -> list[Written]:
        inner = write_document(block, self._names.name(block, self._ledger))
        if block.content:
            texts = [text for text in block.content if isinstance(text, Text)]
            inner["source"] = {"content": self._texts(texts)}
        if block.context is not None:
            inner["context"] = block.context
        if block.cited is not None:
            inner["citations"] = {"enabled": block.cited}
        return self._with(block, {"document": inner})

    def _texts(self, texts: Iterable[Text]) -> list[Written]:
        """Texts inside a block, which are nothing but words."""
        written: list[Written] = []
        for text in texts:
            if text.citations:
                self._ledger.drop(joined(text.field, "citations"))
            written += self._with(text, {"text": text.text})
        return written

    def _search_result(self, block: SearchResult) -> list[Written]:
        texts = [inner for inner in block.content if isinstance(inner, Text)]
        if len(texts) < len(block.content):
            raise self._ledger.unsupported(block.field, SAID, "a hit can hold only text")
        inner: Written = {
            "source": block.source,
            "title": block.title,
            "content": self._texts(texts),
        }
        if block.cited is not None:
            inner["citations"] = {"enabled": block.cited}
        return self._with(block, {"searchResult": inner})


def _is_blank(text: str) -> bool:
    return not text or text.isspace()
