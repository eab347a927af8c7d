"""How many tokens a request has: the question, and its answer.

See: https://docs.anthropic.com/en/api/messages-count-tokens; 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from magicgateway.conversation.capabilities import Capabilities
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.request import Request
from magicgateway.dialects.anthropic_messages.request_reader import read_uncapped
from magicgateway.dialects.anthropic_messages.request_writer import write_request

_COUNTED = frozenset({
    "model", "messages", "system", "tools", "tool_choice", "thinking", "output_config",
    "cache_control", "context_management", "mcp_servers",
})  # fmt: skip
"""Fields of a request that have tokens or decide about them."""


def read_count(body: Mapping[str, Any], ledger: Ledger) -> Request:
    """The request whose tokens are to be counted; it needs no ``max_tokens``."""
    return read_uncapped(body, ledger)


def write_count(request: Request, capabilities: Capabilities, ledger: Ledger) -> dict[str, Any]:
    """The body by which Anthropic itself is asked to count."""
    body = write_request(request, capabilities, ledger).body
    return {name: value for name, value in body.items() if name in _COUNTED}


def write_counted(tokens: int) -> dict[str, int]:
    """The answer."""
    return {"input_tokens": tokens}
