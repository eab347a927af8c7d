"""What is translated leaves nothing that only the collector frees.

Objects that hold each other wait for it, and a gateway that works makes many of them a second.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from random import Random
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.capabilities import PLAIN
from magicgateway.dialects.catalogue import (
    ANTHROPIC_MESSAGES,
    BEDROCK_CONVERSE,
    OPENAI_CHAT,
    OPENAI_COMPLETIONS,
    OPENAI_RESPONSES,
    grammar,
)
from magicgateway.dialects.framing import AWS_EVENT_STREAM, SSE
from magicgateway.dialects.translation import Translation
from magicgateway.wire.jsontext import encode
from tests.dialects.hostile import READERS, WRITERS, Case, says_end, seeds, wire
from tests.judging import unjudged

Json = dict[str, Any]

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
CITY = '{"city":"Bern"}'
COMMON: Json = {"model": "m", "temperature": 0.5}
FUNCTION = {"name": "weather", "description": "d", "parameters": SCHEMA}
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": CITY}}
QUESTIONS: Mapping[str, Json] = {
    OPENAI_COMPLETIONS: {**COMMON, "prompt": "Weather?", "max_tokens": 9},
    OPENAI_CHAT: {
        **COMMON,
        "tools": [{"type": "function", "function": FUNCTION}],
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "Weather?"}]},
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
        ],
    },
    OPENAI_RESPONSES: {
        **COMMON,
        "store": False,
        "instructions": "Be brief.",
        "tools": [{"type": "function", "strict": False, **FUNCTION}],
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "Weather?"}]},
            {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": CITY},
            {"type": "function_call_output", "call_id": "call_1", "output": "sunny"},
        ],
    },
    ANTHROPIC_MESSAGES: {
        **COMMON,
        "max_tokens": 99,
        "system": [{"type": "text", "text": "Be brief."}],
        "tools": [{"name": "weather", "description": "d", "input_schema": SCHEMA}],
        "messages": [
            {"role": "user", "content": "Weather?"},
            {
                "role": "assistant",
                "content": [
                    {
                        "type": "tool_use",
                        "id": "call_1",
                        "name": "weather",
                        "input": {"city": "Bern"},
                    }
                ],
            },
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "sunny"}],
            },
        ],
    },
}
ANSWERS: Mapping[str, Json] = {
    OPENAI_CHAT: {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Now Rome.", "tool_calls": [CALL]},
                "finish_reason": "tool_calls",
            }
        ],
        "usage": {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6},
    },
    OPENAI_RESPONSES: {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "model": "m",
        "status": "completed",
        "output": [
            {
                "type": "message",
                "id": "msg_1",
                "role": "assistant",
                "status": "completed",
                "content": [{"type": "output_text", "text": "Now Rome.", "annotations": []}],
            },
            {
                "type": "function_call",
                "id": "fc_1",
                "call_id": "call_2",
                "name": "weather",
                "arguments": CITY,
                "status": "completed",
            },
        ],
        "usage": {"input_tokens": 5, "output_tokens": 1, "total_tokens": 6},
    },
    ANTHROPIC_MESSAGES: {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [
            {"type": "text", "text": "Now Rome."},
            {"type": "tool_use", "id": "call_2", "name": "weather", "input": {"city": "Rome"}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {"input_tokens": 5, "output_tokens": 1},
    },
    BEDROCK_CONVERSE: {
        "output": {
            "message": {
                "role": "assistant",
                "content": [
                    {"text": "Now Rome."},
                    {
                        "toolUse": {
                            "toolUseId": "call_2",
                            "name": "weather",
                            "input": {"city": "Rome"},
                        }
                    },
                ],
            }
        },
        "stopReason": "tool_use",
        "usage": {"inputTokens": 5, "outputTokens": 1, "totalTokens": 6},
        "metrics": {"latencyMs": 1},
    },
}


def leftovers(work: Callable[[], None]) -> Counter[str]:
    """The types of what some work left to the collector; it is done once before, to import."""
    work()
    gc.collect()
    before, enabled = gc.get_debug(), gc.isenabled()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        work()
        gc.collect()
        return Counter(type(item).__qualname__ for item in gc.garbage)
    finally:
        gc.garbage.clear()
        gc.set_debug(before)
        if enabled:
            gc.enable()


def translate(door: str, target: str) -> None:
    """A whole request and its whole answer."""
    made = Translation(grammar(door), grammar(target), model="m", answer_id="a", now=1)
    made.write(made.read(encode(QUESTIONS[door]), "up"), PLAIN)
    made.reply(encode(ANSWERS[target]))
    made.counted()


def pour(case: Case) -> None:
    """A stream, from its first byte to its end."""
    stream = case.open(Random(1))  # noqa: S311 - no secrets
    for chunk in case.chunks:
        stream.feed(chunk)
    stream.end()


class LeftoverTests(SynchronousTestCase):
    maxDiff = None

    def setUp(self) -> None:
        # What is there already is not looked through each time.
        gc.collect()
        gc.freeze()
        self.addCleanup(gc.unfreeze)

    def test_found(self) -> None:
        """What holds itself would be found."""

        def work() -> None:
            ring: list[Any] = []
            ring.append(ring)

        self.assertEqual(Counter({"list": 1}), leftovers(work))

    @unjudged("judges leave much to the collector")
    def test_whole(self) -> None:
        """Requests and whole answers leave nothing, in every pair."""
        for door in QUESTIONS:
            for target in ANSWERS:
                found = leftovers(partial(translate, door, target))
                self.assertEqual(Counter(), found, f"{door} to {target}")

    @unjudged("judges leave much to the collector")
    def test_streams(self) -> None:
        """Streams leave nothing, in every pair."""
        for target in READERS:
            framing = AWS_EVENT_STREAM if target == BEDROCK_CONVERSE else SSE
            for door in WRITERS:
                for stream in seeds(target)[-3:]:
                    chunks = tuple(wire(framing, target, said) for said in stream)
                    ends = any(says_end(target, said) for said in stream)
                    case = Case(
                        title=f"{target} to {door}", reader=target, writer=door, framing=framing,
                        chunks=chunks, changes=0, may_end=ends,
                    )  # fmt: skip
                    found = leftovers(partial(pour, case))
                    self.assertEqual(Counter(), found, case.title)
