from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.ledger import Fields
from magicgateway.conversation.reply import NO_USAGE, Usage
from magicgateway.dialects.openai_chat.counts import read_counts, write_counts


def counts(value: dict[str, Any]) -> Usage:
    return read_counts(Fields(value, lenient=True), {})


class CountTests(SynchronousTestCase):
    def test_read(self) -> None:
        """I.85 among others: what was cached is taken out of the input, whoever counts how."""
        cases: list[tuple[dict[str, Any], Usage]] = [
            ({}, NO_USAGE),
            ({"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
             Usage(input=5, output=2)),
            ({"prompt_tokens": 100, "completion_tokens": 9,
              "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 10}},
             Usage(input=30, cache_read=60, cache_write=10, output=9)),
            ({"prompt_tokens": 9, "prompt_cache_hit_tokens": 4, "prompt_cache_miss_tokens": 5},
             Usage(input=5, cache_read=4)),
            ({"prompt_tokens": 9, "cached_tokens": 0}, Usage(input=9, cache_read=0)),
            ({"prompt_tokens": 9, "num_cached_tokens": 9}, Usage(input=0, cache_read=9)),
            ({"prompt_tokens": 9, "cached_tokens": 20}, Usage(input=9, cache_read=20)),
            ({"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14,
              "completion_tokens_details": {"reasoning_tokens": 3}},
             Usage(input=9, output=5, reasoning=3)),
            ({"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 17,
              "completion_tokens_details": {"reasoning_tokens": 3}},
             Usage(input=9, output=8, reasoning=3)),
            ({"prompt_tokens": "many", "prompt_tokens_details": 7}, NO_USAGE),
        ]  # fmt: skip
        for value, expected in cases:
            self.assertEqual(expected, counts(value), value)

    def test_written(self) -> None:
        """I.51: all input counts as prompt, and what is unknown is not said to be 0.

        A half that nobody counted leaves no usage, since its shape has no room for None.
        """
        usage = Usage(input=10, cache_write=5, cache_read=100, output=7, reasoning=2, searches=1)
        expected = {
            "prompt_tokens": 115, "completion_tokens": 7, "total_tokens": 122,
            "prompt_tokens_details": {"cached_tokens": 100, "cache_write_tokens": 5},
            "completion_tokens_details": {"reasoning_tokens": 2},
            "server_tool_use": {"web_search_requests": 1},
        }  # fmt: skip
        self.assertEqual(expected, write_counts(usage))
        bare = {"prompt_tokens": 4, "completion_tokens": 3, "total_tokens": 7}
        self.assertEqual(bare, write_counts(Usage(input=4, output=3)))
        for unknown in (NO_USAGE, Usage(output=3), Usage(input=4), Usage(cache_read=4, output=3)):
            self.assertIsNone(write_counts(unknown))

    def test_round(self) -> None:
        """What was written is read as the same."""
        usage = Usage(input=1, cache_read=2, cache_write=3, output=4, reasoning=1)
        written = write_counts(usage)
        assert written is not None
        self.assertEqual(usage, counts(written))
