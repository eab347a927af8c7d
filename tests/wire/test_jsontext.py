from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.wire import jsontext


class DecodeTests(SynchronousTestCase):
    def test_values(self) -> None:
        """Every kind of JSON value comes back as its Python value."""
        self.assertEqual(
            {"a": [1, 2.5, True, None, "\u00e9"]},
            jsontext.decode(b'{"a": [1, 2.5, true, null, "\\u00e9"]}'),
        )

    def test_refusals(self) -> None:
        """Text that is not JSON is refused, with the place where it is known."""
        cases: list[tuple[bytes, str, int | None]] = [
            (b"", "the text ends too early", None),
            (b'{"a":', "the text ends too early", None),
            (b'{"a":01}', "invalid number", 6),
            (b"{} x", "trailing characters", 3),
            (b'"\xff"', "invalid UTF-8", None),
            (b"[" * 100_000, "nested too deeply", None),
            (b"1e999", "Number out of range", None),
        ]
        for text, reason, position in cases:
            with self.subTest(text=text[:20]):
                error = self.assertRaises(jsontext.BadJson, jsontext.decode, text)
                self.assertEqual((reason, position), (error.reason, error.position))

    def test_words_of_our_own(self) -> None:
        """Each of the library's refusals is told in the same words everywhere."""
        cases: list[tuple[Exception, str]] = [
            (RecursionError("maximum recursion depth"), "nested too deeply"),
            (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x"), "invalid UTF-8"),
            (ValueError("something new"), "something new"),
        ]
        for error, expected in cases:
            self.assertEqual(expected, jsontext.bad_json(error).reason)

    def test_message(self) -> None:
        """The message says what is wrong and where."""
        self.assertEqual("bad at byte 3", str(jsontext.BadJson("bad", 3)))
        self.assertEqual("bad", str(jsontext.BadJson("bad")))


class EncodeTests(SynchronousTestCase):
    def test_compact(self) -> None:
        """Text is compact, in UTF-8, and escapes only what must be escaped."""
        self.assertEqual('{"é":["\\"\\n",1]}'.encode(), jsontext.encode({"é": ['"\n', 1]}))

    def test_refusals(self) -> None:
        """A value without JSON text is refused without showing it."""
        for value in (object(), "\ud800", {(1, 2): object()}):
            error = self.assertRaises(jsontext.BadJson, jsontext.encode, value)
            self.assertIn("cannot be written as JSON", str(error))
