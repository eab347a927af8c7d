"""Errors of AWS: told by their names, because statuses differ between its services' ages.

See: https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html; the
service model of botocore 1.44.5, 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from magicgateway.conversation.reply import Failure

ERROR_NAME = "x-amzn-errortype"
"""The header field that names an error."""
LONGEST_MESSAGE = 500
SCHEMA = "schema"
UNARY = "unary"
CREDENTIALS = "credentials"


@frozen
class _Kind:
    """What a name means: status and kind of the failure."""

    status: int
    kind: str


_INVALID = _Kind(400, "invalid_request")
_CONTEXT = _Kind(400, "context_length")
_CREDENTIALS = _Kind(401, "authentication")
_PERMISSION = _Kind(403, "permission")
_NOT_FOUND = _Kind(404, "not_found")
_RATE = _Kind(429, "rate_limit")
_SERVER = _Kind(502, "server")

_KINDS: Mapping[str, _Kind] = {
    "validation": _INVALID,
    "accessdenied": _PERMISSION,
    "unrecognizedclient": _CREDENTIALS,
    "invalidsignature": _CREDENTIALS,
    "signaturedoesnotmatch": _CREDENTIALS,
    "expiredtoken": _CREDENTIALS,
    "requestexpired": _CREDENTIALS,
    "invalidclienttokenid": _CREDENTIALS,
    "missingauthenticationtoken": _CREDENTIALS,
    "incompletesignature": _CREDENTIALS,
    "resourcenotfound": _NOT_FOUND,
    "throttling": _RATE,
    "toomanyrequests": _RATE,
    "modelnotready": _Kind(503, "overloaded"),
    "servicequotaexceeded": _Kind(429, "quota"),
    "modeltimeout": _Kind(504, "timeout"),
    "modelerror": _SERVER,
    "modelstreamerror": _SERVER,
    "internalserver": _Kind(500, "server"),
    "internalfailure": _Kind(500, "server"),
    "serviceunavailable": _Kind(503, "overloaded"),
    "conflict": _Kind(409, "conflict"),
    "unknownoperation": _SERVER,
}
_BY_STATUS: Mapping[int, _Kind] = {
    400: _INVALID,
    401: _CREDENTIALS,
    403: _PERMISSION,
    404: _NOT_FOUND,
    408: _Kind(504, "timeout"),
    409: _Kind(409, "conflict"),
    413: _Kind(413, "too_large"),
    424: _SERVER,
    429: _RATE,
    503: _Kind(503, "overloaded"),
    504: _Kind(504, "timeout"),
    529: _Kind(503, "overloaded"),
}
_PROFILE = "on-demand throughput"
_NO_MODEL = ("provided model identifier is invalid", _PROFILE, "end of its life")
_TOO_LONG = ("input is too long", "prompt is too long", "too many input tokens")
_TOO_LARGE = ("request body is too large", "length limit exceeded")
_HINT = (
    " Such a model is asked for by the id of an inference profile, which is its own id with the "
    "region's prefix: us., eu., apac., global., and others."
)
_SCHEMA_SAID = (
    "output_config.format: extra inputs are not permitted",
    "output_config.format.schema",
    "schema is too complex",
)
_UNARY_SAID = ("in streaming mode", "unsupported for streaming", "n't support streaming")
_BEARER_SAID = ("api key", "bearer token")
"""In what is said of a Bedrock API key, which has no name."""
_QUOTES_REQUEST = ("invalidsignature", "signaturedoesnotmatch", "incompletesignature")
_SIGNATURE = (
    "AWS does not accept the request's signature: the secret access key does not belong to the "
    "access key id, or a clock is wrong."
)


def read_failure(status: int, body: Any, headers: Mapping[str, str]) -> Failure:
    """What an error answer says.

    Args:
        status: Of the answer; 200 for an error that a stream brings.
        body: Its decoded JSON, or its text where it is none.
        headers: Lower-case names; ``x-amzn-errortype`` is read.
    """
    given = body if isinstance(body, dict) else {}
    name = _name(given, headers)
    short = shortened(name)
    message = _message(given, body)
    kind = _KINDS.get(short) or _BY_STATUS.get(status)
    if kind is None:
        kind = _INVALID if 400 <= status < 500 else _Kind(max(status, 500), "server")
    if short == "validation" or (not short and status == 400):
        kind, message = _validation(message, kind)
    elif not short and status == 403 and any(w in message.lower() for w in _BEARER_SAID):
        kind = _CREDENTIALS
    elif short == "modelerror" and given.get("originalStatusCode") == 400:
        kind = _INVALID
    if short in _QUOTES_REQUEST:
        message = _SIGNATURE
    return Failure(
        status=kind.status,
        kind=kind.kind,
        message=message or f"The provider answered with status {status} and no message.",
        code=name or None,
        retry_after=_seconds(headers.get("retry-after")),
    )


def stream_failure(name: str, data: Any) -> Failure:
    """What an exception or an error inside a stream says, by its name."""
    body = data if isinstance(data, dict) else {}
    failure = read_failure(200, {**body, "__type": name}, {})
    if _message(body, ""):
        return failure
    said = f"The provider broke the answer off: {name or 'no reason given'}."
    return Failure(status=failure.status, kind=failure.kind, message=said, code=name or None)


def repair_of(failure: Failure) -> str | None:
    """How a request that failed so can be asked again in another way, once.

    Returns:
        ``schema``: without the model's own structured outputs; ``unary``: without a stream;
        ``credentials``: signed with fresh ones; None: not at all.
    """
    said = failure.message.lower()
    if failure.kind == "invalid_request":
        if any(words in said for words in _SCHEMA_SAID):
            return SCHEMA
        if any(words in said for words in _UNARY_SAID):
            return UNARY
    expired = shortened(failure.code or "") in ("expiredtoken", "requestexpired")
    return CREDENTIALS if expired else None


def shortened(name: str) -> str:
    """An error's name without what differs between HTTP, streams and services' ages."""
    short = name.rpartition("#")[2].partition(":")[0].strip().lower()
    for end in ("exception", "error", "fault"):
        if short.endswith(end) and short not in ("modelerror", "modelstreamerror"):
            short = short.removesuffix(end)
            break
    return short


def _name(given: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    own = given.get("__type")
    name = own if isinstance(own, str) and own else headers.get(ERROR_NAME, "")
    return name.rpartition("#")[2].partition(":")[0].strip()


def _message(given: Mapping[str, Any], body: Any) -> str:
    for key in ("message", "Message", "originalMessage"):
        value = given.get(key)
        if isinstance(value, str) and value.strip():
            return value[:LONGEST_MESSAGE]
    if not isinstance(body, str) or body.lstrip().startswith("<"):
        return ""
    return body.strip()[:LONGEST_MESSAGE]


def _validation(message: str, kind: _Kind) -> tuple[_Kind, str]:
    """A ValidationException by its words: AWS has one name for many faults."""
    said = message.lower()
    if any(words in said for words in _NO_MODEL):
        return _NOT_FOUND, message + (_HINT if _PROFILE in said else "")
    if any(words in said for words in _TOO_LONG):
        return _CONTEXT, message
    if any(words in said for words in _TOO_LARGE):
        return _Kind(413, "too_large"), message
    return kind, message


def _seconds(value: str | None) -> int | None:
    return int(value) if value is not None and value.isascii() and value.isdigit() else None
