from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import Block, CacheMark, Foreign, Hosted, Thinking, Token
from magicgateway.conversation.ledger import Fields, Ledger
from magicgateway.conversation.sealed import LONGEST, seal
from magicgateway.dialects.openai_chat.reasoning import (
    details_of,
    details_token,
    read_cache,
    take_thinking,
    take_words,
    thinking_entry,
)
from tests.dialects.openai_chat.bodies import lines


def taken(message: dict[str, Any]) -> tuple[tuple[Block, ...], list[str]]:
    ledger = Ledger()
    return take_thinking(Fields(message, "m"), ledger), lines(ledger)


class MarkTests(SynchronousTestCase):
    def test_mark(self) -> None:
        """A mark has one of two spellings, and what else stands in it is not lost."""
        for body, ttl, left in (
            ({"cache_control": {"type": "ephemeral", "ttl": "1h"}}, "1h", {}),
            ({"cache_control": {"type": "ephemeral", "x": 1}}, None, {"cache_control.x": 1}),
            ({"prompt_cache_breakpoint": {"mode": "explicit", "ttl": "30m", "x": 1}}, "30m",
             {"prompt_cache_breakpoint.x": 1}),
        ):  # fmt: skip
            fields = Fields(body)
            self.assertEqual(CacheMark(ttl), read_cache(fields))
            self.assertEqual(left, fields.rest("f").fields)
        self.assertIsNone(read_cache(Fields({})))


class TakeTests(SynchronousTestCase):
    maxDiff = None

    def test_words(self) -> None:
        """The words are found under each name; twice given, they are the same words."""
        for name in ("reasoning_content", "reasoning", "reasoning_text"):
            self.assertEqual("w", take_words(Fields({name: "w"})))
        self.assertEqual("a", take_words(Fields({"reasoning_content": "a", "reasoning": "b"})))
        self.assertEqual("", take_words(Fields({"reasoning": {"effort": "low"}})))

    def test_unsigned(self) -> None:
        """I.44: words without a signature are reasoning of nobody's."""
        expected = (Thinking(parts=("w",), field="m.reasoning_content"),)
        self.assertEqual((expected, []), taken({"reasoning_content": "w"}))
        entry = {"type": "thinking", "thinking": "x"}
        expected = (Thinking(parts=("x",), field="m.thinking_blocks[0]"),)
        self.assertEqual((expected, []), taken({"thinking_blocks": [entry]}))

    def test_signed(self) -> None:
        """I.43: signed blocks are kept, empty words and all, and say what the words say again."""
        message = {
            "reasoning_content": "w",
            "thinking_blocks": [
                {"type": "thinking", "thinking": "", "signature": "S", "index": 0},
                {"type": "redacted_thinking", "data": "D", "index": 1},
            ],
        }
        expected = (
            Thinking(token=Token("anthropic", "S"), field="m.thinking_blocks[0]"),
            Thinking(redacted=True, token=Token("anthropic", "D"), field="m.thinking_blocks[1]"),
        )
        self.assertEqual((expected, []), taken(message))

    def test_whole_content(self) -> None:
        """Of all blocks of an answer, reasoning and hosted steps are not known yet."""
        used = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
        raw = [
            {"type": "thinking", "thinking": "a", "signature": "S"},
            {"type": "thinking", "thinking": "b", "signature": "R"},
            {"type": "text", "text": "t"},
            used,
            {"type": "odd"},
        ]
        for message in ({"content_blocks": raw}, {"provider_fields": {"content_blocks": raw}}):
            blocks, _ = taken(message)
            self.assertEqual([Thinking, Thinking, Hosted, Foreign], [type(b) for b in blocks])
            hosted = blocks[2]
            assert isinstance(hosted, Hosted)
            self.assertEqual(("server_tool_use", used), (hosted.kind, dict(hosted.raw)))

    def test_sealed(self) -> None:
        """Another family's reasoning returns exactly as it went out."""
        for block in (
            Thinking(parts=("a", "b"), summary=True, token=Token("openai", "enc")),
            Thinking(redacted=True, token=Token("gemini", "enc")),
        ):
            entry = thinking_entry(block)
            ((back,), notes) = taken({"thinking_blocks": [entry]})
            assert isinstance(back, Thinking)
            self.assertEqual(
                (block.parts, block.summary, block.redacted, block.token, []),
                (back.parts, back.summary, back.redacted, back.token, notes),
            )

    def test_forged(self) -> None:
        """What claims to be the gateway's and is not brings no token, and is reported."""
        entry = {"type": "thinking", "thinking": "w", "signature": "mgw1.!!"}
        expected = (Thinking(parts=("w",), field="m.thinking_blocks[0]"),)
        self.assertEqual(
            (expected, ["m.thinking_blocks[0].signature;dropped;unreadable"]),
            taken({"thinking_blocks": [entry]}),
        )

    def test_sealed_without_words(self) -> None:
        """Where only the token was sealed, the words are those that came beside it."""
        signature = seal(Thinking(token=Token("openai", "enc")))
        entry = {"type": "thinking", "thinking": "w", "signature": signature}
        ((block,), _) = taken({"thinking_blocks": [entry]})
        assert isinstance(block, Thinking)
        self.assertEqual((("w",), Token("openai", "enc")), (block.parts, block.token))


class EntryTests(SynchronousTestCase):
    def test_own(self) -> None:
        """Anthropic's blocks are as Anthropic wrote them."""
        signed = Thinking(parts=("w",), token=Token("anthropic", "S"))
        expected = {"type": "thinking", "thinking": "w", "signature": "S"}
        self.assertEqual(expected, thinking_entry(signed))
        redacted = Thinking(redacted=True, token=Token("anthropic", "D"))
        self.assertEqual({"type": "redacted_thinking", "data": "D"}, thinking_entry(redacted))

    def test_nothing_to_return(self) -> None:
        """Without a token, or with one that is too long to travel, there is no entry."""
        for token in (None, Token("openai", ""), Token("openai", "x" * LONGEST)):
            self.assertIsNone(thinking_entry(Thinking(parts=("w",), token=token)))


class DetailsTests(SynchronousTestCase):
    def test_pieces(self) -> None:
        """Pieces of one detail become one; others stay apart; the list comes back whole."""
        pieces = [
            {"type": "reasoning.text", "index": 0, "text": "a", "signature": None},
            {"type": "reasoning.text", "index": 0, "text": "b"},
            "odd",
            {"type": "reasoning.text", "index": 0, "text": "", "signature": "S"},
            {"type": "reasoning.encrypted", "index": 1, "data": "D"},
        ]
        token = details_token(pieces, "router")
        assert token is not None
        self.assertEqual("router", token.origin)
        expected = [
            {"type": "reasoning.text", "index": 0, "signature": "S", "text": "ab"},
            {"type": "reasoning.encrypted", "index": 1, "data": "D"},
        ]
        self.assertEqual(expected, details_of([token]))

    def test_no_details(self) -> None:
        """Tokens that were made of something else give none."""
        self.assertIsNone(details_token(["odd"], "o"))
        hostile = [Token("o", text) for text in ("", "{", "7", '["x"]', "\ud800")]
        self.assertEqual([], details_of(hostile))
