"""Responses in tests: bodies, and the official SDK's own types and parsers as judges of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import httpx2
from openai import OpenAI
from openai.types.responses import Response, ResponseStreamEvent
from openai.types.responses.response_create_params import (
    ResponseCreateParamsNonStreaming,
    ResponseCreateParamsStreaming,
)
from pydantic import TypeAdapter

from magicgateway.conversation.blocks import Block, Hosted, Text, Thinking, ToolCall
from magicgateway.conversation.capabilities import EFFORTS, Capabilities, ChatAbilities
from magicgateway.conversation.events import (
    ArgumentsDelta,
    BlockStarted,
    BlockStopped,
    Ended,
    Event,
    Finished,
    Started,
    TextDelta,
    ThinkingDelta,
    TokenDelta,
)
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.reply import STOP, Choice, Finish, Reply
from magicgateway.conversation.request import Request
from magicgateway.dialects.grammar import Asked, Sent
from magicgateway.dialects.openai_responses.grammar import (
    open_reader,
    open_writer,
    read_request,
    write_reply,
    write_request,
)

Json = dict[str, Any]

ABLE = Capabilities(
    origin="openai",
    efforts=EFFORTS,
    audio=True,
    chat=ChatAbilities(cache_marks="prompt_cache_breakpoint"),
)
"""A model that takes all there is."""
HI = {"type": "message", "role": "user", "content": "hi"}
CLOSED = {"type": "object", "properties": {}, "additionalProperties": False, "required": []}
ANSWER_ID = "x1"
NOW = 1_790_000_000


def body(*items: Json, **fields: Any) -> Json:
    """A request with these items, or with one that says hi, that keeps nothing."""
    return {"model": "m", "input": list(items) or [HI], "store": False, **fields}


def says(role: str, content: Any, **fields: Any) -> Json:
    """A message."""
    return {"type": "message", "role": role, "content": content, **fields}


def call(call_id: str, name: str = "f", arguments: str = "{}", **fields: Any) -> Json:
    """A call of a function."""
    return {
        "type": "function_call", "call_id": call_id, "name": name, "arguments": arguments,
        **fields,
    }  # fmt: skip


def output(call_id: str, value: Any = "r", **fields: Any) -> Json:
    """What a function answered."""
    return {"type": "function_call_output", "call_id": call_id, "output": value, **fields}


def function(name: str = "f", **fields: Any) -> Json:
    """A tool."""
    return {"type": "function", "name": name, "parameters": CLOSED, "strict": False, **fields}


def read(request: Json) -> tuple[Request, list[str]]:
    """A request as it is read, and the notes."""
    ledger = Ledger()
    return read_request(request, ledger), [note.line() for note in ledger.notes]


def write(
    request: Request, capabilities: Capabilities = ABLE, *, judged: bool = True
) -> tuple[Sent, list[str]]:
    """A request as it is written, once the SDK's types have passed it, and the notes."""
    ledger = Ledger()
    sent = write_request(request, capabilities, ledger)
    if judged:
        judge_request(sent.body)
    return sent, [note.line() for note in ledger.notes]


def again(request: Json, *, judged: bool = True) -> Json:
    """A request that was read and written."""
    sent, notes = write(read(request)[0], judged=judged)
    assert not notes, notes
    return sent.body


@cache
def _adapter(*, stream: bool) -> TypeAdapter[Any]:
    return TypeAdapter(
        ResponseCreateParamsStreaming if stream else ResponseCreateParamsNonStreaming
    )


def judge_request(request: Json) -> None:
    """Raise unless the official SDK's types describe a request, down to the last list."""
    adapter = _adapter(stream=bool(request.get("stream")))
    _used_up(adapter.validate_python(request, strict=True))


def _used_up(value: Any) -> None:
    """Go through a value, in which lists are only looked at while they are gone through."""
    if isinstance(value, dict):
        for inner in value.values():
            _used_up(inner)
    elif isinstance(value, list) or hasattr(value, "__next__"):
        for inner in value:
            _used_up(inner)


def asked(**fields: Any) -> Asked:
    """What an answer is an answer to."""
    request = read(body(**fields))[0]
    return Asked(request=request, model="alias", answer_id=ANSWER_ID, now=NOW)


