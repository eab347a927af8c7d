from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation import turns as passes
from magicgateway.conversation.blocks import (
    Block,
    CacheMark,
    Image,
    Inline,
    Text,
    Thinking,
)
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.request import Turn
from tests.conversation.turns_of import call, placed, result, said, turn

IMAGE = Image(source=Inline("image/png", "AA=="))
MARK = CacheMark("1h")


def arranged(
    *turns: Turn, mid_system: bool = False, ledger: Ledger | None = None
) -> tuple[list[tuple[str, list[str]]], list[tuple[str, list[str]]]]:
    """All passes in the usual order: what the leading turns say, and the others."""
    ledger = ledger or Ledger()
    first, rest = passes.leading(passes.without_blanks(placed(*turns), ledger))
    rest = passes.placed_systems(passes.results_first(rest), mid_system, ledger)
    return said(*first), said(*passes.checked_results(passes.merged(rest), ledger))


Expected = tuple[list[tuple[str, list[str]]], list[tuple[str, list[str]]]]

CASES: list[tuple[str, list[Turn], Expected]] = [
    ("I.1", [turn("s", "A"), turn("u", "hi")], ([("s", ["A"])], [("u", ["hi"])])),
    (
        "I.2",
        [turn("s", "A"), turn("d", "B"), turn("u", "hi")],
        ([("s", ["A"]), ("d", ["B"])], [("u", ["hi"])]),
    ),
    ("I.3", [turn("s", ""), turn("u", "hi")], ([], [("u", ["hi"])])),
    (
        "I.4",
        [turn("u", "1"), turn("a", "2"), turn("s", "S"), turn("u", "3")],
        (
            [],
            [
                ("u", ["1"]),
                ("a", ["2"]),
                ("u", ["<system-reminder>S</system-reminder>", "3"]),
            ],
        ),
    ),
    ("I.7", [turn("u", "a"), turn("u", "b")], ([], [("u", ["a", "b"])])),
    (
        "I.8",
        [turn("u", "q"), turn("a", call("c1")), turn("t", result("c1", "ok"))],
        ([], [("u", ["q"]), ("a", ["call c1"]), ("u", ["result c1 ok"])]),
    ),
    (
        "I.9",
        [turn("a", call("c1"), call("c2")), turn("t", result("c1", "1")), turn("t", result("c2"))],
        ([], [("a", ["call c1", "call c2"]), ("u", ["result c1 1", "result c2"])]),
    ),
    (
        "I.9 in the order of the calls",
        [turn("a", call("c1"), call("c2")), turn("t", result("c2")), turn("t", result("c1"))],
        ([], [("a", ["call c1", "call c2"]), ("u", ["result c1", "result c2"])]),
    ),
    (
        "I.10",
        [turn("u", "q"), turn("a", call("c1")), turn("t", result("c1", "ok")), turn("u", "thanks")],
        ([], [("u", ["q"]), ("a", ["call c1"]), ("u", ["result c1 ok", "thanks"])]),
    ),
    (
        "I.11",
        [
            turn("a", call("c1"), call("c2")),
            turn("t", result("c1")),
            turn("u", "x"),
            turn("t", result("c2")),
        ],
        ([], [("a", ["call c1", "call c2"]), ("u", ["result c1", "result c2", "x"])]),
    ),
    (
        "I.12",
        [turn("a", call("c1")), turn("s", "note"), turn("t", result("c1", "r"))],
        (
            [],
            [
                ("a", ["call c1"]),
                ("u", ["result c1 r", "<system-reminder>note</system-reminder>"]),
            ],
        ),
    ),
    (
        "I.13",
        [turn("a", "", call("c1")), turn("t", result("c1"))],
        ([], [("a", ["call c1"]), ("u", ["result c1"])]),
    ),
    (
        "I.14",
        [turn("u", "a"), turn("a", "  \n"), turn("u", "b")],
        ([], [("u", ["a", "b"])]),
    ),
    ("I.15", [turn("u", "", IMAGE)], ([], [("u", ["Image"])])),
    (
        "I.18",
        [turn("a", call("c1")), turn("t", result("c1", ""))],
        ([], [("a", ["call c1"]), ("u", ["result c1"])]),
    ),
    (
        "I.69",
        [turn("a", call("t1")), turn("u", "x", result("t1", "r"))],
        ([], [("a", ["call t1"]), ("u", ["result t1 r", "x"])]),
    ),
    (
        "I.96",
        [
            turn("a", call("c1")),
            turn("a", call("c2")),
            turn("t", result("c1")),
            turn("t", result("c2")),
        ],
        ([], [("a", ["call c1", "call c2"]), ("u", ["result c1", "result c2"])]),
    ),
    (
        "J36",
        [turn("a", call("c")), turn("t", result("c", "old")), turn("t", result("c", "new"))],
        ([], [("a", ["call c"]), ("u", ["result c new"])]),
    ),
    (
        "B.4: of calls with one id the first stays",
        [turn("a", call("c", "f"), "x", call("c", "g")), turn("t", result("c"))],
        ([], [("a", ["call c", "x"]), ("u", ["result c"])]),
    ),
    (
        "B.4: a turn that only repeats a call is gone",
        [turn("a", call("c")), turn("u", result("c"), result("c"))],
        ([], [("a", ["call c"]), ("u", ["result c"])]),
    ),
]

