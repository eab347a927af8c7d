"""Official clients that ask through a door for what was once asked for in another dialect."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import anthropic
import openai
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from magicgateway.conversation.capabilities import Capabilities
from magicgateway.conversation.ledger import Ledger
from magicgateway.dialects.catalogue import (
    ANTHROPIC_MESSAGES,
    BEDROCK_CONVERSE,
    OPENAI_CHAT,
    OPENAI_COMPLETIONS,
    OPENAI_RESPONSES,
    grammar,
)
from magicgateway.errors import ApiError
from tests.dialects.anthropic_messages.bodies import ABLE as MESSAGES_ABLE
from tests.dialects.openai_chat.bodies import ABLE as CHAT_ABLE
from tests.dialects.openai_responses.judge import ABLE as RESPONSES_ABLE
from tests.integration.recordings import Recording

Json = dict[str, Any]

ABILITIES: Mapping[str, Capabilities] = {
    OPENAI_CHAT: CHAT_ABLE,
    OPENAI_RESPONSES: RESPONSES_ABLE,
    ANTHROPIC_MESSAGES: MESSAGES_ABLE,
}
"""Whoever has such a door takes all there is."""
NATIVE = "native converse"
"""The chat door, asked in Converse's own words."""
DOORS = (OPENAI_CHAT, OPENAI_RESPONSES, ANTHROPIC_MESSAGES, OPENAI_COMPLETIONS)
PROMPT_ONLY = {
    "model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens",
    "temperature", "top_p", "stop", "n",
}  # fmt: skip
"""What a chat body may have to be asked for as a completion."""


class LeftOut(Exception):
    """A door has no request for it; the text is the rule."""


def doors_for(recording: Recording) -> tuple[str, ...]:
    """The doors at which its answer could be wanted."""
    return (*DOORS, NATIVE) if recording.dialect == BEDROCK_CONVERSE else DOORS


def question(recording: Recording, door: str) -> Json:
    """What a door's caller asks to get an answer like a recorded one.

    Raises:
        LeftOut: The door has no such question.
    """
    if door == recording.dialect:
        return recording.request
    if door == NATIVE:
        options = {"stream_options": {"include_usage": True}} if recording.stream else {}
        return {**recording.asked, **options}
    if recording.dialect == OPENAI_COMPLETIONS:
        raise LeftOut("nobody is asked in completions but by their own door")
    body = _written(recording, OPENAI_CHAT if door == OPENAI_COMPLETIONS else door)
    if door == OPENAI_COMPLETIONS:
        body = _completion(body)
    if recording.stream and door in (OPENAI_CHAT, OPENAI_COMPLETIONS):
        body["stream_options"] = {"include_usage": True}
    return body


def _written(recording: Recording, door: str) -> Json:
    if recording.dialect == door:
        return dict(recording.request)
    ledger = Ledger()
    try:
        request = grammar(recording.dialect).read_request(recording.asked, ledger)
        return grammar(door).write_request(request, ABILITIES[door], ledger).body
    except ApiError as refusal:
        raise LeftOut(f"not to be said: {refusal.code}: {refusal.param}") from None


def _completion(body: Json) -> Json:
    last = body["messages"][-1]
    words = last.get("content")
    if isinstance(words, list) and [part.get("type") for part in words] == ["text"]:
        words = words[0]["text"]
    if len(body["messages"]) > 1 or last["role"] != "user" or not isinstance(words, str):
        raise LeftOut("a completion has one prompt")
    too_much = sorted(body.keys() - PROMPT_ONLY)
    if too_much:
        raise LeftOut(f"a completion has no {', '.join(too_much)}")
    kept = {name: value for name, value in body.items() if name != "messages"}
    most = kept.pop("max_completion_tokens", None)
    return {**kept, "prompt": words, **({"max_tokens": most} if most else {})}


