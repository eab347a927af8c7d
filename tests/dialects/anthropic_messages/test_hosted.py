from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.dialects.anthropic_messages.hosted import hosted, is_hosted

WORDS: list[tuple[dict[str, Any], str]] = [
    (
        {"type": "server_tool_use", "name": "web_search", "input": {"query": "oslo"}},
        "[web_search: oslo]",
    ),
    (
        {"type": "server_tool_use", "name": "x", "input": {"a": 1, "b": [2]}},
        '[x: {"a":1,"b":[2]}]',
    ),
    ({"type": "server_tool_use"}, "[tool: {}]"),
    ({"type": "server_tool_use", "name": "x", "input": {"a": "\ud800", "b": 1}}, "[x: ]"),
    (
        {
            "type": "web_search_tool_result",
            "content": [
                {"type": "web_search_result", "title": "A", "url": "https://a.test"},
                {"type": "web_search_result", "title": "B", "url": "https://b.test"},
            ],
        },
        "A\nhttps://a.test\nB\nhttps://b.test",
    ),
    (
        {
            "type": "web_fetch_tool_result",
            "content": {
                "url": "https://a.test",
                "content": {
                    "type": "document",
                    "source": {"type": "text", "data": "words"},
                },
            },
        },
        "https://a.test\nwords",
    ),
    (
        {
            "type": "web_fetch_tool_result",
            "content": {"source": {"type": "base64", "data": "AAAA"}},
        },
        "",
    ),
    (
        {"type": "code_execution_tool_result", "content": {"stdout": "1", "stderr": ""}},
        "1",
    ),
    (
        {"type": "web_search_tool_result", "content": {"error_code": "unavailable"}},
        "unavailable",
    ),
    ({"type": "mcp_tool_result", "content": "plain"}, "plain"),
    ({"type": "mcp_tool_result", "content": ""}, ""),
    ({"type": "tool_reference", "tool_name": "get_time"}, "get_time"),
]


class HostedTests(SynchronousTestCase):
    def test_kinds(self) -> None:
        """Calls and results of tools that the provider runs, and nothing else."""
        kinds = (
            "server_tool_use", "mcp_tool_use", "web_search_tool_result", "mcp_tool_result",
            "bash_code_execution_tool_result", "tool_reference",
            "tool_use", "tool_result", "text", "compaction",
        )  # fmt: skip
        self.assertEqual([True] * 6 + [False] * 4, list(map(is_hosted, kinds)))

    def test_words(self) -> None:
        """What a step says to those who cannot read it."""
        for raw, expected in WORDS:
            block = hosted(raw, "f")
            self.assertEqual(
                (expected, "anthropic", "f", raw["type"]),
                (block.text, block.family, block.field, block.kind),
            )
