"""What routing needs of a JSON request body, and the one change made to a body that passes.

``peek`` reads the fields ``model`` and ``stream`` of a whole body without building its values;
``JsonScanner`` does the same while a large body arrives. ``splice`` puts another model in place.
"""

from __future__ import annotations

import re

from magicgateway.wire import json_context, jsontext
from magicgateway.wire.json_scan import MAX_MODEL, JsonScanner, Peek

__all__ = ["SMALL", "JsonScanner", "Peek", "peek", "scan", "splice"]

SMALL = 256 * 1024
"""Bytes up to which a body is peeked in one go; larger ones are fed to a scanner as they come."""

_BACKSLASH = ord("\\")
_MODEL = b'"model"'
_STREAM = b'"stream"'
_ESCAPED_LETTER = re.compile(rb"\\u00[67]")
_match_value = re.compile(rb'"model"[ \t\r\n]*:[ \t\r\n]*("[^"\\]*")').match
_FLAT = 2 * json_context.MAX_DEPTH
"""Bytes in which nothing can be nested too deeply."""


class _Fields(jsontext.Shape):
    model: str | None = None
    stream: bool | None = None


_read = jsontext.reader(_Fields)


def peek(body: bytes) -> Peek:
    """The model and stream fields of a body; its verdict is exactly ``JsonScanner``'s.

    The library decides the ordinary case. What it does not look at while it skips values is
    added (UTF-8, depth, fields given twice), and whatever is not plain goes to the scanner.

    Raises:
        ApiError: 400 ``invalid_json``, ``duplicate_field`` or ``invalid_model``.
    """
    if len(body) > SMALL:
        return scan(body)
    try:
        fields = _read(body)
        if not body.isascii():
            body.decode()
    except jsontext.REFUSALS:
        return scan(body)
    if _BACKSLASH in body and _ESCAPED_LETTER.search(body):
        return scan(body)  # a field's name may be spelled with escapes
    at = body.find(_MODEL)
    model = fields.model
    if model is None:
        span = None
        plain = at < 0
    else:
        # The field is there, so where only one place can be it, that place is it.
        found = _match_value(body, at)
        span = found.span(1) if found else None
        plain = found is not None and at == body.rfind(_MODEL) and len(model) <= MAX_MODEL
    if (
        not plain
        or body.find(_STREAM) != body.rfind(_STREAM)
        or (len(body) > _FLAT and not _is_shallow(body))
    ):
        return scan(body)
    return Peek(model, fields.stream is True, span)


def _is_shallow(body: bytes) -> bool:
    if body.count(b"{") + body.count(b"[") <= json_context.MAX_DEPTH:
        return True
    parts = json_context.masked(body).split(b'"')
    try:
        json_context.nested(b"", json_context.brackets(parts))
    except json_context.TooDeep:
        return False
    return True


def scan(body: bytes) -> Peek:
    """The scanner's verdict on a whole body.

    Raises:
        ApiError: As ``peek``.
    """
    scanner = JsonScanner()
    scanner.feed(body)
    return scanner.finish()


def splice(chunks: list[bytes], span: tuple[int, int], model: str) -> list[bytes]:
    """The body with another model in the place of the span; chunks outside it stay the same.

    Args:
        chunks: The body, in pieces of any size.
        span: Offsets of the model's literal in the whole body, as ``Peek.span``.
        model: The new name.
    """
    start, end = span
    spliced: list[bytes] = []
    literal: bytes | None = jsontext.encode(model)
    offset = 0
    for chunk in chunks:
        after = offset + len(chunk)
        if after <= start or offset >= end:
            spliced.append(chunk)
        else:
            if offset < start:
                spliced.append(chunk[: start - offset])
            if literal is not None:
                spliced.append(literal)
                literal = None
            if after > end:
                spliced.append(chunk[end - offset :])
        offset = after
    return spliced
