"""Independent judges: the official SDKs' types and parsers, and botocore's validator."""

from __future__ import annotations

from functools import cache
from typing import Any

import anthropic
import httpx2
import openai
from anthropic.types import Message
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types import Completion
from openai.types.chat import ChatCompletion
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from magicgateway.demo.anthropic_rules import check_messages
from magicgateway.demo.aws.refusals import AwsRefusal
from magicgateway.demo.call import Refusal
from magicgateway.demo.limits import limits_of
from magicgateway.dialects.catalogue import (
    ANTHROPIC_MESSAGES,
    BEDROCK_CONVERSE,
    OPENAI_CHAT,
    OPENAI_COMPLETIONS,
    OPENAI_RESPONSES,
)
from magicgateway.dialects.grammar import Sent
from magicgateway.wire import sse
from magicgateway.wire.jsontext import decode, encode
from tests.dialects.anthropic_messages import bodies as messages
from tests.dialects.bedrock_converse import bodies as converse
from tests.dialects.openai_chat import bodies as chat
from tests.dialects.openai_responses import judge as responses

Json = dict[str, Any]

_REQUESTS = {
    OPENAI_CHAT: chat.judge,
    OPENAI_RESPONSES: responses.judge_request,
    ANTHROPIC_MESSAGES: messages.judge,
    BEDROCK_CONVERSE: converse.judge,
}
_REPLIES: dict[str, TypeAdapter[Any]] = {
    OPENAI_CHAT: TypeAdapter(ChatCompletion),
    OPENAI_COMPLETIONS: TypeAdapter(Completion),
    OPENAI_RESPONSES: TypeAdapter(Response),
    ANTHROPIC_MESSAGES: TypeAdapter(Message),
}
_EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
_ENDS = ("response.completed", "response.incomplete", "response.failed")


class Answering:
    """Official clients of a server that answers what it was told to. State: that answer."""

    def __init__(self) -> None:
        self._body = b""
        self._type = ""
        self._status = 200
        transport = httpx2.MockTransport(self._respond)
        self.openai = openai.OpenAI(
            api_key="k", max_retries=0, http_client=httpx2.Client(transport=transport)
        )
        self.anthropic = anthropic.Anthropic(
            api_key="k", max_retries=0, base_url="http://gateway.test",
            http_client=httpx2.Client(transport=transport),
        )  # fmt: skip

    def _respond(self, _: httpx2.Request) -> httpx2.Response:
        headers = {"content-type": self._type}
        return httpx2.Response(self._status, headers=headers, content=self._body)

    def says(self, body: bytes, kind: str = "application/json", status: int = 200) -> Answering:
        """Answer this from now on."""
        self._body, self._type, self._status = body, kind, status
        return self

    def streams(self, body: bytes) -> Answering:
        """Answer this stream from now on."""
        return self.says(body, "text/event-stream")


@cache
def clients() -> Answering:
    """Making clients takes long, so there is one of each."""
    return Answering()


def judge_request(dialect: str, body: Json) -> None:
    """Raise unless a request is what the dialect's owner describes."""
    _REQUESTS[dialect](body)


def judge_served(dialect: str, sent: Sent, model: str) -> None:
    """Raise unless the demo provider, which knows what the real ones refuse, takes a request.

    Signatures in cases are made up, which is all that may be held against them.
    """
    try:
        if dialect == BEDROCK_CONVERSE:
            converse.serve(sent, model)
        elif dialect == ANTHROPIC_MESSAGES:
            check_messages(sent.body, limits_of(model))
    except (Refusal, AwsRefusal) as refusal:
        if "signature" not in str(refusal):
            raise


def judge_reply(dialect: str, body: bytes) -> None:
    """Raise unless the official SDK of a door takes an answer, and it is of its types."""
    _REPLIES[dialect].validate_python(decode(body))
    client = clients().says(body)
    if dialect == OPENAI_CHAT:
        client.openai.chat.completions.create(model="m", messages=[])
    elif dialect == OPENAI_COMPLETIONS:
        client.openai.completions.create(model="m", prompt="")
    elif dialect == OPENAI_RESPONSES:
        client.openai.responses.create(model="m", input="")
    else:
        client.anthropic.messages.create(model="m", max_tokens=1, messages=[])


def judge_error(dialect: str, status: int, body: bytes) -> tuple[int, str]:
    """The status and the type of error that the official SDK of a door has of an answer."""
    client = clients().says(body, status=status)
    try:
        if dialect == ANTHROPIC_MESSAGES:
            client.anthropic.messages.create(model="m", max_tokens=1, messages=[])
        else:
            client.openai.chat.completions.create(model="m", messages=[])
    except openai.APIStatusError as raised:
        return raised.status_code, str(raised.type)
    except anthropic.APIStatusError as raised:
        answer = raised.body
        assert isinstance(answer, dict), answer
        assert raised.request_id is None or answer["request_id"]
        return raised.status_code, str(answer["error"]["type"])
    raise AssertionError("an error that the SDK does not raise")


def judge_stream(dialect: str, stream: bytes) -> Any:
    """What the official SDK of a door makes of a whole stream that ended well.

    Raises:
        openai.APIError: It holds an error.
        anthropic.APIError: It holds an error.
    """
    client = clients().streams(stream)
    if dialect == OPENAI_CHAT:
        state: ChatCompletionStreamState[None] = ChatCompletionStreamState()
        for chunk in client.openai.chat.completions.create(model="m", messages=[], stream=True):
            state.handle_chunk(chunk)
        return state.current_completion_snapshot
    if dialect == OPENAI_COMPLETIONS:
        return list(client.openai.completions.create(model="m", prompt="", stream=True))
    if dialect == OPENAI_RESPONSES:
        return _judge_response(client, stream)
    with client.anthropic.messages.stream(model="m", max_tokens=1, messages=[]) as parsed:
        return parsed.get_final_message()


def _judge_response(client: Answering, stream: bytes) -> Any:
    events = [decode(data) for _, data in sse.events(stream)]
    for event in events:
        _EVENT.validate_python(event)
    numbers = [event["sequence_number"] for event in events]
    assert numbers == list(range(len(events))), numbers
    kinds = [event["type"] for event in events]
    assert not set(kinds[:-1]) & set(_ENDS), kinds
    with client.openai.responses.stream(model="m", input="") as helped:
        for _ in helped:
            pass
        if kinds[-1] == "response.completed":
            return helped.get_final_response()
    if kinds[-1] == "response.failed":
        request = httpx2.Request("POST", "http://gateway.test")
        raise openai.APIError(str(events[-1]["response"]["error"]), request, body=None)
    return _REPLIES[OPENAI_RESPONSES].validate_python(events[-1]["response"])


def frames_of(stream: bytes) -> list[Any]:
    """The events of a caller's stream: JSON, or the text of what is none; comments are none.

    Without their numbers, which ``judge_stream`` looks at.
    """
    return [
        _unnumbered(decode(data)) if data[:1] == b"{" else data.decode()
        for _, data in sse.events(stream)
        if data
    ]


def _unnumbered(event: Json) -> Json:
    return {key: value for key, value in event.items() if key != "sequence_number"}


def as_json(value: Any) -> bytes:
    """For bodies in cases: text as it is, everything else as JSON."""
    return value.encode() if isinstance(value, str) else encode(value)
