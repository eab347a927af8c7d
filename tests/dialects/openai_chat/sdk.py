"""The official SDK as judge of what the gateway answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx2
import openai
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types import Completion
from openai.types.chat import ChatCompletion, ChatCompletionChunk, ParsedChatCompletion
from pydantic import TypeAdapter


def _client(body: bytes, content_type: str) -> openai.OpenAI:
    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": content_type}, content=body)

    transport = httpx2.Client(transport=httpx2.MockTransport(answer))
    return openai.OpenAI(api_key="k", max_retries=0, http_client=transport)


def completion(body: Mapping[str, Any]) -> ChatCompletion:
    """What the SDK makes of a whole answer, which fits its types."""
    TypeAdapter(ChatCompletion).validate_python(body)
    with _client(json.dumps(body).encode(), "application/json") as client:
        return client.chat.completions.create(model="m", messages=[])


def chunks(stream: bytes) -> list[ChatCompletionChunk]:
    """The chunks that the SDK reads.

    Raises:
        openai.APIError: The stream holds an error.
    """
    with _client(stream, "text/event-stream") as client:
        return list(client.chat.completions.create(model="m", messages=[], stream=True))


def accumulated(stream: bytes) -> ParsedChatCompletion[object]:
    """The answer that the SDK adds up from a stream; its last step refuses some that are fine."""
    state: ChatCompletionStreamState[None] = ChatCompletionStreamState()
    for chunk in chunks(stream):
        state.handle_chunk(chunk)
    return state.current_completion_snapshot


def text_completion(body: Mapping[str, Any]) -> Completion:
    """What the SDK makes of a whole legacy completion, which fits its types."""
    TypeAdapter(Completion).validate_python(body)
    with _client(json.dumps(body).encode(), "application/json") as client:
        return client.completions.create(model="m", prompt="")


def text_chunks(stream: bytes) -> list[Completion]:
    """The chunks of a legacy completion that the SDK reads."""
    with _client(stream, "text/event-stream") as client:
        return list(client.completions.create(model="m", prompt="", stream=True))
