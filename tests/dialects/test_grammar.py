"""Every dialect that is translated keeps to the contract."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import ANTHROPIC, CONVERSE, OPENAI
from magicgateway.conversation.reply import Failure
from magicgateway.dialects.catalogue import (
    ANTHROPIC_MESSAGES,
    BEDROCK_CONVERSE,
    OPENAI_CHAT,
    OPENAI_RESPONSES,
    grammar,
)
from magicgateway.dialects.grammar import FailedReply

FAMILIES = {
    OPENAI_CHAT: OPENAI,
    OPENAI_RESPONSES: OPENAI,
    ANTHROPIC_MESSAGES: ANTHROPIC,
    BEDROCK_CONVERSE: CONVERSE,
}
FUNCTIONS = (
    "read_request",
    "write_request",
    "read_reply",
    "write_reply",
    "open_reader",
    "open_writer",
    "read_failure",
)


class GrammarTests(SynchronousTestCase):
    def test_complete(self) -> None:
        """Each has its family, a name for people, and all that a translation calls."""
        for dialect, family in FAMILIES.items():
            found = grammar(dialect)
            with self.subTest(dialect=dialect):
                self.assertEqual(family, found.FAMILY)
                self.assertTrue(found.SAID[0].isupper())
                for name in FUNCTIONS:
                    self.assertTrue(callable(getattr(found, name)), name)

    def test_unknown(self) -> None:
        """What is no dialect of conversations has no grammar."""
        self.assertRaises(KeyError, grammar, "klingon")

    def test_failed_reply(self) -> None:
        """It tells what failed."""
        failure = Failure(status=500, kind="server", message="m")
        self.assertEqual(("m", failure), (str(FailedReply(failure)), FailedReply(failure).failure))
