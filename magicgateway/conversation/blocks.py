"""What a turn is made of.

Every block knows where it stood in the caller's body (``field``), so that a refusal can name it,
and carries in ``extras`` what its dialect could say and the hub has no name for.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from attrs import frozen

OPENAI = "openai"
ANTHROPIC = "anthropic"
CONVERSE = "converse"
"""Families: dialects that understand each other's extras. Chat and Responses are one."""


@frozen
class Extras:
    """Fields of one JSON object that only its own family can read, with their values.

    Attributes:
        family: Whose they are.
        place: Where the object stood, ``messages[0].content[1]``; empty for the body itself.
    """

    family: str = ""
    place: str = ""
    fields: Mapping[str, Any] = MappingProxyType({})


NO_EXTRAS = Extras()


@frozen
class Token:
    """Something opaque that only its maker can read back: a signature, encrypted reasoning.

    Attributes:
        origin: The family of models that made it, ``anthropic``, ``openai``, ``gemini``, …
        data: As it was given; empty where it only says whose the words beside it are.
    """

    origin: str
    data: str


@frozen
class CacheMark:
    """The prompt up to and with this block may be kept; ``ttl`` is ``5m``, ``1h`` or as given."""

    ttl: str | None = None


@frozen
class Inline:
    """Bytes that came along, as base64 text without white space; it is not decoded here."""

    media_type: str
    data: str


@frozen
class Remote:
    """Bytes that stand at an address."""

    url: str
    media_type: str | None = None


@frozen
class Stored:
    """Bytes that a provider keeps under an id of its own."""

    id: str
    origin: str


@frozen
class Plain:
    """A document that is text."""

    text: str
    media_type: str = "text/plain"


Media = Inline | Remote | Stored | Plain


@frozen(kw_only=True)
class Block:
    """What all blocks can have.

    Attributes:
        field: Where it stood, for messages to people.
        item_id: The id that a Responses item has besides its call's.
        cache: A mark after it.
        token: What its maker wants back with it, unchanged, with whatever kind of block.
    """

    field: str = ""
    item_id: str | None = None
    cache: CacheMark | None = None
    token: Token | None = None
    extras: Extras = NO_EXTRAS


@frozen(kw_only=True)
class Citation:
    """Where a text is from.

    Attributes:
        kind: ``url``, or the name the family has for it.
        start: First character of the text it is about, counted in the whole answer's text.
        end: One past the last.
        raw: The whole of it as its family wrote it, for that family.
    """

    kind: str
    url: str | None = None
    title: str | None = None
    quote: str | None = None
    start: int | None = None
    end: int | None = None
    family: str = ""
    raw: Mapping[str, Any] = MappingProxyType({})


@frozen(kw_only=True)
class Text(Block):
    """Words.

    Attributes:
        phase: Responses' ``commentary`` or ``final_answer``, of the message they stand in.
    """

    text: str
    phase: str | None = None
    citations: tuple[Citation, ...] = ()


@frozen(kw_only=True)
class Refusal(Block):
    """Words by which a model declines."""

    text: str


@frozen(kw_only=True)
class Image(Block):
    """A picture.

    Attributes:
        source: Where its bytes are.
        detail: OpenAI's ``auto``, ``low``, ``high``.
        name: Of the file that it came as, which no API takes of a picture.
    """

    source: Media
    detail: str | None = None
    name: str | None = None


@frozen(kw_only=True)
class Audio(Block):
    """Sound; ``form`` is OpenAI's ``format``, ``wav`` or ``mp3``."""

    source: Media
    form: str = ""


@frozen(kw_only=True)
class Video(Block):
    """Moving pictures."""

    source: Media


@frozen(kw_only=True)
class Document(Block):
    """A file to read.

    Attributes:
        content: Blocks, where the document is given as such; ``source`` is then empty text.
        name: Its file's name or its title.
        context: What it is about, for the model.
        cited: Citations of it were asked for; None where nothing was said.
    """

    source: Media
    content: tuple[Block, ...] = ()
    name: str | None = None
    context: str | None = None
    cited: bool | None = None


@frozen(kw_only=True)
class SearchResult(Block):
    """A hit that the caller's own search brought."""

    source: str
    title: str
    content: tuple[Block, ...] = ()
    cited: bool | None = None


@frozen(kw_only=True)
class Thinking(Block):
    """A model's reasoning.

    Attributes:
        parts: Its words: one, or a summary's several. Empty where only ``token`` was given.
        summary: The words are a summary.
        redacted: There are no words and ``token`` is all: Anthropic's ``redacted_thinking``.
        call_id: ``token`` is that of the call so named, which stands in the same turn and has no
            place for it in the caller's API. Readers of requests put it on the call.
    """

    parts: tuple[str, ...] = ()
    summary: bool = False
    redacted: bool = False
    call_id: str | None = None

    @property
    def text(self) -> str:
        """All of it."""
        return "\n\n".join(self.parts)


@frozen(kw_only=True)
class ToolCall(Block):
    """A model asks for a tool that the caller runs.

    Attributes:
        id: By which its result names it.
        arguments: As the model wrote them: JSON text, or free text where ``kind`` is ``custom``.
        kind: ``function``, ``custom``, or the client-run kind of its item (``local_shell``, …).
        namespace: Of a Responses tool that stands in one.
    """

    id: str
    name: str
    arguments: str = ""
    kind: str = "function"
    namespace: str | None = None


@frozen(kw_only=True)
class ToolResult(Block):
    """What a tool answered.

    Attributes:
        content: Empty where the tool said nothing.
        is_error: It failed; None where nothing was said about that.
        kind: As the call's.
    """

    call_id: str
    content: tuple[Block, ...] = ()
    is_error: bool | None = None
    kind: str = "function"


@frozen(kw_only=True)
class Hosted(Block):
    """A step of a tool that the provider runs itself: a call, a result, or both in one.

    Attributes:
        family: Who can read ``raw``.
        kind: The family's name for it, ``server_tool_use``, ``web_search_call``, …
        raw: The whole block or item, without its cache mark.
        text: What it says, for those who cannot read it; empty where that is nothing.
    """

    family: str
    kind: str
    raw: Mapping[str, Any]
    text: str = ""


@frozen(kw_only=True)
class Foreign(Block):
    """A block of a kind the hub has no name for; only its own family can be given it."""

    family: str
    kind: str
    raw: Mapping[str, Any]
