from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.errors import ConfigError
from magicgateway.providers.row import (
    ANTHROPIC_MESSAGES,
    BEDROCK_CONVERSE,
    OPENAI_CHAT,
    OPENAI_RESPONSES,
)
from magicgateway.providers.rows import ROWS
from magicgateway.providers.rows.generic import GENERIC
from magicgateway.providers.speech import spoken_row, spoken_ways
from tests.providers.made import made

BY_NAME = {row.name: row for row in ROWS}


class SpokenRowTests(SynchronousTestCase):
    def test_one(self) -> None:
        """A provider without a row of its own speaks the dialect that it is said to speak."""
        for name, expected in [
            ("openai", [OPENAI_CHAT]),
            ("responses", [OPENAI_RESPONSES]),
            ("anthropic", [ANTHROPIC_MESSAGES]),
            ("converse", [BEDROCK_CONVERSE]),
        ]:
            row = spoken_row(GENERIC, name, "k")
            self.assertEqual(expected, [way.dialect for way in spoken_ways(row, None, "k")])
            self.assertEqual(name, row.dialect)

    def test_several(self) -> None:
        """Several dialects: the first decides the rest, and every one's operations are there."""
        row = spoken_row(GENERIC, ("anthropic", "openai", "anthropic"), "k")
        self.assertEqual("x-api-key", row.auth)
        self.assertLessEqual(
            {"messages", "messages/count_tokens", "chat/completions", "embeddings"},
            set(row.operations),
        )
        self.assertEqual(("anthropic_models",), row.operations["models"].dialects)
        self.assertLessEqual({"anthropic-beta", "openai-project"}, set(row.request_headers))
        self.assertEqual(len(row.request_headers), len(set(row.request_headers)))
        self.assertEqual((ANTHROPIC_MESSAGES, OPENAI_CHAT), row.order)

    def test_aws(self) -> None:
        """A provider of AWS has two, in the order in which they are named."""
        for named, expected in [
            (("converse", "anthropic"), [BEDROCK_CONVERSE, ANTHROPIC_MESSAGES]),
            (("anthropic", "converse"), [ANTHROPIC_MESSAGES, BEDROCK_CONVERSE]),
        ]:
            row = spoken_row(GENERIC, named, "k")
            self.assertEqual("aws", row.auth)
            self.assertEqual(expected, [way.dialect for way in spoken_ways(row, None, "k")])

    def test_refused(self) -> None:
        """There is no such dialect, or one that is a provider of its own."""
        for named, part in [
            ("klingon", "klingon"),
            (("openai", "converse"), "converse"),
            (("anthropic", "converse", "openai"), "converse"),
        ]:
            error = self.assertRaises(ConfigError, spoken_row, GENERIC, named, "k")
            self.assertEqual("k", error.key)
            self.assertIn(part, str(error))


class SpokenWaysTests(SynchronousTestCase):
    def test_held_to_some(self) -> None:
        """A provider is held to the dialects that the operator names, in that order."""
        cases: list[tuple[list[str], str, str | tuple[str, ...] | None]] = [
            ([OPENAI_CHAT], "openai", "openai"),
            ([OPENAI_CHAT, OPENAI_RESPONSES], "openai", ("openai", "responses")),
            ([BEDROCK_CONVERSE], "bedrock", "converse"),
            ([OPENAI_RESPONSES, OPENAI_CHAT], "openai", None),
        ]
        for expected, name, named in cases:
            ways = spoken_ways(BY_NAME[name], named, "k")
            self.assertEqual(expected, [way.dialect for way in ways])

    def test_refused(self) -> None:
        """A dialect that the row does not list is refused, and those that it lists are named."""
        for named in ("anthropic", ("openai", "klingon")):
            error = self.assertRaises(ConfigError, spoken_ways, BY_NAME["openai"], named, "k")
            self.assertIn("openai speaks openai, responses;", str(error))

    def test_configured(self) -> None:
        """The same by a configuration."""
        local = '[providers.local]\nbase_url = "http://h/v1"\n'
        cases = [
            ([OPENAI_CHAT], "local", local),
            ([OPENAI_RESPONSES, OPENAI_CHAT], "local", f"{local}dialect = ['responses', 'openai']"),
            ([BEDROCK_CONVERSE], "b2", "[providers.b2]\ndialect = 'converse'"),
            ([BEDROCK_CONVERSE], "aws", "[providers.aws]\ndialect = 'converse'"),
        ]
        for expected, name, toml in cases:
            self.assertEqual(expected, [way.dialect for way in made(name, toml).ways])
