"""OpenAI's embeddings: unit vectors that depend on the text alone."""

from __future__ import annotations

import base64
import hashlib
import math
import struct
from typing import Any

from magicgateway.demo.call import Answer, Call, Refusal, json_answer
from magicgateway.demo.reading import model_of, number_of
from magicgateway.demo.reply import count
from magicgateway.wire import jsontext

_DIMENSIONS = 1536
_MAX_DIMENSIONS = 8192
_MAX_INPUTS = 2048


def embeddings(call: Call) -> Answer:
    """``POST /v1/embeddings``."""
    fields = call.fields()
    model = model_of(fields)
    texts = _inputs(fields.get("input"))
    dimensions = number_of(fields, "dimensions") or _DIMENSIONS
    if dimensions > _MAX_DIMENSIONS:
        raise Refusal(400, f"dimensions must be at most {_MAX_DIMENSIONS}.", param="dimensions")
    form = fields.get("encoding_format") or "float"
    if form not in ("float", "base64"):
        raise Refusal(400, "encoding_format must be float or base64.", param="encoding_format")
    data = []
    for index, text in enumerate(texts):
        packed = vector_of(text, dimensions)
        vector: Any = base64.b64encode(packed).decode()
        if form == "float":
            vector = struct.unpack(f"<{dimensions}f", packed)
        data.append({"object": "embedding", "index": index, "embedding": vector})
    tokens = sum(_tokens(text) for text in texts)
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return json_answer({"object": "list", "data": data, "model": model, "usage": usage})


def _inputs(value: Any) -> list[Any]:
    """Every input: a string, or a list of token numbers."""
    if isinstance(value, str) or (isinstance(value, list) and value and _is_number(value[0])):
        value = [value]
    if not isinstance(value, list) or not value or not all(map(_is_input, value)):
        raise Refusal(400, "input must be text, tokens or a list of either.", param="input")
    if len(value) > _MAX_INPUTS:
        raise Refusal(400, f"input may hold at most {_MAX_INPUTS} texts.", param="input")
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_input(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(map(_is_number, value))
    return isinstance(value, str) and bool(value)


def _tokens(value: Any) -> int:
    return count(len(value)) if isinstance(value, str) else len(value)


def vector_of(value: Any, dimensions: int) -> bytes:
    """Little-endian 32-bit floats whose squares add up to one."""
    noise = hashlib.shake_256(jsontext.encode(value)).digest(2 * dimensions)
    numbers = struct.unpack(f"<{dimensions}h", noise)
    length = math.hypot(*numbers) or 1.0
    return struct.pack(f"<{dimensions}f", *(number / length for number in numbers))
