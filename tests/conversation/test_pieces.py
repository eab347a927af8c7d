from __future__ import annotations

import json

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation import pieces
from magicgateway.conversation.pieces import StringText, ValueScan
from tests.conversation.cuts import cuttings

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
JSON_TEXTS = st.builds(
    json.dumps, VALUES, ensure_ascii=st.booleans(), indent=st.sampled_from([None, 1])
)


def scanned(cut: list[str]) -> tuple[str, bool]:
    """What of a text in pieces belongs to its first value, and whether that has ended."""
    scan = ValueScan()
    belonging = ""
    for piece in cut:
        end = scan.feed(piece)
        belonging += piece[:end]
        if end < len(piece):
            break
    return belonging, scan.complete


def read(cut: list[str]) -> str:
    """What a string in pieces says; the opening quote is not among them."""
    string = StringText()
    return "".join(map(string.feed, cut)) + string.close()


class ValueScanTests(SynchronousTestCase):
    """Where a value ends."""

    def test_ends(self) -> None:
        """A value ends at its last bracket or quote, a number or word before what follows."""
        cases = [
            ('{"a":1}', '{"a":1}', True),
            ('{"a":1} x', '{"a":1}', True),
            (' {"a":{}}}', ' {"a":{}}', True),
            ('["]","\\"]"],', '["]","\\"]"]', True),
            ('"a\\"b"c', '"a\\"b"', True),
            ("12}", "12", True),
            ("12,", "12", True),
            ("true ]", "true", True),
            ("null", "null", False),
            ('{"a":[1,2]', '{"a":[1,2]', False),
            ('"abc', '"abc', False),
            ('"abc\\', '"abc\\', False),
            ("  ", "  ", False),
            ("", "", False),
            ('1"x"', "1", True),
            ("1{}", "1", True),
        ]
        for text, expected, complete in cases:
            for cut in ([text], list(text)):
                with self.subTest(cut):
                    self.assertEqual((expected, complete), scanned(cut))

    @given(cuttings(JSON_TEXTS.map(lambda text: text + "}")))
    def test_any_value(self, cut: list[str]) -> None:
        """Wherever a text is cut, the value is found, no more of it and no less."""
        belonging, complete = scanned(cut)
        self.assertEqual(("".join(cut)[:-1], True), (belonging, complete))

    def test_start(self) -> None:
        """What stands before a value can be left out."""
        self.assertEqual(5, ValueScan().feed("xx[1]]", 2))


class StringTextTests(SynchronousTestCase):
    """What a string says."""

    def test_escapes(self) -> None:
        """Escapes say what JSON says; those that JSON has no meaning for lose nothing."""
        cases = [
            ('plain"', "plain"),
            ('a\\"\\\\\\/\\b\\f\\n\\r\\t"', 'a"\\/\b\f\n\r\t'),
            ('\\u00e9\\u4E2D"', "\u00e9\u4e2d"),
            ('\\ud83d\\ude00"', "\U0001f600"),
            ('\\ud83dx"', "\ufffdx"),
            ('\\ud83d\\n"', "\ufffd\n"),
            ('\\ud83d\\u0041"', "\ufffdA"),
            ('\\ud83d\\ud83d\\ude00"', "\ufffd\U0001f600"),
            ('\\ud83d"', "\ufffd"),
            ('\\ude00"', "\ufffd"),
            ('\\d+\\."', "\\d+\\."),
            ('\\u12zz"', "\\u12zz"),
            ('\\uzzzz"', "\\uzzzz"),
            ('x"} and more', "x"),
            ("cut", "cut"),
            ("cut\\", "cut\\"),
            ("cut\\u12", "cut\\u12"),
            ("cut\\ud83d", "cut\ufffd"),
            ("cut\\ud83d\\u", "cut\ufffd\\u"),
            ("", ""),
        ]
        for text, expected in cases:
            for cut in ([text], list(text)):
                with self.subTest(cut):
                    self.assertEqual(expected, read(cut))

    @given(cuttings(st.builds(json.dumps, st.text(), ensure_ascii=st.booleans())))
    @example(list(json.dumps("\U0001f600\u00e9\n")))
    def test_any_string(self, cut: list[str]) -> None:
        """Wherever a string is cut, it says the same."""
        self.assertEqual(json.loads("".join(cut)), read([cut[0][1:], *cut[1:]]))

    @given(cuttings(st.text('ab"\\u0d83e ', max_size=40)))
    def test_any_text(self, cut: list[str]) -> None:
        """What is no JSON at all says the same in pieces and whole, and can be written as UTF-8."""
        whole = read(["".join(cut)])
        self.assertEqual(whole, read(cut))
        whole.encode()

    @given(cuttings(st.text(st.characters(exclude_characters='"\\', exclude_categories=["Cs"]))))
    def test_at_once(self, cut: list[str]) -> None:
        """What is not escaped is told in the call in which it came."""
        string = StringText()
        for piece in cut:
            self.assertEqual(piece, string.feed(piece))

    @given(st.text('ab"\\u0d83e \n\t', max_size=40))
    @example('\\ud83d"')
    @example('\\ude00"')
    @example('\\ud83d\\ude00"')
    @example("\ud800")
    def test_long(self, text: str) -> None:
        """A long string is read in another way and says the same, whatever is in it."""
        long = "\\n" * pieces.LONG
        self.assertEqual("\n" * pieces.LONG + read([text]), read([long + text]))

    def test_complete(self) -> None:
        """After its closing quote a string says nothing more."""
        string = StringText()
        self.assertEqual("a", string.feed('a"b'))
        self.assertTrue(string.complete)
        self.assertEqual("", string.feed("c") + string.close())
