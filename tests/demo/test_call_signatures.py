from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.demo.call import Refusal
from magicgateway.demo.call_signatures import check_signed, signed

ASKED = {"role": "user", "content": "hi"}
RESULT = {"role": "tool", "tool_call_id": "c", "content": "r"}


def called(**more: Any) -> dict[str, Any]:
    """An assistant's message with one call."""
    function = {"name": "f", "arguments": "{}"}
    call = {"id": "c", "type": "function", "function": function, **more}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


class CallSignatureTests(SynchronousTestCase):
    def test_who_signs(self) -> None:
        """Gemini 3 signs the first of its calls, nobody else any."""
        self.assertEqual(["extra_content"], list(signed("gemini-3-pro", 0, "c")))
        self.assertEqual(({}, {}), (signed("gemini-3-pro", 1, "c"), signed("demo", 0, "c")))

    def test_wanted_back(self) -> None:
        """Calls of the turn under way come back signed or are refused; older ones need not be."""
        whole = called(**signed("gemini-3-pro", 0, "c"))
        check_signed("gemini-3-pro", [ASKED, whole, RESULT])
        check_signed("gemini-3-pro", [ASKED, called(), RESULT, ASKED])
        check_signed("demo", [ASKED, called(), RESULT])
        other = called(**signed("gemini-3-pro", 0, "d"))
        for wrong in (called(), called(extra_content=None), other):
            refusal = self.assertRaises(
                Refusal, check_signed, "gemini-3-pro", [ASKED, wrong, RESULT]
            )
            self.assertIn("thought_signature", str(refusal.message))
