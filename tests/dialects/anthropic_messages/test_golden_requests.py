from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.ledger import Ledger
from magicgateway.dialects.anthropic_messages.request_writer import write_request
from magicgateway.dialects.openai_chat.request_reader import read_request
from magicgateway.errors import ApiError
from tests.dialects.anthropic_messages.bodies import MODELS, judge, lines

GOLDEN = Path(__file__).parents[2] / "golden" / "anthropic_messages"


class GoldenRequestTests(SynchronousTestCase):
    """Chat requests as they are sent to Claude."""

    maxDiff = None

    def test_chat_requests(self) -> None:
        """Cases I.1 to I.47: what is sent, what is reported, and what is refused."""
        cases = json.loads((GOLDEN / "requests_from_chat.json").read_text())
        seen = set()
        for case in cases:
            self._walk(case)
            seen.add(case["case"])
        self.assertEqual([], [n for n in range(1, 48) if f"I.{n}" not in seen])

    def _walk(self, case: dict[str, Any]) -> None:
        ledger = Ledger()
        request = read_request(case["request"], ledger)
        capabilities = MODELS[case["model"]]
        if "refused" in case:
            refused = self.assertRaises(ApiError, write_request, request, capabilities, ledger)
            self.assertEqual((400, case["refused"]), (refused.status, refused.param), case)
            return
        sent = write_request(request, capabilities, ledger)
        judge(sent.body)
        expected = {"model": "m", "max_tokens": 32000, **case["body"]}
        self.assertEqual(expected, sent.body, case["case"])
        self.assertEqual(case["warnings"], lines(ledger), case["case"])
        self.assertEqual(case.get("names", {}), sent.names, case["case"])
