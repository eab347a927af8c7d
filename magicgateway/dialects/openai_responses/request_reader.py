"""Requests as callers of the Responses API write them.

See: https://platform.openai.com/docs/api-reference/responses/create; openai 3.57 (Python), 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from magicgateway.conversation.blocks import Text
from magicgateway.conversation.ledger import Fields, Ledger, invalid
from magicgateway.conversation.names import qualified
from magicgateway.conversation.parameters import STORED_ITEMS, TOOL_CHOICE, Parameters
from magicgateway.conversation.request import SYSTEM, USER, Request, Tool, Turn
from magicgateway.dialects.openai_responses.extras import FAMILY, rest_of
from magicgateway.dialects.openai_responses.item_reader import ItemReader
from magicgateway.dialects.openai_responses.settings_reader import read_settings
from magicgateway.dialects.openai_responses.tool_reader import AnyTool, read_choice, read_tools

_KEPT = ("previous_response_id", "conversation", "prompt")
"""Each makes a request complete without input."""


def read_request(body: Mapping[str, Any], ledger: Ledger) -> Request:
    """The request that a caller's JSON object is.

    Raises:
        ApiError: 400: OpenAI would not take it either.
    """
    fields = Fields(body)
    parameters = Parameters()
    model = fields.text("model") or ""
    if not model and "prompt" not in fields:  # which can name one itself
        raise invalid("model", "is required")
    kept = any(name in fields for name in _KEPT)
    inner: dict[str, Fields | None] = {**read_settings(fields, parameters)}
    reader = ItemReader(ledger)
    turns = (*_instructions(fields), *_input(fields, reader, needed=not kept))
    if reader.references:
        parameters.give(STORED_ITEMS, True, reader.references[0])
    tools = _with_found(read_tools(fields.each("tools"), ledger), reader.tools)
    choice, inner["tool_choice"] = read_choice(fields, tools, ledger)
    if choice is not None and choice.mode in ("required", "tool") and not tools and not kept:
        raise invalid("tool_choice", "is allowed only where there are tools")
    if tools or kept:
        parameters.give(TOOL_CHOICE, choice, "tool_choice")
    stream = bool(fields.flag("stream"))
    return Request(
        model=model,
        turns=turns,
        tools=tools,
        parameters=parameters,
        stream=stream,
        extras=rest_of(fields, FAMILY, **inner),
    )


def _instructions(fields: Fields) -> tuple[Turn, ...]:
    text = fields.text("instructions")
    if text is None:
        return ()
    block = Text(text=text, field="instructions")
    return (Turn(role=SYSTEM, blocks=(block,), lead=True, whole=True, field="instructions"),)


def _input(fields: Fields, reader: ItemReader, *, needed: bool) -> tuple[Turn, ...]:
    value = fields.peek("input")
    if isinstance(value, str):
        block = Text(text=fields.needed("input"), field="input")
        return (Turn(role=USER, blocks=(block,), whole=True, field="input"),)
    if value is None and needed:
        raise invalid("input", "is required")
    if value is not None and not isinstance(value, list):
        raise invalid("input", "must be a string or an array of items")
    return reader.read(fields.each("input"))


def _with_found(declared: tuple[AnyTool, ...], found: list[AnyTool]) -> tuple[AnyTool, ...]:
    """The declared tools, and those that items brought and that are not among them."""
    known = {_key(tool) for tool in declared}
    tools = list(declared)
    for tool in found:
        if _key(tool) not in known:
            known.add(_key(tool))
            tools.append(tool)
    return tuple(tools)


def _key(tool: AnyTool) -> str:
    return qualified(tool.name, tool.namespace) if isinstance(tool, Tool) else tool.name
