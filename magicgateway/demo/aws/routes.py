"""From a path of AWS to an answer. Paths are taken as they were sent, never decoded before."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from magicgateway.demo.aws import catalogue, converse, invoke
from magicgateway.demo.aws.refusals import AwsRefusal, invalid
from magicgateway.demo.aws.shapes import check_body
from magicgateway.demo.aws.signatures import signer
from magicgateway.demo.call import Answer, Call, json_answer
from magicgateway.demo.reading import MISSING_MODEL
from magicgateway.demo.reply import count
from magicgateway.demo.wording import measure
from magicgateway.wire import jsontext

_MODEL_PATH = re.compile(r"/model/([^/]+)/([^/]+)")
_ARN = re.compile(r"arn:[\w-]+:[\w-]+:[\w-]*:\d*:[\w-]+/.+")
_LONGEST_ID = 2048
_PROFILE = re.compile(r"(us|eu|apac|jp|au|ca|sa|in|amer|us-gov|global)\.")


def count_tokens(call: Call, model: str) -> Answer:
    """``POST /model/{id}/count-tokens``."""
    fields = call.fields()
    check_body("CountTokens", fields)
    if _PROFILE.match(model):
        raise invalid("The provided model doesn't support counting tokens.")
    given = fields["input"]
    value: Any = given.get("converse")
    if value is None:
        value = _decoded(given["invokeModel"]["body"])
    return json_answer({"inputTokens": count(measure(value))})


def _decoded(body: str) -> Any:
    try:
        return jsontext.decode(base64.b64decode(body, validate=True))
    except (binascii.Error, jsontext.BadJson):
        raise invalid("input.invokeModel.body must be JSON.") from None


OPERATIONS: Mapping[str, Callable[[Call, str], Answer]] = {
    "converse": converse.converse,
    "converse-stream": converse.converse_stream,
    "invoke": invoke.invoke,
    "invoke-with-response-stream": invoke.invoke_stream,
    "count-tokens": count_tokens,
}
"""By the last part of the path below a model."""


def raw_model(call: Call) -> str:
    """The model's name in the path, decoded, or an empty string."""
    found = _MODEL_PATH.fullmatch(call.path)
    return unquote(found[1]) if found else ""


def aws_answer(call: Call) -> Answer:
    """The answer to a request at one of AWS's paths.

    Raises:
        Refusal: It was not signed rightly, or cannot be served.
    """
    found = _MODEL_PATH.fullmatch(call.path)
    operation = OPERATIONS.get(found[2]) if found else None
    if found and operation:
        signer(call)
        if call.method != "POST":
            raise _unknown_operation()
        return operation(call, _model_of(unquote(found[1])))
    if call.method == "GET" and not found:
        if call.path == "/foundation-models":
            signer(call)
            return catalogue.foundation_models(call)
        if call.path == "/inference-profiles":
            signer(call)
            return catalogue.inference_profiles(call)
        if call.path.startswith("/inference-profiles/"):
            signer(call)
            return catalogue.one_profile(call, call.path.partition("/inference-profiles/")[2])
    if call.path.startswith("/model/"):
        # What AWS answers to a path it has no route for, with status 200.
        kind = "com.amazon.coral.service#UnknownOperationException"
        return json_answer({"Output": {"__type": kind}, "Version": "1.0"})
    raise _unknown_operation()


def _unknown_operation() -> AwsRefusal:
    return AwsRefusal(404, "UnknownOperationException", "Unknown operation.")


def _model_of(model: str) -> str:
    """A model's id, checked.

    Raises:
        AwsRefusal: No model can have that id, or this one does not exist.
    """
    broken = model.startswith("arn:") and not _ARN.fullmatch(model)
    if len(model) > _LONGEST_ID or broken or MISSING_MODEL in model:
        raise invalid("The provided model identifier is invalid.")
    return model
