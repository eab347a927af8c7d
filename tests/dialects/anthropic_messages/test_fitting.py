from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import (
    Audio,
    Block,
    CacheMark,
    Document,
    Extras,
    Foreign,
    Hosted,
    Inline,
    Plain,
    Refusal,
    Text,
    Thinking,
    Token,
    ToolCall,
    ToolResult,
    Video,
)
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.request import Request, Turn
from magicgateway.dialects.anthropic_messages.fitting import fitted
from magicgateway.errors import ApiError
from tests.dialects.anthropic_messages.bodies import lines

OWN = Token("anthropic", "S")
MARK = CacheMark()


def fit(*blocks: Block, role: str = "assistant") -> tuple[list[Block], list[str]]:
    """The blocks of one turn that stay, and what is reported of the others."""
    placed = tuple(evolve(block, field=f"b{n}") for n, block in enumerate(blocks))
    ledger = Ledger()
    request = Request(model="m", turns=(Turn(role=role, blocks=placed, field="t"),))
    request, _ = fitted(request, "anthropic", 64, ledger)
    return [block for turn in request.turns for block in turn.blocks], lines(ledger)


class FittingTests(SynchronousTestCase):
    def test_thinking(self) -> None:
        """Reasoning goes back to its maker alone; the rest is gone and reported."""
        for block, note in (
            (Thinking(parts=("t",), token=OWN), None),
            (Thinking(token=OWN), None),
            (Thinking(redacted=True, token=OWN), None),
            (Thinking(parts=("t",)), "b0;dropped;foreign-reasoning"),
            (Thinking(parts=("t",), token=Token("anthropic", "")), "b0;dropped;foreign-reasoning"),
            (Thinking(parts=("t",), token=Token("openai", "E")), "b0;dropped;foreign-reasoning"),
        ):
            kept, notes = fit(block, Text(text="x"))
            self.assertEqual((2, []) if note is None else (1, [note]), (len(kept), notes))

    def test_tokens_of_others(self) -> None:
        """A signature on another kind of block has no place."""
        kept, notes = fit(ToolCall(id="i", name="f", token=Token("gemini", "E")))
        self.assertEqual((1, ["b0.signature;dropped;foreign-reasoning"]), (len(kept), notes))

    def test_refusal(self) -> None:
        """A refusal in the history is text."""
        kept, notes = fit(Refusal(text="no"))
        self.assertEqual(([Text(text="no", field="b0")], []), (kept, notes))

    def test_steps_of_others(self) -> None:
        """Steps of another provider's tools are told as text, or not at all."""
        told = Hosted(family="openai", kind="web_search_call", raw={}, text="[search]")
        silent = Hosted(family="openai", kind="x", raw={}, extras=Extras("openai", "e", {"a": 1}))
        own = Hosted(family="anthropic", kind="server_tool_use", raw={})
        kept, notes = fit(told, silent, own)
        self.assertEqual([Text(text="[search]", field="b0"), evolve(own, field="b2")], kept)
        self.assertEqual(["b0;rewritten;told-as-text", "b1;dropped", "e.a;dropped"], notes)

    def test_unknown_kinds(self) -> None:
        """A user's block that only others know is refused, an assistant's dropped; ours stays."""
        other = Foreign(family="openai", kind="x", raw={})
        own = Foreign(family="anthropic", kind="y", raw={})
        kept, notes = fit(other, own)
        self.assertEqual(([evolve(own, field="b1")], ["b0;dropped"]), (kept, notes))
        refused = self.assertRaises(ApiError, fit, other, role="user")
        self.assertEqual("b0", refused.param)
        inside = ToolResult(call_id="i", content=(evolve(other, field="c"),))
        refused = self.assertRaises(ApiError, fit, inside)
        self.assertEqual("c", refused.param)

    def test_sound(self) -> None:
        """Nothing that is heard or moves can be sent (case I.47)."""
        source = Inline("audio/wav", "AAAA")
        for block in (Audio(source=source), Video(source=source)):
            for role in ("user", "assistant"):
                refused = self.assertRaises(ApiError, fit, block, role=role)
                self.assertEqual((400, "b0"), (refused.status, refused.param))

    def test_marks(self) -> None:
        """The mark of a block that goes, or can have none, moves to the one before it."""
        gone = Thinking(parts=("t",), cache=MARK)
        own = Thinking(token=OWN, cache=MARK)
        cases: list[tuple[tuple[Block, ...], list[Any], list[str]]] = [
            ((Text(text="x"), gone), [MARK], ["b1;dropped;foreign-reasoning"]),
            ((Text(text="x"), own), [MARK, None], []),
            ((Text(text="x", cache=CacheMark("1h")), own), [CacheMark("1h"), None], []),
            ((own, Text(text="x")), [None, None], ["b0.cache_control;dropped"]),
            ((evolve(own, cache=None), own), [None, None], ["b1.cache_control;dropped"]),
        ]
        for blocks, marks, expected in cases:
            kept, notes = fit(*blocks)
            self.assertEqual((marks, expected), ([b.cache for b in kept], notes))

    def test_inside(self) -> None:
        """What is inside a document fits as well, and what did not change is not copied."""
        document = Document(source=Plain(""), content=(Refusal(text="no"),))
        (kept,), _ = fit(document, role="user")
        assert isinstance(kept, Document)
        self.assertEqual((Text(text="no"),), kept.content)
        request = Request(model="m", turns=(Turn(role="user", blocks=(Text(text="x"),)),))
        self.assertIs(request.turns[0], fitted(request, "anthropic", 64, Ledger())[0].turns[0])

    def test_ids(self) -> None:
        """Ids get the letters that are allowed, in calls and results alike (case I.20)."""
        call = ToolCall(id="functions.Bash:0", name="f")
        result = ToolResult(call_id="functions.Bash:0", content=(Text(text="r"),))
        kept, _ = fit(call, result)
        self.assertEqual(
            ["functions_Bash_0"] * 2,
            [getattr(kept[0], "id", None), getattr(kept[1], "call_id", None)],
        )