def reply(*blocks: Block, reason: str = STOP, **fields: Any) -> Reply:
    """A provider's answer."""
    finish = fields.pop("finish", Finish(reason=reason))
    return Reply(id="up-1", model="real", choices=(Choice(blocks=blocks, finish=finish),), **fields)


def answer(given: Reply, question: Asked | None = None) -> tuple[Json, list[str]]:
    """An answer as it is written, once the SDK has parsed it, and the notes."""
    ledger = Ledger()
    written = write_reply(given, question or asked(), ledger)
    TypeAdapter(Response).validate_python(written)
    parsed = _client(json.dumps(written).encode(), "application/json").responses.create(
        model="m", input="hi"
    )
    assert parsed.id == written["id"]
    return written, [note.line() for note in ledger.notes]


def _client(content: bytes, media_type: str) -> OpenAI:
    def respond(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=content, headers={"content-type": media_type})

    http = httpx2.Client(transport=httpx2.MockTransport(respond))
    return OpenAI(api_key="k", base_url="http://gateway.test/v1", http_client=http, max_retries=0)


def frames(stream: bytes) -> list[Json]:
    """The events of a stream; each has its type as its name, and they are numbered."""
    events: list[Json] = []
    for frame in stream.split(b"\n\n"):
        if not frame or frame.startswith(b":"):
            continue
        name, _, data = frame.partition(b"\n")
        content = json.loads(data.removeprefix(b"data: "))
        assert name == b"event: " + content["type"].encode(), frame
        assert content["sequence_number"] == len(events), frame
        events.append(content)
    return events


def stream(*events: Event, question: Asked | None = None) -> tuple[list[Json], Json | None]:
    """What a writer makes of a stream, and the response that the SDK has at its end.

    The SDK's plain iteration checks each event against its type, its helper the order; None where
    the stream has no successful end.
    """
    writer = open_writer(question or asked())
    sent = b"".join(map(writer.write, events))
    written = frames(sent)
    checked: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
    for event in written:
        checked.validate_python(event)
    client = _client(sent, "text/event-stream")
    plain = list(client.responses.create(model="m", input="hi", stream=True))
    assert [event.type for event in plain] == [event["type"] for event in written]
    with client.responses.stream(model="m", input="hi") as helped:
        for _ in helped:
            pass
        if written and written[-1]["type"] != "response.completed":
            return written, None
        return written, helped.get_final_response().to_dict()


def streamed(*blocks: Block, finish: Finish | None = None) -> Iterator[Event]:
    """A provider's answer as a stream, two characters at a time."""
    yield Started("up-1", "real")
    for index, block in enumerate(blocks):
        match block:
            case Text(text=text):
                yield BlockStarted(index, Text(text="", phase=block.phase, item_id=block.item_id))
                yield from (TextDelta(index, piece) for piece in _pieces(text))
            case Thinking(parts=parts, token=token):
                yield BlockStarted(
                    index,
                    Thinking(summary=block.summary, redacted=block.redacted, item_id=block.item_id),
                )
                for number, text in enumerate(parts):
                    yield from (ThinkingDelta(index, p, part=number) for p in _pieces(text))
                if token is not None:
                    yield TokenDelta(index, token)
            case ToolCall(arguments=text):
                bare = ToolCall(
                    id=block.id, name=block.name, kind=block.kind, item_id=block.item_id,
                    namespace=block.namespace,
                )  # fmt: skip
                yield BlockStarted(index, bare)
                yield from (ArgumentsDelta(index, piece) for piece in _pieces(text))
            case _:
                assert isinstance(block, Hosted)
                yield BlockStarted(index, block)
        yield BlockStopped(index)
    yield Finished(finish or Finish(reason=STOP))
    yield Ended()


def _pieces(text: str) -> list[str]:
    return [text[i : i + 2] for i in range(0, len(text), 2)]


def pour(*events: Json, sent: Sent | None = None) -> list[Event]:
    """The hub events of a provider's stream."""
    reader = open_reader(sent or Sent(body={}, stream=True, origin="openai"))
    made = [
        event
        for content in events
        for event in reader.feed(content["type"], json.dumps(content).encode())
    ]
    return [*made, *reader.close()]
