"""From method and path to an answer; whatever goes wrong is said in the family's own shape."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from attrs import evolve

from magicgateway.demo import (
    anthropic_messages,
    audio,
    embeddings,
    files,
    models,
    openai_chat,
    openai_responses,
)
from magicgateway.demo.aws.refusals import is_aws
from magicgateway.demo.aws.routes import aws_answer, raw_model
from magicgateway.demo.call import AWS_STREAM, Answer, Call, Refusal
from magicgateway.demo.families import named, refused, told_to_fail
from magicgateway.demo.faults import HEADER, BadFault, Script, script_for
from magicgateway.wire import jsontext

_Maker = Callable[[Call], Answer]
_NamedMaker = Callable[[Call, str], Answer]

ROUTES: Mapping[str, Mapping[str, _Maker]] = {
    "/v1/chat/completions": {"POST": openai_chat.chat},
    "/v1/completions": {"POST": openai_chat.completions},
    "/v1/responses": {"POST": openai_responses.create},
    "/v1/embeddings": {"POST": embeddings.embeddings},
    "/v1/audio/transcriptions": {"POST": audio.transcriptions},
    "/v1/audio/translations": {"POST": audio.transcriptions},
    "/v1/audio/speech": {"POST": audio.speech},
    "/v1/files": {"GET": files.list_files, "POST": files.upload},
    "/v1/models": {"GET": models.list_models},
    "/v1/messages": {"POST": anthropic_messages.messages},
    "/v1/messages/count_tokens": {"POST": anthropic_messages.count_tokens},
}
NAMED_ROUTES: Mapping[str, Mapping[str, _NamedMaker]] = {
    "/v1/models/{name}": {"GET": models.one_model},
    "/v1/responses/{name}": {"GET": openai_responses.one, "DELETE": openai_responses.delete},
    "/v1/files/{name}": {"GET": files.one_file, "DELETE": files.delete_file},
    "/v1/files/{name}/content": {"GET": files.content},
}
"""Routes with a name in their path; a model's name may hold slashes."""

_NAMED = tuple(
    (re.compile(route.replace("{name}", "(.+)" if "models" in route else "([^/]+)")), makers)
    for route, makers in NAMED_ROUTES.items()
)


class Turn(NamedTuple):
    """An answer and what shall happen to it."""

    answer: Answer
    script: Script


class _WithModel(jsontext.Shape):
    model: Any = None


_read_model = jsontext.reader(_WithModel)


def answer_to(call: Call) -> Turn:
    """The answer to a request, with the script that its model and its header ask for."""
    try:
        script = script_for(_model(call), call.header(HEADER), call.laid)
        call = evolve(call, script=script)
        answer = named(_made(call), call)
        if script.status is not None:
            answer = told_to_fail(call, script)
        framed = answer.content_type == AWS_STREAM
        script.refuse_misplaced(streamed=answer.streamed, generated=answer.generated, framed=framed)
    except BadFault as fault:
        refusal = Refusal(400, f"{HEADER}: {fault}.", code="bad_fault", param=HEADER)
        return Turn(refused(call, refusal), Script())
    except Refusal as refusal:
        return Turn(refused(call, refusal), call.script)
    return Turn(answer, script)


def _made(call: Call) -> Answer:
    """The answer of the route that the call names.

    Raises:
        Refusal: There is none (404), or not for that method (405).
    """
    if is_aws(call):
        return aws_answer(call)
    method = "GET" if call.method == "HEAD" else call.method
    if makers := ROUTES.get(call.path):
        if maker := makers.get(method):
            return maker(call)
        raise _wrong_method(call, makers)
    for pattern, by_name in _NAMED:
        if match := pattern.fullmatch(call.path):
            if named_maker := by_name.get(method):
                return named_maker(call, match[1])
            raise _wrong_method(call, by_name)
    raise Refusal(404, f"Unknown request URL: {call.method} {call.path}.", code="unknown_url")


def _wrong_method(call: Call, makers: Mapping[str, Any]) -> Refusal:
    allowed = ", ".join(makers)
    message = f"{call.method} is not allowed for {call.path}; allowed: {allowed}."
    return Refusal(405, message, code="method_not_allowed")


def _model(call: Call) -> str:
    """The model's name, if the path or the body has one that can be read."""
    if is_aws(call):
        return raw_model(call)
    if call.form is not None:
        return call.form.value("model")
    if not call.body or call.body_size > len(call.body):
        return ""
    try:
        model = _read_model(call.body).model
    except jsontext.REFUSALS:
        return ""
    return model if isinstance(model, str) else ""
