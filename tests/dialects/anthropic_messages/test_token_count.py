from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.counting import estimate
from magicgateway.conversation.ledger import Ledger
from magicgateway.dialects.anthropic_messages.token_count import (
    read_count,
    write_count,
    write_counted,
)
from tests.dialects.anthropic_messages.bodies import ABLE, says, text, tool

BODY = {
    "model": "m",
    "system": "s",
    "messages": [says("user", "hi")],
    "tools": [tool(description="What it does, at some length.")],
}


class TokenCountTests(SynchronousTestCase):
    def test_estimate(self) -> None:
        """Tools and the system prompt count; no limit is needed (case I.79)."""
        counts = [
            estimate(read_count({k: v for k, v in BODY.items() if k not in left}, Ledger()))
            for left in (("tools", "system"), ("tools",), ())
        ]
        self.assertEqual(sorted(set(counts)), counts)

    def test_question(self) -> None:
        """Anthropic is asked about what has tokens, without limit and sampling."""
        request = read_count({**BODY, "temperature": 0.5, "stream": True}, Ledger())
        asked = write_count(request, ABLE, Ledger())
        self.assertEqual({"model", "system", "messages", "tools"}, asked.keys())
        self.assertEqual([text("s")], asked["system"])

    def test_answer(self) -> None:
        """The answer is a number and nothing else."""
        self.assertEqual({"input_tokens": 7}, write_counted(7))
