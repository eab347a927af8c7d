"""Whatever stands where in a body: it is read, or refused, and never a crash."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.conversation.events import Ended, Failed
from magicgateway.conversation.ledger import Ledger
from magicgateway.dialects.grammar import FailedReply, NoAnswer, Sent
from magicgateway.dialects.openai_chat.failures import read_failure
from magicgateway.dialects.openai_chat.reply_reader import read_reply
from magicgateway.dialects.openai_chat.request_reader import read_request
from magicgateway.dialects.openai_chat.request_writer import write_request
from magicgateway.errors import ApiError
from magicgateway.wire.jsontext import encode
from tests.dialects.openai_chat.bodies import (
    ABLE,
    PLAIN,
    Json,
    answers,
    call,
    chat,
    function,
    says,
)
from tests.dialects.openai_chat.streams import DONE, HEAD, delta, read
from tests.judging import unjudged

EXAMPLES = settings(max_examples=80, deadline=None)
MARK = {"type": "ephemeral"}

values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 999) | st.floats(allow_nan=False, width=16)
    | st.sampled_from(("", "x", "type", "error", "mgw1.x", "data:x", "custom", "thinking")),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(("type", "error", "text", "message")), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip

REQUEST = chat(
    says("system", [{"type": "text", "text": "S", "cache_control": MARK}]),
    says("user", [
        {"type": "text", "text": "t"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        {"type": "file", "file": {"file_data": "JVBERi0x", "filename": "a.pdf"}},
    ], name="n"),
    says("assistant", "a", refusal="r", tool_calls=[call("c")], audio={"id": "u"},
         thinking_blocks=[{"type": "thinking", "thinking": "w", "signature": "S"}],
         provider_fields={"content_blocks": [{"type": "server_tool_use"}]}),
    answers("c", [{"type": "text", "text": "r"}], is_error=True),
    says("assistant", function_call={"name": "f", "arguments": "{}"}),
    {"role": "function", "name": "f", "content": "x"},
    tools=[function("f", strict=True), {"type": "custom", "custom": {"name": "c"}}],
    tool_choice={"type": "allowed_tools", "allowed_tools":
                 {"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]}},
    response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": {}}},
    thinking={"type": "enabled", "budget_tokens": 9}, output_config={"effort": "low"},
    stop=["a"], max_tokens=5, n=1, user="u", metadata={"k": "v"}, logit_bias={"1": 1},
    moderation={"policy": {"input": {"mode": "block"}}}, stream=True,
    stream_options={"include_usage": True}, prompt_cache_options={"mode": "implicit"},
)  # fmt: skip
MESSAGE: Json = {
    "role": "assistant", "content": [{"type": "text", "text": "a"}], "refusal": "r",
    "tool_calls": [{**call("c"), "extra_content": {"google": {"s": "S"}}}],
    "function_call": {"name": "f", "arguments": "{}"},
    "reasoning_details": [{"type": "t", "text": "w"}],
    "thinking_blocks": [{"type": "thinking", "thinking": "w", "signature": "S"}],
    "annotations": [{"type": "url_citation", "url_citation": {"url": "u", "start_index": 0}}],
}  # fmt: skip
COUNTS: Json = {
    "prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18,
    "prompt_tokens_details": {"cached_tokens": 1},
    "completion_tokens_details": {"reasoning_tokens": 1},
}  # fmt: skip
ODDS: Json = {"content": [{"token": "a"}], "refusal": None}
CHOICE: Json = {"index": 0, "message": MESSAGE, "finish_reason": "stop", "logprobs": ODDS,
                "stop_reason": "x"}  # fmt: skip
REPLY: Json = {**HEAD, "choices": [CHOICE], "usage": COUNTS, "service_tier": "flex"}
CHUNKS: list[Json] = [
    {**HEAD, "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""},
                          "logprobs": ODDS}]},
    {**HEAD, "choices": [{"index": 0, "delta": {"reasoning": "w"}, "logprobs": ODDS}]},
    {**HEAD, "choices": [{"index": 0, "delta": MESSAGE, "finish_reason": None}]},
    {**delta("stop", content="b"), "usage": COUNTS, "x_groq": {"usage": COUNTS}},
]  # fmt: skip
ERROR: Json = {"error": {"message": "m", "type": "t", "param": "p", "code": "c"},
               "detail": [{"msg": "m"}], "base_resp": {"status_code": 1}}  # fmt: skip


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if not isinstance(value, dict | list):
        return [path]
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    return [path, *(p for key, item in inner for p in _paths(item, (*path, key)))]


@st.composite
def mutants(draw: st.DrawFn, original: Any) -> Any:
    """A value in which one or two others stand somewhere else."""
    mutant = copy.deepcopy(original)
    for _ in range(draw(st.integers(1, 2))):
        path = draw(st.sampled_from([p for p in _paths(mutant) if p]))
        place = mutant
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = draw(values)
    return mutant


class HostileTests(SynchronousTestCase):
    @given(mutants(REQUEST), st.sampled_from((ABLE, PLAIN)))
    @EXAMPLES
    @unjudged("what callers make up goes on to whoever may know it")
    def test_requests(self, body: Json, capabilities: Any) -> None:
        """A request is sent as JSON, or refused with the caller's field."""
        try:
            sent = write_request(read_request(body, Ledger()), capabilities, Ledger())
        except ApiError as refused:
            self.assertEqual(400, refused.status)
            self.assertTrue(refused.param)
        else:
            encode(sent.body)

    @given(mutants(REPLY))
    @EXAMPLES
    def test_replies(self, body: Json) -> None:
        """An answer is read, or is none."""
        try:
            self.assertTrue(read_reply(body, Sent(body={}, origin="o")).choices)
        except FailedReply as failed:
            self.assertGreaterEqual(failed.failure.status, 400)
        except NoAnswer as none:
            self.assertTrue(str(none))

    @given(mutants(CHUNKS), st.booleans())
    @EXAMPLES
    def test_streams(self, chunks: list[Any], done: bool) -> None:
        """A stream ends, fails or is cut, once."""
        events = read(*chunks, *([DONE] if done else []), origin="o")
        ends = [event for event in events if isinstance(event, Ended | Failed)]
        self.assertLessEqual(len(ends), 1)
        self.assertEqual(ends, events[len(events) - len(ends) :])

    @given(mutants(ERROR) | values, st.sampled_from((0, 400, 429, 503)))
    @EXAMPLES
    def test_failures(self, body: Any, status: int) -> None:
        """An error says something, whatever it was."""
        failure = read_failure(status, body, {})
        self.assertTrue(failure.message)
        self.assertGreaterEqual(failure.status, 400)
