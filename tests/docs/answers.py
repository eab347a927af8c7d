"""How answers end and what they cost, in the words of each door, found by translating them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from magicgateway.conversation.blocks import Text
from magicgateway.conversation.ledger import Ledger
from magicgateway.conversation.reply import STOP, Choice, Finish, Reply, Usage
from magicgateway.conversation.request import Request
from magicgateway.dialects.anthropic_messages.thinking_writer import BUDGETS, budget_level
from magicgateway.dialects.catalogue import grammar
from magicgateway.dialects.grammar import Asked, FailedReply, Sent
from tests.docs.mappings import HEADS, Json

DOORS = ("openai_chat", "openai_responses", "anthropic_messages")
_WORDS = {
    "openai_chat": ("stop", "length", "tool_calls", "content_filter", "network_error"),
    "openai_responses": ("completed", "max_output_tokens", "content_filter", "failed"),
    "anthropic_messages": (
        "end_turn",
        "stop_sequence",
        "max_tokens",
        "model_context_window_exceeded",
        "tool_use",
        "refusal",
        "pause_turn",
    ),
    "bedrock_converse": (
        "end_turn",
        "stop_sequence",
        "max_tokens",
        "model_context_window_exceeded",
        "tool_use",
        "content_filtered",
        "guardrail_intervened",
        "malformed_model_output",
        "malformed_tool_use",
    ),
}
"""What providers say."""
_CALLS = ("tool_calls", "tool_use")
_COUNTS = {"input": 1, "read from a cache": 2, "written to a cache": 4, "output": 16}
_THOUGHT = 8
_MOST = 65536
_USAGE = Usage(input=1, cache_read=2, cache_write=4, output=16, reasoning=_THOUGHT)


def finishes_table() -> str:
    """One line for each word of each dialect, one column for each door."""
    lines = [
        ["Provider speaks", "and says", *(HEADS[door] for door in DOORS)],
        ["---"] * (2 + len(DOORS)),
    ]
    lines += [
        [HEADS[dialect], f"`{word}`", *(_finish(door, dialect, word) for door in DOORS)]
        for dialect, words in _WORDS.items()
        for word in words
    ]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def usage_table() -> str:
    """One line for each count of each door."""
    lines = [["Door", "Count", "What is in it"], ["---"] * 3]
    reply = _reply(Finish(reason=STOP))
    for door in DOORS:
        body = grammar(door).write_reply(reply, _asked(), Ledger())
        lines += [[HEADS[door], f"`{name}`", _sum(n)] for name, n in _numbers(body["usage"])]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _finish(door: str, dialect: str, word: str) -> str:
    if door == dialect:
        return "as it came"
    try:
        reply = grammar(dialect).read_reply(_answer(dialect, word), Sent(body={}))
    except FailedReply:
        return "an error"
    body = grammar(door).write_reply(reply, _asked(), Ledger())
    if door == "openai_chat":
        return f"`{body['choices'][0]['finish_reason']}`"
    if door == "anthropic_messages":
        return f"`{body['stop_reason']}`"
    details = body["incomplete_details"]
    return f"`{body['status']}`" + (f", `{details['reason']}`" if details else "")


def _answer(dialect: str, word: str) -> Json:
    calls = word in _CALLS
    arguments = {"name": "f", "arguments": "{}"}
    match dialect:
        case "openai_chat":
            made = {"tool_calls": [{"id": "c", "type": "function", "function": arguments}]}
            message = {"role": "assistant", "content": "a", **(made if calls else {})}
            return {"choices": [{"index": 0, "message": message, "finish_reason": word}]}
        case "openai_responses":
            said: Json = {"type": "message", "role": "assistant", "id": "m", "content": [
                {"type": "output_text", "text": "a", "annotations": []}]}  # fmt: skip
            whole = word in ("completed", "failed")
            status = {"status": word} if whole else {
                "status": "incomplete", "incomplete_details": {"reason": word}}  # fmt: skip
            return {"id": "resp_1", "output": [said], **status}
        case "anthropic_messages":
            call = {"type": "tool_use", "id": "c", "name": "f", "input": {}}
            content = [{"type": "text", "text": "a"}, *([call] if calls else [])]
            return {"type": "message", "content": content, "stop_reason": word}
        case _:
            use = {"toolUse": {"toolUseId": "c", "name": "f", "input": {}}}
            blocks = [{"text": "a"}, *([use] if calls else [])]
            return {"output": {"message": {"content": blocks}}, "stopReason": word}


def _reply(finish: Finish) -> Reply:
    choice = Choice(blocks=(Text(text="a"),), finish=finish)
    return Reply(id="", model="m", choices=(choice,), usage=_USAGE)


def _asked() -> Asked:
    return Asked(request=Request(model="m", turns=()), model="m", answer_id="x", now=0)


def _numbers(usage: Any, place: str = "usage") -> Iterator[tuple[str, int]]:
    for name, value in usage.items():
        if isinstance(value, dict):
            yield from _numbers(value, f"{place}.{name}")
        elif isinstance(value, int) and value:
            yield f"{place}.{name}", value


def _sum(number: int) -> str:
    if number == _THOUGHT:
        return "what was thought, a part of the output"
    return " + ".join(name for name, count in _COUNTS.items() if number & count)


def efforts_table() -> str:
    """Efforts and the budgets that they stand for, in either direction."""
    lines = [["Effort", "as a budget", "stands for budgets"], ["---"] * 3]
    levels = {budget_level(tokens): tokens for tokens in range(_MOST, 0, -1024)}
    for effort, budget in BUDGETS.items():
        least = levels.get(effort)
        stands = "" if least is None else f"from {least if least > 1024 else 0}"
        lines.append([f"`{effort}`", str(budget), stands])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
