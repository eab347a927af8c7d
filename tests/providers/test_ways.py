from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.providers.envelopes import CONVERSE, INVOKE_CLAUDE
from magicgateway.providers.row import (
    ANTHROPIC_MESSAGES,
    BEDROCK_CONVERSE,
    OPENAI_CHAT,
    OPENAI_RESPONSES,
    OWN,
    Operation,
)
from magicgateway.providers.rows import ROWS
from magicgateway.providers.ways import NAMES, envelope_of, only, ways_of

BY_NAME = {row.name: row for row in ROWS}


class WaysTests(SynchronousTestCase):
    def test_order(self) -> None:
        """A row's ways are those that it lists, in its order."""
        cases = {
            "openai": [OPENAI_RESPONSES, OPENAI_CHAT],
            "anthropic": [ANTHROPIC_MESSAGES],
            "groq": [OPENAI_CHAT, OPENAI_RESPONSES],
            "fireworks": [OPENAI_CHAT, OPENAI_RESPONSES, ANTHROPIC_MESSAGES],
            "perplexity": [OPENAI_RESPONSES],
            "bedrock": [BEDROCK_CONVERSE, ANTHROPIC_MESSAGES],
        }
        for name, expected in cases.items():
            self.assertEqual(expected, [way.dialect for way in ways_of(BY_NAME[name])], name)
        silent = [row.name for row in ROWS if not ways_of(row)]
        self.assertEqual([], silent)

    def test_envelopes(self) -> None:
        """Each way has its path, and Anthropic's dialect its version where it is spoken."""
        chat, responses, messages = ways_of(BY_NAME["fireworks"])
        self.assertEqual(
            ["/chat/completions", "/responses", "/messages"],
            [way.envelope.at("m") for way in (chat, responses, messages)],
        )
        self.assertEqual({"anthropic-version": "2023-06-01"}, dict(messages.envelope.headers))
        self.assertEqual({}, dict(chat.envelope.headers))
        self.assertTrue(chat.direct and messages.direct)
        bedrock = ways_of(BY_NAME["bedrock"])
        self.assertEqual([CONVERSE, INVOKE_CLAUDE], [way.envelope for way in bedrock])
        self.assertFalse(any(way.direct for way in bedrock))

    def test_only(self) -> None:
        """Of some ways those in given dialects, in the order of these."""
        ways = ways_of(BY_NAME["fireworks"])
        chosen = only(ways, [ANTHROPIC_MESSAGES, BEDROCK_CONVERSE, OPENAI_CHAT])
        self.assertEqual([ANTHROPIC_MESSAGES, OPENAI_CHAT], [way.dialect for way in chosen])

    def test_envelope_of(self) -> None:
        """An operation's own envelope wins; else the plain one with its path."""
        self.assertEqual("/x/y", envelope_of(Operation("/x/y"), OWN).path)
        operation = Operation("/x", (BEDROCK_CONVERSE,), CONVERSE)
        self.assertIs(CONVERSE, envelope_of(operation, BEDROCK_CONVERSE))

    def test_names(self) -> None:
        """What configurations call the dialects."""
        self.assertEqual(OPENAI_CHAT, NAMES["openai"])
        self.assertEqual(["openai", "responses", "anthropic", "converse"], list(NAMES))
