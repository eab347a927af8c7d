"""Legacy completions as the chat that they can be had by.

See: https://platform.openai.com/docs/api-reference/completions/create; openai 3.57, 2026-10.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from magicgateway.conversation.blocks import OPENAI, Text
from magicgateway.conversation.ledger import Fields, Ledger, invalid
from magicgateway.conversation.parameters import Parameters
from magicgateway.conversation.request import USER, Request, Turn
from magicgateway.dialects.openai_chat.extras import rest_of
from magicgateway.dialects.openai_chat.request_reader import read_stream_options
from magicgateway.dialects.openai_chat.settings_reader import read_sampling

_CHAT = "A chat model"
_ABOUT_TEXT = (("suffix", ("",)), ("echo", (False,)), ("best_of", (0, 1)), ("logprobs", ()))
"""What only a model of bare text can do, and the values that do not ask for it."""


def read_request(body: Mapping[str, Any], ledger: Ledger) -> Request:
    """The request that a caller's JSON object is: its prompt is what the user says.

    Raises:
        ApiError: 400: OpenAI would not take it either, or no chat could answer it.
    """
    fields = Fields(body)
    parameters = Parameters()
    model = fields.needed("model")
    prompt = _prompt(fields, ledger)
    for name, idle in _ABOUT_TEXT:
        value = fields.take(name)
        if value is not None and value not in idle:
            raise ledger.unsupported(name, _CHAT)
    read_sampling(fields, parameters, ledger)
    usage, options = read_stream_options(fields)
    turn = Turn(role=USER, blocks=(Text(text=prompt, field="prompt"),), whole=True, field="prompt")
    return Request(
        model=model,
        turns=(turn,),
        parameters=parameters,
        stream=bool(fields.flag("stream")),
        include_usage=usage,
        extras=rest_of(fields, OPENAI, stream_options=options),
    )


def _prompt(fields: Fields, ledger: Ledger) -> str:
    value = fields.take("prompt")
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        (value,) = value
    if isinstance(value, list) and value:
        of_tokens = not isinstance(value[0], str)
        reason = "it takes no tokens" if of_tokens else "it takes one prompt"
        raise ledger.unsupported("prompt", _CHAT, reason)
    if not isinstance(value, str) or not value.strip():
        raise invalid("prompt", "must be a text")
    return value
