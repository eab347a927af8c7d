"""Whole answers of a chat as legacy completions.

See: https://platform.openai.com/docs/api-reference/completions/object; openai 3.57, 2026-10.
"""

from __future__ import annotations

from typing import Any

from magicgateway.conversation.blocks import Refusal, Text
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.reply import Choice, Finish, Reply
from magicgateway.dialects.grammar import Asked
from magicgateway.dialects.openai_chat.counts import write_counts
from magicgateway.dialects.openai_chat.extras import put_back
from magicgateway.dialects.openai_chat.finishes import write_finish

OBJECT = "text_completion"


def answer_id(given: str, asked: Asked) -> str:
    """The provider's id of an answer, ours where it gave none."""
    return given or f"cmpl-{asked.answer_id}"


def finish_reason(finish: Finish) -> str:
    """Why a text ended: there are no calls here to wait for."""
    return write_finish(finish, calls=False)


def write_reply(reply: Reply, asked: Asked, ledger: Ledger) -> dict[str, Any]:
    """A whole answer for the caller."""
    body: dict[str, Any] = {
        "id": answer_id(reply.id, asked),
        "object": OBJECT,
        "created": asked.now if reply.created is None else reply.created,
        "model": asked.model,
        "choices": [_choice(choice, ledger) for choice in reply.choices],
        "system_fingerprint": reply.fingerprint,
    }
    usage = write_counts(reply.usage)
    if usage is not None:
        body["usage"] = usage
    put_back(body, reply.extras, ledger)
    return body


def _choice(choice: Choice, ledger: Ledger) -> dict[str, Any]:
    words = [block.text for block in choice.blocks if isinstance(block, Text | Refusal)]
    for block in choice.blocks:
        if not isinstance(block, Text | Refusal):
            ledger.drop(f"choices[{choice.index}].{type(block).__name__.lower()}")
        ledger.carry(block.extras, "")
    ledger.carry(choice.extras, "")
    return {
        "text": "".join(words),
        "index": choice.index,
        "logprobs": None,
        "finish_reason": finish_reason(choice.finish),
    }
