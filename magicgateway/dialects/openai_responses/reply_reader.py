"""Whole answers of a provider of the Responses API.

See: https://platform.openai.com/docs/api-reference/responses/object; openai 3.57 (Python), 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from magicgateway.conversation.blocks import OPENAI, Block, Refusal, Text, ToolCall
from magicgateway.conversation.ledger import Fields
from magicgateway.conversation.reply import Choice, Reply
from magicgateway.dialects.grammar import FailedReply, NoAnswer, Sent
from magicgateway.dialects.openai_responses.failures import stream_failure
from magicgateway.dialects.openai_responses.output_reader import (
    besides,
    finish_of,
    logprobs_of,
    read_item,
    usage_of,
)


def read_reply(body: Mapping[str, Any], sent: Sent) -> Reply:
    """A whole answer.

    Raises:
        NoAnswer: It is none.
        FailedReply: It says that there is none.
    """
    fields = Fields(body, lenient=True)
    status, error = body.get("status"), body.get("error")
    if status == "failed" or (error and "output" not in fields):
        raise FailedReply(stream_failure(error))
    items = fields.list("output")
    if items is None:
        raise NoAnswer("the response has no output")
    blocks: list[Block] = []
    logprobs: list[Any] = []
    length = 0
    for item in items:
        if isinstance(item, dict):
            made = read_item(item, sent.origin or OPENAI, length)
            length += sum(len(block.text) for block in made if isinstance(block, Text | Refusal))
            logprobs += logprobs_of(item)
            blocks += made
    has_calls = any(isinstance(block, ToolCall) for block in blocks)
    finish = finish_of(body, has_calls=has_calls)
    fields.take("status")
    choice = Choice(
        blocks=tuple(blocks),
        finish=finish,
        logprobs={"content": logprobs} if logprobs else None,
    )
    return Reply(
        id=fields.text("id") or "",
        model=fields.text("model") or "",
        choices=(choice,),
        usage=usage_of(fields.take("usage")),
        created=fields.integer("created_at"),
        service_tier=fields.text("service_tier"),
        extras=besides(fields),
    )
