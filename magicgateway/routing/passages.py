"""Paths of an API that the gateway does not read, only passes on to be signed anew.

These are the operations that run models on AWS, as its own SDKs ask for them, below a provider's
name. What a caller wrote stays as it is: a colon may be escaped or not, and either is signed so.

See: Amazon Bedrock Runtime's API reference
(https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock_Runtime.html),
botocore 1.44.5; 2026-11.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote, unquote_to_bytes

from attrs import frozen

_GET = (b"GET",)
_POST = (b"POST",)
_ON_MODELS = frozenset(
    {"converse", "converse-stream", "invoke", "invoke-with-response-stream", "count-tokens"}
)
"""Its fifth, with a stream in both directions, needs HTTP/2."""
_MODEL = re.compile(rb"/model/([^/]+)/([a-z-]+)")
_OTHERS: Mapping[str, tuple[re.Pattern[bytes], tuple[bytes, ...]]] = {
    "apply-guardrail": (re.compile(rb"/guardrail/[^/]+/version/[^/]+/apply"), _POST),
    "guardrail-checks": (re.compile(rb"/guardrail-checks/invoke"), _POST),
    "async-invoke": (re.compile(rb"/async-invoke"), (b"GET", b"POST")),
    "get-async-invoke": (re.compile(rb"/async-invoke/[^/]+"), _GET),
}
_SIGNATURE = frozenset(
    {
        b"x-amz-algorithm",
        b"x-amz-credential",
        b"x-amz-date",
        b"x-amz-expires",
        b"x-amz-security-token",
        b"x-amz-signature",
        b"x-amz-signedheaders",
    }
)
"""What a signature in a query is made of."""


@frozen
class Passage:
    """One operation.

    Attributes:
        operation: Its name in logs.
        path: Below the provider's name, as the caller wrote it.
        methods: That it takes.
        model: The model's id, decoded; empty where the path has none.
        repeatable: It may be asked for again where it is not known whether it was done.
    """

    operation: str
    path: bytes
    methods: tuple[bytes, ...]
    model: str = ""
    repeatable: bool = True


def read_passage(path: bytes) -> Passage | None:
    """The operation that a path is, None if it is none.

    Args:
        path: Below the provider's name, without its query.
    """
    found = _MODEL.fullmatch(path)
    if found is not None:
        operation = found[2].decode()
        if operation not in _ON_MODELS:
            return None
        return Passage(operation, path, _POST, unquote(found[1].decode("latin-1")))
    for operation, (pattern, methods) in _OTHERS.items():
        if pattern.fullmatch(path):
            return Passage(operation, path, methods, repeatable=operation != "async-invoke")
    return None


def unsigned_query(query: bytes) -> bytes:
    """A query without a signature in it: it was made for another address, and AWS takes only one.

    Args:
        query: As the caller wrote it, with its question mark; or empty.
    """
    if b"x-amz-" not in unquote_to_bytes(query).lower():
        return query
    kept = [part for part in query[1:].split(b"&") if not _is_of_signature(part)]
    return b"?" + b"&".join(kept) if kept else b""


def _is_of_signature(part: bytes) -> bool:
    return unquote_to_bytes(part.partition(b"=")[0]).lower() in _SIGNATURE
