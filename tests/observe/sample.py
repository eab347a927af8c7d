"""A finished exchange as tests want it."""

from __future__ import annotations

from typing import Any

from magicgateway.observe.facts import COMPLETED, Finished, Usage

USAGE = Usage(input=12, output=34, cached_input=5, cache_write=6, reasoning=7)


def finished(**changes: Any) -> Finished:
    """A streamed chat completion that went well, with these fields changed."""
    fields: dict[str, Any] = {
        "time": 1784000000.123,
        "request_id": "req_0001",
        "client": "203.0.113.7",
        "method": "POST",
        "path": "/v1/chat/completions",
        "status": 200,
        "outcome": COMPLETED,
        "duration_ms": 1834.2061,
        "operation": "chat/completions",
        "provider": "openai",
        "model": "fast",
        "upstream_model": "gpt-5-mini",
        "stream": True,
        "attempts": 1,
        "request_bytes": 512,
        "response_bytes": 2048,
        "first_byte_ms": 310.5554,
        "upstream_ms": 300.25,
        "overhead_ms": 0.7312,
        "usage": USAGE,
    }
    return Finished(**{**fields, **changes})


def bare(**changes: Any) -> Finished:
    """An exchange that got nowhere: only what every fact has."""
    fields: dict[str, Any] = {
        "time": 1784000000.0,
        "request_id": "req_0002",
        "client": "127.0.0.1",
        "method": "GET",
        "path": "/nowhere",
        "status": 404,
        "outcome": "refused",
        "duration_ms": 0.25,
    }
    return Finished(**{**fields, **changes})
