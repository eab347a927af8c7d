"""What is told of generated requests names fields that their callers know."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.notes import MOST_LINES
from magicgateway.dialects.catalogue import ANTHROPIC_MESSAGES, OPENAI_CHAT, OPENAI_RESPONSES
from tests.dialects.anthropic_messages.test_equivalence import bodies as messages_bodies
from tests.dialects.openai_chat.test_identity import bodies as chat_bodies
from tests.dialects.openai_responses.test_identity import REQUESTS as RESPONSES_BODIES
from tests.golden.cases import Case, at_other_targets
from tests.golden.test_places import ABSENT, ELSEWHERE, places_told, stands

EXAMPLES = settings(max_examples=40, deadline=None)


class GeneratedPlaceTests(SynchronousTestCase):
    """As many notes as are told are looked at: the others are only counted to the caller."""

    def _walk(self, door: str, bodies: st.SearchStrategy[dict[str, Any]]) -> None:
        found = 0

        @EXAMPLES
        @given(bodies, st.integers(0, 15))
        def stand(body: dict[str, Any], number: int) -> None:
            nonlocal found
            case = Case(file="generated", data={"door": door, "request": body})
            for one in at_other_targets(case, number):
                told = places_told(one)[:MOST_LINES]
                found += len(told)
                wrong = [
                    place
                    for place in told
                    if not stands(body, place)
                    and place not in ABSENT
                    and place.rpartition(".")[2] not in ELSEWHERE
                ]
                self.assertEqual([], wrong, f"to {one.target}, {one.model}")

        stand()
        self.assertGreater(found, 0)

    def test_chat(self) -> None:
        """Whatever a caller of chat completions is told stands in its body."""
        self._walk(OPENAI_CHAT, chat_bodies())

    def test_messages(self) -> None:
        """Whatever a caller of Messages is told stands in its body."""
        self._walk(ANTHROPIC_MESSAGES, messages_bodies())

    def test_responses(self) -> None:
        """Whatever a caller of Responses is told stands in its body."""
        self._walk(OPENAI_RESPONSES, RESPONSES_BODIES)
