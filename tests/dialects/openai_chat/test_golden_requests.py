from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.capabilities import Capabilities, ChatAbilities
from magicgateway.conversation.ledger import Ledger
from magicgateway.dialects.anthropic_messages.request_reader import read_request
from magicgateway.dialects.openai_chat.request_writer import write_request
from magicgateway.errors import ApiError
from tests.dialects.openai_chat.bodies import PLAIN, judge, lines

GOLDEN = Path(__file__).parents[2] / "golden" / "openai_chat"
PROVIDERS = {
    "plain": PLAIN,
    "thinks": Capabilities(efforts=("low", "medium", "high")),
    "searches": Capabilities(chat=ChatAbilities(web_search=True)),
    "sees results": Capabilities(chat=ChatAbilities(tool_images=True)),
}


class GoldenRequestTests(SynchronousTestCase):
    """Messages requests as they are sent to OpenAI-compatible providers."""

    maxDiff = None

    def test_messages_requests(self) -> None:
        """Cases I.69 to I.78 and the rows of E: what is sent, reported and refused."""
        cases = json.loads((GOLDEN / "requests_from_messages.json").read_text())
        for case in cases:
            self._walk(case)
        seen = {case["case"] for case in cases}
        self.assertEqual([], [n for n in range(69, 79) if f"I.{n}" not in seen])

    def _walk(self, case: dict[str, Any]) -> None:
        ledger, capabilities = Ledger(), PROVIDERS[case["provider"]]
        if "refused" in case:
            refused = self.assertRaises(
                ApiError,
                lambda: write_request(read_request(case["request"], ledger), capabilities, ledger),
            )
            self.assertEqual((400, case["refused"]), (refused.status, refused.param), case)
            return
        sent = write_request(read_request(case["request"], ledger), capabilities, ledger)
        if case["provider"] != "sees results":
            judge(sent.body)
        self.assertEqual(case["warnings"], lines(ledger), case["case"])
        self.assertEqual(case.get("names", {}), sent.names, case["case"])
        if "tools" in case:
            declared = [tool["function"]["name"] for tool in sent.body["tools"]]
            self.assertEqual(case["tools"], declared)
        else:
            expected = {"model": "m", "max_completion_tokens": 100, **case["body"]}
            self.assertEqual(expected, sent.body, case["case"])
