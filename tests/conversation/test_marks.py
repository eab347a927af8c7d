from __future__ import annotations

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.blocks import CacheMark, Text
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.marks import anthropic_lifetime, capped_marks, openai_lifetime
from magicgateway.conversation.parameters import AUTOMATIC_CACHE, Parameters
from magicgateway.conversation.request import HostedTool, Request, Tool
from tests.conversation.turns_of import asking, placed, result, turn

MARK = CacheMark()


def marked(text: str) -> Text:
    """A text with a mark."""
    return Text(text=text, cache=MARK)


class LifetimeTests(SynchronousTestCase):
    def test_openai(self) -> None:
        """OpenAI's own lifetimes stay; others are the nearest that it has, which is reported."""
        for given, expected, same in (
            (None, None, True),
            ("30m", "30m", True),
            ("12h", "12h", True),
            ("5m", None, False),
            ("1h", "30m", False),
            ("odd", None, False),
        ):
            ledger = Ledger()
            self.assertEqual(expected, openai_lifetime(CacheMark(given), "m", ledger))
            lines = [] if same else ["m.ttl;rewritten;nearest-lifetime"]
            self.assertEqual(lines, [note.line() for note in ledger.notes])

    def test_short(self) -> None:
        """Where only the shorter lifetime may be said, the longer one becomes it, as reported."""
        for given, expected, same in (
            (None, None, True),
            ("30m", "30m", True),
            ("12h", "30m", False),
            ("1h", "30m", False),
            ("5m", None, False),
        ):
            ledger = Ledger()
            found = openai_lifetime(CacheMark(given), "m", ledger, longest="30m")
            self.assertEqual(expected, found)
            self.assertEqual(same, not ledger.notes)


class AnthropicLifetimeTests(SynchronousTestCase):
    """Lifetimes of other families in Anthropic's words."""

    def test_nearest(self) -> None:
        """OpenAI's shorter one fits into Anthropic's longer one; what lives longer is reported."""
        for given, expected, same in (
            (None, None, True),
            ("5m", "5m", True),
            ("1h", "1h", True),
            ("30m", "1h", True),
            ("12h", "1h", False),
        ):
            ledger = Ledger()
            self.assertEqual(expected, anthropic_lifetime(CacheMark(given), "m", ledger))
            lines = [] if same else ["m.ttl;rewritten;nearest-lifetime"]
            self.assertEqual(lines, [note.line() for note in ledger.notes])


class MarksTests(SynchronousTestCase):
    """How many cache marks arrive."""

    def request(self) -> Request:
        """A request with six marks, from its tools to its last turn."""
        nested = evolve(result("c", marked("inner")), cache=MARK)
        return asking(
            *placed(turn("s", marked("system")), turn("u", nested, "x"), turn("u", marked("last"))),
            tools=(
                Tool(name="f", cache=MARK, field="tools[0]"),
                HostedTool(kind="w", raw={}, family="x", cache=MARK, field="tools[1]"),
                Tool(name="g"),
            ),
        )

    def test_the_last_stay(self) -> None:
        """Of too many marks the last stay, and each of the others is reported (I.42, J45)."""
        fields = [
            "tools[0].cache_control",
            "tools[1].cache_control",
            "messages[0].content[0].cache_control",
            "cache_control",
            "messages[1].content[0].cache_control",
            "messages[2].content[0].cache_control",
        ]
        for most in range(7):
            with self.subTest(most=most):
                ledger = Ledger()
                capped = capped_marks(self.request(), most, ledger)
                self.assertEqual(fields[: 6 - most], [note.field for note in ledger.notes])
                self.assertEqual(most, str(capped).count("CacheMark("))
                self.assertEqual(str(self.request()).count("text="), str(capped).count("text="))

    def test_enough(self) -> None:
        """A request with no more marks than may be is the same object."""
        request = self.request()
        self.assertIs(request, capped_marks(request, 6, Ledger()))

    def test_automatic(self) -> None:
        """A mark for the whole request counts as one, and stays."""
        parameters = Parameters()
        parameters.give(AUTOMATIC_CACHE, MARK, "cache_control")
        ledger = Ledger()
        capped = capped_marks(evolve(self.request(), parameters=parameters), 4, ledger)
        self.assertEqual(MARK, capped.parameters.get(AUTOMATIC_CACHE))
        self.assertEqual(3, len(ledger.notes))
        self.assertEqual({"too-many-cache-marks"}, {note.reason for note in ledger.notes})
