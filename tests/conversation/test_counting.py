from __future__ import annotations

from typing import Any

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation import counting
from magicgateway.conversation.blocks import (
    Block,
    Document,
    Foreign,
    Hosted,
    Image,
    Inline,
    Plain,
    Refusal,
    Remote,
    SearchResult,
    Text,
    Thinking,
    Video,
)
from magicgateway.conversation.parameters import RESPONSE_FORMAT, Parameters, ResponseFormat
from magicgateway.conversation.reply import NO_USAGE, Usage
from magicgateway.conversation.request import HostedTool, Tool
from tests.conversation.turns_of import asking, call, result, turn

COUNTS = st.none() | st.integers(0, 9)
USAGES = st.builds(
    Usage,
    input=COUNTS,
    cache_read=COUNTS,
    cache_write=COUNTS,
    cache_write_by_ttl=st.dictionaries(st.sampled_from(["5m", "1h"]), st.integers(0, 9)),
    output=COUNTS,
    reasoning=COUNTS,
    searches=COUNTS,
    estimated=st.booleans(),
)


class MergingTests(SynchronousTestCase):
    """Counts that come in parts."""

    def test_fields(self) -> None:
        """The later count of a field stands; one that says nothing changes nothing (I.60, I.61)."""
        cases = [
            (Usage(input=9, cache_read=1), Usage(input=9, cache_read=1, output=16), (9, 1, 16)),
            (Usage(input=9, output=1), Usage(output=5), (9, None, 5)),
            (Usage(input=9), Usage(input=0), (0, None, None)),
        ]
        for earlier, later, expected in cases:
            usage = counting.merged_usage(earlier, later)
            self.assertEqual(expected, (usage.input, usage.cache_read, usage.output))

    def test_lifetimes(self) -> None:
        """Counts by lifetime are merged one by one, and an estimate stays known as one."""
        earlier = Usage(cache_write_by_ttl={"5m": 1, "1h": 2}, estimated=True)
        usage = counting.merged_usage(earlier, Usage(cache_write_by_ttl={"1h": 3}, searches=1))
        self.assertEqual({"5m": 1, "1h": 3}, dict(usage.cache_write_by_ttl))
        self.assertEqual((True, 1), (usage.estimated, usage.searches))

    @given(USAGES, USAGES, USAGES)
    def test_laws(self, a: Usage, b: Usage, c: Usage) -> None:
        """Merging is associative, and nothing merged with a count is that count."""
        self.assertEqual(
            counting.merged_usage(counting.merged_usage(a, b), c),
            counting.merged_usage(a, counting.merged_usage(b, c)),
        )
        self.assertEqual(a, counting.merged_usage(NO_USAGE, a))
        self.assertEqual(a, counting.merged_usage(a, NO_USAGE))


class EstimateTests(SynchronousTestCase):
    """Tokens where nobody counts."""

    def test_texts(self) -> None:
        """A token is about four bytes, and a text is at least one."""
        cases = [("", 0), ("a", 1), ("four", 1), ("fives", 2), ("\u4e2d\u6587", 2), ("\ud800", 1)]
        for text, expected in cases:
            self.assertEqual(expected, counting.tokens_of(text))

    def test_everything_counts(self) -> None:
        """Whatever a request says besides makes it cost more (I.79)."""
        plain = asking(turn("u", "question"))
        words = "many words " * 9
        parameters = Parameters()
        form = ResponseFormat("json_schema", schema={"type": words})
        parameters.give(RESPONSE_FORMAT, form, "response_format")
        blocks: list[Block] = [
            Text(text=words),
            Refusal(text=words),
            Thinking(parts=(words,)),
            Image(source=Remote("https://x.test/a.png")),
            Document(source=Plain(words)),
            Document(source=Plain(""), content=(Text(text=words),)),
            Document(source=Inline("application/pdf", "A" * 4000)),
            Video(source=Remote("s3://x/y")),
            SearchResult(source="s", title="t", content=(Text(text=words),)),
            Hosted(family="anthropic", kind="k", raw={"a": [words, 1, None, True]}),
            Foreign(family="anthropic", kind="k", raw={"a": words}),
            call("c", "f", words),
            result("c", words),
        ]
        schema: dict[str, Any] = {"type": "object", "properties": {"x": {"description": words}}}
        requests = [
            *(asking(turn("u", "question", block)) for block in blocks),
            asking(turn("u", "question"), turn("a", words)),
            asking(turn("u", "question"), tools=(Tool(name="f"),)),
            asking(
                turn("u", "question"), tools=(HostedTool(kind="w", raw={"a": words}, family="x"),)
            ),
            evolve(plain, parameters=parameters),
        ]
        for request in requests:
            with self.subTest(request):
                self.assertGreater(counting.estimate(request), counting.estimate(plain))
        bare = asking(tools=(Tool(name="f"),))
        described = asking(tools=(Tool(name="f", description=words, schema=schema),))
        self.assertGreater(counting.estimate(described), counting.estimate(bare) + 2 * 24)

    def test_nothing(self) -> None:
        """A request without words costs nothing, and a block without words nothing more."""
        self.assertEqual(0, counting.estimate(asking()))
        self.assertEqual(0, counting.estimated_blocks([Block()]))

    def test_deep_values(self) -> None:
        """A value that is nested beyond reason is not followed to its end."""
        deep: Any = "x" * 4000
        for _ in range(5000):
            deep = [deep]
        hosted = Hosted(family="anthropic", kind="k", raw={"a": deep})
        self.assertEqual(2, counting.estimated_blocks([hosted]))
