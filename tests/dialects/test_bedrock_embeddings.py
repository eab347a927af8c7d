from __future__ import annotations

from typing import Any

from openai.types import CreateEmbeddingResponse
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.capabilities import EmbeddingAbilities
from magicgateway.conversation.ledger import Ledger
from magicgateway.dialects.bedrock_embeddings import (
    Answered,
    Batch,
    join_answers,
    packed,
    write_requests,
)
from magicgateway.dialects.grammar import NoAnswer
from magicgateway.errors import ApiError

Json = dict[str, Any]
V1 = EmbeddingAbilities(form="titan")
V2 = EmbeddingAbilities(form="titan", dimensions=(256, 512, 1024))
IMAGE = EmbeddingAbilities(form="titan_image", dimensions=(256, 384, 1024))
COHERE = EmbeddingAbilities(form="cohere", most_inputs=96)
COHERE_4 = EmbeddingAbilities(form="cohere_by_type", dimensions=(256, 1024), most_inputs=96)
NOVA = EmbeddingAbilities(form="nova", dimensions=(256, 384, 1024, 3072))
COUNT = "x-amzn-bedrock-input-token-count"


def asked(abilities: EmbeddingAbilities, **fields: Any) -> tuple[Batch, list[str]]:
    """What is sent for a body, and which fields were lost."""
    ledger = Ledger()
    batch = write_requests({"model": "m", **fields}, abilities, ledger)
    return batch, [note.field for note in ledger.notes]


class RequestTests(SynchronousTestCase):
    maxDiff = None

    def test_forms(self) -> None:
        """F2 titan v1, F2 titan v2, F2 titan image, F2 cohere v3, F2 cohere v4, F2 nova: own words.

        Each family is asked in them, of its own length where that can be chosen.
        """
        nova = {
            "embeddingPurpose": "GENERIC_INDEX",
            "text": {"truncationMode": "NONE", "value": "a"},
        }
        cases: list[tuple[EmbeddingAbilities, int | None, Json]] = [
            (V1, None, {"inputText": "a"}),
            (V2, 256, {"inputText": "a", "dimensions": 256}),
            (IMAGE, None, {"inputText": "a"}),
            (IMAGE, 384, {"inputText": "a", "embeddingConfig": {"outputEmbeddingLength": 384}}),
            (COHERE, None, {"texts": ["a"], "input_type": "search_document"}),
            (
                COHERE_4,
                1024,
                {
                    "texts": ["a"],
                    "input_type": "search_document",
                    "output_dimension": 1024,
                    "embedding_types": ["float"],
                },
            ),
            (NOVA, None, {"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": nova}),
            (
                NOVA,
                384,
                {
                    "taskType": "SINGLE_EMBEDDING",
                    "singleEmbeddingParams": {**nova, "embeddingDimension": 384},
                },
            ),
        ]
        for abilities, dimensions, expected in cases:
            batch, lost = asked(abilities, input="a", dimensions=dimensions)
            self.assertEqual((expected,), batch.bodies)
            self.assertEqual([], lost)

    def test_own_fields(self) -> None:
        """What a family has besides is passed to it, and reported elsewhere."""
        more = {"input_type": "search_query", "truncate": "END", "normalize": False, "user": "u"}
        batch, lost = asked(COHERE, input="a", **more)
        self.assertEqual(
            {"texts": ["a"], "input_type": "search_query", "truncate": "END"}, batch.bodies[0]
        )
        self.assertEqual(["normalize", "user"], lost)
        batch, lost = asked(V2, input="a", **more)
        self.assertEqual({"inputText": "a", "normalize": False}, batch.bodies[0])
        self.assertEqual(["input_type", "truncate", "user"], lost)
        self.assertIn("normalize", asked(V1, input="a", normalize=True)[1])

    def test_batches(self) -> None:
        """J75: one text a request, or as many as the family takes, in order."""
        batch, _ = asked(V2, input=["a", "b"])
        self.assertEqual(({"inputText": "a"}, {"inputText": "b"}), batch.bodies)
        texts = [str(number) for number in range(97)]
        batch, _ = asked(COHERE, input=texts)
        self.assertEqual([texts[:96], texts[96:]], [body["texts"] for body in batch.bodies])

    def test_refused(self) -> None:
        """F2 marengo: What cannot be asked is refused by its field."""
        cases: list[tuple[str, Json, EmbeddingAbilities]] = [
            ("input", {}, V2),
            ("input", {"input": []}, V2),
            ("input", {"input": ""}, V2),
            ("input[1]", {"input": ["a", ""]}, V2),
            ("input[0]", {"input": [1, 2]}, V2),
            ("input[0]", {"input": [[1, 2]]}, V2),
            ("input[0]", {"input": [None]}, V2),
            ("input", {"input": ["a"] * 2049}, V2),
            ("dimensions", {"input": "a", "dimensions": 7}, V2),
            ("dimensions", {"input": "a", "dimensions": 1536}, V1),
            ("encoding_format", {"input": "a", "encoding_format": "int8"}, V2),
            ("model", {"input": "a"}, EmbeddingAbilities()),
        ]
        for param, fields, abilities in cases:
            with self.assertRaises(ApiError, msg=fields) as caught:
                asked(abilities, **fields)
            self.assertEqual((400, param), (caught.exception.status, caught.exception.param))


