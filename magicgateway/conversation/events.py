"""A streamed answer, event by event.

The order is: ``Started``; blocks, each ``BlockStarted``, deltas, ``BlockStopped``, where several of
one choice may be open at a time (parallel calls of OpenAI's chat); ``Finished`` for each choice;
``UsageCounted`` whenever counts are known, later ones replacing earlier ones field by field; and
``Ended`` once, after which nothing follows. ``Failed`` can stand anywhere, and then nothing follows
that either. A stream that stops without ``Ended`` or ``Failed`` was cut.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from magicgateway.conversation.blocks import NO_EXTRAS, Block, Citation, Extras, Token
from magicgateway.conversation.reply import Failure, Finish, Usage


@frozen
class Started:
    """The first event; ``id`` and ``model`` are the provider's, empty where it gives none."""

    id: str = ""
    model: str = ""
    created: int | None = None
    extras: Extras = NO_EXTRAS


@frozen
class BlockStarted:
    """A block begins.

    Attributes:
        index: Names the block in later events: dense from 0 within its choice, in order of start.
        block: What is known of it: a ToolCall with its id and name and as yet no arguments, a
            Text with no words. A kind that has no deltas (Hosted, Foreign, redacted Thinking,
            Image) is whole.
    """

    index: int
    block: Block
    choice: int = 0


@frozen
class TextDelta:
    """More words of a Text or a Refusal; never empty."""

    index: int
    text: str
    choice: int = 0
    logprobs: Mapping[str, Any] | None = None


@frozen
class ThinkingDelta:
    """More words of a Thinking; never empty. ``part`` counts a summary's parts."""

    index: int
    text: str
    choice: int = 0
    part: int = 0


@frozen
class TokenDelta:
    """What the maker wants back with a block; it comes whole, once, before the block stops."""

    index: int
    token: Token
    choice: int = 0


@frozen
class ArgumentsDelta:
    """More of a ToolCall's arguments; never empty."""

    index: int
    text: str
    choice: int = 0


@frozen
class CitationDelta:
    """One more citation of a Text."""

    index: int
    citation: Citation
    choice: int = 0


@frozen
class BlockStopped:
    """Nothing more comes of a block."""

    index: int
    choice: int = 0


@frozen
class Finished:
    """A choice is complete; its blocks have all stopped."""

    finish: Finish
    choice: int = 0


@frozen
class UsageCounted:
    """Counts so far. A field that is None leaves what an earlier event said."""

    usage: Usage


@frozen
class Ping:
    """A sign of life."""


@frozen
class Failed:
    """The provider says that it cannot go on."""

    failure: Failure


@frozen
class Ended:
    """The provider said that this was all; ``service_tier`` in OpenAI's words."""

    service_tier: str | None = None
    extras: Extras = NO_EXTRAS


Event = (
    Started
    | BlockStarted
    | TextDelta
    | ThinkingDelta
    | TokenDelta
    | ArgumentsDelta
    | CitationDelta
    | BlockStopped
    | Finished
    | UsageCounted
    | Ping
    | Failed
    | Ended
)
