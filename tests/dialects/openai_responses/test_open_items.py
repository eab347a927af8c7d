from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import Citation, Thinking
from magicgateway.dialects.openai_responses.client_run import CLIENT_RUN
from magicgateway.dialects.openai_responses.open_items import (
    OpenCall,
    OpenClientCall,
    OpenMessage,
    OpenReasoning,
    Place,
)

PLACE = Place("id_1", 2)


class OpenItemsTests(SynchronousTestCase):
    def test_place(self) -> None:
        """All events about an item say which it is and where it stands."""
        self.assertEqual(
            {"type": "response.x", "item_id": "id_1", "output_index": 2, "delta": "d"},
            PLACE.event("x", delta="d"),
        )

    def test_message(self) -> None:
        """Without an open part a message takes neither words nor citations."""
        message = OpenMessage(PLACE)
        self.assertEqual([], list(message.say("x", None)))
        self.assertFalse(message.cite(Citation(kind="url", url="u")))
        self.assertEqual([], list(message.stop()))
        self.assertEqual([], message.whole("completed")["content"])

    def test_stop_twice(self) -> None:
        """What has stopped says so once."""
        call = OpenCall(PLACE, "c", "f", None, custom=False)
        self.assertEqual(2, len(list(call.stop())))
        self.assertEqual([], list(call.stop()))
        reasoning = OpenReasoning(PLACE, Thinking(), summary=True, encrypted=False)
        list(reasoning.think("a", 0))
        self.assertEqual(2, len(list(reasoning.stop())))
        self.assertEqual([], list(reasoning.stop()))

    def test_client_call(self) -> None:
        """A call of a client-run tool is told when it is known whole."""
        call = OpenClientCall(PLACE, CLIENT_RUN["shell"], "c")
        self.assertEqual([], [*call.argue('{"commands":'), *call.argue('["ls"]}'), *call.stop()])
        (added,) = call.late()
        self.assertEqual({"commands": ["ls"]}, added["item"]["action"])
