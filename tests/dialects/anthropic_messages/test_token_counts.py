from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.ledger import Fields
from magicgateway.conversation.reply import NO_USAGE, Usage
from magicgateway.dialects.anthropic_messages.token_counts import (
    Nested,
    complete,
    read_counts,
    write_counts,
    written_tier,
)


def read(counts: dict[str, Any]) -> tuple[Usage, str | None]:
    return read_counts(Fields(counts, lenient=True), {})


class TokenCountsTests(SynchronousTestCase):
    def test_read(self) -> None:
        """Counts are as Anthropic says them; what it does not say is unknown (case I.51)."""
        cases: list[tuple[dict[str, Any], Usage]] = [
            ({}, NO_USAGE),
            ({"output_tokens": 5}, Usage(output=5)),
            (
                {
                    "input_tokens": 10,
                    "cache_creation_input_tokens": 5,
                    "cache_read_input_tokens": 100,
                    "output_tokens": 7,
                    "output_tokens_details": {"thinking_tokens": 3},
                    "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 0},
                    "cache_creation": {
                        "ephemeral_5m_input_tokens": 4,
                        "ephemeral_1h_input_tokens": 1,
                    },
                },
                Usage(
                    input=10,
                    cache_read=100,
                    cache_write=5,
                    cache_write_by_ttl={"5m": 4, "1h": 1},
                    output=7,
                    reasoning=3,
                    searches=2,
                ),
            ),
            (
                {"cache_creation": {"ephemeral_1h_input_tokens": 9}},
                Usage(cache_write=9, cache_write_by_ttl={"1h": 9}),
            ),
            ({"input_tokens": None, "output_tokens": "x", "cache_creation": 1}, NO_USAGE),
        ]
        for counts, expected in cases:
            self.assertEqual(expected, read(counts)[0])

    def test_tiers(self) -> None:
        """The tier that served is in OpenAI's words."""
        for word, expected, back in (
            ("standard", "default", {"service_tier": "standard"}),
            ("priority", "priority", {"service_tier": "priority"}),
            ("batch", "batch", {}),
            ("odd", "odd", {}),
            (None, None, {}),
        ):
            self.assertEqual(expected, read({"service_tier": word})[1])
            self.assertEqual(back, written_tier(expected))

    def test_unknown(self) -> None:
        """What nobody knows of the counts is left with its path."""
        nested: Nested = {}
        fields = Fields({"inference_geo": "eu", "server_tool_use": {"odd": 1}}, lenient=True)
        read_counts(fields, nested)
        self.assertEqual({"inference_geo": "eu"}, dict(fields.rest("x").fields))
        tools = nested["usage.server_tool_use"]
        assert tools is not None
        self.assertEqual({"odd": 1}, dict(tools.rest("x").fields))

    def test_write(self) -> None:
        """The four counts are always there; the others where they are known."""
        zero = {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
        self.assertEqual(
            {"input_tokens": 9, "output_tokens": 4, **zero}, write_counts(NO_USAGE, 9, 4)
        )
        self.assertEqual(
            {"input_tokens": 0, "output_tokens": 1, **zero, "cache_read_input_tokens": 60},
            write_counts(Usage(cache_read=60, output=1), 9, 4),
        )
        full = Usage(
            input=1,
            cache_read=2,
            cache_write=3,
            cache_write_by_ttl={"5m": 3},
            output=4,
            reasoning=5,
            searches=6,
        )
        written = write_counts(full, 0, 0)
        self.assertEqual(
            {
                "input_tokens": 1,
                "cache_creation_input_tokens": 3,
                "cache_read_input_tokens": 2,
                "output_tokens": 4,
                "cache_creation": {
                    "ephemeral_5m_input_tokens": 3,
                    "ephemeral_1h_input_tokens": 0,
                },
                "output_tokens_details": {"thinking_tokens": 5},
                "server_tool_use": {"web_search_requests": 6},
            },
            written,
        )
        complete(written)
        self.assertEqual(
            {"web_search_requests": 6, "web_fetch_requests": 0}, written["server_tool_use"]
        )
        again = read(written)[0]
        self.assertEqual((full.input, full.prompt), (again.input, again.prompt))
