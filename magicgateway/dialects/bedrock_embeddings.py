"""Embeddings: OpenAI's question as the bodies of InvokeModel's families, and their answers as one.

Some families take one text a request, others up to a number of them: a question becomes a list of
bodies, which may be sent in any order and side by side; their answers are joined in the order of
the texts.

See: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html (Titan, Cohere,
Nova embeddings); https://platform.openai.com/docs/api-reference/embeddings; 2026-11.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

from magicgateway.conversation.capabilities import EmbeddingAbilities
from magicgateway.conversation.counting import tokens_of
from magicgateway.conversation.ledger import Fields, Ledger, invalid
from magicgateway.dialects.grammar import NoAnswer
from magicgateway.errors import ApiError

Json = dict[str, Any]
FAMILY = "openai"
SAID = "This model"
COUNT_HEADER = "x-amzn-bedrock-input-token-count"
_NONE = "it does not hold the vectors that were asked for"
MOST_TEXTS = 2048
"""In one question, as at OpenAI."""
_FLOAT, _BASE64 = "float", "base64"
_DOCUMENT = "search_document"
"""What Cohere is told that texts are for, which it has to be told."""


@frozen(kw_only=True)
class Batch:
    """One question on its way out.

    Attributes:
        bodies: To be sent one by one.
        texts: What each of them asks about.
        packed: Vectors are wanted as base64 of their floats.
    """

    bodies: tuple[Json, ...]
    texts: tuple[tuple[str, ...], ...]
    packed: bool = False


@frozen
class Answered:
    """The answer to one body: its JSON, and its headers with lower-case names."""

    body: Any
    headers: Mapping[str, str]


def write_requests(body: Mapping[str, Any], abilities: EmbeddingAbilities, ledger: Ledger) -> Batch:
    """What to send for a caller's body.

    Args:
        body: Of OpenAI's API; what a family has besides may stand in it too.
        abilities: Of the model.
        ledger: Told of losses.

    Raises:
        ApiError: 400: it is no question, or the model cannot answer it.
    """
    fields = Fields(body)
    fields.take("model")
    if abilities.form not in _WRITERS:
        raise ApiError(400, "unsupported_model", "This model makes no embeddings.", param="model")
    texts = _texts(fields)
    form = fields.text("encoding_format") or _FLOAT
    if form not in (_FLOAT, _BASE64):
        raise invalid("encoding_format", "must be float or base64")
    size = _size(fields, abilities)
    asked = _WRITERS[abilities.form](fields, size, abilities)
    for name in fields.rest(FAMILY).fields:
        ledger.drop(name)
    most = max(1, abilities.most_inputs)
    groups = tuple(tuple(texts[at : at + most]) for at in range(0, len(texts), most))
    bodies = tuple(_with_texts(asked, group, abilities.form) for group in groups)
    return Batch(bodies=bodies, texts=groups, packed=form == _BASE64)


def _texts(fields: Fields) -> list[str]:
    given = fields.take("input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts:
        raise invalid("input", "must be a text or an array of texts")
    if len(texts) > MOST_TEXTS:
        raise invalid("input", f"must have at most {MOST_TEXTS} texts")
    for index, text in enumerate(texts):
        place = "input" if isinstance(given, str) else f"input[{index}]"
        if isinstance(text, int | list):
            raise invalid(place, "must be a text: this model does not take tokens")
        if not isinstance(text, str):
            raise invalid(place, "must be a text")
        if not text:
            raise invalid(place, "must not be empty")
    return texts


def _size(fields: Fields, abilities: EmbeddingAbilities) -> int | None:
    size = fields.integer("dimensions")
    if size is None or size in abilities.dimensions:
        return size
    if not abilities.dimensions:
        raise ApiError(
            400,
            "unsupported_parameter",
            f"{SAID} has one length of vectors: leave dimensions out.",
            param="dimensions",
        )
    known = ", ".join(map(str, sorted(abilities.dimensions)))
    raise invalid("dimensions", f"must be one of {known} for this model")


def _given(fields: Fields, *names: str) -> Json:
    """What a family has besides, where the caller says it."""
    return {name: value for name in names if (value := fields.take(name)) is not None}


def _titan(fields: Fields, size: int | None, abilities: EmbeddingAbilities) -> Json:
    sized = {} if size is None else {"dimensions": size}
    return {**sized, **(_given(fields, "normalize") if abilities.dimensions else {})}


def _titan_image(fields: Fields, size: int | None, abilities: EmbeddingAbilities) -> Json:
    del fields, abilities
    return {} if size is None else {"embeddingConfig": {"outputEmbeddingLength": size}}


def _cohere(fields: Fields, size: int | None, abilities: EmbeddingAbilities) -> Json:
    del size, abilities
    return {"input_type": _DOCUMENT, **_given(fields, "input_type", "truncate")}


def _cohere_by_type(fields: Fields, size: int | None, abilities: EmbeddingAbilities) -> Json:
    sized = {} if size is None else {"output_dimension": size}
    return {**_cohere(fields, size, abilities), **sized, "embedding_types": [_FLOAT]}


def _nova(fields: Fields, size: int | None, abilities: EmbeddingAbilities) -> Json:
    del fields, abilities
    sized = {} if size is None else {"embeddingDimension": size}
    return {"embeddingPurpose": "GENERIC_INDEX", **sized}


_WRITERS = {
    "titan": _titan,
    "titan_image": _titan_image,
    "cohere": _cohere,
    "cohere_by_type": _cohere_by_type,
    "nova": _nova,
}
"""By ``EmbeddingAbilities.form``: what is asked of all texts."""


def _with_texts(asked: Json, texts: tuple[str, ...], form: str) -> Json:
    if form.startswith("cohere"):
        return {"texts": list(texts), **asked}
    (text,) = texts
    if form == "nova":
        # A text that is too long is refused, as OpenAI does it, and not cut.
        said = {"text": {"truncationMode": "NONE", "value": text}}
        return {"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": {**asked, **said}}
    return {"inputText": text, **asked}


def join_answers(answers: Sequence[Answered], batch: Batch, model: str) -> Json:
    """The caller's answer.

    Args:
        answers: To all bodies, in their order.
        batch: What was asked.
        model: As the caller named it.

    Raises:
        NoAnswer: One has not as many vectors as there were texts.
    """
    data: list[Json] = []
    tokens = 0
    for answer, texts in zip(answers, batch.texts, strict=True):
        vectors = _vectors(answer.body)
        if len(vectors) != len(texts):
            raise NoAnswer(_NONE)
        for vector in vectors:
            value = packed(vector) if batch.packed else vector
            data.append({"object": "embedding", "index": len(data), "embedding": value})
        counted = _count(answer)
        tokens += sum(map(tokens_of, texts)) if counted is None else counted
    return {
        "object": "list",
        "data": data,
        "model": model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def packed(vector: Sequence[float]) -> str:
    """Base64 of a vector's numbers as 32-bit floats, least byte first."""
    try:
        raw = struct.pack(f"<{len(vector)}f", *vector)
    except (struct.error, OverflowError):
        raise NoAnswer(_NONE) from None
    return base64.b64encode(raw).decode()


def _vectors(body: Any) -> list[list[float]]:
    """The vectors of one answer, whichever family's it is."""
    given = body if isinstance(body, dict) else {}
    found = given.get("embeddings", given.get("embedding"))
    if isinstance(found, dict):
        found = found.get(_FLOAT)
    if "embeddings" not in given:
        found = [found]
    if not isinstance(found, list):
        raise NoAnswer(_NONE)
    return [_vector(entry) for entry in found]


def _vector(entry: Any) -> list[float]:
    vector = entry.get("embedding") if isinstance(entry, dict) else entry
    numbers = isinstance(vector, list) and all(type(number) in (int, float) for number in vector)
    if not vector or not numbers:
        raise NoAnswer(_NONE)
    return vector  # type: ignore[no-any-return]


def _count(answer: Answered) -> int | None:
    header = answer.headers.get(COUNT_HEADER, "")
    if header.isascii() and header.isdigit():
        return int(header)
    count = answer.body.get("inputTextTokenCount")
    return count if isinstance(count, int) and not isinstance(count, bool) else None
