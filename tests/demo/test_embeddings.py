from __future__ import annotations

import base64
import math
import struct
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.demo.call import Refusal
from magicgateway.demo.embeddings import embeddings
from tests.demo.calls import call_of, json_of


def embedded(**fields: Any) -> Any:
    return json_of(embeddings(call_of({"model": "demo", "input": "hello"} | fields)))


class EmbeddingTests(SynchronousTestCase):
    def test_unit_vectors(self) -> None:
        """A vector has length one and the dimensions asked for, 1536 by default."""
        for fields, size in (({}, 1536), ({"dimensions": 1}, 1), ({"dimensions": 256}, 256)):
            with self.subTest(size=size):
                vector = embedded(**fields)["data"][0]["embedding"]
                self.assertEqual(size, len(vector))
                self.assertAlmostEqual(1.0, math.hypot(*vector), places=5)

    def test_forms(self) -> None:
        """Both encodings hold the same numbers."""
        numbers = embedded(dimensions=8)["data"][0]["embedding"]
        packed = embedded(dimensions=8, encoding_format="base64")["data"][0]["embedding"]
        self.assertEqual(tuple(numbers), struct.unpack("<8f", base64.b64decode(packed)))

    def test_inputs(self) -> None:
        """One text, several, tokens, or several lists of them; usage counts all."""
        for value, amount, tokens in (
            ("hello", 1, 2),
            (["hello", "bye"], 2, 3),
            ([1, 2, 3], 1, 3),
            ([[1, 2], [3]], 2, 3),
        ):
            with self.subTest(value=value):
                answer = embedded(input=value, dimensions=2)
                self.assertEqual(list(range(amount)), [item["index"] for item in answer["data"]])
                self.assertEqual(tokens, answer["usage"]["total_tokens"])

    def test_text_decides(self) -> None:
        """Equal texts have equal vectors, different ones do not."""
        first, second, third = embedded(input=["a", "b", "a"], dimensions=4)["data"]
        self.assertEqual(first["embedding"], third["embedding"])
        self.assertNotEqual(first["embedding"], second["embedding"])

    def test_refusals(self) -> None:
        """What cannot be embedded is refused and named."""
        for fields, param in (
            ({"input": ""}, "input"),
            ({"input": []}, "input"),
            ({"input": [True]}, "input"),
            ({"input": ["a"] * 2049}, "input"),
            ({"dimensions": 8193}, "dimensions"),
            ({"encoding_format": "hex"}, "encoding_format"),
        ):
            with self.subTest(param=param):
                self.assertEqual(param, self.assertRaises(Refusal, embedded, **fields).param)
