"""Requests of which most passes find nothing to do."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import (
    CacheMark,
    Extras,
    Image,
    Refusal,
    Remote,
    Text,
    Token,
    ToolCall,
)
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.marks import capped_marks
from magicgateway.conversation.names import rename_calls, rename_tools
from magicgateway.conversation.parameters import AUTOMATIC_CACHE, Parameters
from magicgateway.conversation.plain import is_plain
from magicgateway.conversation.request import ASSISTANT, SYSTEM, USER, Request, Tool, Turn
from magicgateway.conversation.turns import (
    checked_results,
    results_first,
    settled,
    without_blanks,
)

_WORDS = Text(text="Hello")
_EXTRAS = Extras("openai", "messages[0]", {"odd": 1})
_PLAIN = Request(
    model="m",
    turns=(
        Turn(role=SYSTEM, blocks=(Text(text="Be brief."),), whole=True),
        Turn(role=USER, blocks=(_WORDS, Text(text=" again "))),
        Turn(role=ASSISTANT, blocks=(Text(text="Yes?", phase="final_answer"),)),
        Turn(role=USER, blocks=(_WORDS,)),
    ),
)


def _with_block(block: Any) -> Request:
    return evolve(_PLAIN, turns=(Turn(role=USER, blocks=(_WORDS, block)),))


def _with_turn(**said: Any) -> Request:
    return evolve(_PLAIN, turns=(Turn(**{"role": USER, "blocks": (_WORDS,), **said}),))


class PlainTests(SynchronousTestCase):
    """What counts as nothing but words."""

    def test_words_of_any_role_are_plain(self) -> None:
        """Text, in one piece or several, whoever says it."""
        self.assertTrue(is_plain(_PLAIN))

    def test_anything_besides_words_is_not(self) -> None:
        """Each of these has a pass that may change it."""
        marked = Parameters()
        marked.give(AUTOMATIC_CACHE, CacheMark(), "cache_control")
        cases: dict[str, Request] = {
            "a tool": evolve(_PLAIN, tools=(Tool(name="f"),)),
            "a mark for all": evolve(_PLAIN, parameters=marked),
            "a name": _with_turn(name="Ann"),
            "a message's extras": _with_turn(extras=_EXTRAS),
            "an empty message": _with_turn(blocks=()),
            "an empty text": _with_block(Text(text="")),
            "a blank text": _with_block(Text(text=" \n")),
            "a marked text": _with_block(evolve(_WORDS, cache=CacheMark())),
            "a token": _with_block(evolve(_WORDS, token=Token("gemini", "t"))),
            "a text's extras": _with_block(evolve(_WORDS, extras=_EXTRAS)),
            "a picture": _with_block(Image(source=Remote("https://example.com/a.png"))),
            "a refusal": _with_block(Refusal(text="No.")),
            "a call": _with_block(ToolCall(id="c", name="f", arguments="{}")),
        }
        for name, request in cases.items():
            self.assertFalse(is_plain(request), name)

    def test_no_pass_changes_a_plain_request(self) -> None:
        """What is skipped for it would have given the same request, and no note."""
        ledger = Ledger()
        request, names = rename_tools(_PLAIN, 64)
        request = rename_calls(request, lambda _: False, lambda _: "x")
        turns = without_blanks(settled(request.turns, "anthropic", ledger), ledger)
        turns = checked_results(results_first(turns), ledger)
        passed = capped_marks(evolve(request, turns=turns), 0, ledger)
        self.assertEqual((_PLAIN, {}, ()), (passed, names, ledger.notes))
