from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import Extras, Text, Thinking, Token, ToolCall
from magicgateway.conversation.call_tokens import with_call_tokens
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.request import ASSISTANT, USER, Turn

SIGNATURE = Token("gemini", "S")


def brings(call_id: str, token: Token = SIGNATURE) -> Thinking:
    """The block that a call's token comes in."""
    extras = Extras("openai", "m.blocks[0]", {"odd": 1})
    return Thinking(token=token, call_id=call_id, field="m.blocks[0]", extras=extras)


class CallTokenTests(SynchronousTestCase):
    """Tokens of calls that travelled beside them."""

    def test_before_and_after(self) -> None:
        """A token is put on its call, wherever in the turn it stands, and its block is gone."""
        first, second, said = ToolCall(id="a", name="f"), ToolCall(id="b", name="f"), Text(text="x")
        other = Token("gemini", "T")
        turns = (
            Turn(role=USER, blocks=(said,)),
            Turn(role=ASSISTANT, blocks=(brings("a"), first, said, second, brings("b", other))),
        )
        ledger = Ledger()
        asked, answered = with_call_tokens(turns, ledger)
        self.assertIs(turns[0], asked)
        self.assertEqual(
            (
                ToolCall(id="a", name="f", token=SIGNATURE),
                said,
                ToolCall(id="b", name="f", token=other),
            ),
            answered.blocks,
        )
        self.assertEqual({"m.blocks[0].odd;dropped;unsupported-by-target"}, _lines(ledger))

    def test_without_its_call(self) -> None:
        """A token whose call is in another turn, or has one already, is dropped and reported."""
        call = ToolCall(id="a", name="f")
        turns = (
            Turn(role=ASSISTANT, blocks=(call, brings("a"), brings("a", Token("x", "T")))),
            Turn(role=ASSISTANT, blocks=(brings("a"),)),
        )
        ledger = Ledger()
        first, second = with_call_tokens(turns, ledger)
        self.assertEqual((ToolCall(id="a", name="f", token=SIGNATURE),), first.blocks)
        self.assertEqual((), second.blocks)
        self.assertIn("m.blocks[0];dropped;unreadable", _lines(ledger))

    def test_none(self) -> None:
        """Turns without such blocks are the same objects."""
        turns = (Turn(role=ASSISTANT, blocks=(Thinking(token=SIGNATURE),)),)
        self.assertIs(turns, with_call_tokens(turns, Ledger()))


def _lines(ledger: Ledger) -> set[str]:
    return {note.line() for note in ledger.notes}
