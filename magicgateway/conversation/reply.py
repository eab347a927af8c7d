"""What a provider answers: a whole reply, what it cost, why it ended, and how it failed."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from attrs import frozen

from magicgateway.conversation.blocks import NO_EXTRAS, Block, Extras
from magicgateway.errors import ApiError

STOP = "stop"
STOP_SEQUENCE = "stop_sequence"
LENGTH = "length"
CONTEXT_WINDOW = "context_window"
TOOL_CALLS = "tool_calls"
REFUSED = "refused"
"""The model or a filter declined."""
PAUSED = "paused"
"""A provider's own tool loop was interrupted; asking again would go on."""
UNKNOWN = "unknown"


@frozen(kw_only=True)
class Finish:
    """Why an answer ended.

    Attributes:
        reason: One of the words above.
        raw: The provider's own word.
        stop_sequence: The caller's stop that was met, where the provider says so.
        explanation: Why a model refused.
        category: Of a refusal.
    """

    reason: str
    raw: str | None = None
    stop_sequence: str | None = None
    explanation: str | None = None
    category: str | None = None


@frozen(kw_only=True)
class Usage:
    """Tokens; unknown is None, never 0.

    Attributes:
        input: Neither read from a cache nor written to one.
        cache_read: Read from a cache.
        cache_write: Written to one, all lifetimes together.
        cache_write_by_ttl: The same by lifetime (``5m``, ``1h``), where it is known.
        output: All that was made, reasoning included.
        reasoning: The part of ``output`` that was thought.
        searches: Web searches that the provider ran.
        estimated: The gateway counted, because the provider did not.
    """

    input: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    cache_write_by_ttl: Mapping[str, int] = MappingProxyType({})
    output: int | None = None
    reasoning: int | None = None
    searches: int | None = None
    estimated: bool = False

    @property
    def prompt(self) -> int | None:
        """All input tokens, cached or not."""
        if self.cache_read is None and self.cache_write is None:
            return self.input
        return _sum(self.input, self.cache_read, self.cache_write)

    @property
    def total(self) -> int | None:
        """Everything."""
        return _sum(self.prompt, self.output)


def _sum(*counts: int | None) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


NO_USAGE = Usage()


@frozen(kw_only=True)
class Choice:
    """One of several answers; ``logprobs`` as OpenAI writes them."""

    blocks: tuple[Block, ...]
    finish: Finish
    index: int = 0
    logprobs: Mapping[str, Any] | None = None
    extras: Extras = NO_EXTRAS


@frozen(kw_only=True)
class Reply:
    """A whole answer.

    Attributes:
        id: The provider's; empty where it gives none.
        model: The one that served it, as the provider names it.
        created: Seconds since the epoch, where the provider says so.
        service_tier: In OpenAI's words.
    """

    id: str
    model: str
    choices: tuple[Choice, ...]
    usage: Usage = NO_USAGE
    created: int | None = None
    service_tier: str | None = None
    fingerprint: str | None = None
    extras: Extras = NO_EXTRAS


@frozen(kw_only=True)
class Failure:
    """A provider's error, in no dialect's words.

    Attributes:
        status: HTTP status that says it best.
        kind: ``invalid_request``, ``context_length``, ``authentication``, ``permission``,
            ``not_found``, ``conflict``, ``too_large``, ``rate_limit``, ``quota``, ``overloaded``,
            ``timeout``, ``server``.
        message: The provider's, without anything of the operator's.
        param: The field at fault, as the provider names it.
        code: The provider's own.
        retry_after: Seconds.
        own: The gateway's error, where it is that which broke a stream; it is said as it is.
    """

    status: int
    kind: str
    message: str
    param: str | None = None
    code: str | None = None
    retry_after: int | None = None
    own: ApiError | None = None
