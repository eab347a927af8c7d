"""How models that make embeddings are asked on Amazon Bedrock."""

from __future__ import annotations

from magicgateway.conversation.capabilities import EmbeddingAbilities
from magicgateway.providers.models.family import Family

_DOCS = "https://docs.aws.amazon.com/bedrock/latest/userguide/"
_CHECKED = "2026-11-22"
_COHERE_TEXTS = 96


def _family(pattern: str, page: str, form: str, *dimensions: int, most_inputs: int = 1) -> Family:
    asked = EmbeddingAbilities(form=form, dimensions=dimensions, most_inputs=most_inputs)
    return Family(
        pattern=pattern,
        takes={"embeddings": asked},
        source=f"{_DOCS}{page}",
        checked=_CHECKED,
    )


EMBEDDERS = (
    _family(
        r"amazon\.titan-embed-text-v2.*", "model-parameters-titan-embed-text.html",
        "titan", 256, 512, 1024,
    ),
    _family(
        r"amazon\.titan-embed-(?:text|g1-text)-.*", "model-parameters-titan-embed-text.html",
        "titan",
    ),
    _family(
        r"amazon\.titan-embed-image-.*", "model-parameters-titan-embed-mm.html",
        "titan_image", 256, 384, 1024,
    ),
    _family(
        r"amazon\.nova-2-multimodal-embeddings-.*", "nova-embeddings.html",
        "nova", 256, 384, 1024, 3072,
    ),
    _family(
        r"cohere\.embed-v4.*", "model-parameters-embed-v4.html",
        "cohere_by_type", 256, 512, 1024, 1536, most_inputs=_COHERE_TEXTS,
    ),
    _family(
        r"cohere\.embed-.*", "model-parameters-embed.html", "cohere", most_inputs=_COHERE_TEXTS
    ),
)  # fmt: skip
"""The first that fits counts; what is none of them makes no embeddings."""
