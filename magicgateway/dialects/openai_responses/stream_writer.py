"""Streams as the Responses API sends them.

See: https://platform.openai.com/docs/api-reference/responses-streaming; openai 3.57 (Python),
2026-11.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from magicgateway.conversation.counting import merged_usage
from magicgateway.conversation.events import (
    ArgumentsDelta,
    Ended,
    Event,
    Failed,
    Ping,
    Started,
    TextDelta,
    ThinkingDelta,
    UsageCounted,
)
from magicgateway.conversation.reply import NO_USAGE, Failure
from magicgateway.conversation.sequence import Sequencer
from magicgateway.dialects.error_text import written
from magicgateway.dialects.grammar import Asked
from magicgateway.dialects.openai_responses.assembly import Assembly
from magicgateway.dialects.openai_responses.extras import own
from magicgateway.dialects.openai_responses.response_object import (
    Envelope,
    error_of,
    open_envelope,
    outcome,
    served_tier,
    usage_object,
)

LONGEST_ANSWER = 64 * 1024 * 1024
"""Characters of an answer, whose last event has all of it: more are not kept for that."""
_OBJECT = 256
"""Characters that a block counts for, or whatever else there is beside words."""
_TOO_LONG = Failure(status=502, kind="server", message="The provider's answer is too long.")

Content = dict[str, Any]


class ResponsesWriter:
    """One stream to a caller. State: the items so far, and how many events there were.

    Args:
        asked: What is answered.
    """

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._sequencer = Sequencer()
        self._assembly = Assembly(asked)
        self._envelope: Envelope | None = None
        self._usage = NO_USAGE
        self._number = 0
        self._length = 0
        self._over = False

    def write(self, event: Event) -> bytes:
        """The whole frames that say an event; often empty."""
        if isinstance(event, Ping):
            # Before there is an answer it proves nothing: what follows may be that there is none.
            return b"" if self._over or self._envelope is None else b": ping\n\n"
        return b"".join(
            self._frame(content)
            for ordered in self._sequencer.feed(event)
            for content in self._contents(ordered)
        )

    def _frame(self, content: Content) -> bytes:
        numbered = {"type": content["type"], "sequence_number": self._number, **content}
        self._number += 1
        return b"event: %b\ndata: %b\n\n" % (content["type"].encode(), written(numbered))

    def _contents(self, event: Event) -> Iterator[Content]:
        if self._over or getattr(event, "choice", None):
            return
        if self._envelope is None:
            yield from self._begin(event if isinstance(event, Started) else Started())
        match event:
            case Started():
                pass
            case UsageCounted(usage=usage):
                self._usage = merged_usage(self._usage, usage)
            case Failed(failure=failure):
                yield self._failed(failure)
            case Ended():
                yield from self._assembly.close()
                yield self._ended(event)
            case _:
                self._length += _size(event)
                if self._length > LONGEST_ANSWER:
                    yield self._failed(_TOO_LONG)
                else:
                    yield from self._assembly.feed(event)

    def _begin(self, event: Started) -> Iterator[Content]:
        envelope = open_envelope(self._asked, event.id, event.created)
        self._envelope = envelope
        begun = {**envelope.wrap("in_progress", []), **_besides(event)}
        yield {"type": "response.created", "response": begun}
        yield {"type": "response.in_progress", "response": begun}

    def _ended(self, event: Ended) -> Content:
        self._over = True
        status, details = outcome(self._assembly.finish)
        kind = "incomplete" if status == "incomplete" else "completed"
        tier = served_tier(event.service_tier)
        response = self._whole(kind, incomplete_details=details, **tier)
        return {"type": f"response.{kind}", "response": {**response, **_besides(event)}}

    def _failed(self, failure: Failure) -> Content:
        self._over = True
        response = self._whole("failed", error=error_of(failure))
        return {"type": "response.failed", "response": response}

    def _whole(self, status: str, **fields: Any) -> Content:
        assert self._envelope is not None
        usage = usage_object(self._usage)
        return self._envelope.wrap(status, self._assembly.output, usage=usage, **fields)


def _size(event: Event) -> int:
    """About how much more there is to be kept."""
    if isinstance(event, TextDelta | ThinkingDelta | ArgumentsDelta):
        return len(event.text)
    return _OBJECT


_FIXED = frozenset({"id", "object", "created_at", "status", "model", "output", "usage", "error"})


def _besides(event: Started | Ended) -> Content:
    """What a provider of this API says of its answer itself."""
    return {name: value for name, value in own(event.extras).items() if name not in _FIXED}


def open_writer(asked: Asked) -> ResponsesWriter:
    """A writer of one streamed answer."""
    return ResponsesWriter(asked)
