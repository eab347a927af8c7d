from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.ledger import Ledger
from magicgateway.dialects.catalogue import OPENAI_CHAT, grammar
from tests import judging
from tests.dialects.openai_chat.bodies import PLAIN, chat, read


class JudgingTests(SynchronousTestCase):
    def test_every_writer(self) -> None:
        """The judges are around every writer that the gateway and the tests can get at."""
        for dialect in judging.TARGETS:
            self.assertTrue(hasattr(grammar(dialect).write_request, "__wrapped__"), dialect)
        for dialect in judging.DOORS:
            for write in (grammar(dialect).write_reply, grammar(dialect).open_writer):
                self.assertTrue(hasattr(write, "__wrapped__"), dialect)

    def test_ill_formed(self) -> None:
        """What the SDK's types do not describe fails the test that wrote it, unless it says so."""
        odd, _ = read(chat(response_format={"type": "regex", "value": "a+"}))
        write = grammar(OPENAI_CHAT).write_request
        before = judging.seen()
        self.assertRaises(AssertionError, write, odd, PLAIN, Ledger())
        with judging.unjudged("to see that this is so", answers_only=True):
            self.assertRaises(AssertionError, write, odd, PLAIN, Ledger())
        self.assertEqual(2, judging.seen() - before)
        with judging.unjudged("to see that this is so"):
            write(odd, PLAIN, Ledger())
        self.assertEqual(2, judging.seen() - before)
