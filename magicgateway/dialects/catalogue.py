"""Every dialect by name: how it says errors, and how its answers are watched.

A *family* is what a door speaks: ``openai``, ``responses``, ``anthropic`` or ``aws``. A *dialect*
is the grammar of one operation's bodies; where a family is asked for, a dialect's name does too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from magicgateway.dialects.anthropic_messages import errors as messages_errors
from magicgateway.dialects.anthropic_messages import tap as messages
from magicgateway.dialects.bedrock_converse import errors as aws_errors
from magicgateway.dialects.bedrock_converse import tap as converse
from magicgateway.dialects.openai_chat import errors as chat_errors
from magicgateway.dialects.openai_chat import tap as chat
from magicgateway.dialects.openai_responses import errors as responses_errors
from magicgateway.dialects.openai_responses import tap as responses
from magicgateway.dialects.stream_tap import StreamTap as _StreamTap
from magicgateway.errors import ApiError
from magicgateway.observe.facts import Usage

if TYPE_CHECKING:
    from magicgateway.dialects.grammar import Grammar

OPENAI = "openai"
RESPONSES = "responses"
ANTHROPIC = "anthropic"
AWS = "aws"

OPENAI_CHAT = "openai_chat"
OPENAI_COMPLETIONS = "openai_completions"
OPENAI_EMBEDDINGS = "openai_embeddings"
OPENAI_RESPONSES = "openai_responses"
BEDROCK_CONVERSE = "bedrock_converse"
ANTHROPIC_MESSAGES = "anthropic_messages"

StreamTap = _StreamTap[Any]

_ERRORS: Mapping[str, ModuleType] = {
    RESPONSES: responses_errors,
    OPENAI_RESPONSES: responses_errors,
    ANTHROPIC: messages_errors,
    ANTHROPIC_MESSAGES: messages_errors,
    AWS: aws_errors,
}
_TAPS: Mapping[str, Callable[[], StreamTap]] = {
    OPENAI_CHAT: chat.ChatTap,
    OPENAI_COMPLETIONS: chat.ChatTap,
    OPENAI_RESPONSES: responses.ResponsesTap,
    ANTHROPIC_MESSAGES: messages.MessagesTap,
}
_READERS: Mapping[str, Callable[[bytes], Usage | None]] = {
    OPENAI_CHAT: chat.read_usage,
    OPENAI_COMPLETIONS: chat.read_usage,
    OPENAI_EMBEDDINGS: chat.read_usage,
    OPENAI_RESPONSES: responses.read_usage,
    ANTHROPIC_MESSAGES: messages.read_usage,
    BEDROCK_CONVERSE: converse.read_usage,
}


_GRAMMARS: Mapping[str, str] = {
    OPENAI_CHAT: "openai_chat",
    OPENAI_COMPLETIONS: "openai_completions",
    OPENAI_RESPONSES: "openai_responses",
    ANTHROPIC_MESSAGES: "anthropic_messages",
    BEDROCK_CONVERSE: "bedrock_converse",
}


@cache
def grammar(dialect: str) -> Grammar:
    """How a dialect is read and written, imported when it is first needed.

    Raises:
        KeyError: The dialect is none that is translated.
    """
    module: Any = import_module(f"magicgateway.dialects.{_GRAMMARS[dialect]}.grammar")
    found: Grammar = module
    return found


def load_grammars() -> None:
    """Import every grammar there is."""
    for dialect in _GRAMMARS:
        grammar(dialect)


def error_body(family: str, error: ApiError, request_id: str) -> bytes:
    """The JSON body of an error answer; a family that is not known gets OpenAI's."""
    body: bytes = _ERRORS.get(family, chat_errors).error_body(error, request_id)
    return body


def error_event(family: str, error: ApiError, request_id: str) -> bytes:
    """A whole server-sent event, with its empty line, that ends a stream which broke."""
    event: bytes = _ERRORS.get(family, chat_errors).error_event(error, request_id)
    return event


def open_tap(dialect: str) -> StreamTap | None:
    """A tap for one stream, None where the dialect is not read."""
    tap = _TAPS.get(dialect)
    return tap() if tap else None


def read_usage(dialect: str, body: bytes) -> Usage | None:
    """What a whole JSON answer says it cost, None if it does not or the dialect is not read."""
    read = _READERS.get(dialect)
    return read(body) if read else None
