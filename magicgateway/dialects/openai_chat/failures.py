"""What the error answers and error chunks of OpenAI-compatible providers say.

Their shapes differ: ``error`` is an object or a text, the object can be the body itself, or stand
in a list; FastAPI's servers have ``detail``, Cloudflare ``errors``, and some answer HTML.

See: https://platform.openai.com/docs/guides/error-codes; 2026-10.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from magicgateway.conversation.reply import Failure

LONGEST = 500
"""Characters of a message that are passed on."""

_KINDS = {
    400: "invalid_request", 401: "authentication", 402: "quota", 403: "permission",
    404: "not_found", 405: "invalid_request", 408: "timeout", 409: "conflict",
    412: "invalid_request", 413: "too_large", 422: "invalid_request", 424: "server",
    429: "rate_limit", 498: "overloaded", 499: "timeout", 503: "overloaded", 504: "timeout",
    520: "server", 524: "timeout", 529: "overloaded",
}  # fmt: skip
_STATUSES = {
    "invalid_request_error": 400, "invalid_request": 400, "bad_request_error": 400,
    "badrequesterror": 400, "invalid_argument": 400, "authentication_error": 401,
    "unauthenticated": 401, "invalid_api_key": 401, "billing_error": 402,
    "permission_error": 403, "permission_denied": 403, "not_found_error": 404,
    "not_found": 404, "model_not_found": 404, "request_too_large": 413,
    "rate_limit_error": 429, "rate_limit_exceeded": 429, "requests": 429, "tokens": 429,
    "resource_exhausted": 429, "insufficient_quota": 429, "too_many_requests": 429,
    "api_error": 500, "server_error": 500, "internal_server_error": 500, "internal": 500,
    "overloaded_error": 503, "service_unavailable_error": 503, "server_is_overloaded": 503,
    "unavailable": 503, "timeout_error": 504, "timeout": 504, "deadline_exceeded": 504,
}  # fmt: skip
"""What types and codes mean where no status tells."""
_QUOTA = ("insufficient_quota", "credit_balance_exhausted", "billing_hard_limit_reached")
_TOO_LONG_CODES = ("context_length_exceeded", "string_above_max_length", "context_length_error")
_TOO_LONG = re.compile(
    r"prompt is too long|maximum context length|context[ _](?:length|window)|"
    r"too many (?:input )?tokens|input is too long|exceeds? the (?:model's )?maximum|"
    r"reduce the length of the (?:messages|prompt)|prompt contains \d+ tokens",
    re.IGNORECASE,
)
_SECRET = re.compile(
    r"\b(?:[a-z]{2,5}[-_](?:proj[-_]|ant[-_]|or[-_]v1[-_])?[A-Za-z0-9*_-]{12,}|Bearer\s+\S+)"
    r"|https?://\S+|[A-Za-z0-9*]{4,}\*{4,}[A-Za-z0-9]*"
)
"""Keys, also with their middle starred out, and addresses: they are the operator's."""
_MARKUP = re.compile(r"\s*<(?:!doctype|html|\?xml|head|body)", re.IGNORECASE)
_INNER = ("error", "fault", "base_resp", "detail", "errors", "message")
_WORDS = ("message", "msg", "status_msg", "faultstring", "detail", "title", "error")


def read_failure(status: int, body: Any, headers: Mapping[str, str]) -> Failure:
    """What a provider's error answer says.

    Args:
        status: Of the answer; of a chunk 0, as none is known.
        body: Its decoded JSON, or its text where it is none.
        headers: By lower-case names.
    """
    said = _said(body)
    code, kind, param = said.get("code"), said.get("type") or said.get("status"), said.get("param")
    best = status if status >= 400 else _status_of(code, kind)
    words = _words(body)
    message = _clean(words) or f"The provider answered with status {best}."
    return Failure(
        status=best,
        kind=_kind(best, _lower(code), _lower(kind), words),
        message=message,
        param=param if isinstance(param, str) and param else None,
        code=code if isinstance(code, str) and code else None,
        retry_after=_retry_after(headers),
    )


def is_error(body: Mapping[str, Any]) -> bool:
    """Whether what came under a status of success is an error all the same."""
    if body.get("error") or body.get("type") == "error" or body.get("object") == "error":
        return True
    base = body.get("base_resp")
    return isinstance(base, dict) and bool(base.get("status_code"))


def _said(body: Any) -> dict[str, Any]:
    """The innermost object that says what went wrong."""
    found = body
    for _ in _INNER:
        if isinstance(found, list):
            found = found[0] if found else None
        if not isinstance(found, dict):
            return {}
        inner = next((found[k] for k in _INNER if isinstance(found.get(k), dict | list)), None)
        if inner is None or _lower(found.get("type")) in _STATUSES:
            return found
        outer, found = found, inner
        if not isinstance(found, dict | list) or found == []:
            return outer
    return found if isinstance(found, dict) else {}


def _status_of(code: Any, kind: Any) -> int:
    if isinstance(code, int) and not isinstance(code, bool) and 400 <= code <= 599:
        return code
    if isinstance(code, str) and code.isdecimal() and 400 <= int(code[:4]) <= 599:
        return int(code)
    return _STATUSES.get(_lower(code)) or _STATUSES.get(_lower(kind)) or 502


def _lower(value: Any) -> str:
    return value.lower() if isinstance(value, str) else ""


def _kind(status: int, code: str, kind: str, words: str) -> str:
    if code in _TOO_LONG_CODES or (status in (400, 413, 422, 500) and _TOO_LONG.search(words)):
        return "context_length"
    if code in _QUOTA or kind in _QUOTA:
        return "quota"
    if status == 404 and code == "unknown_url":
        return "not_found"
    return _KINDS.get(status, "invalid_request" if 400 <= status < 500 else "server")


def _words(body: Any) -> str:
    return next((text for text in _texts(body, 0) if text.strip()), "")


def _texts(value: Any, depth: int) -> Iterator[str]:
    """Texts that may be the message, the likeliest first."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and depth < len(_INNER):
        for item in value[:3]:
            yield from _texts(item, depth + 1)
    elif isinstance(value, dict) and depth < len(_INNER):
        for name in ("error", "fault", "base_resp"):
            if isinstance(value.get(name), dict | list):
                yield from _texts(value[name], depth + 1)
        for name in (*_WORDS, "errors"):
            if name in value:
                yield from _texts(value[name], depth + 1)


def _clean(words: str) -> str:
    """A message without markup and without anything of the operator's."""
    if _MARKUP.match(words):
        return ""
    return _SECRET.sub("…", " ".join(words[: 4 * LONGEST].split()))[:LONGEST]


def _retry_after(headers: Mapping[str, str]) -> int | None:
    """Seconds, rounded up; a date counts from the answer's own date."""
    for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
        try:
            wait = float(headers.get(name, ""))
        except ValueError:
            continue
        if 0 <= wait < 10**9:
            return -int(-wait // unit)
    try:
        until = parsedate_to_datetime(headers.get("retry-after", ""))
        now = parsedate_to_datetime(headers.get("date", ""))
        return max(0, int((until - now).total_seconds()))
    except (ValueError, TypeError, OverflowError):
        return None
