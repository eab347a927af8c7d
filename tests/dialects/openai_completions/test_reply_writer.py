from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import Extras, Refusal, Text, Thinking
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.reply import Choice, Finish, Reply, Usage
from magicgateway.conversation.request import Request
from magicgateway.dialects.grammar import Asked
from magicgateway.dialects.openai_completions.reply_writer import write_reply
from tests.dialects.openai_chat.bodies import lines
from tests.dialects.openai_chat.sdk import text_completion

ASKED = Asked(request=Request(model="up"), model="asked", answer_id="a1", now=9)


class CompletionReplyTests(SynchronousTestCase):
    maxDiff = None

    def test_shape(self) -> None:
        """An answer is a text, its end and its usage."""
        choice = Choice(blocks=(Text(text="a"), Text(text="b")), finish=Finish(reason="stop"))
        reply = Reply(id="", model="m", choices=(choice,), usage=Usage(input=1, output=2))
        expected = {
            "id": "cmpl-a1", "object": "text_completion", "created": 9, "model": "asked",
            "choices": [{"text": "ab", "index": 0, "logprobs": None, "finish_reason": "stop"}],
            "system_fingerprint": None,
            "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
        }  # fmt: skip
        written = write_reply(reply, ASKED, Ledger())
        self.assertEqual(expected, written)
        self.assertEqual("ab", text_completion(written).choices[0].text)

    def test_ends(self) -> None:
        """Each end has one of the three words that there were."""
        for reason, word in (
            ("length", "length"), ("refused", "content_filter"), ("tool_calls", "stop"),
            ("paused", "stop"),
        ):  # fmt: skip
            choice = Choice(blocks=(Refusal(text="no"),), finish=Finish(reason=reason))
            reply = Reply(id="r", model="m", choices=(choice,), created=5)
            read = text_completion(write_reply(reply, ASKED, Ledger()))
            self.assertEqual(("no", word), (read.choices[0].text, read.choices[0].finish_reason))

    def test_losses(self) -> None:
        """What is no text is reported, and the family's extras return."""
        choice = Choice(
            blocks=(Thinking(parts=("w",)), Text(text="a")),
            finish=Finish(reason="stop"),
            extras=Extras("openai_chat", "choices[0]", {"x": 1}),
        )
        extras = Extras("openai", "", {"odd": 1})
        ledger = Ledger()
        reply = Reply(id="r", model="m", choices=(choice,), extras=extras)
        written = write_reply(reply, ASKED, ledger)
        self.assertEqual(1, written["odd"])
        self.assertEqual(["choices[0].thinking;dropped", "choices[0].x;dropped"], lines(ledger))
