from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.demo.call import Refusal
from magicgateway.demo.reading import (
    MISSING_MODEL,
    content_text,
    known,
    last_user_text,
    model_of,
    number_of,
    text_of,
    texts_of,
)


class ReadingTests(SynchronousTestCase):
    def test_texts(self) -> None:
        """Strings are read, anything else is as if it were not there."""
        self.assertEqual(("a", ""), (text_of("a"), text_of(1)))
        for value, texts in (("a", ("a",)), (["a", "", 1, "b"], ("a", "b")), (None, ())):
            with self.subTest(value=value):
                self.assertEqual(texts, texts_of(value))

    def test_numbers(self) -> None:
        """A positive whole number, or nothing; anything else is refused and named."""
        self.assertEqual(3, number_of({"n": 3}, "n"))
        self.assertIsNone(number_of({}, "n"))
        self.assertIsNone(number_of({"n": None}, "n"))
        for value in (0, -1, 1.5, "3", True):
            with self.subTest(value=value):
                refusal = self.assertRaises(Refusal, number_of, {"n": value}, "n")
                self.assertEqual((400, "n"), (refusal.status, refusal.param))

    def test_models(self) -> None:
        """Every name is a model but the one that is missing."""
        self.assertEqual("anything", model_of({"model": "anything"}))
        for value in (None, "", 3):
            with self.subTest(value=value):
                refusal = self.assertRaises(Refusal, model_of, {"model": value})
                self.assertEqual((400, "model"), (refusal.status, refusal.param))
        refusal = self.assertRaises(Refusal, known, MISSING_MODEL)
        self.assertEqual((404, "model_not_found"), (refusal.status, refusal.code))

    def test_content(self) -> None:
        """Content is a string, or the text parts of a list."""
        self.assertEqual("a", content_text("a"))
        self.assertEqual("a\nb", content_text([{"text": "a"}, {"text": "b"}, 7]))
        self.assertEqual("", content_text(None))

    def test_last_user_text(self) -> None:
        """The user's last message counts, not the assistant's."""
        messages = [
            {"role": "user", "content": "first"},
            {"role": "user", "content": "second"},
            {"role": "assistant", "content": "third"},
            "nonsense",
        ]
        self.assertEqual("second", last_user_text(messages))
        self.assertEqual("", last_user_text("nonsense"))