class Clients:
    """Official clients of one gateway, for one provider.

    Args:
        address: The gateway's.
        headers: That name the provider, and who asks.
    """

    def __init__(self, address: str, headers: Mapping[str, str]) -> None:
        self._openai = openai.OpenAI(
            api_key="sk-caller", base_url=f"{address}/v1", default_headers=headers, max_retries=0
        )
        self._anthropic = anthropic.Anthropic(
            api_key="sk-caller", base_url=address, default_headers=headers, max_retries=0
        )

    def close(self) -> None:
        """Let go of all connections."""
        self._openai.close()
        self._anthropic.close()

    def ask(self, door: str, body: Json) -> tuple[str, Json]:
        """The dialect of the answer, and the answer as the SDK has it in the end.

        Raises:
            openai.APIError: There is none.
            anthropic.APIError: There is none.
        """
        if door == NATIVE:
            return OPENAI_CHAT, self._native(body)
        ways: Mapping[str, Callable[[Json], Json]] = {
            OPENAI_CHAT: self._chat,
            OPENAI_RESPONSES: self._responses,
            ANTHROPIC_MESSAGES: self._messages,
            OPENAI_COMPLETIONS: self._completions,
        }
        return door, ways[door](body)

    def _chat(self, body: Json) -> Json:
        named, extra = _split(body, "model", "messages")
        create = self._openai.chat.completions.create
        if not body.get("stream"):
            return _plain(create(**named, extra_body=extra))
        return _put_together(create(**named, stream=True, extra_body=extra))

    def _native(self, body: Json) -> Json:
        if body["stream"]:
            chunks = self._openai.post(
                "/chat/completions", body=body, cast_to=ChatCompletionChunk, stream=True,
                stream_cls=openai.Stream[ChatCompletionChunk],
            )  # fmt: skip
            return _put_together(chunks)
        return _plain(self._openai.post("/chat/completions", body=body, cast_to=ChatCompletion))

    def _responses(self, body: Json) -> Json:
        named, extra = _split(body, "model", "input")
        if not body.get("stream"):
            return _plain(self._openai.responses.create(**named, extra_body=extra))
        events = self._openai.responses.create(**named, stream=True, extra_body=extra)
        words, last = "", None
        for last in events:
            words += last.delta if last.type == "response.output_text.delta" else ""
        assert last is not None
        body = _plain(last)["response"]
        texts = [
            part["text"]
            for item in body["output"]
            for part in item.get("content") or ()
            if part["type"] == "output_text"
        ]
        assert words == "".join(texts), "deltas and the final text differ"
        return body

    def _messages(self, body: Json) -> Json:
        named, extra = _split(body, "model", "messages", "max_tokens")
        if not body.get("stream"):
            return _plain(self._anthropic.messages.create(**named, extra_body=extra, timeout=60))
        with self._anthropic.messages.stream(**named, extra_body=extra) as stream:
            return _plain(stream.get_final_message())

    def _completions(self, body: Json) -> Json:
        named, extra = _split(body, "model", "prompt")
        create = self._openai.completions.create
        if not body.get("stream"):
            return _plain(create(**named, extra_body=extra))
        text, finish, usage = "", None, None
        for chunk in create(**named, stream=True, extra_body=extra):
            for choice in chunk.choices:
                text += choice.text
                finish = choice.finish_reason or finish
            usage = chunk.usage or usage
        choices = [{"text": text, "finish_reason": finish}]
        return {"choices": choices, "usage": _plain(usage) if usage else None}


def _split(body: Json, *names: str) -> tuple[Json, Json]:
    named = {name: body[name] for name in names if name in body}
    return named, {name: value for name, value in body.items() if name not in named}


def _put_together(chunks: openai.Stream[ChatCompletionChunk]) -> Json:
    state: ChatCompletionStreamState[None] = ChatCompletionStreamState()
    for chunk in chunks:
        state.handle_chunk(chunk)
    return _plain(state.current_completion_snapshot)


def _plain(answer: Any) -> Json:
    plain: Json = json.loads(answer.to_json())
    return plain
