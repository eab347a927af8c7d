"""Requests to the demo provider as values, for the tests of its pure half."""

from __future__ import annotations

import hashlib
from typing import Any

from magicgateway.demo.call import Answer, Call
from magicgateway.demo.faults import Script
from magicgateway.wire import jsontext
from magicgateway.wire.sse import events

HELLO = [{"role": "user", "content": "hello"}]
WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
}


def call_of(
    value: Any = None,
    method: str = "POST",
    target: str = "/v1/chat/completions",
    headers: tuple[tuple[str, str], ...] = (),
    **more: Any,
) -> Call:
    """A request with a JSON body; bytes are sent as they are."""
    body = value if isinstance(value, bytes) else b"" if value is None else jsontext.encode(value)
    fields: dict[str, Any] = {"script": Script(), "body_size": len(body)} | more
    return Call(
        method=method,
        target=target,
        headers=headers,
        body=body,
        body_sha256=hashlib.sha256(body).hexdigest(),
        **fields,
    )


def body_of(answer: Answer) -> bytes:
    """The whole body."""
    return b"".join(event.data for event in answer.body())


def json_of(answer: Answer) -> Any:
    """The body as a value; its declared length is checked on the way."""
    body = body_of(answer)
    assert answer.length == len(body), (answer.length, len(body))
    return jsontext.decode(body)


def stream_of(answer: Answer) -> list[tuple[str, Any]]:
    """Names and values of a stream's events; ``[DONE]`` stays bytes."""
    return [
        (name, data if data == b"[DONE]" else jsontext.decode(data))
        for name, data in events(body_of(answer))
    ]