MID_SYSTEM: list[tuple[str, list[Turn], list[tuple[str, list[str]]]]] = [
    (
        "I.5",
        [turn("u", "1"), turn("a", "2"), turn("s", "S"), turn("u", "3")],
        [("u", ["1"]), ("a", ["2"]), ("u", ["3"]), ("s", ["S"])],
    ),
    ("I.6", [turn("u", "1"), turn("s", "S")], [("u", ["1"]), ("s", ["S"])]),
    (
        "I.6 merged",
        [turn("u", "1"), turn("d", "S"), turn("s", "R"), turn("a", "2"), turn("u", "3")],
        [("u", ["1"]), ("s", ["S", "R"]), ("a", ["2"]), ("u", ["3"])],
    ),
    (
        "B.2: no user turn follows",
        [turn("u", "1"), turn("a", "2"), turn("s", "S"), turn("a", "3")],
        [
            ("u", ["1"]),
            ("a", ["2"]),
            ("u", ["<system-reminder>S</system-reminder>"]),
            ("a", ["3"]),
        ],
    ),
    (
        "B.1.10: never between two of the user's",
        [turn("u", "1"), turn("s", "S"), turn("u", "2"), turn("a", "3")],
        [("u", ["1", "2"]), ("s", ["S"]), ("a", ["3"])],
    ),
    (
        "I.12",
        [turn("a", call("c")), turn("s", "S"), turn("t", result("c"))],
        [("a", ["call c"]), ("u", ["result c"]), ("s", ["S"])],
    ),
]


class ArrangementTests(SynchronousTestCase):
    """All passes together, case by case of the reference."""

    def test_cases(self) -> None:
        """Turns arrive as a target with Anthropic's rules takes them."""
        for name, turns, expected in CASES:
            with self.subTest(name):
                self.assertEqual(expected, arranged(*turns))

    def test_mid_system(self) -> None:
        """A target that has system turns gets them after the user's and before the assistant's."""
        for name, turns, expected in MID_SYSTEM:
            with self.subTest(name):
                self.assertEqual(expected, arranged(*turns, mid_system=True)[1])

    def test_reports(self) -> None:
        """What is changed so that it could matter is reported by its field."""
        cases = [
            ([turn("u", "x", "")], []),
            ([turn("s", ""), turn("u", "x")], []),
            ([turn("u", "x", " ")], ["messages[0].content[1];dropped;blank"]),
            ([turn("u", "x"), turn("a")], ["messages[1];dropped;blank"]),
            (
                [turn("u", "x"), turn("a", "y"), turn("s", "S")],
                ["messages[2];rewritten;system-as-user-text"],
            ),
            (
                [turn("a", call("c")), turn("t", result("c")), turn("t", result("c"))],
                ["messages[1].content[0];dropped;duplicate"],
            ),
        ]
        for turns, expected in cases:
            with self.subTest(said(*turns)):
                ledger = Ledger()
                arranged(*turns, ledger=ledger)
                self.assertEqual(expected, [note.line() for note in ledger.notes])


BLOCKS: st.SearchStrategy[Block] = st.sampled_from(
    [Text(text="x"), Text(text="y"), Text(text=""), IMAGE, Thinking(parts=("t",))]
)


@st.composite
def conversations(draw: st.DrawFn) -> list[list[Turn]]:
    """Exchanges of a conversation, each complete: the turns since the answer before."""
    exchanges, count = [], 0
    for _ in range(draw(st.integers(1, 4))):
        exchange = [turn(role, draw(BLOCKS)) for role in draw(st.text("su", max_size=2))]
        exchange.append(turn("u", "q", *draw(st.lists(BLOCKS, max_size=2))))
        calls = draw(st.integers(0, 3))
        ids = [f"c{count + n}" for n in range(calls)]
        count += calls
        blocks = draw(st.lists(BLOCKS, max_size=2))
        exchange.append(turn("a", "answer", *blocks, *map(call, ids)))
        exchange += [turn("t", result(id_, "r")) for id_ in draw(st.permutations(ids))]
        exchanges.append(exchange)
    return exchanges


class PropertyTests(SynchronousTestCase):
    """What holds for any conversation."""

    @given(conversations(), st.booleans())
    def test_append_only(self, exchanges: list[list[Turn]], mid_system: bool) -> None:
        """What was sent in one turn is the beginning of what is sent in the next."""
        turns = [turn for exchange in exchanges for turn in exchange]
        whole = arranged(*turns, mid_system=mid_system)[1]
        length = 0
        for exchange in exchanges:
            length += len(exchange)
            part = arranged(*turns[:length], mid_system=mid_system)[1]
            last_role, last_blocks = part.pop()
            self.assertEqual(part, whole[: len(part)])
            self.assertEqual(last_role, whole[len(part)][0])
            self.assertEqual(last_blocks, whole[len(part)][1][: len(last_blocks)])

    @given(conversations(), st.booleans())
    def test_lawful(self, exchanges: list[list[Turn]], mid_system: bool) -> None:
        """Roles take turns, results stand first and right after their calls, nothing is lost."""
        turns = placed(*(turn for exchange in exchanges for turn in exchange))
        ledger = Ledger()
        first, rest = passes.leading(passes.without_blanks(turns, ledger))
        rest = passes.placed_systems(passes.results_first(rest), mid_system, ledger)
        done = passes.checked_results(passes.merged(rest))
        self.assertEqual(done, passes.checked_results(passes.merged(passes.results_first(done))))
        roles = [turn.role for turn in done]
        self.assertTrue(all(a != b for a, b in pairwise(roles)), roles)
        kept = sorted(b.field for turn in (*first, *done) for b in turn.blocks)
        words = [
            b.field for t in turns for b in t.blocks if not (isinstance(b, Text) and not b.text)
        ]
        self.assertEqual(sorted(words), kept)
