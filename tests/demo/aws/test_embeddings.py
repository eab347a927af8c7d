from __future__ import annotations

import math
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.demo.aws.embeddings import COUNT_HEADER
from magicgateway.demo.aws.invoke import invoke
from magicgateway.demo.aws.refusals import AwsRefusal
from magicgateway.demo.call import Answer
from tests.demo.calls import call_of, json_of

V1 = "amazon.titan-embed-text-v1"
V2 = "amazon.titan-embed-text-v2:0"
IMAGE = "amazon.titan-embed-image-v1"
COHERE = "cohere.embed-english-v3"
COHERE_4 = "us.cohere.embed-v4:0"
DOCUMENT = {"input_type": "search_document"}


def answer(model: str, **fields: Any) -> Answer:
    return invoke(call_of(fields), model)


class TitanTests(SynchronousTestCase):
    def test_text(self) -> None:
        """A text becomes a unit vector of the size that was asked."""
        for model, fields, size in (
            (V1, {}, 1536),
            (V2, {}, 1024),
            (V2, {"dimensions": 256, "normalize": True}, 256),
            (IMAGE, {"embeddingConfig": {"outputEmbeddingLength": 384}}, 384),
        ):
            with self.subTest(model=model, size=size):
                found = answer(model, inputText="hello", **fields)
                value = json_of(found)
                self.assertEqual(size, len(value["embedding"]))
                self.assertAlmostEqual(1, math.hypot(*value["embedding"]), 5)
                self.assertEqual(2, value["inputTextTokenCount"])
                self.assertIn((COUNT_HEADER, "2"), found.headers)

    def test_types(self) -> None:
        """Binary vectors have one bit a dimension, and replace the floats if alone."""
        value = json_of(answer(V2, inputText="a", dimensions=256, embeddingTypes=["binary"]))
        self.assertEqual({0, 1}, set(value["embeddingsByType"]["binary"]))
        self.assertNotIn("embedding", value)

    def test_image(self) -> None:
        """A picture alone is taken as well."""
        self.assertEqual(1024, len(json_of(answer(IMAGE, inputImage="AAAA"))["embedding"]))


class CohereTests(SynchronousTestCase):
    def test_v3(self) -> None:
        """Several texts come back in order, in small letters."""
        value = json_of(answer(COHERE, texts=["A", "b"], **DOCUMENT))
        self.assertEqual(["a", "b"], value["texts"])
        self.assertEqual([1024, 1024], [len(vector) for vector in value["embeddings"]])

    def test_v4(self) -> None:
        """Vectors come by type, in the size that was asked."""
        value = json_of(answer(COHERE_4, texts=["A"], output_dimension=512, **DOCUMENT))
        self.assertEqual(512, len(value["embeddings"]["float"][0]))


class RefusalTests(SynchronousTestCase):
    def test_refusals(self) -> None:
        """What a model does not know is refused."""
        cases: tuple[tuple[str, dict[str, Any]], ...] = (
            (V1, {"inputText": "a", "dimensions": 256}),
            (V1, {"inputText": ""}),
            (V1, {}),
            (V2, {"inputText": "a", "dimensions": 300}),
            (V2, {"inputText": "a", "embeddingTypes": ["odd"]}),
            (IMAGE, {}),
            (IMAGE, {"inputText": "a", "embeddingConfig": 5}),
            (COHERE, {**DOCUMENT}),
            (COHERE, {"texts": ["a"]}),
            (COHERE, {"texts": ["a"] * 97, **DOCUMENT}),
            (COHERE, {"texts": ["a"], "output_dimension": 256, **DOCUMENT}),
            (COHERE_4, {"texts": ["a"], "embedding_types": ["int8"], **DOCUMENT}),
        )
        for model, fields in cases:
            with self.subTest(model=model, fields=str(fields)[:60]):
                self.assertRaises(AwsRefusal, answer, model, **fields)
