from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.observe.escaping import ascii_json, encodable, printable, word
from magicgateway.wire.jsontext import decode, encode

HARMFUL = "\n\r\t\x00\x1b[2J\x7f\x85\x9b\u2028\u2029\u202e\u2066\ufeff\u200b\xa0\ud800\U000e0001"
"""Line ends, terminal controls, bidi controls and invisible ones."""


class AsciiJsonTests(SynchronousTestCase):
    def test_cases(self) -> None:
        """Everything outside printable ASCII is escaped as JSON does it."""
        cases = [
            (b'"a"', '"a"'),
            (b'"\\u00e9"', '"é"'),
            (b'"\\u007f"', '"\x7f"'),
            (b'"\\u2028\\u202e"', '"\u2028\u202e"'),
            (b'"\\ud83d\\ude00"', '"\U0001f600"'),
        ]
        for expected, text in cases:
            with self.subTest(text=text):
                self.assertEqual(expected, ascii_json(text.encode()))

    def test_plain_is_not_copied(self) -> None:
        """The usual line comes back as it is."""
        line = b'{"a":1}'
        self.assertIs(line, ascii_json(line))

    @given(st.text(st.characters(exclude_categories=["Cs"])))
    def test_value_is_the_same(self, text: str) -> None:
        """A reader of JSON gets what was written, and the line is printable ASCII."""
        line = ascii_json(encode({"k": text}))
        self.assertEqual({"k": text}, decode(line))
        self.assertTrue(line.decode("ascii").isprintable())


class TextTests(SynchronousTestCase):
    def test_printable(self) -> None:
        """What shows nothing, or more than itself, is spelled out."""
        cases = [
            ("plain text é 中", "plain text é 中"),
            ("a\\nb\\x1b[31m", "a\\nb\\x1b[31m"),
            ("a\\x0ab\\x1b[31m", "a\nb\x1b[31m"),
            ("\\x7f\\x9b\\u2028\\u202e", "\x7f\x9b\u2028\u202e"),
            ("\\ud800\\U000e0001", "\ud800\U000e0001"),
        ]
        for expected, text in cases:
            with self.subTest(text=text):
                self.assertEqual(expected, printable(text))

    def test_word(self) -> None:
        """A word holds no space that could end a field."""
        self.assertEqual("a\\x20b\\x0a", word("a b\n"))
        self.assertEqual("plain", word("plain"))

    def test_encodable(self) -> None:
        """Lone surrogates, and only they, are spelled out."""
        self.assertEqual("a\\udcff\n\u2028", encodable("a\udcff\n\u2028"))

    @given(st.text(st.characters()))
    def test_harmless(self, text: str) -> None:
        """Whatever comes is shown on one line and can be encoded."""
        for shown in (printable(text + HARMFUL), word(text + HARMFUL)):
            self.assertTrue(shown.isprintable())
            self.assertEqual(1, len(shown.encode().decode().splitlines()))
        encodable(text + HARMFUL).encode()
