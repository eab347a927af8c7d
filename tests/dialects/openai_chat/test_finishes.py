from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.reply import Finish
from magicgateway.dialects.openai_chat.finishes import read_finish, write_finish


class FinishTests(SynchronousTestCase):
    def test_read(self) -> None:
        """I.84, I.92: calls are waited for whatever was said, unless the answer was cut."""
        cases: list[tuple[Any, dict[str, Any], bool, bool, Finish]] = [
            ("stop", {}, False, False, Finish(reason="stop", raw="stop")),
            ("eos", {}, False, False, Finish(reason="stop", raw="eos")),
            ("length", {}, True, False, Finish(reason="length", raw="length")),
            ("stop", {}, True, False, Finish(reason="tool_calls", raw="stop")),
            ("tool_calls", {}, True, False, Finish(reason="tool_calls", raw="tool_calls")),
            ("tool_calls", {}, False, False, Finish(reason="stop", raw="tool_calls")),
            ("function_call", {}, True, False, Finish(reason="tool_calls", raw="function_call")),
            ("content_filter", {}, False, False, Finish(reason="refused", raw="content_filter")),
            ("SAFETY", {}, False, False, Finish(reason="refused", raw="SAFETY")),
            ("stop", {}, False, True, Finish(reason="refused", raw="stop")),
            ("odd", {}, False, False, Finish(reason="unknown", raw="odd")),
            ("", {}, False, False, Finish(reason="unknown")),
            (None, {}, True, False, Finish(reason="tool_calls")),
            ("stop", {"stop_reason": "END"}, False, False,
             Finish(reason="stop_sequence", raw="stop", stop_sequence="END")),
            ("stop", {"matched_stop": 128009}, False, False, Finish(reason="stop", raw="stop")),
            ("stop", {"stop_reason": "stop"}, False, False, Finish(reason="stop", raw="stop")),
        ]  # fmt: skip
        for raw, choice, calls, refusal, expected in cases:
            self.assertEqual(expected, read_finish(raw, choice, calls=calls, refusal=refusal))

    def test_written(self) -> None:
        """I.53 among others: each reason has a word that OpenAI's callers know."""
        cases = [
            ("stop", False, "stop"), ("stop_sequence", False, "stop"),
            ("stop", True, "tool_calls"), ("tool_calls", True, "tool_calls"),
            ("length", True, "length"), ("context_window", False, "length"),
            ("refused", False, "content_filter"), ("paused", False, "stop"),
            ("unknown", False, "stop"), ("unknown", True, "tool_calls"),
        ]  # fmt: skip
        for reason, calls, expected in cases:
            self.assertEqual(expected, write_finish(Finish(reason=reason), calls=calls), reason)
        old = write_finish(Finish(reason="tool_calls"), calls=True, legacy=True)
        self.assertEqual("function_call", old)
