from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.demo.wording import SENTENCES, digest, measure, prose, split


class TextTests(SynchronousTestCase):
    def test_digest(self) -> None:
        """The digest depends on every part and on where parts end, and never changes."""
        self.assertEqual(digest("a", "b"), digest("a", "b"))
        self.assertNotEqual(digest("a", "b"), digest("ab"))
        self.assertEqual(
            "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb", digest("a").hex()
        )

    def test_lone_surrogate(self) -> None:
        """Text that has no UTF-8 is no reason to fail."""
        self.assertEqual(32, len(digest("\ud800")))

    def test_split(self) -> None:
        """Tokens joined again are the text, in every language it speaks."""
        for sentence in SENTENCES:
            with self.subTest(sentence=sentence):
                self.assertEqual(sentence, "".join(split(sentence)))
        self.assertEqual(["a", " b"], split("a b "))

    def test_prose(self) -> None:
        """The seed alone decides, and all that is said are known sentences."""
        seeds = [digest(str(number)) for number in range(20)]
        texts = [prose(seed) for seed in seeds]
        self.assertEqual(texts, [prose(seed) for seed in seeds])
        self.assertTrue(len(set(texts)) > 10)
        self.assertTrue(all(any(text.startswith(s) for s in SENTENCES) for text in texts))

    def test_measure(self) -> None:
        """Text counts its characters, anything else a flat size, and a blob at most an image's."""
        for value, size in (
            ("abc", 3),
            (["ab", "c"], 3),
            ({"text": "abcd"}, 4),
            (True, 4),
            ({"data": "x" * 1_000_000}, 6400),
            ({"data": "xy"}, 2),
        ):
            with self.subTest(size=size):
                self.assertEqual(size, measure(value))
