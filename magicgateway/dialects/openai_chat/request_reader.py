"""Chat requests as OpenAI's callers write them, old parameters and common extensions included.

See: https://platform.openai.com/docs/api-reference/chat/create; openai 3.57 (Python), 2026-10.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve

from magicgateway.conversation.blocks import OPENAI
from magicgateway.conversation.ledger import Fields, Ledger, invalid
from magicgateway.conversation.parameters import PARALLEL_TOOL_CALLS, TOOL_CHOICE, Parameters
from magicgateway.conversation.reasons import Reason
from magicgateway.conversation.request import HostedTool, Request, Tool
from magicgateway.dialects.bedrock_converse import request_reader as converse
from magicgateway.dialects.openai_chat.extras import rest_of
from magicgateway.dialects.openai_chat.message_reader import MessageReader
from magicgateway.dialects.openai_chat.settings_reader import read_settings
from magicgateway.dialects.openai_chat.tool_reader import (
    read_choice,
    read_function_choice,
    read_functions,
    read_tools,
)

NATIVE = "inferenceConfig"
"""A chat body with this is one of Converse's, which is answered as a chat."""
_OF_TOOLS = frozenset({"tools", "tool_choice", "functions", "function_call"})


def read_request(body: Mapping[str, Any], ledger: Ledger) -> Request:
    """The request that a caller's JSON object is.

    Raises:
        ApiError: 400: OpenAI would not take it either.
    """
    if NATIVE in body:
        usage, _ = read_stream_options(Fields(body))
        bare = {name: value for name, value in body.items() if name != "stream_options"}
        return evolve(converse.read_request(bare, ledger), include_usage=usage)
    fields = Fields(body)
    parameters = Parameters()
    model = fields.needed("model")
    if not fields.peek("messages"):
        raise invalid("messages", "must hold at least one message")
    legacy = "functions" in fields and "tools" not in fields
    tools: tuple[Tool | HostedTool, ...] = ()
    if fields.has_any(_OF_TOOLS):
        tools = _read_tools(fields, parameters, ledger, legacy=legacy)
    turns = MessageReader(ledger).read(fields.each("messages"))
    inner: dict[str, Fields | None] = {**read_settings(fields, parameters, ledger)}
    if legacy and tools:
        # One call is all that its answer has a place for.
        if parameters.get(PARALLEL_TOOL_CALLS):
            ledger.drop(PARALLEL_TOOL_CALLS.name, Reason.ONE_CALL)
        parameters.give(PARALLEL_TOOL_CALLS, False, PARALLEL_TOOL_CALLS.name)
    stream = bool(fields.flag("stream"))
    usage, inner["stream_options"] = read_stream_options(fields)
    return Request(
        model=model,
        turns=turns,
        tools=tools,
        parameters=parameters,
        stream=stream,
        include_usage=usage,
        legacy_functions=legacy,
        extras=rest_of(fields, OPENAI, **inner),
    )


def _read_tools(
    fields: Fields, parameters: Parameters, ledger: Ledger, *, legacy: bool
) -> tuple[Tool | HostedTool, ...]:
    if legacy:
        choice, name = read_function_choice(fields), "function_call"
        tools: tuple[Tool | HostedTool, ...] = read_functions(fields)
    else:
        given = "tools" in fields
        choice, name = read_choice(fields), "tool_choice"
        tools = read_tools(fields)
        if choice is not None and not given:
            raise invalid("tool_choice", "is allowed only where there are tools")
    if tools:
        parameters.give(TOOL_CHOICE, choice, name)
    elif choice is not None and choice.mode in ("required", "tool"):
        ledger.drop(name)  # of an empty list nothing can be called, which callers know
    return tools


def read_stream_options(fields: Fields) -> tuple[bool, Fields | None]:
    """Whether the chunk with the usage is wanted, and what is left of the options."""
    options = fields.fields("stream_options")
    if options is None:
        return False, None
    options.take("include_obfuscation")  # padding against listeners; translated chunks have none
    return bool(options.flag("include_usage")), options