class ReplyTests(SynchronousTestCase):
    maxDiff = None

    def joined(self, answers: list[Answered], batch: Batch) -> Json:
        """A whole answer, which OpenAI's SDK takes; it unpacks base64 before it looks."""
        body = join_answers(answers, batch, "m")
        if not batch.packed:
            CreateEmbeddingResponse.model_validate(body)
        return body

    def test_joined(self) -> None:
        """J75: answers are joined in the order of the texts, and their counts added up."""
        batch, _ = asked(V2, input=["a", "b"])
        answers = [
            Answered({"embedding": [1.0, 0.5], "inputTextTokenCount": 4}, {}),
            Answered({"embedding": [2, 3], "inputTextTokenCount": 9}, {COUNT: "5"}),
        ]
        self.assertEqual(
            {
                "object": "list",
                "data": [
                    {"object": "embedding", "index": 0, "embedding": [1.0, 0.5]},
                    {"object": "embedding", "index": 1, "embedding": [2, 3]},
                ],
                "model": "m",
                "usage": {"prompt_tokens": 9, "total_tokens": 9},
            },
            self.joined(answers, batch),
        )

    def test_families(self) -> None:
        """J75: each family's vectors are found, and counted by the header."""
        cases: list[tuple[EmbeddingAbilities, Any]] = [
            (COHERE, {"embeddings": [[1.0]]}),
            (COHERE_4, {"embeddings": {"float": [[1.0]]}}),
            (NOVA, {"embeddings": [{"embeddingType": "TEXT", "embedding": [1.0]}]}),
            (V2, {"embedding": [1.0], "embeddingsByType": {"float": [1.0]}}),
        ]
        for abilities, body in cases:
            batch, _ = asked(abilities, input="a")
            joined = self.joined([Answered(body, {COUNT: "3"})], batch)
            self.assertEqual([1.0], joined["data"][0]["embedding"])
            self.assertEqual(3, joined["usage"]["prompt_tokens"])

    def test_uncounted(self) -> None:
        """Where nobody counted the tokens are estimated."""
        batch, _ = asked(COHERE, input="four of them make one")
        joined = self.joined([Answered({"embeddings": [[1.0]]}, {COUNT: "x"})], batch)
        self.assertEqual(6, joined["usage"]["total_tokens"])

    def test_base64(self) -> None:
        """J76: base64 is of little-endian floats, whatever the family."""
        self.assertEqual("AACAPwAAAMA=", packed([1.0, -2.0]))
        batch, _ = asked(V2, input="a", encoding_format="base64")
        joined = self.joined([Answered({"embedding": [1.0, -2.0]}, {})], batch)
        self.assertEqual("AACAPwAAAMA=", joined["data"][0]["embedding"])

    def test_no_answer(self) -> None:
        """What does not hold the vectors is no answer."""
        batch, _ = asked(COHERE, input=["a", "b"], encoding_format="base64")
        bodies: list[Any] = [
            None,
            {},
            {"embeddings": 1},
            {"embeddings": [[1.0]]},
            {"embeddings": [[1.0], []]},
            {"embeddings": [[1.0], ["x"]]},
            {"embeddings": {"int8": [[1], [2]]}},
            {"embedding": [1.0]},
            {"embeddings": [[1.0], [1e300]]},
        ]
        for body in bodies:
            with self.assertRaises(NoAnswer, msg=body):
                join_answers([Answered(body, {})], batch, "m")
