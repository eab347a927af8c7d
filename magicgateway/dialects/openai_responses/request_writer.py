"""Requests for a provider of the Responses API, from whatever dialect.

Nothing is stored unless the caller asked for that, and the reasoning is asked for in the encrypted
form that can come back in a later turn, of models that reason: others refuse to be asked for it.

See: https://platform.openai.com/docs/api-reference/responses/create; openai 3.57 (Python), 2026-11.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from magicgateway.conversation.blocks import ToolCall
from magicgateway.conversation.capabilities import Capabilities
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.names import rename_calls, rename_tools
from magicgateway.conversation.parameters import (
    PARALLEL_TOOL_CALLS,
    STORE_RESPONSE,
    STORED_ITEMS,
    TOOL_CHOICE,
    WEB_SEARCH,
)
from magicgateway.conversation.request import Request
from magicgateway.dialects.grammar import Sent
from magicgateway.dialects.openai_responses.extras import SAID, give_back
from magicgateway.dialects.openai_responses.item_writer import ItemWriter
from magicgateway.dialects.openai_responses.part_writer import PartWriter
from magicgateway.dialects.openai_responses.settings_writer import SettingsWriter
from magicgateway.dialects.openai_responses.tool_writer import ToolWriter

LONGEST_CALL_ID = 64
_NAME = re.compile(r"[a-zA-Z0-9_-]+")


def write_request(request: Request, capabilities: Capabilities, ledger: Ledger) -> Sent:
    """The JSON object of an upstream request, with losses reported in the ledger.

    Raises:
        ApiError: 400: the request cannot be had from this target; ``param`` is the field.
    """
    names: dict[str, str] = {}
    if not _are_fit(request, capabilities.longest_tool_name):
        request, names = rename_tools(request, capabilities.longest_tool_name)
    request = rename_calls(request, _is_fit_id, _short_id)
    parameters = request.parameters
    taking = parameters.taking()
    body: dict[str, Any] = {"model": request.model} if request.model else {}
    tools = ToolWriter(request, taking.take(TOOL_CHOICE), ledger)
    wrapped = tools.wrapped
    stored = parameters.get(STORE_RESPONSE) is True
    items = ItemWriter(
        PartWriter(capabilities, ledger), capabilities.origin, stored,
        reasons=capabilities.encrypted_reasoning, wrapped=wrapped,
    )  # fmt: skip
    _input(body, request, items)
    taking.take(STORED_ITEMS)
    SettingsWriter(parameters, taking, capabilities, ledger).write(body, stream=request.stream)
    _tools(body, tools)
    search = taking.take(WEB_SEARCH)
    if search is not None:
        body.setdefault("tools", []).append(tools.web_search(search))
    parallel = taking.take(PARALLEL_TOOL_CALLS)
    if parallel is not None and "tools" in body:
        body["parallel_tool_calls"] = parallel
    if request.stream:
        body["stream"] = True
    taking.settle(ledger, SAID)
    give_back(body, request.extras, ledger)
    return Sent(
        body=body,
        names=names,
        wrapped=frozenset(names.get(name, name) for name in wrapped),
        stream=request.stream,
        origin=capabilities.origin,
    )


def _input(body: dict[str, Any], request: Request, items: ItemWriter) -> None:
    turns = request.turns
    if turns and turns[0].lead:
        text = items.instructions(turns[0])
        if text is not None:
            if text or turns[0].whole:
                body["instructions"] = text
            turns = turns[1:]
    written = [item for turn in turns for item in items.items(turn)]
    if len(turns) == 1 and turns[0].field == "input" and len(written) == 1:
        body["input"] = written[0]["content"]
    elif written:
        body["input"] = written


def _tools(body: dict[str, Any], tools: ToolWriter) -> None:
    written = tools.tools()
    if written:
        body["tools"] = written
    choice = tools.tool_choice()
    if choice is not None:
        body["tool_choice"] = choice


def _are_fit(request: Request, longest: int) -> bool:
    """Whether all names can be sent as they are, and so in their namespaces."""
    names = {tool.name for tool in request.tools if tool.name}
    names |= {
        block.name for turn in request.turns for block in turn.blocks if isinstance(block, ToolCall)
    }
    return all(len(name) <= longest and _NAME.fullmatch(name) for name in names)


def _is_fit_id(call_id: str) -> bool:
    return 0 < len(call_id) <= LONGEST_CALL_ID


def _short_id(call_id: str) -> str:
    digest = hashlib.sha256(call_id.encode("utf-8", "surrogatepass")).hexdigest()
    return f"call_{digest[:24]}"
