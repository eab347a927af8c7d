"""Which family of APIs a request belongs to, and how that family words its errors."""

from __future__ import annotations

from typing import Any

from attrs import evolve

from magicgateway.demo.aws.refusals import aws_refused, is_aws, request_id
from magicgateway.demo.call import Answer, Call, Refusal, json_answer, plain
from magicgateway.demo.faults import Script

_OPENAI_TYPES = {
    408: "timeout_error",
    429: "requests",
    500: "server_error",
    503: "service_unavailable_error",
}
_OPENAI_CODES = {
    401: "invalid_api_key",
    408: "timeout",
    413: "request_too_large",
    429: "rate_limit_exceeded",
    503: "server_is_overloaded",
    504: "timeout",
}
_ANTHROPIC_TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_PAGE = b"<html><body><h1>The demo provider was told to fail here.</h1></body></html>\n"


def speaks_anthropic(call: Call) -> bool:
    """Whether the caller expects Anthropic's words: by path, or by the header its clients send."""
    path = call.path
    return path == "/v1/messages" or path.startswith("/v1/messages/") or has_version(call)


def has_version(call: Call) -> bool:
    """Whether the caller names a version of Anthropic's API."""
    return bool(call.header("anthropic-version"))


def refused(call: Call, refusal: Refusal, *headers: tuple[str, str]) -> Answer:
    """An error answer in the shape that the caller's family knows."""
    status, message = refusal.status, refusal.message
    if is_aws(call):
        return named(aws_refused(refusal, *headers), call)
    if speaks_anthropic(call):
        default = "api_error" if status >= 500 else "invalid_request_error"
        kind = refusal.kind or _ANTHROPIC_TYPES.get(status, default)
        error: dict[str, Any] = {"type": kind, "message": message}
        value = {"type": "error", "error": error, "request_id": "req_" + call.seed}
    else:
        default = "server_error" if status >= 500 else "invalid_request_error"
        kind = _OPENAI_TYPES.get(status, default)
        code = refusal.kind or refusal.code or _OPENAI_CODES.get(status)
        value = {"error": {"message": message, "type": kind, "param": refusal.param, "code": code}}
    return named(json_answer(value, status=status, headers=headers), call)


def told_to_fail(call: Call, script: Script) -> Answer:
    """The error answer that a script asks for."""
    status = script.status or 500
    headers = []
    if script.retry_after is not None:
        headers.append(("retry-after", f"{script.retry_after:g}"))
    if script.html or script.empty_body:
        page, kind = (_PAGE, "text/html") if script.html else (b"", "text/plain")
        return named(plain(page, kind, status=status, headers=tuple(headers)), call)
    message = script.message or f"The demo provider was told to answer with status {status}."
    return refused(call, Refusal(status, message, kind=script.kind), *headers)


def named(answer: Answer, call: Call) -> Answer:
    """The answer with the request's id, in the header of its family."""
    if is_aws(call):
        field = ("x-amzn-requestid", request_id(call))
    else:
        name = "request-id" if speaks_anthropic(call) else "x-request-id"
        field = (name, "req_" + call.seed)
    return evolve(answer, headers=(*answer.headers, field))
