from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation import reply
from magicgateway.conversation.ledger import Fields
from magicgateway.conversation.reply import Finish
from magicgateway.dialects.anthropic_messages.finishes import read_finish, write_finish


def read(reason: Any, *, calls: bool = False, **fields: Any) -> Finish:
    return read_finish(Fields({"stop_reason": reason, **fields}, lenient=True), {}, calls=calls)


class FinishTests(SynchronousTestCase):
    def test_read(self) -> None:
        """Every reason has its word in the hub (case I.53)."""
        for word, expected in (
            ("end_turn", reply.STOP),
            ("stop_sequence", reply.STOP_SEQUENCE),
            ("max_tokens", reply.LENGTH),
            ("tool_use", reply.TOOL_CALLS),
            ("pause_turn", reply.PAUSED),
            ("refusal", reply.REFUSED),
            ("model_context_window_exceeded", reply.CONTEXT_WINDOW),
            ("compaction", reply.LENGTH),
            ("odd", reply.UNKNOWN),
            (None, reply.UNKNOWN),
        ):
            self.assertEqual((expected, word), (read(word).reason, read(word).raw))

    def test_calls(self) -> None:
        """Calls are waited for, unless the answer was cut or refused."""
        for word, expected in (
            ("end_turn", reply.TOOL_CALLS),
            ("stop_sequence", reply.TOOL_CALLS),
            (None, reply.TOOL_CALLS),
            ("max_tokens", reply.LENGTH),
            ("pause_turn", reply.PAUSED),
        ):
            self.assertEqual(expected, read(word, calls=True).reason)

    def test_details(self) -> None:
        """Which stop was met, and why the model declined (case I.52)."""
        self.assertEqual("X", read("stop_sequence", stop_sequence="X").stop_sequence)
        details = {"type": "refusal", "category": "cyber", "explanation": "E"}
        finish = read("refusal", stop_details=details)
        self.assertEqual(("E", "cyber"), (finish.explanation, finish.category))

    def test_write(self) -> None:
        """Each reason has its word, calls and refusals before it (cases I.84, I.92)."""
        cases: list[tuple[Finish, bool, bool, str]] = [
            (Finish(reason=reply.STOP), False, False, "end_turn"),
            (Finish(reason=reply.STOP), True, False, "tool_use"),
            (Finish(reason=reply.STOP), False, True, "refusal"),
            (Finish(reason=reply.LENGTH), True, True, "max_tokens"),
            (Finish(reason=reply.CONTEXT_WINDOW), True, False, "model_context_window_exceeded"),
            (Finish(reason=reply.TOOL_CALLS), False, False, "tool_use"),
            (Finish(reason=reply.REFUSED), True, False, "refusal"),
            (Finish(reason=reply.PAUSED), False, False, "pause_turn"),
            (Finish(reason=reply.UNKNOWN), False, False, "end_turn"),
            (Finish(reason=reply.STOP_SEQUENCE), False, False, "stop_sequence"),
        ]
        for finish, calls, refused, expected in cases:
            written = write_finish(finish, calls=calls, refused=refused)
            self.assertEqual(expected, written["stop_reason"])
            self.assertEqual(expected == "refusal", "stop_details" in written)

    def test_written_details(self) -> None:
        """The stop that was met, and the reasons of a refusal."""
        met = Finish(reason=reply.STOP_SEQUENCE, stop_sequence="X")
        self.assertEqual(
            {"stop_reason": "stop_sequence", "stop_sequence": "X"},
            write_finish(met, calls=False, refused=False),
        )
        self.assertIsNone(write_finish(met, calls=True, refused=False)["stop_sequence"])
        declined = Finish(reason=reply.REFUSED, explanation="E", category="bio")
        self.assertEqual(
            {"type": "refusal", "category": "bio", "explanation": "E"},
            write_finish(declined, calls=False, refused=False)["stop_details"],
        )
