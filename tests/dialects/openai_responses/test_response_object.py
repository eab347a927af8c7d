from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import Text
from magicgateway.conversation.request import Request, Turn
from magicgateway.dialects.grammar import Asked
from magicgateway.dialects.openai_responses.response_object import open_envelope, outcome
from tests.dialects.openai_responses.judge import ANSWER_ID, NOW, asked


class EnvelopeTests(SynchronousTestCase):
    def test_id(self) -> None:
        """The provider's id stays if it is one of this API; the time is its, or now."""
        self.assertEqual("resp_x1", open_envelope(asked(), "msg_9", None).id)
        self.assertEqual("resp_9", open_envelope(asked(), "resp_9", 5).id)
        self.assertEqual([NOW, 5], [open_envelope(asked(), "", t).created for t in (None, 5)])

    def test_instructions(self) -> None:
        """Only what leads was instructions."""
        for lead, expected in ((True, "a\n\nb"), (False, None)):
            turn = Turn(role="system", blocks=(Text(text="a"), Text(text="b")), lead=lead)
            question = Asked(
                request=Request(model="m", turns=(turn,)), model="m", answer_id=ANSWER_ID, now=NOW
            )
            begun = open_envelope(question, "", None).wrap("in_progress", [])
            self.assertEqual(expected, begun["instructions"])

    def test_outcome(self) -> None:
        """An answer that nobody said the end of is complete."""
        self.assertEqual(("completed", None), outcome(None))
