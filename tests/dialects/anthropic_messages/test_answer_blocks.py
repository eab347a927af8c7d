from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import (
    Block,
    Citation,
    Foreign,
    Hosted,
    Image,
    Inline,
    Refusal,
    Text,
    Thinking,
    Token,
    ToolCall,
)
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.request import Request
from magicgateway.conversation.sealed import unseal
from magicgateway.dialects.anthropic_messages.answer_blocks import (
    answer_block,
    call_id,
    call_token_block,
    message_id,
    own_block,
    sealed_token,
    signature_of,
    thinking_block,
)
from magicgateway.dialects.grammar import Asked
from tests.dialects.anthropic_messages.bodies import lines, text
from tests.dialects.anthropic_messages.test_citations import WEB

ASKED = Asked(request=Request(model="m"), model="asked", answer_id="a1", now=0)
OWN, FOREIGN = Token("anthropic", "S"), Token("openai", "E")


class AnswerBlockTests(SynchronousTestCase):
    def test_ids(self) -> None:
        """Ids have Anthropic's forms; those that are missing are made up (case I.90)."""
        self.assertEqual(
            ["msg_1", "msg_chatcmpl-1_", "msg_a1"],
            [message_id(given, ASKED) for given in ("msg_1", "chatcmpl-1.", "")],
        )
        self.assertEqual(
            ["call_1", "functions_Bash_0", "toolu_a1_3"],
            [call_id(given, ASKED, 3) for given in ("call_1", "functions.Bash:0", "")],
        )

    def test_signatures(self) -> None:
        """Own signatures are bare, another family's are sealed with their words."""
        self.assertEqual("", signature_of(Thinking(parts=("t",))))
        self.assertEqual("", signature_of(Thinking(token=Token("anthropic", ""))))
        self.assertEqual("S", signature_of(Thinking(parts=("t",), token=OWN)))
        foreign = Thinking(parts=("a", "b"), summary=True, token=FOREIGN, item_id="rs_1")
        self.assertEqual(foreign, unseal(signature_of(foreign)))
        bare = Thinking(summary=True, item_id="rs_1")
        self.assertEqual(foreign, unseal(sealed_token(bare, ("a", "b"), FOREIGN)))

    def test_only_whose(self) -> None:
        """E.5: what nobody signed, or nobody could seal, says whose it is and nothing else."""
        mark = Thinking(token=Token("openai", ""))
        self.assertEqual(mark, unseal(signature_of(evolve(mark, parts=("t",)))))
        huge = Thinking(parts=("x" * 2**21,), token=FOREIGN)
        self.assertEqual(evolve(mark, token=Token(FOREIGN.origin, "")), unseal(signature_of(huge)))

    def test_tokens_of_calls(self) -> None:
        """What is wanted back with a call is a block of its own, if there is such a thing."""
        written = call_token_block("c", FOREIGN)
        assert written is not None
        self.assertEqual("redacted_thinking", written["type"])
        self.assertEqual(Thinking(token=FOREIGN, call_id="c"), unseal(written["data"]))
        self.assertIsNone(call_token_block("c", None))
        self.assertIsNone(call_token_block("c", Token("gemini", "x" * 2**21)))

    def test_thinking(self) -> None:
        """Reasoning that says nothing and nobody wants back is not there."""
        for block, expected in (
            (Thinking(parts=("t",)), {"type": "thinking", "thinking": "t", "signature": ""}),
            (Thinking(token=OWN), {"type": "thinking", "thinking": "", "signature": "S"}),
            (Thinking(redacted=True, token=OWN), {"type": "redacted_thinking", "data": "S"}),
            (Thinking(redacted=True), None),
            (Thinking(redacted=True, token=Token("openai", "")), None),
            (Thinking(token=Token("openai", "")), None),
            (Thinking(), None),
        ):
            self.assertEqual(expected, thinking_block(block))
        foreign = thinking_block(Thinking(redacted=True, token=FOREIGN))
        assert foreign is not None
        self.assertEqual(Thinking(redacted=True, token=FOREIGN), unseal(foreign["data"]))

    def test_blocks(self) -> None:
        """Every block of an answer in Anthropic's words, and what has none."""
        other = Citation(kind="url", family="openai")
        own = Citation(kind="url", family="anthropic", raw=WEB)
        step: dict[str, Any] = {"type": "server_tool_use", "id": "s"}
        cases: list[tuple[Block, dict[str, Any] | None, list[str]]] = [
            (Text(text=""), None, []),
            (Text(text=" "), text(" "), []),
            (Text(text="x", citations=(own, other)), text("x", citations=[WEB]),
             ["f.citations;dropped"]),
            (Text(text="x", citations=(other,)), text("x"), ["f.citations;dropped"]),
            (Refusal(text="no"), text("no"), []),
            (Hosted(family="anthropic", kind="x", raw=step), step, []),
            (Hosted(family="openai", kind="x", raw={}), None, ["f;dropped"]),
            (Image(source=Inline("image/png", "")), None, ["f;dropped"]),
        ]  # fmt: skip
        for block, expected, notes in cases:
            ledger = Ledger()
            written = answer_block(evolve(block, field="f"), ASKED, 0, ledger)
            self.assertEqual((expected, notes), (written, lines(ledger)))

    def test_calls(self) -> None:
        """Arguments are objects, whatever a model wrote."""
        for call, expected in (
            (ToolCall(id="i", name="f", arguments=""), {}),
            (ToolCall(id="i", name="f", arguments='{"a":1}'), {"a": 1}),
            (ToolCall(id="i", name="f", arguments="{bad"), {"_raw_arguments": "{bad"}),
            (ToolCall(id="i", name="f", arguments="[1]"), {"_raw_arguments": "[1]"}),
            (ToolCall(id="i", name="f", arguments="x", kind="custom"), {"input": "x"}),
        ):
            written = answer_block(call, ASKED, 0, Ledger())
            assert written is not None
            self.assertEqual(expected, written["input"])

    def test_own(self) -> None:
        """Only this family's blocks are given as they were."""
        raw = {"type": "compaction"}
        self.assertEqual(raw, own_block(Foreign(family="anthropic", kind="compaction", raw=raw)))
        self.assertIsNone(own_block(Foreign(family="openai", kind="compaction", raw=raw)))
        self.assertIsNone(own_block(Text(text="x")))
