from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.demo.wording import SENTENCES, digest, instance, measure, prose, split


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


class InstanceTests(SynchronousTestCase):
    def test_kinds(self) -> None:
        """Every kind of schema has an instance of that kind."""
        seed = digest("seed")
        for schema, kind in (
            ({"type": "string"}, str),
            ({"type": "integer"}, int),
            ({"type": "number"}, float),
            ({"type": "boolean"}, bool),
            ({"type": "null"}, type(None)),
            ({"type": ["string", "null"]}, str),
            ({"type": "array", "items": {"type": "integer"}}, list),
            ({"type": "object"}, dict),
            ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, int),
            (None, dict),
        ):
            with self.subTest(schema=schema):
                self.assertIs(kind, type(instance(schema, seed)))

    def test_fixed_values(self) -> None:
        """A constant is itself, an enumeration gives one of its values."""
        self.assertEqual(7, instance({"const": 7}, digest("x")))
        self.assertIn(instance({"enum": ["a", "b"]}, digest("x")), ("a", "b"))

    def test_object(self) -> None:
        """An object has every property."""
        schema = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"const": 1}}}
        value = instance(schema, digest("x"))
        self.assertEqual(({"a", "b"}, 1), (set(value), value["b"]))

    def test_recursion(self) -> None:
        """A schema that holds itself comes to an end."""
        schema: dict[str, Any] = {"type": "object", "properties": {}}
        schema["properties"]["inner"] = schema
        depth, value = 0, instance(schema, digest("x"))
        while value:
            depth, value = depth + 1, value["inner"]
        self.assertEqual(6, depth)
