from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import Image, Inline
from magicgateway.conversation.ledger import Ledger
from magicgateway.dialects.anthropic_messages.block_writer import BlockWriter
from magicgateway.dialects.anthropic_messages.turn_writer import lacks_thinking, write_turns
from magicgateway.errors import ApiError
from tests.conversation.turns_of import placed, turn
from tests.dialects.anthropic_messages.bodies import (
    ABLE,
    MODELS,
    answers,
    lines,
    messages,
    read,
    rewritten,
    says,
    text,
    uses,
)

THOUGHT = {"type": "thinking", "thinking": "t", "signature": "S"}


class TurnWriterTests(SynchronousTestCase):
    def test_shape(self) -> None:
        """The system prompt is blocks, and so are messages; marks and unknown fields stay."""
        marked = text("S", cache_control={"type": "ephemeral"})
        body = rewritten(messages(says("user", "a", odd=1), system=[marked, text("R")]))
        self.assertEqual([marked, text("R")], body["system"])
        self.assertEqual([{"role": "user", "content": [text("a")], "odd": 1}], body["messages"])

    def test_middle_system(self) -> None:
        """A system message amid others stays one where the model has them (cases I.4 to I.6)."""
        given = messages(
            says("user", "1"), says("system", "S"), says("assistant", "2"), says("user", "3")
        )
        self.assertEqual(
            [{"role": "user", "content": [text("1")]}, {"role": "system", "content": "S"}],
            rewritten(given)["messages"][:2],
        )
        words = text("<system-reminder>S</system-reminder>")
        self.assertEqual(
            [text("1"), words],
            rewritten(given, MODELS["sonnet-5"])["messages"][0]["content"],
        )

    def test_system_alone(self) -> None:
        """A system prompt alone is no conversation."""
        for body in (messages(says("system", "s")), messages(says("user", " "), system="s")):
            refused = self.assertRaises(ApiError, rewritten, body)
            self.assertEqual((400, "messages"), (refused.status, refused.param))

    def test_system_is_text(self) -> None:
        """A picture in a system prompt is refused; what stood on a hoisted message is reported."""
        picture = Image(source=Inline("image/png", "AAAA"))
        turns = placed(turn("s", picture), turn("u", "x"))
        refused = self.assertRaises(
            ApiError, write_turns, turns, BlockWriter(ABLE, (), Ledger()), ABLE, Ledger()
        )
        self.assertEqual("messages[0].content[0]", refused.param)
        ledger = Ledger()
        request, _ = read(messages(says("system", "s", odd=1), says("user", "x")))
        write_turns(request.turns, BlockWriter(ABLE, (), ledger), ABLE, ledger)
        self.assertEqual(["messages[0].odd;dropped"], lines(ledger))

    def test_lacks_thinking(self) -> None:
        """Whether calls that are being answered began with reasoning."""
        results = says("user", answers("c"), "x")
        mid = {"role": "system", "content": "s"}
        cases: list[tuple[list[dict[str, Any]], bool]] = [
            ([says("user", "x", "y")], False),
            ([says("user", "x", "y"), says("assistant", "x", "y")], False),
            ([says("assistant", "x", "y"), says("user", "x", "y")], False),
            ([says("assistant", uses("c")), results], True),
            ([says("assistant", uses("c")), results, mid], True),
            ([says("assistant", THOUGHT, uses("c")), results], False),
            (
                [says("assistant", {"type": "redacted_thinking", "data": "D"}, uses("c")), results],
                False,
            ),
        ]
        for given, expected in cases:
            self.assertEqual(expected, lacks_thinking(given))
