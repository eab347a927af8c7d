from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from urllib.parse import urlsplit

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.capabilities import EFFORTS, PLAIN, Capabilities, ChatAbilities
from magicgateway.providers.models.bedrock import BEDROCK, BEDROCK_CLAUDE
from magicgateway.providers.models.claude import CLAUDE
from magicgateway.providers.models.compatible import ANYWHERE, COMPATIBLE
from magicgateway.providers.models.family import Family, find
from magicgateway.providers.models.openai import OPENAI
from magicgateway.providers.rows import ROWS


def every_family() -> Iterator[Family]:
    yield from (*CLAUDE, *OPENAI, *BEDROCK, *BEDROCK_CLAUDE, *ANYWHERE)
    for families in COMPATIBLE.values():
        yield from families


class FamilyTests(SynchronousTestCase):
    def test_applied(self) -> None:
        """A family changes what it names and leaves the rest; what it drops is added."""
        family = Family(
            pattern="x.*",
            takes={"sampling": "none"},
            chat={"drops": frozenset({"stop"})},
            claude={"prefill": True},
            converse={"cache": True},
            source="https://example.com",
            checked="2026-01-02",
        )
        before = Capabilities(images=False, chat=ChatAbilities(top_k=True, drops=frozenset({"n"})))
        after = family.applied(before)
        self.assertEqual(("none", False), (after.sampling, after.images))
        self.assertEqual((True, {"n", "stop"}), (after.chat.top_k, set(after.chat.drops)))
        self.assertTrue(after.claude.prefill and after.converse.cache)

    def test_find(self) -> None:
        """The first whose pattern is the whole name."""
        one, two = (
            Family(pattern=pattern, source="https://a", checked="2026-01-02")
            for pattern in ("a", "a.*")
        )
        self.assertIs(one, find((one, two), "a"))
        self.assertIs(two, find((one, two), "ab"))
        self.assertIsNone(find((one, two), "ba"))

    def test_every_family(self) -> None:
        """Every family can be applied, has a source and a date, and knows only real levels."""
        for family in every_family():
            with self.subTest(pattern=family.pattern):
                after = family.applied(PLAIN)
                ranks = [EFFORTS.index(level) for level in after.efforts]
                self.assertEqual(sorted(ranks), ranks)
                self.assertIn(after.default_effort, ("", *EFFORTS))
                self.assertIn(after.sampling, ("all", "one", "none"))
                self.assertEqual("https", urlsplit(family.source).scheme)
                self.assertTrue(re.fullmatch(r"\d{4}-\d{2}-\d{2}", family.checked))
                date.fromisoformat(family.checked)
                self.assertEqual(family.pattern, family.pattern.lower())

    def test_providers(self) -> None:
        """Tables are kept for rows that are there."""
        self.assertEqual(set(), set(COMPATIBLE) - {row.name for row in ROWS})
