"""Embedding models by InvokeModel, each with a body of its own."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any

from magicgateway.demo.aws.refusals import invalid
from magicgateway.demo.call import Answer, Call, json_answer
from magicgateway.demo.embeddings import vector_of
from magicgateway.demo.reply import count

COUNT_HEADER = "x-amzn-bedrock-input-token-count"
_MAX_TEXTS = 96
_V1_SIZE = 1536
_V2_SIZES = (1024, 512, 256)
_IMAGE_SIZES = (1024, 384, 256)
_COHERE_SIZE = 1024
_COHERE_V4_SIZES = (1536, 1024, 512, 256)
_INPUT_TYPES = ("search_document", "search_query", "classification", "clustering", "image")


def _floats(text: Any, size: int) -> list[float]:
    return list(struct.unpack(f"<{size}f", vector_of(text, size)))


def _answer(value: Mapping[str, Any], tokens: int) -> Answer:
    return json_answer(value, headers=((COUNT_HEADER, str(tokens)),))


def _only(fields: Mapping[str, Any], *known: str) -> None:
    for name in fields:
        if name not in known:
            raise invalid(
                f"Malformed input request: #: extraneous key [{name}] is not permitted, please "
                "reformat your input and try again."
            )


def _text(fields: Mapping[str, Any]) -> str:
    text = fields.get("inputText")
    if not isinstance(text, str):
        raise invalid("Malformed input request: #: required key [inputText] not found")
    if not text:
        raise invalid("Malformed input request: expected minLength: 1, actual: 0")
    return text


def _size(value: Any, sizes: tuple[int, ...], name: str) -> int:
    size = sizes[0] if value is None else value
    if size not in sizes:
        raise invalid(f"Malformed input request: #/{name}: {value} is not a valid enum value")
    return int(size)


def _titan_v1(call: Call) -> Answer:
    fields = call.fields()
    _only(fields, "inputText")
    text = _text(fields)
    tokens = count(len(text))
    vector = _floats(text, _V1_SIZE)
    return _answer({"embedding": vector, "inputTextTokenCount": tokens}, tokens)


def _titan_v2(call: Call) -> Answer:
    fields = call.fields()
    _only(fields, "inputText", "dimensions", "normalize", "embeddingTypes")
    text, size = _text(fields), _size(fields.get("dimensions"), _V2_SIZES, "dimensions")
    tokens, vector = count(len(text)), _floats(text, size)
    by_type: dict[str, Any] = {}
    for kind in fields.get("embeddingTypes") or ("float",):
        if kind not in ("float", "binary"):
            raise invalid(f"Malformed input request: #/embeddingTypes: {kind} is not a valid value")
        by_type[kind] = vector if kind == "float" else [int(number > 0) for number in vector]
    value: dict[str, Any] = {"inputTextTokenCount": tokens, "embeddingsByType": by_type}
    if "float" in by_type:
        value["embedding"] = vector
    return _answer(value, tokens)


def _titan_image(call: Call) -> Answer:
    fields = call.fields()
    _only(fields, "inputText", "inputImage", "embeddingConfig")
    config = fields.get("embeddingConfig") or {}
    asked = config.get("outputEmbeddingLength") if isinstance(config, dict) else 0
    size = _size(asked, _IMAGE_SIZES, "embeddingConfig")
    text = fields.get("inputText") or fields.get("inputImage")
    if not isinstance(text, str):
        raise invalid("Malformed input request: one of inputText and inputImage is required")
    tokens = count(len(fields.get("inputText") or ""))
    value = {"embedding": _floats(text, size), "inputTextTokenCount": tokens, "message": None}
    return _answer(value, tokens)


def _cohere_texts(fields: Mapping[str, Any]) -> list[str]:
    texts = fields.get("texts")
    if not isinstance(texts, list) or not texts or not all(isinstance(t, str) for t in texts):
        raise invalid("Malformed input request: #: required key [texts] not found")
    if len(texts) > _MAX_TEXTS:
        raise invalid(
            f"Malformed input request: #/texts: expected maximum item count: {_MAX_TEXTS}, "
            f"found: {len(texts)}"
        )
    if fields.get("input_type") not in _INPUT_TYPES:
        raise invalid("Malformed input request: #: required key [input_type] not found")
    return texts


def _cohere_v3(call: Call) -> Answer:
    fields = call.fields()
    _only(fields, "texts", "input_type", "truncate", "embedding_types")
    texts = _cohere_texts(fields)
    value = {
        "embeddings": [_floats(text, _COHERE_SIZE) for text in texts],
        "id": call.seed,
        "response_type": "embeddings_floats",
        "texts": [text.lower() for text in texts],
    }
    return _answer(value, sum(count(len(text)) for text in texts))


def _cohere_v4(call: Call) -> Answer:
    fields = call.fields()
    known = ("texts", "input_type", "truncate", "embedding_types", "output_dimension", "inputs")
    _only(fields, *known)
    texts = _cohere_texts(fields)
    size = _size(fields.get("output_dimension"), _COHERE_V4_SIZES, "output_dimension")
    vectors = [_floats(text, size) for text in texts]
    kinds = fields.get("embedding_types") or ["float"]
    if kinds != ["float"]:
        raise invalid("The demo provider knows embedding_types [float] only.")
    value = {
        "embeddings": {"float": vectors},
        "id": call.seed,
        "response_type": "embeddings_by_type",
        "texts": texts,
    }
    return _answer(value, sum(count(len(text)) for text in texts))


EMBEDDERS: Mapping[str, Callable[[Call], Answer]] = {
    "amazon.titan-embed-text-v1": _titan_v1,
    "amazon.titan-embed-text-v2": _titan_v2,
    "amazon.titan-embed-image": _titan_image,
    "cohere.embed-v4": _cohere_v4,
    "cohere.embed-": _cohere_v3,
}
"""By what a model's id contains; the first that fits."""
