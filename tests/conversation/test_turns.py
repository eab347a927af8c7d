from __future__ import annotations

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation import turns as passes
from magicgateway.conversation.blocks import (
    OPENAI,
    CacheMark,
    Extras,
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
from magicgateway.conversation.request import Turn
from magicgateway.errors import ApiError
from tests.conversation.turns_of import call, placed, result, said, turn

IMAGE = Image(source=Inline("image/png", "AA=="))
MARK = CacheMark("1h")


class BlankTests(SynchronousTestCase):
    """What becomes of blanks."""

    def test_marks_move(self) -> None:
        """A cache mark on a blank goes to the block before it that can have one."""
        blank = Text(text=" ", cache=MARK)
        thought = Thinking(parts=("t",))
        own = Text(text="x", cache=CacheMark())
        cases = [
            ([turn("u", "x", blank)], [[MARK]]),
            ([turn("u", own, blank)], [[CacheMark()]]),
            ([turn("a", "x", thought, blank)], [[MARK, None]]),
            ([turn("u", "x"), turn("a", blank)], [[MARK]]),
            ([turn("u", "x"), turn("a", blank, "y")], [[MARK], [None]]),
            ([turn("u", result("c", "r", blank))], [[None]]),
            ([turn("u", result("c", blank))], [[MARK]]),
            ([turn("u", evolve(result("c", blank), cache=CacheMark()))], [[CacheMark()]]),
        ]
        for turns, expected in cases:
            with self.subTest(said(*turns)):
                kept = passes.without_blanks(turns, Ledger())
                self.assertEqual(expected, [[b.cache for b in turn.blocks] for turn in kept])

    def test_lost_mark(self) -> None:
        """A mark that finds no block is reported."""
        blank = Text(text="", cache=MARK)
        for turns in ([turn("s", blank)], [turn("a", Thinking(parts=("t",))), turn("u", blank)]):
            ledger = Ledger()
            passes.without_blanks(placed(*turns), ledger)
            expected = f"messages[{len(turns) - 1}].content[0].cache_control;dropped;blank"
            self.assertIn(expected, [note.line() for note in ledger.notes])

    def test_extras_are_reported(self) -> None:
        """What else stood on a message or block that is gone is reported."""
        extras = Extras(OPENAI, "messages[0]", {"odd": 1})
        blank = Refusal(text="", extras=evolve(extras, place="messages[0].content[0]"))
        ledger = Ledger()
        passes.without_blanks([evolve(turn("a", blank), extras=extras)], ledger)
        self.assertEqual(
            ["messages[0].content[0].odd", "messages", "messages[0].odd"],
            [note.field for note in ledger.notes],
        )

    def test_signed_thinking_stays(self) -> None:
        """Thinking without words but with a signature is no blank (I.43)."""
        turns = (turn("a", Thinking(token=Token("anthropic", "S")), "x"),)
        self.assertEqual(turns, passes.without_blanks(turns, Ledger()))

    def test_filler(self) -> None:
        """With a filler, a user turn that falls away between two answers says that instead."""
        turns = [turn("a", "1"), turn("u", ""), turn("a", "2"), turn("u", " ")]
        kept = passes.without_blanks(turns, Ledger(), filler=".")
        self.assertEqual([("a", ["1"]), ("u", ["."]), ("a", ["2"])], said(*kept))
        kept = passes.without_blanks([turn("u", ""), turn("a", "2")], Ledger(), filler=".")
        self.assertEqual([("a", ["2"])], said(*kept))


class ResultTests(SynchronousTestCase):
    """Calls and their results."""

    def test_refusals(self) -> None:
        """Calls without results, and results without calls, are named (I.21)."""
        cases = [
            ([turn("a", call("c1"), call("c2")), turn("t", result("c1"))], "c2", 0),
            ([turn("a", call("c1"))], "c1", 0),
            ([turn("a", call("c1")), turn("u", "x")], "c1", 0),
            ([turn("u", "x"), turn("t", result("c9"))], "c9", 1),
            ([turn("a", call("c1")), turn("t", result("c1"), result("c9"))], "c9", 1),
            (
                [
                    turn("a", call("c")),
                    turn("t", result("c")),
                    turn("a", "x"),
                    turn("t", result("c")),
                ],
                "c",
                3,
            ),
        ]
        for turns, named, place in cases:
            with self.subTest(said(*turns)):
                error = self.assertRaises(ApiError, passes.checked_results, placed(*turns))
                self.assertEqual((400, "invalid_request"), (error.status, error.code))
                self.assertIn(f": {named}.", error.message)
                self.assertTrue((error.param or "").startswith(f"messages[{place}]."))

    def test_all_missing_are_named(self) -> None:
        """A refusal names every call that has no result, each once."""
        turns = [turn("a", call("c1"), call("c2"), call("c2"))]
        error = self.assertRaises(ApiError, passes.checked_results, turns)
        self.assertEqual("messages is a call without its result: c1, c2.", error.message)

    def test_one_block_twice(self) -> None:
        """The same value in two places is two blocks."""
        same = call("c")
        done = passes.checked_results([turn("a", same, same), turn("u", result("c"))])
        self.assertEqual([("a", ["call c"]), ("u", ["result c"])], said(*done))

    def test_a_turn_of_doubles(self) -> None:
        """A turn that holds only what another repeats is left out."""
        turns = [turn("a", call("c")), turn("t", result("c", "1")), turn("t", result("c", "2"))]
        self.assertEqual(
            [("a", ["call c"]), ("t", ["result c 2"])], said(*passes.checked_results(turns))
        )

    def test_extras_of_result_turns(self) -> None:
        """What stood on the messages that become one stands on that."""
        first = evolve(turn("t", result("c")), extras=Extras(OPENAI, "messages[1]", {"x": 1}))
        second = evolve(turn("t", result("d")), extras=Extras(OPENAI, "messages[2]", {"y": 2}))
        done = passes.results_first([turn("a", call("c"), call("d")), first, second])
        self.assertEqual({"x": 1, "y": 2}, done[1].extras.fields)

    def test_has_calls(self) -> None:
        """Calls count, and so do results without them; words do not."""
        for expected, turns in (
            (False, ()),
            (False, (turn("u", "a"), turn("a", "b"))),
            (True, (turn("u", "a"), turn("a", "b", call("1")))),
            (True, (turn("t", result("1")),)),
        ):
            self.assertEqual(expected, passes.has_calls(turns))


class MergingTests(SynchronousTestCase):
    """Neighbours of one role."""

    def test_lead_stays_apart(self) -> None:
        """What stood outside the messages is not joined with what stood in them."""
        lead = evolve(turn("s", "A"), lead=True)
        self.assertEqual(
            [("s", ["A"]), ("s", ["B", "C"])],
            said(*passes.merged([lead, turn("s", "B"), turn("d", "C")])),
        )

    def test_one_alone(self) -> None:
        """A turn without such neighbours stays what it was, a tool's being the user's."""
        alone = evolve(turn("u", "x"), whole=True)
        self.assertEqual((alone,), passes.merged([alone]))
        self.assertEqual([("u", ["result c"])], said(*passes.merged([turn("t", result("c"))])))

    def test_extras(self) -> None:
        """Joined turns have the extras of all."""
        turns = [
            evolve(turn("u", "x"), extras=Extras(OPENAI, f"messages[{n}]", {name: n}))
            for n, name in enumerate("ab")
        ]
        self.assertEqual({"a": 0, "b": 1}, passes.merged(turns)[0].extras.fields)
        self.assertEqual({"b": 1}, passes.merged([turn("u"), turns[1]])[0].extras.fields)


class SettlingTests(SynchronousTestCase):
    def test_settled(self) -> None:
        """Names, and what only another family can read, are reported and gone."""
        extras = Extras(OPENAI, "messages[0]", {"odd": 1})
        given_turns = [evolve(turn("u", "x"), name="Ann", field="messages[0]", extras=extras)]
        ledger = Ledger()
        self.assertEqual(
            (evolve(turn("u", "x"), field="messages[0]"),),
            passes.settled(given_turns, "anthropic", ledger),
        )
        self.assertEqual(["messages[0].name", "messages[0].odd"], [n.field for n in ledger.notes])

    def test_own_family(self) -> None:
        """The target's own family keeps its extras; a turn with nothing special is the same."""
        extras = Extras(OPENAI, "messages[0]", {"odd": 1})
        turns = (evolve(turn("u", "x"), extras=extras), turn("a", "y"))
        ledger = Ledger()
        self.assertEqual(turns, passes.settled(turns, OPENAI, ledger))
        self.assertEqual((), ledger.notes)


class SystemTests(SynchronousTestCase):
    def test_reminders_once(self) -> None:
        """A text that is a reminder already is not wrapped again, and what is no text stays."""
        turns = [turn("u", "1"), turn("s", "<system-reminder>x</system-reminder>", IMAGE)]
        done = passes.placed_systems(turns, mid_system=False, ledger=Ledger())
        self.assertEqual(("u", ["<system-reminder>x</system-reminder>", "Image"]), said(*done)[1])


class ArrangedTests(SynchronousTestCase):
    """All that is done about the order of turns, in one."""

    def test_every_order(self) -> None:
        """It is what the passes do one after another, and a quiet order stays as it is."""
        cases: tuple[tuple[list[Turn], bool], ...] = (
            ([turn("u", "a"), turn("a", "b"), turn("u", "c")], True),
            ([turn("a", "a"), turn("u", "b")], True),
            ([], True),
            ([turn("u", "a"), turn("u", "b")], False),
            ([turn("u", "a"), turn("s", "b"), turn("a", "c")], False),
            ([turn("u", "a"), turn("a", call("c")), turn("t", result("c", "r"))], False),
            ([turn("u", "a"), turn("a", call("c")), turn("u", "x", result("c", "r"))], False),
            ([evolve(turn("u", "a"), lead=True), turn("u", "b")], False),
        )
        for turns, stays in cases:
            with self.subTest(said(*turns)):
                given, ledger, other = placed(*turns), Ledger(), Ledger()
                stepwise = passes.placed_systems(passes.results_first(given), False, other)
                stepwise = passes.checked_results(passes.merged(stepwise), other)
                arranged = passes.arranged(given, False, ledger)
                self.assertEqual((stepwise, other.notes), (arranged, ledger.notes))
                self.assertEqual(stays, arranged is given)

    def test_orphans(self) -> None:
        """A result without its call is found also where turns alternate."""
        given = placed(turn("u", "a"), turn("a", "b"), turn("u", result("c", "r")))
        self.assertRaises(ApiError, passes.arranged, given, False, Ledger())


class PrefillTests(SynchronousTestCase):
    """An answer that has begun (I.45, J46)."""

    def test_allowed(self) -> None:
        """White space at the end goes, and a text that was nothing else with it."""
        hosted = Hosted(family="anthropic", kind="server_tool_use", raw={})
        cases = [
            ([turn("u", "q"), turn("a", "X  ")], [("u", ["q"]), ("a", ["X"])]),
            ([turn("u", "q"), turn("a", "{ \n")], [("u", ["q"]), ("a", ["{"])]),
            ([turn("u", "q"), turn("a", "x", " ")], [("u", ["q"]), ("a", ["x"])]),
            ([turn("u", "q"), turn("a", " ")], [("u", ["q"])]),
            ([turn("u", "q"), turn("a", "x")], [("u", ["q"]), ("a", ["x"])]),
            ([turn("u", "q "), turn("a")], [("u", ["q "]), ("a", [])]),
            ([turn("u", "q ")], [("u", ["q "])]),
            ([turn("a", "x ", IMAGE)], [("a", ["x ", "Image"])]),
            ([turn("a", "x ", hosted)], [("a", ["x ", "Hosted"])]),
            ([], []),
        ]
        for turns, expected in cases:
            with self.subTest(said(*turns)):
                self.assertEqual(expected, said(*passes.prefill(tuple(turns), allowed=True)))

    def test_refused(self) -> None:
        """Where a target does not go on with an answer, that is a 400."""
        turns = placed(turn("u", "q"), turn("a", "The answer is ("))
        error = self.assertRaises(ApiError, passes.prefill, turns, allowed=False)
        self.assertEqual((400, "messages[1]"), (error.status, error.param))
        self.assertIn("must end with a user message", error.message)

    def test_no_prefill(self) -> None:
        """Calls, and steps of a provider's own tools, are no beginning of an answer."""
        hosted = Hosted(family="anthropic", kind="server_tool_use", raw={})
        for block in (call("c"), hosted):
            turns = (turn("a", "x", block),)
            self.assertEqual(turns, passes.prefill(turns, allowed=False))


class LinearTests(SynchronousTestCase):
    def test_unchanged_is_not_copied(self) -> None:
        """Turns that need nothing come out as the same objects, their texts uncopied."""
        turns = (turn("u", "q"), turn("a", "x", call("c")), turn("u", result("c", "r")))
        done = passes.without_blanks(turns, Ledger())
        self.assertTrue(all(a is b for a, b in zip(turns, done, strict=True)))
        merged = passes.merged(passes.results_first(done))
        before, after = turns[2].blocks[0], merged[2].blocks[0]
        self.assertIs(before, after)
        self.assertIsInstance(turns[1].blocks[1], ToolCall)
