"""What a dialect is to the rest: how its bodies are read into the hub and written from it.

A translation is a pair of grammars. The *door's* reads the caller's request and writes the answer;
the *target's* writes the request and reads the answer. What a writer has to remember of the request
for the way back is in ``Asked`` (from the door's reader) and ``Sent`` (from the target's writer).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Protocol

from attrs import frozen

from magicgateway.conversation.capabilities import Capabilities
from magicgateway.conversation.events import Event
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.reply import Failure, Reply
from magicgateway.conversation.request import Request


@frozen(kw_only=True)
class Sent:
    """What the target was sent, as far as its answer has to be read in its light.

    Attributes:
        body: The JSON object of the upstream request.
        names: Tools' names as sent, to the names the caller gave them; only those that differ.
        json_tool: The name of the tool that stands for a response format, if one was made up.
        wrapped: Names of tools (the caller's) whose free text went as ``{"input": …}``.
        stream: The answer is asked for in events.
        origin: Whose tokens the answer brings (``Capabilities.origin``).
    """

    body: dict[str, Any]
    names: Mapping[str, str] = MappingProxyType({})
    json_tool: str | None = None
    wrapped: frozenset[str] = frozenset()
    stream: bool = False
    origin: str = ""


@frozen(kw_only=True)
class Asked:
    """What the caller's answer depends on.

    Attributes:
        request: What was asked for.
        model: As the caller named it; answers echo it.
        answer_id: The gateway's id of the exchange, in ``[A-Za-z0-9_-]``: for answers that have
            none from the provider, and to make the ids of items from.
        now: Seconds since the epoch, for ``created``.
    """

    request: Request
    model: str
    answer_id: str
    now: int


class NoAnswer(ValueError):
    """What came is no answer of the target's dialect; the text is for the operator."""


class FailedReply(Exception):
    """What came as a whole answer says that there is none.

    Args:
        failure: Why.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class StreamReader(Protocol):
    """One stream of the target's. State: how far it is."""

    def feed(self, name: str, data: bytes) -> Iterable[Event]:
        """The hub events of one wire event.

        Args:
            name: The SSE event's name, or ``:event-type`` or ``:exception-type`` of a frame;
                empty where the frame has none.
            data: Its data: JSON text, or ``[DONE]``.
        """
        ...

    def close(self) -> Iterable[Event]:
        """What is left to say when the body has ended at an event's boundary.

        An answer that was complete but for its terminal event yields ``Ended`` here where the
        dialect allows that; one that was cut yields nothing.
        """
        ...


class StreamWriter(Protocol):
    """One stream of the caller's, which cannot come out of order. State: how far it is."""

    def write(self, event: Event) -> bytes:
        """The whole frames that say an event; often empty."""
        ...


class Grammar(Protocol):
    """One dialect. A module is one: its functions have these names.

    Readers of requests raise ``ApiError`` 400 for what no reader of that API would accept;
    readers of answers are lenient, and raise ``NoAnswer`` or ``FailedReply`` only where there is
    nothing to be answered with.
    """

    FAMILY: str
    """``openai``, ``anthropic``, ``converse``: whose extras it can read and write."""
    SAID: str
    """Its name for people: ``Anthropic messages``."""

    def read_request(self, body: Mapping[str, Any], ledger: Ledger) -> Request:
        """The request that a caller's JSON object is."""
        ...

    def write_request(self, request: Request, capabilities: Capabilities, ledger: Ledger) -> Sent:
        """The JSON object of an upstream request, with losses reported in the ledger.

        Raises:
            ApiError: 400: the request cannot be had from this target; ``param`` is the field.
        """
        ...

    def read_reply(self, body: Mapping[str, Any], sent: Sent) -> Reply:
        """A whole answer."""
        ...

    def write_reply(self, reply: Reply, asked: Asked, ledger: Ledger) -> dict[str, Any]:
        """A whole answer for the caller."""
        ...

    def open_reader(self, sent: Sent) -> StreamReader:
        """A reader of one streamed answer."""
        ...

    def open_writer(self, asked: Asked) -> StreamWriter:
        """A writer of one streamed answer."""
        ...

    def read_failure(self, status: int, body: Any, headers: Mapping[str, str]) -> Failure:
        """What a provider's error answer says.

        Args:
            status: Of the answer.
            body: Its decoded JSON, or its text where it is none.
            headers: Lower-case names, of which dialects read ``retry-after`` and error types.
        """
        ...
