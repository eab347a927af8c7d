from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import NO_EXTRAS, Text, Thinking, Token
from magicgateway.conversation.ledger import Fields
from magicgateway.conversation.sealed import seal
from magicgateway.dialects.openai_responses.output_reader import (
    besides,
    logprobs_of,
    read_item,
    read_message,
)
from tests.dialects.openai_responses.judge import Json


class OutputReaderTests(SynchronousTestCase):
    def test_message(self) -> None:
        """The parts of a message keep its id and its phase."""
        item: Json = {"id": "m", "phase": "p", "content": [{"type": "output_text", "text": "a"}]}
        (text,) = read_message(Fields(item, lenient=True), 0)
        assert isinstance(text, Text)
        self.assertEqual(("a", "m", "p"), (text.text, text.item_id, text.phase))

    def test_sealed(self) -> None:
        """Reasoning that another gateway sealed is its maker's, not the provider's."""
        thinking = Thinking(parts=("t",), token=Token("anthropic", "sig"))
        item: Json = {"type": "reasoning", "summary": [], "encrypted_content": seal(thinking)}
        (block,) = read_item(item, "acme")
        self.assertEqual(Token("anthropic", "sig"), block.token)

    def test_unsigned(self) -> None:
        """Reasoning without anything encrypted is the provider's all the same."""
        item: Json = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "t"}]}
        (block,) = read_item(item, "acme")
        self.assertEqual(Token("acme", ""), block.token)

    def test_besides(self) -> None:
        """What an answer says besides is kept, but for what is said elsewhere."""
        fields = Fields({"object": "response", "error": None, "odd": 1}, lenient=True)
        self.assertEqual({"odd": 1}, dict(besides(fields).fields))
        self.assertEqual(NO_EXTRAS, besides(Fields({"object": "response"})))

    def test_logprobs(self) -> None:
        """Logprobs of all parts, in order."""
        parts = [{"logprobs": [1]}, {"logprobs": None}, 3, {"logprobs": [2]}]
        self.assertEqual([1, 2], logprobs_of({"content": parts}))
        self.assertEqual([], logprobs_of({}))
