"""Messages requests as Anthropic's callers write them, of either ``anthropic-version``.

The newer version takes no sampling settings, no document in an assistant's message and no citations
on a user's text; here these mean what they always meant.

See: https://docs.anthropic.com/en/api/messages; anthropic 2.13 (Python), 2026-11.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from magicgateway.conversation.call_tokens import with_call_tokens
from magicgateway.conversation.ledger import Fields, Ledger, invalid
from magicgateway.conversation.parameters import MAX_TOKENS, Parameters
from magicgateway.conversation.request import ASSISTANT, SYSTEM, USER, Request, Turn
from magicgateway.dialects.anthropic_messages.block_reader import BlockReader
from magicgateway.dialects.anthropic_messages.extras import rest_of
from magicgateway.dialects.anthropic_messages.settings_reader import read_settings
from magicgateway.dialects.anthropic_messages.tool_reader import read_choice, read_tools

_ROLES = (USER, ASSISTANT, SYSTEM)


def read_request(body: Mapping[str, Any], ledger: Ledger) -> Request:
    """The request that a caller's JSON object is.

    Raises:
        ApiError: 400: Anthropic would not take it either.
    """
    request = read_uncapped(body, ledger)
    if request.parameters.get(MAX_TOKENS) is None:
        raise invalid("max_tokens", "is required")
    return request


def read_uncapped(body: Mapping[str, Any], ledger: Ledger) -> Request:
    """The same without the need for a ``max_tokens``."""
    fields = Fields(body)
    parameters = Parameters()
    model = fields.needed("model")
    if not fields.peek("messages"):
        raise invalid("messages", "must hold at least one message")
    turns = with_call_tokens(tuple(_turns(fields, BlockReader(ledger))), ledger)
    tools = read_tools(fields)
    choice = read_choice(fields, tools, parameters)
    nested = read_settings(fields, parameters)
    stream = bool(fields.flag("stream"))
    return Request(
        model=model,
        turns=turns,
        tools=tools,
        parameters=parameters,
        stream=stream,
        extras=rest_of(fields, tool_choice=choice, **nested),
    )


def _turns(body: Fields, blocks: BlockReader) -> Iterator[Turn]:
    if "system" in body:
        content, whole = blocks.content(body, "system")
        yield Turn(role=SYSTEM, blocks=content, lead=True, whole=whole, field="system")
    for message in body.each("messages"):
        role = message.needed("role")
        if role not in _ROLES:
            raise invalid(message.at("role"), f"must be one of {', '.join(_ROLES)}")
        if "content" not in message:
            raise invalid(message.at("content"), "is required")
        content, whole = blocks.content(message)
        yield Turn(
            role=role,
            blocks=content,
            whole=whole,
            field=message.place,
            extras=rest_of(message),
        )
