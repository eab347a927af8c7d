"""Errors as AWS words them: the name in a header, the message in the body."""

from __future__ import annotations

import uuid

from magicgateway.demo.call import Answer, Call, Refusal, json_answer

VALIDATION = "ValidationException"
DENIED = "AccessDeniedException"
NOT_FOUND = "ResourceNotFoundException"
INTERNAL = "InternalServerException"

PATHS = ("/model/", "/foundation-models", "/inference-profiles")
"""Where the paths of AWS begin; anything else is another family's."""

_KINDS = {
    400: VALIDATION,
    403: DENIED,
    404: NOT_FOUND,
    405: "UnknownOperationException",
    408: "ModelTimeoutException",
    413: VALIDATION,
    424: "ModelErrorException",
    429: "ThrottlingException",
    500: INTERNAL,
    503: "ServiceUnavailableException",
}
_ORIGIN = ":http://internal.amazon.com/coral/com.amazon.coral.service/"
_OF_THE_FRONT = frozenset(
    {
        "IncompleteSignatureException",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
        "UnrecognizedClientException",
        "ExpiredTokenException",
    }
)
"""Errors of what stands before the service; their names carry where they come from."""


class AwsRefusal(Refusal):
    """A request that AWS refuses.

    Args:
        status: The HTTP status.
        kind: The exception's name.
        message: What AWS says.
        key: What the message is called in the body; some parts of AWS begin it with a capital.
    """

    def __init__(self, status: int, kind: str, message: str, key: str = "message") -> None:
        super().__init__(status, message, kind=kind)
        self.key = key


def invalid(message: str) -> AwsRefusal:
    """The refusal of a request that breaks a rule."""
    return AwsRefusal(400, VALIDATION, message)


def is_aws(call: Call) -> bool:
    """Whether a request came to one of AWS's paths."""
    return call.path.startswith(PATHS)


def aws_refused(refusal: Refusal, *headers: tuple[str, str]) -> Answer:
    """The error answer."""
    default = INTERNAL if refusal.status >= 500 else VALIDATION
    kind = refusal.kind or _KINDS.get(refusal.status, default)
    name = kind + _ORIGIN if kind in _OF_THE_FRONT else kind
    field = ("x-amzn-errortype", name)
    key = refusal.key if isinstance(refusal, AwsRefusal) else "message"
    value = {key: refusal.message}
    return json_answer(value, status=refusal.status, headers=(*headers, field))


def request_id(call: Call) -> str:
    """A UUID that follows from the request."""
    return str(uuid.UUID(hex=call.body_sha256[:32]))
