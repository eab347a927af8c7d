"""What reaches the demo provider and what it answers, as values without I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from attrs import field, frozen

from magicgateway.demo.faults import Script
from magicgateway.demo.multipart import Form
from magicgateway.wire import jsontext

CREATED = 1_790_000_000
"""The time that every answer carries, so that equal requests get equal bytes."""

CONTENT, FINISH, TERMINAL = range(3)
EVENT_STREAM = "text/event-stream; charset=utf-8"
AWS_STREAM = "application/vnd.amazon.eventstream"
FAILED = "The demo provider was told to fail here."
"""What an error event says that is not told what to say."""
JSON = "application/json"


class Event(NamedTuple):
    """A piece of an answer's body: the tokens it is worth, and whether it belongs to the end."""

    data: bytes
    tokens: int = 0
    stage: int = CONTENT


class Refusal(Exception):
    """A request that is answered with an error in the shape of its dialect."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        kind: str = "",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param
        self.kind = kind
        """The error's name in its own family, where that does not follow from the status."""


@frozen
class Call:
    """One request, read to its end.

    ``headers`` keeps order and repetition, names in lower case. ``body`` may be shorter than
    ``body_size`` when the request was too large to be kept; the hash covers all of it.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    body_size: int
    body_sha256: str
    script: Script = field(factory=Script)
    form: Form | None = None
    """The parts of a ``multipart/form-data`` body."""
    at: float = 0.0
    """When it arrived, in seconds since 1970."""
    laid: str = ""
    """The script that a test has laid out for it."""

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def seed(self) -> str:
        """What ids are made of: the same for equal bodies."""
        return self.body_sha256[:24]

    def header(self, name: str) -> str:
        """The first field of that (lower-case) name, or an empty string."""
        return next((value for key, value in self.headers if key == name), "")

    def fields(self) -> Mapping[str, Any]:
        """The body as a JSON object.

        Raises:
            Refusal: It is not one (400), or was too large to be kept (413).
        """
        if self.body_size > len(self.body):
            raise Refusal(413, "The body is too large for the demo provider.")
        try:
            value = jsontext.decode(self.body)
        except jsontext.BadJson as error:
            raise Refusal(400, f"The body is not valid JSON: {error}.") from error
        if not isinstance(value, dict):
            raise Refusal(400, "The body must be a JSON object.")
        return value


def nothing(_: Script) -> bytes:
    """The error event of an answer that is no event stream."""
    return b""


@frozen
class Answer:
    """An answer before faults: ``body`` makes the same pieces each time it is called."""

    content_type: str
    body: Callable[[], Iterator[Event]]
    length: int | None = None
    """Bytes of body; None: as many as come."""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    tokens: int = 0
    """What an answer that is no event stream is worth; decides how long it takes at a rate."""
    error: Callable[[Script], bytes] = nothing
    """The error event that takes the place of another, as the script words it."""
    generated: bool = False

    @property
    def streamed(self) -> bool:
        """Whether this is an event stream."""
        return self.content_type in (EVENT_STREAM, AWS_STREAM)


def plain(data: bytes, content_type: str = JSON, **more: Any) -> Answer:
    """An answer whose body is at hand."""
    return Answer(content_type, lambda: iter((Event(data),) if data else ()), len(data), **more)


def json_answer(value: Any, **more: Any) -> Answer:
    """An answer with a JSON body."""
    return plain(jsontext.encode(value), **more)


def stream(
    body: Callable[[], Iterator[Event]], error: Callable[[Script], bytes], **more: Any
) -> Answer:
    """A stream of server-sent events."""
    headers = (("cache-control", "no-cache"),)
    return Answer(EVENT_STREAM, body, error=error, headers=headers, generated=True, **more)


def data_event(value: Any, tokens: int = 0, stage: int = CONTENT) -> Event:
    """An event without a name, as OpenAI's chat streams have them."""
    return Event(b"data: " + jsontext.encode(value) + b"\n\n", tokens, stage)


def named_event(value: Mapping[str, Any], tokens: int = 0, stage: int = CONTENT) -> Event:
    """An event whose name is its JSON's ``type``, as Anthropic and Responses have them."""
    head = b"event: " + str(value["type"]).encode() + b"\ndata: "
    return Event(head + jsontext.encode(value) + b"\n\n", tokens, stage)


PLACE = "\x00the text\x00"
"""Stands in a JSON value for text that is too long to be built in one piece."""


def long_json_answer(value: Any, pieces: list[str], **more: Any) -> Answer:
    """A JSON answer in which ``PLACE`` is replaced by plain ASCII pieces while it is sent."""
    before, mark, after = jsontext.encode(value).rpartition(jsontext.encode(PLACE)[1:-1])
    assert mark, "the value has no place for the text"

    def body() -> Iterator[Event]:
        yield Event(before)
        for piece in pieces:
            yield Event(piece.encode())
        yield Event(after)

    length = len(before) + sum(map(len, pieces)) + len(after)
    return Answer(JSON, body, length, generated=True, **more)
