"""The official SDK as judge of what the gateway answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import anthropic
import httpx2
from anthropic.types import Message, MessageTokensCount, RawMessageStreamEvent
from pydantic import TypeAdapter

from magicgateway.wire.sse import events

_MESSAGE: TypeAdapter[Message] = TypeAdapter(Message)
_EVENT: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)


def _client(body: bytes, content_type: str) -> anthropic.Anthropic:
    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": content_type}, content=body)

    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    return anthropic.Anthropic(
        api_key="k", max_retries=0, base_url="http://gateway.test", http_client=http
    )


def message(body: Mapping[str, Any], *, strict: bool = True) -> Message:
    """What the SDK makes of a whole answer.

    Args:
        body: The answer.
        strict: It fits the SDK's types, having no block or citation that they do not know.
    """
    if strict:
        _MESSAGE.validate_python(dict(body))
    with _client(json.dumps(body).encode(), "application/json") as client:
        made: Message = client.messages.create(model="m", max_tokens=1, messages=[])
        return made


def frames(stream: bytes) -> list[dict[str, Any]]:
    """The events of a stream, each under the name that its data has."""
    found = []
    for name, data in events(stream):
        event = json.loads(data)
        assert event["type"] == name, (name, event)
        found.append(event)
    return found


def streamed(stream: bytes, *, strict: bool = True) -> Message:
    """The message that the SDK adds up from a stream.

    Raises:
        anthropic.APIStatusError: The stream holds an error.
    """
    if strict:
        for event in frames(stream):
            if event["type"] not in ("ping", "error"):
                _EVENT.validate_python(event)
    with (
        _client(stream, "text/event-stream") as client,
        client.messages.stream(model="m", max_tokens=1, messages=[]) as parsed,
    ):
        made: Message = parsed.get_final_message()
        return made


def counted(body: Mapping[str, Any]) -> MessageTokensCount:
    """What the SDK makes of a count of tokens."""
    with _client(json.dumps(body).encode(), "application/json") as client:
        return client.messages.count_tokens(model="m", messages=[])
